import { ExpiryQueue } from './expiry-queue.ts'
import {
  type SessionPage,
  type SessionQuery,
  type SessionRecord,
  type Sighting,
  sessionIdForm,
} from './session-store.ts'

/** What news makes of a session that is known; see `Sighting`. */
export function mergeSighting(known: SessionRecord | undefined, news: Sighting): SessionRecord {
  if (known === undefined) return news
  return {
    ...known,
    seenAtMs: Math.max(known.seenAtMs, news.seenAtMs),
    endsAtMs: Math.max(known.endsAtMs, news.endsAtMs),
    requests: known.requests + news.requests,
  }
}

/** @throws {RangeError} for what breaks the rules of `SessionRecord` */
export function checkSighting(sighting: Sighting): void {
  const { id, subject, rule, path, client, userAgent, parent } = sighting
  const { seenAtMs, openedAtMs, endsAtMs, requests } = sighting
  if (!sessionIdForm.test(id)) throw new RangeError('id: 40 lower-case hexadecimal digits')
  if (parent !== undefined && !sessionIdForm.test(parent)) throw new RangeError('parent: an id')
  if ((subject?.length ?? 0) > 256) throw new RangeError('subject: at most 256 characters')
  if (rule.length > 64) throw new RangeError('rule: at most 64 characters')
  if (client.length > 64) throw new RangeError('client: at most 64 characters')
  if (path.length > 1024) throw new RangeError('path: at most 1024 characters')
  if (userAgent.length > 256) throw new RangeError('userAgent: at most 256 characters')
  for (const number of [seenAtMs, openedAtMs, endsAtMs, requests]) {
    if (!(Number.isInteger(number) && number >= 0 && number < 2 ** 48)) {
      throw new RangeError('times and counts are whole numbers')
    }
  }
}

/** @throws {RangeError} see `SessionStore.listSessions` */
export function checkQuery({ limit, after }: SessionQuery): void {
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= 1000)) {
    throw new RangeError('limit: 1 to 1000')
  }
  if (after !== undefined && !sessionIdForm.test(after))
    throw new RangeError('after: no such cursor')
}

/** Sessions in the memory of one process. */
export class SessionBook {
  readonly #records = new Map<string, SessionRecord>()
  readonly #ends = new ExpiryQueue()
  readonly #most: number
  /** Ids, the latest opened first; made when it is asked for. */
  #order: string[] | null = null

  /** @param most sessions held at most */
  constructor(most: number) {
    this.#most = most
  }

  /** @returns whether there was room for it */
  note(sighting: Sighting, nowMs: number): boolean {
    this.#forgetEnded(nowMs)
    const known = this.#records.get(sighting.id)
    const record = mergeSighting(known, sighting)
    if (record.endsAtMs <= nowMs) return true
    if (known === undefined && this.#records.size >= this.#most) return false
    this.#records.set(record.id, record)
    if (known === undefined) this.#order = null
    if (known?.endsAtMs !== record.endsAtMs) {
      this.#ends.push({ endsAtMs: record.endsAtMs, id: record.id })
    }
    return true
  }

  find(id: string, nowMs: number): SessionRecord | null {
    this.#forgetEnded(nowMs)
    return this.#records.get(id) ?? null
  }

  list({ subject, after, limit }: SessionQuery, nowMs: number): SessionPage {
    this.#forgetEnded(nowMs)
    this.#order ??= [...this.#records.keys()].sort().reverse()
    const sessions: SessionRecord[] = []
    for (const id of this.#order) {
      const record = this.#records.get(id)
      if (record === undefined || (after !== undefined && id >= after)) continue
      if (subject !== undefined && record.subject !== subject) continue
      if (sessions.length === limit) return { sessions, next: sessions.at(-1)?.id ?? null }
      sessions.push(record)
    }
    return { sessions, next: null }
  }

  #forgetEnded(nowMs: number): void {
    for (;;) {
      const ended = this.#ends.shiftEnded(nowMs)
      if (ended === undefined) return
      // One that was renewed has a later end, and another place in the queue.
      if (this.#records.get(ended.id)?.endsAtMs === ended.endsAtMs) {
        this.#records.delete(ended.id)
        this.#order = null
      }
    }
  }
}
