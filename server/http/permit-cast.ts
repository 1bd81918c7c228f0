import { targetQuery } from '../../shared/query.ts'
import { type EpochSeconds, epochSeconds } from '../../shared/units.ts'
import { parseAddress } from '../claim/address.ts'
import type { Rule, SessionOptions } from '../options/options.ts'
import { castEnd, castSessionId, mintCastToken } from '../session/cast-session.ts'
import { judgeAccessToken, judgeSessionToken } from '../session/decide.ts'
import type { Check, Refusal, SessionGrant } from '../session/decision.ts'
import type { Judging } from '../session/judging.ts'
import { latestEnd } from '../session/latest-end.ts'
import { isOfSameViewer } from '../session/renew-session.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { termsOf } from '../session/session-terms.ts'
import type { Gate } from './gate.ts'
import type { MediaLifetime } from './media-lifetime.ts'
import { lifeOf, mintTransportable, type OpenedSession } from './open-session.ts'
import type { Told } from './outcome.ts'
import { admit } from './serve-media.ts'

export interface CastRequest {
  /** Of the session that gives the link away. */
  readonly sessionToken: string
  /** If the caller has one, it has to be good, and of the same viewer. */
  readonly accessToken?: string | undefined
}

/**
 * May this session give a link for another device away? Its token is judged as though it came with the request itself: the page that plays
 * asks, and nobody who only found the token.
 */
export function permitCast(
  rule: Rule,
  session: SessionOptions,
  asked: RequestFacts,
  { sessionToken, accessToken }: CastRequest,
  judging: Judging,
  checks: Check[],
): SessionGrant | Refusal {
  const refuse = (reason: Refusal['reason'], detail: string): Refusal => {
    checks.push({ check: 'cast', outcome: 'failed', detail })
    return { kind: 'refused', reason, detail }
  }
  if (!session.cast) {
    return refuse('policy-refused', 'the rule gives no links for other devices (session.cast)')
  }
  const parent = judgeSessionToken(asked, rule, sessionToken, judging, checks)
  if (parent.kind === 'refused') return parent
  const { claims, sessionId, subject } = parent
  if (parent.parent !== undefined) {
    return refuse('token-refused', 'a link for another device gives no further one')
  }
  const end = castEnd(sessionId)
  if (end === null || claims.acl === undefined) {
    return refuse('policy-refused', 'a session that another edge opened gives no links')
  }
  if (end <= judging.now) {
    return refuse('policy-refused', 'a session that was opened a week ago gives no links any more')
  }
  if (isForOneAddress(claims)) {
    const detail = 'its access token is for one address, and another device has another'
    return refuse('policy-refused', detail)
  }
  if (accessToken !== undefined) {
    const grant = judgeAccessToken(asked, rule, accessToken, judging, checks)
    if (grant.kind === 'refused') return grant
    if (!isOfSameViewer(parent, grant, rule.remoteAuth !== null)) {
      return refuse('token-refused', 'the access token is for another viewer than the session')
    }
  }
  const child = { id: castSessionId(sessionId), subject, parent: sessionId }
  if (judging.endings.endedBy(child) !== null) {
    return { ...refuse('session-ended', 'its link for another device was ended'), sessionId }
  }
  return parent
}

function isForOneAddress(claims: SessionGrant['claims']): boolean {
  const block = termsOf(claims).demands?.params?.ec_clientip
  return claims.ip !== undefined || (block !== undefined && parseAddress(block) !== null)
}

/**
 * Makes the link. It takes the place of its session among its subject's streams, and no other.
 *
 * @param told is filled in, where something refuses it
 * @throws {PlaybackError} `remote-refused`, `session-limit`, `session-ended`, `token-expired`
 */
export async function beginCast(
  gate: Gate,
  rule: Rule,
  session: SessionOptions,
  parent: SessionGrant,
  asked: RequestFacts,
  lifetime: MediaLifetime,
  told: Told,
): Promise<OpenedSession & { readonly url: string }> {
  await admit(gate, rule, parent, asked, told)
  const now = gate.now()
  const expiresAt = endOfCast(parent, session, lifetime, now)
  const signingKey = session.scheme.keys[parent.keyIndex]
  if (signingKey === undefined) throw new Error('a session token without its key')
  const minted = mintTransportable(() => mintCastToken(parent, expiresAt, signingKey, session))
  const { parameter } = session
  return {
    ...minted,
    parameter,
    sessionId: castSessionId(parent.sessionId),
    expiresAt,
    expiresInSeconds: expiresAt - now,
    carrier: 'path',
    url: `/${parameter}=${minted.token}${asked.rawPath}${queryOf(gate, asked)}`,
  }
}

/** As long as a session that opens now, and no longer than its own may be prolonged. */
function endOfCast(
  { claims, sessionId }: SessionGrant,
  session: SessionOptions,
  lifetime: MediaLifetime,
  now: EpochSeconds,
): EpochSeconds {
  const life = lifeOf(lifetime, session, session.maxLifetimeSeconds)
  const end = Math.min(now + life, latestEnd(claims, session), castEnd(sessionId) ?? 0)
  return epochSeconds(end)
}

function queryOf(gate: Gate, { target }: RequestFacts): string {
  const query = gate.withoutTokens(targetQuery(target))
  return query === '' ? '' : `?${query}`
}
