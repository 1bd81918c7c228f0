import type { LocatedToken } from '../../shared/carrier.ts'
import { isSessionPayload } from '../../shared/token-text.ts'
import type { SessionOptions } from '../options/options.ts'
import type { RevocationKind } from '../store/session-store.ts'
import { judgeClaims } from '../token/edgeauth-verify.ts'
import type { Check, Refusal, SessionGrant } from './decision.ts'
import { describeDemand, describeEnd, describeFailure } from './describe-failure.ts'
import { judgeDemands } from './judge-demands.ts'
import type { Judging } from './judging.ts'
import type { ProofMemory } from './proof-memory.ts'
import type { RequestFacts } from './request-facts.ts'
import { termsOf } from './session-terms.ts'

const endedDetails: Readonly<Record<RevocationKind, string>> = {
  session: 'this session was ended',
  subject: 'all sessions of its subject were ended',
  access: 'all sessions of its access token were ended',
  key: 'all sessions of its key were ended',
  all: 'all sessions were ended',
}

/** Session token -> permission for one more object (design section 4, steps 3 and 6). */
export function continueSession(
  facts: RequestFacts,
  session: SessionOptions,
  memory: ProofMemory,
  found: LocatedToken,
  judging: Pick<Judging, 'now' | 'endings' | 'geoip'>,
  checks: Check[],
): SessionGrant | Refusal {
  const { now, endings } = judging
  const check = `session-token in ${found.location}`
  const fail = (refusal: Omit<Refusal, 'kind'>): Refusal => {
    checks.push({ check, outcome: 'failed', detail: refusal.detail })
    return { kind: 'refused', ...refusal }
  }

  const proof = memory.prove(found.token, facts)
  if (!proof.ok) return fail(describeFailure(proof.reason, found.token, 'session'))
  const { claims } = proof
  const judged = judgeClaims(claims, {
    path: facts.rawPath,
    clientIp: facts.clientAddress,
    now,
    clockSkewSeconds: 0,
  })
  if (!judged.ok) return fail(describeFailure(judged.reason, found.token, 'session'))
  if (!isSessionPayload(claims.payload)) {
    return fail({ reason: 'token-refused', detail: 'an access token where a session token is due' })
  }
  // Minted by another edge that shares the key, whose clock may be a little ahead of ours.
  if (claims.endTime > now + session.maxLifetimeSeconds + 60) {
    return fail({ reason: 'token-refused', detail: 'lives longer than session.maxLifetimeSeconds' })
  }
  const { identity, demands, maxConcurrent, fillsVariables } = termsOf(claims)
  if (demands !== null) {
    const met = judgeDemands(demands.params, facts, judging, demands)
    if (!met.ok) {
      const detail = `of its access token: ${describeDemand(met.reason)}`
      return fail({ reason: 'token-refused', detail })
    }
  }
  const { parent } = identity
  if (parent !== undefined && !session.cast) {
    const detail = 'a link for another device, where the rule gives none (session.cast)'
    return fail({ reason: 'token-refused', detail })
  }
  const endedBy = endings.endedBy(identity)
  if (endedBy !== null) {
    return fail({
      reason: 'session-ended',
      detail: endedDetails[endedBy],
      sessionId: identity.id,
    })
  }
  const whose = parent === undefined ? '' : `; a link for one other device, of session ${parent}`
  const detail = `good until ${describeEnd(claims.endTime)}${whose}`
  checks.push({ check, outcome: 'passed', detail })
  return {
    kind: 'session',
    token: proof.token,
    place: found.location,
    sessionId: identity.id,
    subject: identity.subject,
    maxConcurrent,
    fillsVariables,
    ...(parent !== undefined && { parent }),
    claims,
    keyIndex: proof.keyIndex,
  }
}
