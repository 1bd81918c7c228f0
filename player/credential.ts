import type { Instant } from './clock.ts'
import type { Credential } from './types.ts'

/** A credential with what decides when it is renewed. */
export interface HeldCredential extends Credential {
  /** A session token, not an access token: only those ride in cookies and paths. */
  readonly isSession: boolean
  /** Seconds; `Infinity` when not known. */
  readonly life: number
  /** When it was asked for; its life is counted from here. */
  readonly sent: Instant
  /** Has a request gone well with it? */
  proven?: boolean
}

/** Visible ASCII without what ends a parameter or what browsers escape (spec/manifest-uris section 10). */
export const usable = /^[\w!%'-;=?-[\]~]+$/

/**
 * Judges what `getToken`, the exchange or a playlist answer handed over.
 *
 * @param isSession known to be a session token; else its `data` field tells
 * @param name the parameter for an offer without one; by default the one that suits the token
 * @returns `null` for an offer that cannot be used, an ended one included
 */
export function toCredential(
  offer: unknown,
  sent: Instant,
  isSession?: boolean,
  name?: string,
): HeldCredential | null {
  const {
    token = offer,
    expiresIn,
    expiresInSeconds = expiresIn,
    'expires-in': left = expiresInSeconds,
    parameter = name,
  } = Object(offer)
  isSession ||= /~data=hdntl\b/.test(token)
  // `exp` is a time by the issuer's clock and ours may be wrong: an end that is past, or near, proves nothing.
  const byExp = Number(/\bexp=(\d+)/.exec(token)?.[1]) - sent / 1000
  const life = left ?? (byExp > 5 ? byExp : Infinity)
  return token && usable.test(token) && life > 0
    ? { token, parameter: parameter ?? (isSession ? 'hdntl' : 'hdnts'), isSession, life, sent }
    : null
}
