import { LRUCache } from 'lru-cache'
import type { Revocation } from '../store/session-store.ts'
import { readSessionId, subjectDigest } from './session-id.ts'

/** Whom an ending may concern. */
export interface SessionIdentity {
  readonly id: string
  /** Of its access token; `null` where that named none. */
  readonly subject: string | null
}

/** Digests remembered, so that a segment costs none. */
const mostDigests = 10_000

/**
 * What was ended, as this process knows it: asked for every request, without a word to the store. `EndingFeed` keeps it up to
 * date. Ids tell when and by what a session was opened, so one entry ends any number of them.
 */
export class Endings {
  readonly #known = new Map<string, Revocation>()
  readonly #digests = new LRUCache<string, string>({ max: mostDigests })
  /** Answers given, until something changes: a session asks hundreds of times. */
  #answers = new WeakMap<SessionIdentity, Revocation['kind'] | null>()

  get size(): number {
    return this.#known.size
  }

  apply(entries: readonly Revocation[]): void {
    if (entries.length > 0) this.#answers = new WeakMap()
    for (const entry of entries) {
      const key = `${entry.kind}:${entry.value}`
      const { beforeMs = 0, untilMs = 0 } = this.#known.get(key) ?? {}
      this.#known.set(key, {
        ...entry,
        beforeMs: Math.max(beforeMs, entry.beforeMs),
        untilMs: Math.max(untilMs, entry.untilMs),
      })
    }
  }

  forgetOver(nowMs: number): void {
    for (const [key, { untilMs }] of this.#known) {
      if (untilMs > nowMs) continue
      this.#known.delete(key)
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

  /** Was everything that was opened with this access token ended? Then it opens nothing more either. */
  isAccessEnded(accessTag: string): boolean {
    return this.#known.has(`access:${accessTag}`)
  }

  #judge({ id, subject }: SessionIdentity): Revocation['kind'] | null {
    if (this.#known.has(`session:${id}`)) return 'session'
    const origin = readSessionId(id)
    const openedAtMs = origin?.openedAtMs ?? 0
    const isBefore = (kind: Revocation['kind'], value: string): boolean =>
      openedAtMs < (this.#known.get(`${kind}:${value}`)?.beforeMs ?? 0)
    if (isBefore('all', '*')) return 'all'
    if (subject !== null && isBefore('subject', this.#digestOf(subject))) return 'subject'
    if (origin === null) return null
    if (isBefore('access', origin.accessTag)) return 'access'
    return isBefore('key', origin.keyTag) ? 'key' : null
  }

  #digestOf(subject: string): string {
    const known = this.#digests.get(subject)
    if (known !== undefined) return known
    const digest = subjectDigest(subject)
    this.#digests.set(subject, digest)
    return digest
  }
}
