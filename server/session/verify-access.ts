import type { LocatedToken } from '../../shared/carrier.ts'
import { removeParameters } from '../../shared/query.ts'
import { isSessionPayload } from '../../shared/token-text.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import type { AccessOptions } from '../options/options.ts'
import { verifyReceived } from '../token/edgeauth-verify.ts'
import type { AccessGrant, Check, Refusal } from './decision.ts'
import { describeEnd, describeFailure } from './describe-failure.ts'
import type { RequestFacts } from './request-facts.ts'

/** Access token -> what its holder may open (design section 4, step 4). */
export function verifyAccess(
  facts: RequestFacts,
  access: AccessOptions,
  found: LocatedToken,
  now: EpochSeconds,
  checks: Check[],
  replacesCookie: boolean,
): AccessGrant | Refusal {
  const check = `access-token ${access.format} in ${found.location}`
  const fail = (refusal: Omit<Refusal, 'kind'>): Refusal => {
    checks.push({ check, outcome: 'failed', detail: refusal.detail })
    return { kind: 'refused', ...refusal }
  }

  const result = verifyReceived(found.token, access.scheme, {
    path: facts.rawPath,
    query: signedQuery(facts.target, access.parameter),
    clientIp: facts.clientAddress,
    now,
    salt: access.salt,
  })
  if (!result.ok) return fail(describeFailure(result.reason, found.token, 'access'))
  const { claims } = result
  if (isSessionPayload(claims.payload)) {
    return fail({ reason: 'token-refused', detail: 'a session token where an access token is due' })
  }
  if (claims.endTime > now + access.maxLifetimeSeconds) {
    return fail({
      reason: 'token-refused',
      detail: `ends at ${claims.endTime}, more than maxLifetimeSeconds (${access.maxLifetimeSeconds}) from now`,
    })
  }
  checks.push({
    check,
    outcome: 'passed',
    detail: `good until ${describeEnd(claims.endTime)}, ${result.keyIndex === 0 ? 'primary' : 'transition'} key`,
  })
  return {
    kind: 'access',
    access,
    token: result.token,
    place: found.location,
    claims,
    replacesCookie,
  }
}

/** The query as a URL token signs it: its own parameter is no part of it (token-formats section 1.2). */
export function signedQuery(target: string, parameter: string): string {
  const mark = target.indexOf('?')
  return mark < 0 ? '' : removeParameters(target.slice(mark + 1), [parameter])
}
