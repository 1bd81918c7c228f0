import { createHash, type KeyObject } from 'node:crypto'
import type { EpochSeconds } from '../../shared/units.ts'
import { mintWithKey } from '../token/edgeauth-mint.ts'
import type { SessionGrant } from './decision.ts'
import { castSalt, type SaltOptions } from './salt.ts'
import { readSessionId } from './session-id.ts'
import { marker, partMarks } from './session-terms.ts'
import { type MintedToken, transportable } from './session-token.ts'

/**
 * A session that another gives away: a link for one receiver (Chromecast, AirPlay, a native player) that runs nothing of ours, and whose
 * headers nobody knows. Its token has no salt of a client, and is bound to the first that uses it: see `bindReceiver`. It is no wider than
 * its parent, and ends with it.
 */

/** A session that runs for longer gives no links any more: who uses one is remembered for so long. */
const castSeconds = 7 * 86_400

/** From then on there are no links of that session, by any clock. `null`: the session was opened by another edge. */
export function castEnd(parentId: string): number | null {
  const origin = readSessionId(parentId)
  return origin === null ? null : Math.floor(origin.openedAtMs / 1000) + castSeconds
}

/** One a parent, so that however many links it makes, one device uses them. It tells the same of its opening. */
export function castSessionId(parentId: string): string {
  const digest = createHash('sha256').update(`cast\n${parentId}`).digest('hex')
  return parentId.slice(0, -8) + digest.slice(0, 8)
}

/**
 * Mints the token of such a link, to stand in front of a path. Its parent's is bound to no address.
 *
 * @throws {TypeError} when the parent's token holds text that cannot travel so
 */
export function mintCastToken(
  { claims, sessionId, subject }: Pick<SessionGrant, 'claims' | 'sessionId' | 'subject'>,
  expiresAt: EpochSeconds,
  signingKey: KeyObject,
  salt: SaltOptions,
): MintedToken {
  const childId = castSessionId(sessionId)
  const own = [partMarks.carrier, partMarks.until, partMarks.sessionId]
  const inherited = (claims.payload ?? marker)
    .split(',')
    .filter((part) => !own.some((mark) => part.startsWith(mark)))
  const parts = [...inherited, partMarks.parent + sessionId, `${partMarks.purpose}cast`]
  if (subject !== null) parts.push(partMarks.sessionId + childId)
  const acl = transportable(claims.acl ?? '', true)
  const token = mintWithKey(
    {
      mode: 'acl',
      path: acl,
      endTime: expiresAt,
      sessionId: subject === null ? childId : transportable(claims.sessionId ?? '', true),
      payload: parts.join(','),
      salt: castSalt(salt),
    },
    signingKey,
  )
  return { token, acl }
}
