import type { Context } from 'koa'
import type { SessionOptions } from '../options/options.ts'
import type { OriginAnswer } from '../origin/origin.ts'
import type { SessionGrant } from '../session/decision.ts'
import { type Bearing, laterEnd, mintProlonged } from '../session/prolong-session.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import type { Gate } from './gate.ts'
import { type Placement, placementOf, playgateSession, sessionCookie } from './hand-out.ts'

/**
 * Says how the answer to a request under a running session is changed, and gives the session a fresh token where one is due: in the header
 * `Playgate-Session` for the plugin, as a cookie where a cookie brought the old one, and on the answer's URIs.
 */
export function handOn(
  ctx: Context,
  gate: Gate,
  session: SessionOptions,
  grant: SessionGrant,
  facts: RequestFacts,
  { kind }: OriginAnswer,
): Placement {
  const bearing = kind === 'playlist' || kind === 'json' ? kind : null
  const fresh = bearing === null ? null : freshToken(gate, session, grant, facts, bearing)
  if (fresh !== null) {
    ctx.set('Playgate-Session', fresh.playgateSession)
    if (fresh.setCookie !== null) ctx.append('Set-Cookie', fresh.setCookie)
  }
  return placementOf(grant, session, bearing, fresh?.token ?? null)
}

/** A fresh token of a running session, and the headers that take it to the player. */
export interface FreshToken {
  readonly token: string
  readonly playgateSession: string
  /** `null`: no cookie brought the old one. */
  readonly setCookie: string | null
}

/** @returns `null`: the token at hand goes on */
export function freshToken(
  gate: Gate,
  session: SessionOptions,
  grant: SessionGrant,
  facts: RequestFacts,
  bearing: Bearing,
): FreshToken | null {
  const now = gate.now()
  const end = laterEnd(grant.claims, session, now, bearing)
  if (end === null) return null
  const token = mintProlonged(grant, end, session, facts)
  const fresh = { token, parameter: session.parameter, expiresInSeconds: end - now }
  return {
    token,
    playgateSession: playgateSession({ ...fresh, sessionId: grant.sessionId }),
    setCookie:
      grant.place === 'cookie' ? sessionCookie({ ...fresh, acl: grant.claims.acl ?? '' }) : null,
  }
}
