import { LRUCache } from 'lru-cache'
import { ExpiryQueue } from '../store/expiry-queue.ts'
import { revocationKey, widerRevocation } from '../store/revocation-log.ts'
import type { Revocation } from '../store/session-store.ts'
import { readSessionId, subjectDigest } from './session-id.ts'

/** Whom an ending may concern. */
export interface SessionIdentity {
  readonly id: string
  /** Of its access token; `null` where that named none. */
  readonly subject: string | null
  /** Id of the session that gave it away as a link for another device: it ends with that one. */
  readonly parent?: string
}

/** Digests remembered, so that a segment costs none. */
const mostDigests = 10_000

/** The value of an entry that ends one session. Another edge may have made up an id that cannot stand in one. */
export function sessionEnding(id: string): string {
  return /^[!-~]{1,128}$/.test(id) ? id : `id:${subjectDigest(id)}`
}

/** The value of an entry that ends all sessions of a subject, or those opened with one key. */
export function subjectEnding(subject: string, keyTag?: string): string {
  const digest = subjectDigest(subject)
  return keyTag === undefined ? digest : `${keyTag}.${digest}`
}

/** The value of an entry that revokes the access tokens of a key; one of the tag alone ends their sessions. */
export function tokensEnding(keyTag: string): string {
  return `${keyTag}.tokens`
}

/**
 * What was ended, as this process knows it: asked for every request, without a word to the store. `EndingFeed` keeps it up to
 * date. Ids tell when and by what a session was opened, so one entry ends any number of them.
 */
export class Endings {
  readonly #known = new Map<string, Revocation>()
  readonly #ends = new ExpiryQueue()
  readonly #digests = new LRUCache<string, string>({ max: mostDigests })
  /** Answers given, until something changes: a session asks hundreds of times. */
  #answers = new WeakMap<SessionIdentity, Revocation['kind'] | null>()

  get size(): number {
    return this.#known.size
  }

  apply(entries: readonly Revocation[]): void {
    if (entries.length > 0) this.#answers = new WeakMap()
    for (const entry of entries) {
      const key = revocationKey(entry)
      const wider = widerRevocation(this.#known.get(key), entry)
      this.#known.set(key, wider)
      this.#ends.push({ endsAtMs: wider.untilMs, id: key })
    }
  }

  forgetOver(nowMs: number): void {
    for (;;) {
      const over = this.#ends.shiftEnded(nowMs)
      if (over === undefined) return
      // One that was prolonged has another place in the queue.
      if ((this.#known.get(over.id)?.untilMs ?? 0) > nowMs) continue
      this.#known.delete(over.id)
      this.#answers = new WeakMap()
    }
  }

  /**
   * By what a session was ended; `null`: it goes on. A session whose id tells nothing (of another edge that shares the key)
   * counts as opened before any time.
   *
   * @param session asked for often, best the same object each time
   */
  endedBy(session: SessionIdentity): Revocation['kind'] | null {
    if (this.#known.size === 0) return null
    const known = this.#answers.get(session)
    if (known !== undefined) return known
    const answer = this.#judge(session)
    this.#answers.set(session, answer)
    return answer
  }

  /**
   * Was everything that was opened with this access token ended? Then it opens nothing more, and what it opened is ended whenever that
   * was: it may have been opening while it was ended.
   */
  isAccessEnded(accessTag: string): boolean {
    return this.#known.has(`access:${accessTag}`)
  }

  /** Were all access tokens of this key that were made before a time revoked, and this one before it? */
  isRevoked(keyTag: string, madeAtMs: number): boolean {
    return madeAtMs < this.revokedBefore(keyTag)
  }

  /** That time, in milliseconds since 1970; 0: they were not. */
  revokedBefore(keyTag: string): number {
    return this.#known.get(`key:${tokensEnding(keyTag)}`)?.beforeMs ?? 0
  }

  #judge({ id, subject, parent = id }: SessionIdentity): Revocation['kind'] | null {
    const isEnded = (one: string): boolean => this.#known.has(`session:${sessionEnding(one)}`)
    if (isEnded(id) || isEnded(parent)) return 'session'
    const origin = readSessionId(id)
    const openedAtMs = origin?.openedAtMs ?? 0
    const isBefore = (kind: Revocation['kind'], value: string): boolean =>
      openedAtMs < (this.#known.get(`${kind}:${value}`)?.beforeMs ?? 0)
    if (isBefore('all', '*')) return 'all'
    if (subject !== null) {
      const digest = this.#digestOf(subject)
      if (isBefore('subject', digest)) return 'subject'
      if (origin !== null && isBefore('subject', `${origin.keyTag}.${digest}`)) return 'subject'
    }
    if (origin === null) return null
    if (this.isAccessEnded(origin.accessTag)) return 'access'
    return isBefore('key', origin.keyTag) ? 'key' : null
  }

  #digestOf(subject: string): string {
    const known = this.#digests.get(subject)
    if (known !== undefined) return known
    const digest = subjectEnding(subject)
    this.#digests.set(subject, digest)
    return digest
  }
}
