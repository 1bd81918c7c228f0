import type { Revocation, RevocationKind } from '../store/session-store.ts'
import type { Store } from '../store/store.ts'
import { EndingFeed } from './ending-feed.ts'
import { Endings } from './endings.ts'
import { SessionTracker } from './session-tracker.ts'

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
/**
 * The longest that anything may be left of a session that was ended: a day for its last token, a day in which that one could
 * still be renewed, and an hour for the clocks.
 */
const keepEndingMs = (2 * 24 + 1) * 3_600_000

/**
 * The sessions of one store, as this process has them: which are ended, who is there, and who is counted. It lives as long as the
 * store does, through all reloads of the configuration.
 */
export class SessionRegistry {
  readonly store: Store
  readonly endings = new Endings()
  readonly tracker: SessionTracker
  readonly #feed: EndingFeed
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined
  #loading: Promise<void> | null = null

  constructor({ store, now, onStoreChange, onFailure }: SessionRegistryOptions) {
    this.store = store
    this.#now = now
    this.#feed = new EndingFeed({ store, endings: this.endings, now, onChange: onStoreChange })
    const onEnded = (ids: readonly string[]): Promise<void> => this.end('session', ids)
    this.tracker = new SessionTracker({ store, now, onEnded, onFailure })
  }

  start(): void {
    this.#loading = this.#feed.start().finally(() => {
      this.#loading = null
    })
    this.#timer = setInterval(() => void this.tracker.flush(), flushMs)
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

  /** Asks the store now what was ended, instead of in a quarter of a second. */
  refresh(): Promise<void> {
    return this.#feed.ask()
  }

  /**
   * Ends sessions: here at once, everywhere within a second.
   *
   * @param beforeMs those that were opened before; for single sessions of no account
   * @throws {StoreUnavailable} they may or may not be ended elsewhere: try again
   */
  async end(
    kind: RevocationKind,
    values: readonly string[],
    beforeMs: number = this.#now(),
  ): Promise<void> {
    const untilMs = this.#now() + keepEndingMs
    // A session ends whenever it was opened: its id may come from a machine whose clock is ahead.
    const before = kind === 'session' ? untilMs : beforeMs
    const entries = values.map((value): Revocation => ({ kind, value, beforeMs: before, untilMs }))
    this.endings.apply(entries)
    await this.store.revoke(entries)
  }

  /** Tells the store what it has to know; then nothing is asked any more. Leaves the store open. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#feed.stop()
    await this.tracker.flush()
  }
}
