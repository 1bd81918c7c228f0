import type { LocatedToken } from '../../shared/carrier.ts'
import { epochSeconds } from '../../shared/units.ts'
import { isKeptAccess } from '../options/judge-access.ts'
import type { SessionOptions } from '../options/options.ts'
import { continueSession } from './continue-session.ts'
import type { AccessGrant, Check, Refusal, SessionGrant } from './decision.ts'
import type { Judging } from './judging.ts'
import type { RequestFacts } from './request-facts.ts'
import { accessTag, readSessionId } from './session-id.ts'
import { subjectOfAccess } from './subject.ts'

/** A viewer whose machine slept for a while goes on with his session. Ended sessions are remembered so much longer. */
export const renewableSeconds = 3_600

/**
 * The session that an old token belongs to, to be renewed with an access token that has verified. The token may have ended a while
 * ago: what it proves is whose session it was, and the access token gives the right to go on.
 *
 * @returns a refusal for a session that was ended, and for a link to another device; `null` when the token proves nothing, or is another
 *   subject's or key's, or was opened with another token that the store keeps, and a new session begins
 */
export function renewSession(
  facts: RequestFacts,
  session: SessionOptions,
  token: string,
  grant: AccessGrant,
  judging: Judging,
  checks: Check[],
  asksRemote: boolean,
): SessionGrant | Refusal | null {
  const found: LocatedToken = { name: session.parameter, location: 'query', token }
  const { now, memory } = judging
  if (memory === null) return null
  const proof = memory.prove(token, facts)
  const endTime = proof.ok ? proof.claims.endTime : 0
  // Judged as though it were the last second of its life.
  const at = endTime < now && endTime > now - renewableSeconds ? epochSeconds(endTime) : now
  const decision = continueSession(facts, session, memory, found, { ...judging, now: at }, checks)
  if (decision.kind === 'refused') return decision.reason === 'session-ended' ? decision : null
  if (decision.parent !== undefined) {
    const detail = 'a link for another device is not renewed: its session may give another'
    return { kind: 'refused', reason: 'token-refused', detail }
  }
  return isOfSameViewer(decision, grant, asksRemote) && decision.sessionId !== '' ? decision : null
}

/** Does the session belong to whom the access token is for? */
export function isOfSameViewer(
  { sessionId, subject }: Pick<SessionGrant, 'sessionId' | 'subject'>,
  { claims, access, spendId }: AccessGrant,
  asksRemote: boolean,
): boolean {
  // An access token without a name may get one from the site's own server, which is asked later.
  const named = subjectOfAccess(claims)
  const isSame = subject === named || (named === null && asksRemote)
  // A session goes by the key that it was opened with, and is ended by it.
  const origin = readSessionId(sessionId)
  const isOfKey = origin === null || origin.keyTag === access.keyTag
  // What is revoked singly ends what it opened, which nobody may go on with under another token.
  const isOfToken = !isKeptAccess(access) || origin?.accessTag === accessTag(spendId)
  return isSame && isOfKey && isOfToken
}
