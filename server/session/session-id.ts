import { createHash, randomBytes } from 'node:crypto'
import { sessionIdForm } from '../store/session-store.ts'

/** What a session's id tells of its opening. */
export interface SessionOrigin {
  /** Milliseconds since 1970. */
  readonly openedAtMs: number
  /** Of the key of the access token: see `keyTag`. */
  readonly keyTag: string
  /** Of the access token: see `accessTag`. */
  readonly accessTag: string
}

/**
 * Session ids say when the session was opened, and by which key and access token, so that every process can tell by itself
 * whether a session was ended by "all of this key, opened before noon", without having known it before:
 *
 *     019b76da8c00  3f2a  5bd1e996a1c7d40e  9c2f11d0
 *     time (ms)     key   access token      random
 *
 * They are no secret: what an id names is opened by a signed token alone.
 */
export function newSessionId({ openedAtMs, keyTag, accessTag }: SessionOrigin): string {
  return (
    openedAtMs.toString(16).padStart(12, '0') + keyTag + accessTag + randomBytes(4).toString('hex')
  )
}

/** @returns `null` for an id that another edge made up */
export function readSessionId(id: string): SessionOrigin | null {
  if (!sessionIdForm.test(id)) return null
  return {
    openedAtMs: Number.parseInt(id.slice(0, 12), 16),
    keyTag: id.slice(12, 16),
    accessTag: id.slice(16, 32),
  }
}

/** Of the name of a key. That two names of one configuration differ in their tags is judged with the options. */
export function keyTag(keyName: string): string {
  return digest('key', keyName).slice(0, 4)
}

/** @param spendId identity of a verified access token: see `spendId` */
export function accessTag(spendId: string): string {
  return digest('access token', spendId).slice(0, 16)
}

/** Names subjects in the store's keys, where they could hold anything. */
export function subjectDigest(subject: string): string {
  return createHash('sha256').update(`subject\n${subject}`).digest('base64url')
}

function digest(purpose: string, text: string): string {
  return createHash('sha256').update(`${purpose}\n${text}`).digest('hex')
}
