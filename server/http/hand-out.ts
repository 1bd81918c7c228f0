import type { Context } from 'koa'
import { formatPlaygateSession } from '../../shared/playgate-session.ts'
import type { SessionCarrier, SessionOptions } from '../options/options.ts'
import type { SessionGrant } from '../session/decision.ts'
import type { Bearing } from '../session/prolong-session.ts'
import { headerText, type RequestFacts } from '../session/request-facts.ts'
import type { OpenedSession } from './open-session.ts'
import { stringifySetCookie } from './set-cookie.ts'

/** How a playlist is changed on its way out. */
export type Placement =
  /** Of an open rule: nobody's permission stands behind the answer, and it stays as the origin gave it. */
  | { readonly mode: 'open' }
  | { readonly mode: 'none' }
  /** Changed by a token that this request does not bring forth (HEAD). */
  | { readonly mode: 'unknown' }
  | Placed

/** Is the answer changed for the token's sake? */
export function isPlaced(placement: Placement): placement is Placed {
  return 'token' in placement
}

export interface Placed {
  /** `define`: the playlist is the same for everybody, and the player fills the token in. */
  readonly mode: 'query' | 'path' | 'define'
  readonly parameter: string
  readonly token: string
  /** The token of the request itself, where the answer holds a fresh one in its stead. */
  readonly asked?: string
}

/**
 * The first carrier that this client can use. Only cookies can be known not to work: `SameSite=Lax` keeps
 * them from pages of other sites, `Secure` from plain HTTP beyond the machine itself. `define` is for players
 * that said that they can (spec/manifest-uris section 9), and never the first choice for anybody else.
 */
export function usableCarrier(
  { carriers }: SessionOptions,
  facts: RequestFacts,
): Exclude<SessionCarrier, 'define'> {
  for (const carrier of carriers) {
    if (carrier === 'define' || (carrier === 'cookie' && !takesCookies(facts))) continue
    return carrier
  }
  return 'cookie'
}

function takesCookies(facts: RequestFacts): boolean {
  if (headerText(facts.headers, 'sec-fetch-site') === 'cross-site') return false
  return (
    facts.scheme === 'https' || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(facts.host)
  )
}

/** Hands a session that was just opened to the client, and says how its playlist is to be changed. */
export function handOut(ctx: Context, opened: OpenedSession): Placement {
  const { carrier, parameter, token } = opened
  ctx.set('Playgate-Session', playgateSession(opened))
  if (carrier === 'cookie') ctx.append('Set-Cookie', sessionCookie(opened))
  if (carrier === 'query' || carrier === 'path') return { mode: carrier, parameter, token }
  return { mode: 'none' }
}

/** The structured field that tells the player plugin of its session (design section 5). */
export function playgateSession(
  opened: Pick<OpenedSession, 'token' | 'parameter' | 'expiresInSeconds' | 'sessionId'>,
): string {
  return formatPlaygateSession({
    token: opened.token,
    parameter: opened.parameter,
    expiresInSeconds: opened.expiresInSeconds,
    sessionId: opened.sessionId,
  })
}

/** Host-only, unreadable for scripts, no wider than the directory that the session's ACL covers (threats T85). */
export function sessionCookie(
  opened: Pick<OpenedSession, 'token' | 'parameter' | 'expiresInSeconds' | 'acl'>,
): string {
  return stringifySetCookie(opened.parameter, opened.token, {
    acl: opened.acl,
    maxAgeSeconds: opened.expiresInSeconds,
  })
}

/**
 * How an answer under a running session is changed: each place hands its token on in its own way, and that is the very token of this
 * request, so that a live playlist's URIs stay as they are (manifest-uris section 11); or a fresh one, when that has grown old.
 *
 * A path is fixed for the playback: below another one, players find another playlist.
 *
 * @param fresh `null`: none is due
 */
export function placementOf(
  { place, token, fillsVariables }: SessionGrant,
  session: SessionOptions,
  bearing: Bearing | null,
  fresh: string | null,
): Placement {
  const { parameter, carriers } = session
  const isFixed = place === 'path' && bearing === 'playlist'
  const placed =
    fresh === null || isFixed ? { parameter, token } : { parameter, token: fresh, asked: token }
  if (place === 'path') return { mode: 'path', ...placed }
  if (place !== 'query') return { mode: 'none' }
  if (fillsVariables && carriers.includes('define')) return { mode: 'define', ...placed }
  return attachedByPlayer(session) ? { mode: 'none' } : { mode: 'query', ...placed }
}

/** The plugin puts the token into every query itself; the playlist stays the same for everybody. */
function attachedByPlayer({ carriers }: SessionOptions): boolean {
  return carriers.includes('player') && !carriers.includes('query')
}
