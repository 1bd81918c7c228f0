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
  const fresh = bearing === null ? null : freshToken(ctx, gate, session, grant, facts, bearing)
  return placementOf(grant, session, bearing, fresh)
}

function freshToken(
  ctx: Context,
  gate: Gate,
  session: SessionOptions,
  grant: SessionGrant,
  facts: RequestFacts,
  bearing: Bearing,
): string | null {
  const now = gate.now()
  const end = laterEnd(grant.claims, session, now, bearing)
  if (end === null) return null
  const token = mintProlonged(grant, end, session, facts)
  const fresh = { token, parameter: session.parameter, expiresInSeconds: end - now }
  ctx.set('Playgate-Session', playgateSession({ ...fresh, sessionId: grant.sessionId }))
  if (grant.place === 'cookie') {
    ctx.append('Set-Cookie', sessionCookie({ ...fresh, acl: grant.claims.acl ?? '' }))
  }
  return token
}
