import type { KeyObject } from 'node:crypto'
import { PlaybackError } from '../../shared/codes.ts'
import { type EpochSeconds, epochSeconds } from '../../shared/units.ts'
import type { SessionCarrier, SessionOptions } from '../options/options.ts'
import type { AccessGrant } from '../session/decision.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { saltFor } from '../session/salt.ts'
import { type MintedToken, mintSessionToken, survivesVariables } from '../session/session-token.ts'
import { usableCarrier } from './hand-out.ts'
import type { MediaLifetime } from './media-lifetime.ts'

export interface OpenedSession {
  readonly token: string
  readonly parameter: string
  readonly sessionId: string
  readonly expiresAt: EpochSeconds
  readonly expiresInSeconds: number
  /** ACL of the session, for the cookie's path. */
  readonly acl: string
  /** How the player is to carry it. */
  readonly carrier: SessionCarrier
}

export interface OpeningOptions {
  /** A new one, or that of the session which is renewed. */
  readonly sessionId: string
  /** Of the rule, or of the site's own server, which may say less. */
  readonly maxLifetimeSeconds: number
  /** The player says that it fills in variables: `define`, where the rule has it and the token survives it. */
  readonly fillsVariables: boolean
}

/** What fits a request line beside a path, on every server in between (manifest-uris section 10). */
const mostTokenCharacters = 4_096

/** Seconds that a session lives which opens now: as long as the media and the slack, or as it may. */
export function lifeOf(
  { durationSeconds }: MediaLifetime,
  { slackSeconds }: SessionOptions,
  maxLifetimeSeconds: number,
): number {
  if (durationSeconds === null) return maxLifetimeSeconds
  return Math.min(Math.ceil(durationSeconds) + slackSeconds, maxLifetimeSeconds)
}

/**
 * Access token -> session token. It lives as long as the media and the slack, or `maxLifetimeSeconds`,
 * whichever is less; for live streams of a rule that slides, for `slidingSeconds` at a time.
 *
 * @throws {PlaybackError} `ERR_TOKEN_REFUSED` when no session token as narrow as the access token exists
 */
export function openSession(
  grant: AccessGrant,
  session: SessionOptions,
  facts: RequestFacts,
  lifetime: MediaLifetime,
  now: EpochSeconds,
  { sessionId, maxLifetimeSeconds, fillsVariables }: OpeningOptions,
): OpenedSession {
  const slides = session.slidingSeconds > 0 && lifetime.durationSeconds === null
  const life = lifeOf(lifetime, session, maxLifetimeSeconds)
  const expiresInSeconds = slides ? Math.min(life, session.slidingSeconds) : life
  const expiresAt = epochSeconds(now + expiresInSeconds)
  // Where the site's own server said less than the rule, its session is not prolonged beyond that either.
  const isNarrowed = maxLifetimeSeconds < session.maxLifetimeSeconds
  const until = slides || isNarrowed ? epochSeconds(now + maxLifetimeSeconds) : null
  const opened = { parameter: session.parameter, sessionId, expiresAt, expiresInSeconds }
  if (fillsVariables && session.carriers.includes('define')) {
    const minted = mint(true)
    if (survivesVariables(minted.token)) return { ...opened, ...minted, carrier: 'define' }
  }
  return { ...opened, ...mint(false), carrier: usableCarrier(session, facts) }

  function mint(forVariables: boolean): MintedToken {
    const parts = { parent: grant.claims, path: facts.path, sessionId, expiresAt, until }
    const salt = saltFor(facts, session)
    const signingKey = signingKeyFor(grant, session)
    return mintTransportable(() =>
      mintSessionToken({ ...parts, salt, signingKey, fillsVariables: forVariables }, session),
    )
  }
}

/** @throws {PlaybackError} `ERR_TOKEN_REFUSED` where there is no such token, or none that a URL can carry */
export function mintTransportable(mint: () => MintedToken | null): MintedToken {
  let minted: MintedToken | null
  try {
    minted = mint()
    if (minted !== null && minted.token.length > mostTokenCharacters) {
      throw new RangeError('too long a session token')
    }
  } catch (error) {
    throw refusal('the access token holds text that no session token can carry', error)
  }
  if (minted === null) throw refusal('no ACL can express what this access token opens')
  return minted
}

function signingKeyFor({ access }: AccessGrant, session: SessionOptions): KeyObject {
  const key = session.signingKey ?? access.sessionKeys?.primary
  // Judged with the options: without a key of its own, a session has one of its access token.
  if (key === undefined) throw new Error(`no key signs the sessions of ${access.format} tokens`)
  return key
}

function refusal(detail: string, cause?: unknown): PlaybackError {
  return new PlaybackError({ code: 'ERR_TOKEN_REFUSED', reason: 'token-refused', detail, cause })
}
