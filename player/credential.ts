import type { Credential } from './types.ts'

/** Milliseconds of the wall clock, and of one that is never set but may stand still in sleep. */
export type Instant = readonly [wall: number, steady: number]

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
const usable = /^[\w!%'-;=?-[\]~]+$/

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
    token,
    expiresIn,
    expiresInSeconds = expiresIn,
    parameter = name,
  } = Object(typeof offer === 'string' ? { token: offer } : offer)
  isSession ||= /~data=hdntl\b/.test(token)
  // `exp` is a time by the issuer's clock and ours may be wrong: an end in the past proves nothing.
  const byExp = Number(/\bexp=(\d+)/.exec(token)?.[1]) - sent[0] / 1000
  const life = expiresInSeconds ?? (byExp > 0 ? byExp : Infinity)
  return token && usable.test(token) && life > 0
    ? { token, parameter: parameter ?? (isSession ? 'hdntl' : 'hdnts'), isSession, life, sent }
    : null
}
