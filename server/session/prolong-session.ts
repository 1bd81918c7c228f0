import { decodeOnce } from '../../shared/query.ts'
import { type EpochSeconds, epochSeconds } from '../../shared/units.ts'
import type { SessionOptions } from '../options/options.ts'
import { mintWithKey } from '../token/edgeauth-mint.ts'
import type { EdgeauthClaims } from '../token/edgeauth-verify.ts'
import type { Verified } from '../token/verified.ts'
import type { SessionGrant } from './decision.ts'
import { latestEnd } from './latest-end.ts'
import type { RequestFacts } from './request-facts.ts'
import { saltFor } from './salt.ts'
import { readSessionId } from './session-id.ts'
import { termsOf } from './session-terms.ts'

/** What the answer is that could bring a fresh token along. */
export type Bearing = 'playlist' | 'json'

/**
 * When a fresh token of this running session would end; `null`: the token at hand goes on. It follows from that token alone, so that the
 * answers to one that is used on and on (live playlists are reloaded from where they were) hold one and the same fresh token: another one
 * makes players load keys and init sections again (manifest-uris section 11).
 *
 * A session that slides gets one when half of its token's life is over. Any other gets one with a steering manifest, when a third
 * is left: that is reloaded all the while something plays, and reaches players that run nothing of ours. A link for another device gets none.
 */
export function laterEnd(
  claims: Verified<EdgeauthClaims>,
  session: Pick<SessionOptions, 'maxLifetimeSeconds' | 'slidingSeconds'>,
  now: EpochSeconds,
  bearing: Bearing,
): EpochSeconds | null {
  const { identity, until } = termsOf(claims)
  if (identity.parent !== undefined) return null
  const { endTime } = claims
  const left = endTime - now
  const slides = session.slidingSeconds > 0 && until !== null
  const half = Math.floor(session.slidingSeconds / 2)
  const life = slides ? 0 : lifeOf(endTime, identity.id)
  const isDue = slides ? left < half : bearing === 'json' && left < life / 3
  if (!isDue) return null
  const end = Math.min(endTime + (slides ? half : life), latestEnd(claims, session))
  return end > endTime ? epochSeconds(end) : null
}

/** Since the opening; 0 where another edge opened it, and nobody knows. */
function lifeOf(endTime: EpochSeconds, sessionId: string): number {
  const origin = readSessionId(sessionId)
  return origin === null ? 0 : Math.max(endTime - Math.floor(origin.openedAtMs / 1000), 0)
}

/** The same token with another end. */
export function mintProlonged(
  { claims, keyIndex }: Pick<SessionGrant, 'claims' | 'keyIndex'>,
  endTime: EpochSeconds,
  session: SessionOptions,
  facts: RequestFacts,
): string {
  const key = session.scheme.keys[keyIndex]
  if (key === undefined) throw new Error('a session token without its key')
  const { ip, acl = '', startTime, sessionId, payload } = claims
  return mintWithKey(
    {
      mode: 'acl',
      path: acl,
      startTime,
      endTime,
      ip: ip === undefined ? undefined : decodeOnce(ip),
      sessionId,
      payload,
      salt: saltFor(facts, session),
    },
    key,
  )
}
