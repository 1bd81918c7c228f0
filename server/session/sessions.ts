import { timedKeyName } from '../options/judge-access.ts'
import type { SessionRecord } from '../store/session-store.ts'
import { type SessionIdentity, sessionEnding, subjectEnding } from './endings.ts'
import { keyTag, readSessionId } from './session-id.ts'
import type { SessionRegistry } from './session-registry.ts'
import { listedSubject } from './subject.ts'

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
  /** Id of the session that gave it away as a link for another device; `null` for all others. */
  readonly parent: string | null
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

/** Which sessions to end: exactly one of the first four, or a subject and a key together. */
export interface EndSelector {
  /** With `key`: where several sites, each with keys of its own, share the server, and may have subjects of the same name. */
  readonly subject?: string | undefined
  /** The access token that opened them. From then on it opens nothing more. */
  readonly accessToken?: string | undefined
  /** Name of the key of their access tokens. */
  readonly key?: string | undefined
  readonly all?: true | undefined
  /** Only those opened before this time; of no account with `accessToken`. @default now */
  readonly openedBefore?: Date | string | number | undefined
}

export interface EndedCount {
  /** How many sessions that the store knows were running and are ended by it. */
  readonly ended: number
  /** Not all were counted, only the latest or none; all are ended. */
  readonly more: boolean
}

/** An access token that was found out. */
export interface IdentifiedAccess {
  /** In the ids of the sessions that it opened. */
  readonly tag: string
  /** When no rule takes it any more, clock differences included. */
  readonly endsAtMs: number
}

/** 1973, in milliseconds: no session is older, and seconds of our time are less. */
const earliestMs = 100_000_000_000

/** A session that asked for something in this time is `active`. */
const activeMs = 60_000
/** Looked at for one page, and to count what was ended: bounds the time of one answer. */
const mostLookedAt = 20_000

/** The sessions of a gate: see them, end them. All of it may be asked of any process that shares the store. */
export class Sessions {
  readonly #registry: SessionRegistry
  readonly #now: () => number
  readonly #identify: (accessToken: string) => readonly IdentifiedAccess[]

  /**
   * @param identify finds an access token out under every rule that takes it
   */
  constructor(
    registry: SessionRegistry,
    now: () => number,
    identify: (accessToken: string) => readonly IdentifiedAccess[],
  ) {
    this.#registry = registry
    this.#now = now
    this.#identify = identify
  }

  /**
   * Sessions whose last token has not ended.
   *
   * @throws {StoreUnavailable}
   * @throws {RangeError} for a limit out of bounds or a cursor that is none
   */
  async list(filter: SessionFilter = {}): Promise<SessionList> {
    const { limit = 100, cursor } = filter
    const subject = filter.subject === undefined ? undefined : listedSubject(filter.subject)
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
    // First of all it ends; whether it was known is only told.
    await this.#registry.end('session', [sessionEnding(sessionId)])
    const known = await this.get(sessionId).catch(() => null)
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
    const { accessToken, key, all } = selector
    const subject = selector.subject === undefined ? undefined : listedSubject(selector.subject)
    const named = [subject, accessToken, subject === undefined ? key : undefined, all]
    if (named.filter((value) => value !== undefined).length !== 1) {
      throw new TypeError(
        'exactly one of subject (with or without key), accessToken, key and all names what to end',
      )
    }
    const openedBefore = readTime(selector.openedBefore)
    if (subject !== undefined) {
      const tag = key === undefined ? undefined : keyTag(key)
      const isMeant = (one: SessionIdentity) =>
        one.subject === subject && (tag === undefined || tagsOf(one).key === tag)
      const found = await this.#survey(isMeant, openedBefore, subject)
      await this.#registry.end('subject', [subjectEnding(subject, tag)], found.beforeMs)
      return found.count
    }
    if (accessToken !== undefined) {
      const identified = this.#identify(accessToken)
      if (identified.length === 0) throw new TypeError('accessToken: no rule takes it')
      const tags = identified.map(({ tag }) => tag)
      const found = await this.#survey((one) => tags.includes(tagsOf(one).access), undefined)
      const aliveUntilMs = Math.max(...identified.map(({ endsAtMs }) => endsAtMs))
      await this.#registry.end('access', tags, found.beforeMs, aliveUntilMs)
      return found.count
    }
    if (key !== undefined) {
      // Timed tokens have tags of their own, by which they can be revoked without the rest.
      const tags = [keyTag(key), keyTag(timedKeyName(key))]
      const found = await this.#survey((one) => tags.includes(tagsOf(one).key), openedBefore)
      await this.#registry.end('key', tags, found.beforeMs)
      return found.count
    }
    const found = await this.#survey(() => true, openedBefore)
    await this.#registry.end('all', ['*'], found.beforeMs)
    return found.count
  }

  /**
   * What an ending will end: how many sessions, and which time is meant by "up to now": a session may have been opened by a machine whose
   * clock is ahead of ours. What cannot be surveyed is ended all the same.
   *
   * @param openedBefore given by the caller; never later than now
   */
  async #survey(
    isMeant: (session: SessionIdentity) => boolean,
    openedBefore: number | undefined,
    subject?: string,
  ): Promise<{ readonly beforeMs: number; readonly count: EndedCount }> {
    const nowMs = this.#now()
    let beforeMs = Math.min(openedBefore ?? nowMs + 1, nowMs + 1)
    let ended = 0
    let lookedAt = 0
    let after: string | undefined
    try {
      await this.#registry.tracker.flush()
      do {
        const page = await this.#registry.store.listSessions({
          limit: 1000,
          ...(subject !== undefined && { subject }),
          ...(after !== undefined && { after }),
        })
        for (const record of page.sessions) {
          const { openedAtMs } = record
          if (!isMeant(record)) continue
          if (openedBefore === undefined) beforeMs = Math.max(beforeMs, openedAtMs + 1)
          const isRunning = this.#registry.endings.endedBy(record) === null
          if (isRunning && openedAtMs < beforeMs) ended++
        }
        lookedAt += page.sessions.length
        after = page.next ?? undefined
      } while (after !== undefined && lookedAt < mostLookedAt)
      return { beforeMs, count: { ended, more: after !== undefined } }
    } catch {
      return { beforeMs, count: { ended, more: true } }
    }
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
      parent: record.parent ?? null,
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
  // A time in seconds would be a day of 1970, and end nothing without a word.
  if (typeof time === 'number' && time < earliestMs) {
    throw new TypeError('openedBefore: milliseconds since 1970 or ISO 8601, not seconds')
  }
  if (!(milliseconds >= 0 && milliseconds < 2 ** 48)) throw new TypeError('openedBefore: no time')
  return milliseconds
}
