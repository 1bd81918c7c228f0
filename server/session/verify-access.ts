import type { LocatedToken } from '../../shared/carrier.ts'
import { removeParameters } from '../../shared/query.ts'
import { isSessionPayload } from '../../shared/token-text.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import type { AccessOptions, Options } from '../options/options.ts'
import { proveReceived, verifyReceived } from '../token/edgeauth-verify.ts'
import type { AccessGrant, Check, Refusal } from './decision.ts'
import { describeEnd, describeFailure } from './describe-failure.ts'
import type { Endings } from './endings.ts'
import type { RequestFacts } from './request-facts.ts'
import { accessTag } from './session-id.ts'
import type { IdentifiedAccess } from './sessions.ts'
import { keptUntil, type SpendSubject, spendId } from './spend-access.ts'

/** Access token -> what its holder may open (design section 4, step 4). */
export function verifyAccess(
  facts: RequestFacts,
  access: AccessOptions,
  found: LocatedToken,
  now: EpochSeconds,
  checks: Check[],
  replacesCookie: boolean,
  endings: Endings,
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
  const id = spendId(claims, spendSubject(access, facts, result.keyIndex))
  if (endings.isAccessEnded(accessTag(id))) {
    return fail({ reason: 'token-refused', detail: 'everything that it opened was ended' })
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
    spendId: id,
    replacesCookie,
  }
}

/**
 * Finds an access token out under every rule whose signature it bears, whether its time has come, is over, or not: to end what it
 * opened. A token made for one URL is known by that URL alone, and is not found.
 */
export function identifyAccess(
  { rules }: Pick<Options, 'rules'>,
  token: string,
): IdentifiedAccess[] {
  const found = new Map<string, IdentifiedAccess>()
  for (const entry of rules.flatMap(({ access }) => access)) {
    const proof = proveReceived(token, entry.scheme, { path: '/', query: '', salt: entry.salt })
    if (!proof.ok || proof.claims.acl === undefined) continue
    const spent = spendSubject(entry, { rawPath: '/', target: '/' }, proof.keyIndex)
    const tag = accessTag(spendId(proof.claims, spent))
    found.set(tag, { tag, endsAtMs: keptUntil(proof.claims) * 1000 })
  }
  return [...found.values()]
}

/** What this access token was verified with. */
export function spendSubject(
  { keys, scheme, salt, parameter }: AccessOptions,
  { rawPath, target }: Pick<RequestFacts, 'rawPath' | 'target'>,
  keyIndex: number,
): SpendSubject {
  const secretName = keys.secretNames[keyIndex] ?? ''
  return { secretName, scheme, salt, path: rawPath, query: signedQuery(target, parameter) }
}

/** The query as a URL token signs it: its own parameter is no part of it (token-formats section 1.2). */
export function signedQuery(target: string, parameter: string): string {
  const mark = target.indexOf('?')
  return mark < 0 ? '' : removeParameters(target.slice(mark + 1), [parameter])
}
