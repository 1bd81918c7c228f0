import type { SessionRecord } from '../store/session-store.ts'
import type { SessionIdentity } from './endings.ts'
import { keyTag, readSessionId, subjectDigest } from './session-id.ts'
import type { SessionRegistry } from './session-registry.ts'

/** A session as a person sees it. Times in ISO 8601. */
export interface SessionView {
  readonly sessionId: string
  /** `active`: asked for something within a minute; `idle`: it did not; `ended`: it was ended. */
  readonly state: 'active' | 'idle' | 'ended'
  /** Who: the `id` of its access token. */
  readonly subject: string | null
  readonly rule: string
  /** What: path of the playlist that opened it. */
  readonly path: string
  /** Where: address of the client that opened it. */
  readonly client: string
  readonly userAgent: string
  readonly openedAt: string
  readonly seenAt: string
  /** When its last token ends. */
  readonly endsAt: string
  readonly requests: number
}

export interface SessionFilter {
  readonly subject?: string | undefined
  /** Name of a rule. */
  readonly rule?: string | undefined
  /** Address of the client. */
  readonly client?: string | undefined
  /** What the path begins with. */
  readonly path?: string | undefined
  /** @default all but the ended ones */
  readonly state?: SessionView['state'] | 'all' | undefined
  /** Sessions a page, 1 to 1000. @default 100 */
  readonly limit?: number | undefined
  /** `next` of the page before. */
  readonly cursor?: string | undefined
}

export interface SessionList {
  /** The latest opened first. */
  readonly sessions: readonly SessionView[]
  /**
   * For the next page; `null` when there is none. A page may be short and yet have a next one: where few sessions fit the filter,
   * it ends after so many were looked at.
   */
  readonly next: string | null
}

/** Which sessions to end; exactly one of the first four. */
export interface EndSelector {
  readonly subject?: string | undefined
  /** The access token that opened them. From then on it opens nothing more. */
  readonly accessToken?: string | undefined
  /** Name of the key of their access tokens. */
  readonly key?: string | undefined
  readonly all?: true | undefined
  /** Only those opened before this time. @default now */
  readonly openedBefore?: Date | string | number | undefined
}

export interface EndedCount {
  /** How many sessions that the store knows were running and are ended by it. */
  readonly ended: number
  /** Only the latest sessions were counted; all are ended. */
  readonly more: boolean
}

/** A session that asked for something in this time is `active`. */
const activeMs = 60_000
/** Looked at for one page, and to count what was ended: bounds the time of one answer. */
const mostLookedAt = 20_000

/** The sessions of a gate: see them, end them. All of it may be asked of any process that shares the store. */
export class Sessions {
  readonly #registry: SessionRegistry
  readonly #now: () => number
  readonly #tagsOf: (accessToken: string) => string[]

  /**
   * @param tagsOf the tags of an access token under every rule that it is good for
   */
  constructor(
    registry: SessionRegistry,
    now: () => number,
    tagsOf: (accessToken: string) => string[],
  ) {
    this.#registry = registry
    this.#now = now
    this.#tagsOf = tagsOf
  }

  /**
   * Sessions whose last token has not ended.
   *
   * @throws {StoreUnavailable}
   * @throws {RangeError} for a limit out of bounds or a cursor that is none
   */
  async list(filter: SessionFilter = {}): Promise<SessionList> {
    const { subject, limit = 100, cursor } = filter
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= 1000)) {
      throw new RangeError('limit: 1 to 1000')
    }
    await this.#registry.tracker.flush()
    const found: SessionView[] = []
    let after = cursor
    for (let lookedAt = 0; lookedAt < mostLookedAt; ) {
      const page = await this.#registry.store.listSessions({
        limit: 1000,
        ...(subject !== undefined && { subject }),
        ...(after !== undefined && { after }),
      })
      for (const record of page.sessions) {
        if (found.length === limit) return { sessions: found, next: after ?? null }
        after = record.id
        const view = this.#view(record)
        if (fits(view, filter)) found.push(view)
      }
      if (page.next === null) return { sessions: found, next: null }
      after = page.next
      lookedAt += page.sessions.length
    }
    return { sessions: found, next: after ?? null }
  }

  /**
   * One session; `null` when nobody knows it (any more).
   *
   * @throws {StoreUnavailable}
   */
  async get(sessionId: string): Promise<SessionView | null> {
    if (readSessionId(sessionId) === null) return null
    await this.#registry.tracker.flush()
    const record = await this.#registry.store.findSession(sessionId)
    return record === null ? null : this.#view(record)
  }

  /**
   * Ends one session: here at once, everywhere within a second. Its requests are answered `session-ended`, and it cannot be renewed.
   *
   * @returns whether the store knew it; ended it is in any case
   * @throws {StoreUnavailable} it may or may not be ended: try again
   */
  async end(sessionId: string): Promise<boolean> {
    if (!/^[!-~]{1,119}$/.test(sessionId)) return false
    const known = await this.get(sessionId)
    await this.#registry.end('session', [sessionId])
    return known !== null
  }

  /**
   * Ends all sessions of a subject, an access token or a key, or simply all: one entry in the store, whatever their number. Access
   * tokens that are out already still open sessions until they end, but for the one named by `accessToken`.
   *
   * @throws {StoreUnavailable} they may or may not be ended: try again
   * @throws {TypeError} for a selector that is none, and an access token that no rule takes
   */
  async endAll(selector: EndSelector): Promise<EndedCount> {
    const { subject, accessToken, key, all } = selector
    // Those of this very millisecond, too; and nothing that is opened from now on.
    const latestMs = Math.floor(this.#now()) + 1
    const beforeMs = Math.min(readTime(selector.openedBefore) ?? latestMs, latestMs)
    const named = [subject, accessToken, key, all].filter((value) => value !== undefined)
    if (named.length !== 1) {
      throw new TypeError('exactly one of subject, accessToken, key and all names what to end')
    }
    if (subject !== undefined) {
      const running = await this.#count((one) => one.subject === subject, beforeMs, subject)
      await this.#registry.end('subject', [subjectDigest(subject)], beforeMs)
      return running
    }
    if (accessToken !== undefined) {
      const tags = this.#tagsOf(accessToken)
      if (tags.length === 0) throw new TypeError('accessToken: no rule takes it')
      const running = await this.#count((one) => tags.includes(tagsOf(one).access), beforeMs)
      await this.#registry.end('access', tags, beforeMs)
      return running
    }
    if (key !== undefined) {
      const tag = keyTag(key)
      const running = await this.#count((one) => tagsOf(one).key === tag, beforeMs)
      await this.#registry.end('key', [tag], beforeMs)
      return running
    }
    const running = await this.#count(() => true, beforeMs)
    await this.#registry.end('all', ['*'], beforeMs)
    return running
  }

  async #count(
    isMeant: (session: SessionIdentity) => boolean,
    beforeMs: number,
    subject?: string,
  ): Promise<EndedCount> {
    await this.#registry.tracker.flush()
    let ended = 0
    let lookedAt = 0
    let after: string | undefined
    do {
      const page = await this.#registry.store.listSessions({
        limit: 1000,
        ...(subject !== undefined && { subject }),
        ...(after !== undefined && { after }),
      })
      for (const record of page.sessions) {
        const isRunning = this.#registry.endings.endedBy(record) === null
        if (isRunning && record.openedAtMs < beforeMs && isMeant(record)) ended++
      }
      lookedAt += page.sessions.length
      after = page.next ?? undefined
    } while (after !== undefined && lookedAt < mostLookedAt)
    return { ended, more: after !== undefined }
  }

  #view(record: SessionRecord): SessionView {
    const { id, subject, rule, path, client, userAgent, openedAtMs, endsAtMs } = record
    const untold = this.#registry.tracker.untoldOf(id)
    const seenAtMs = Math.max(record.seenAtMs, untold.seenAtMs)
    const isEnded = this.#registry.endings.endedBy(record) !== null
    const isActive = this.#now() - seenAtMs < activeMs
    return {
      sessionId: id,
      state: isEnded ? 'ended' : isActive ? 'active' : 'idle',
      subject,
      rule,
      path,
      client,
      userAgent,
      openedAt: new Date(openedAtMs).toISOString(),
      seenAt: new Date(seenAtMs).toISOString(),
      endsAt: new Date(endsAtMs).toISOString(),
      requests: record.requests + untold.requests,
    }
  }
}

function fits(view: SessionView, { rule, client, path, state }: SessionFilter): boolean {
  if (state === undefined ? view.state === 'ended' : state !== 'all' && state !== view.state) {
    return false
  }
  if (rule !== undefined && view.rule !== rule) return false
  if (client !== undefined && view.client !== client) return false
  return path === undefined || view.path.startsWith(path)
}

function tagsOf({ id }: SessionIdentity): { readonly key: string; readonly access: string } {
  const origin = readSessionId(id)
  return { key: origin?.keyTag ?? '', access: origin?.accessTag ?? '' }
}

function readTime(time: Date | string | number | undefined): number | undefined {
  if (time === undefined) return undefined
  const milliseconds = new Date(time).getTime()
  if (!(milliseconds >= 0 && milliseconds < 2 ** 48)) throw new TypeError('openedBefore: no time')
  return milliseconds
}
