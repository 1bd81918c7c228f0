import type {
  PlaceClaim,
  PlaceOutcome,
  Revocation,
  RevocationKind,
} from '../store/session-store.ts'
import { type Store, StoreUnavailable } from '../store/store.ts'
import { EndingFeed } from './ending-feed.ts'
import { Endings, sessionEnding } from './endings.ts'
import { renewableSeconds } from './renew-session.ts'
import { SessionTracker } from './session-tracker.ts'
import { TokenRegistry } from './token-registry.ts'

export interface SessionRegistryOptions {
  readonly store: Store
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The store was lost, or is back. */
  readonly onStoreChange: (isUp: boolean, error?: unknown) => void
  /** Something could not be told to the store; it is tried again. */
  readonly onFailure: (error: unknown) => void
}

const flushMs = 1_000
/** A store that was not heard for so long is down. */
const mostSilentMs = 2_000
/** By how much the clocks of several machines may differ. */
const clockMarginMs = 3_600_000
/** So long after the end of its last token something is left of a session: it could still be renewed. */
const afterLastTokenMs = renewableSeconds * 1000 + clockMarginMs
/** The longest that anything may be left of a session: a day for its last token, and what comes after. */
const keepEndingMs = 86_400_000 + afterLastTokenMs
/**
 * For so long a session that had to make room hears that it was ended. Afterwards it would have to find a place like any other; to remember
 * it for longer would let one viewer who changes channels fill the store.
 */
const keepDisplacedMs = 600_000
/** Viewers may end sessions of their own until so many endings are known; the rest is for administrators. */
const mostByViewers = 500_000
/** Endings kept for a store that is away. */
const mostUnwritten = 10_000

/**
 * The sessions of one store, as this process has them: which are ended, who is there, and who is counted. It lives as long as the
 * store does, through all reloads of the configuration.
 */
export class SessionRegistry {
  readonly store: Store
  readonly endings = new Endings()
  readonly tracker: SessionTracker
  readonly tokens: TokenRegistry
  readonly #feed: EndingFeed
  readonly #now: () => number
  readonly #unwritten: Revocation[] = []
  #timer: NodeJS.Timeout | undefined
  #loading: Promise<void> | null = null

  constructor({ store, now, onStoreChange, onFailure }: SessionRegistryOptions) {
    this.store = store
    this.#now = now
    this.#feed = new EndingFeed({ store, endings: this.endings, now, onChange: onStoreChange })
    this.tokens = new TokenRegistry(store, now)
    this.tracker = new SessionTracker({
      store,
      now,
      onFailure,
      onEnded: (ids) => this.#revoke('session', ids, 0, this.#now() + keepDisplacedMs),
      freeEnded: async (counting, subject, others) => {
        const over = await this.#overAmong(others, subject)
        for (const id of over) await store.leavePlace(counting.subject, id)
        return over.length > 0
      },
    })
  }

  /**
   * What would `tracker.claim` find? Counts nobody, ends nobody, and gives no place back: those of sessions that somebody has
   * ended count as free.
   *
   * @throws {StoreUnavailable}
   */
  async peekPlace(claim: PlaceClaim, subject: string | null): Promise<PlaceOutcome> {
    const outcome = await this.store.peekPlace(claim)
    if (outcome.kind !== 'full') return outcome
    const over = await this.#overAmong(outcome.others, subject)
    const isFree = outcome.others.length - over.length < claim.max
    return isFree ? { kind: 'counted', ended: [] } : outcome
  }

  start(): void {
    this.#loading = this.#feed.start().finally(() => {
      this.#loading = null
    })
    this.#timer = setInterval(() => {
      void this.#writeUnwritten()
      void this.tracker.flush()
      void this.tokens.flush()
    }, flushMs)
    this.#timer.unref()
  }

  /** While what was ended before our start is being asked for; `null` afterwards, whether it could be had or not. */
  get loading(): Promise<void> | null {
    return this.#loading
  }

  /** Has what was ended been heard at all? */
  get isInformed(): boolean {
    return this.#feed.heardAtMs !== null
  }

  /** Milliseconds since the store was heard; `Infinity`: never. */
  get silentMs(): number {
    const { heardAtMs } = this.#feed
    return heardAtMs === null ? Number.POSITIVE_INFINITY : Math.max(0, this.#now() - heardAtMs)
  }

  /** Does the store answer? */
  get isUp(): boolean {
    return this.silentMs < mostSilentMs
  }

  /** Learns now what was ended up to now, instead of in a quarter of a second. Never rejects. */
  refresh(): Promise<void> {
    return this.#feed.askAfresh()
  }

  /**
   * Ends sessions: here at once, everywhere within a second.
   *
   * @param beforeMs those that were opened before; for single sessions of no account
   * @param aliveUntilMs when the last of it would end by itself, where that is later than any session does
   * @throws {StoreUnavailable} they are ended here, and elsewhere when the store is back, unless this process ends before: try again
   */
  end(
    kind: RevocationKind,
    values: readonly string[],
    beforeMs: number = this.#now(),
    aliveUntilMs = 0,
  ): Promise<void> {
    const untilMs = Math.max(this.#now() + keepEndingMs, aliveUntilMs)
    return this.#revoke(kind, values, beforeMs, untilMs)
  }

  /**
   * Ends a session for a viewer who has the right to.
   *
   * @throws {StoreUnavailable} as `end`, and when viewers have ended very many of late
   */
  async endForViewer(sessionId: string): Promise<void> {
    if (this.endings.size >= mostByViewers) {
      throw new StoreUnavailable('very many sessions were ended of late')
    }
    const record = await this.store.findSession(sessionId)
    const untilMs =
      record === null ? this.#now() + keepEndingMs : record.endsAtMs + afterLastTokenMs
    await this.#revoke('session', [sessionEnding(sessionId)], 0, untilMs)
  }

  /** Those that somebody has ended. */
  async #overAmong(ids: readonly string[], subject: string | null): Promise<readonly string[]> {
    await this.refresh()
    return ids.filter((id) => this.endings.endedBy({ id, subject }) !== null)
  }

  async #revoke(
    kind: RevocationKind,
    values: readonly string[],
    beforeMs: number,
    untilMs: number,
  ): Promise<void> {
    // A session ends whenever it was opened: its id may come from a machine whose clock is ahead.
    const before = kind === 'session' ? untilMs : beforeMs
    const entries = values.map((value): Revocation => ({ kind, value, beforeMs: before, untilMs }))
    this.endings.apply(entries)
    try {
      await this.store.revoke(entries)
    } catch (error) {
      // Here it has ended: everywhere it is to end, as soon as the store is back.
      const room = Math.max(0, mostUnwritten - this.#unwritten.length)
      this.#unwritten.push(...entries.slice(0, room))
      throw error
    }
  }

  async #writeUnwritten(): Promise<void> {
    const entries = this.#unwritten.splice(0)
    if (entries.length === 0) return
    try {
      await this.store.revoke(entries)
    } catch {
      this.#unwritten.unshift(...entries)
    }
  }

  /** Tells the store what it has to know; then nothing is asked any more. Leaves the store open. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#feed.stop()
    await this.#writeUnwritten()
    await this.tokens.flush()
    await this.tracker.flushAll()
  }
}
