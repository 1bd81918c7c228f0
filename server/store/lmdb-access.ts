import { LmdbFacts } from './lmdb-facts.ts'
import { type LmdbFile, openLmdbFile } from './lmdb-file.ts'
import { LmdbPlaces } from './lmdb-places.ts'
import { LmdbQueue } from './lmdb-queue.ts'
import { LmdbRecords } from './lmdb-records.ts'
import { LmdbRevocations } from './lmdb-revocations.ts'
import { LmdbSessions } from './lmdb-sessions.ts'
import { LmdbTokens } from './lmdb-tokens.ts'
import { StoreUnavailable } from './store.ts'
import { withinDeadline } from './within-deadline.ts'

export interface LmdbStoreOptions {
  readonly directory: string
  /** The clock, in milliseconds since 1970; the same for all processes that share the directory. */
  readonly now: () => number
  /**
   * Live markers held at most, each some 400 bytes of disk; beyond them every new id is refused. So for sessions, each
   * some 500 bytes, for tokens, each some 1000, and for revocations and places, each some 250.
   */
  readonly maxMarkers: number
  /** How long a call may take. */
  readonly timeoutMs: number
}

/**
 * Address space for one marker, one session, one revocation, one place and one token; the map must never be the limit, since
 * the binding would move it. Trees are half empty at worst. A marker, a revocation and a place take less than 1 KiB in
 * all their tables, hence 2 KiB each. The texts of a session have 1536 characters and a few more, which JSON makes 9 KiB
 * of at worst: 12 KiB on pages of their own, as much again for what is free between them, and 1 KiB for its other tables. Those
 * of a token have 637, so 8 KiB likewise, and there are 1 KiB of its places.
 */
const mapBytesEach = 3 * 2048 + 2 * 12_288 + 2048 + 2 * 8192 + 2048
const leastMapBytes = 64 * 2 ** 20

/** What one write transaction works with. */
export interface LmdbView {
  readonly facts: LmdbFacts
  readonly records: LmdbRecords
  readonly sessions: LmdbSessions
  readonly places: LmdbPlaces
  readonly revocations: LmdbRevocations
  readonly tokens: LmdbTokens
  readonly nowMs: number
}

/**
 * The ways to the records of a directory, none of which outlives it: to touch the file when it is not mapped any more would end
 * the process.
 *
 * @throws {OptionError} from the constructor, see `openLmdbFile`
 */
export class LmdbAccess {
  readonly #file: LmdbFile
  readonly #options: LmdbStoreOptions
  readonly #queue: LmdbQueue<LmdbView>
  #closing: Promise<void> | null = null

  constructor(options: LmdbStoreOptions) {
    this.#options = options
    const { directory, maxMarkers, timeoutMs } = options
    this.#file = openLmdbFile(directory, Math.max(leastMapBytes, maxMarkers * mapBytesEach))
    this.#queue = new LmdbQueue({
      root: this.#file.root,
      begin: () => this.#begin(),
      finish: ({ facts }) => facts.finish(),
      timeoutMs,
    })
  }

  /**
   * Does one step for each item, see `LmdbQueue.do`.
   *
   * @throws {StoreUnavailable}
   */
  async write<Item, Outcome>(
    items: readonly Item[],
    step: (view: LmdbView, item: Item) => Outcome,
  ): Promise<Outcome[]> {
    this.#refuseWhenClosing()
    return this.#queue.do(items, step)
  }

  /**
   * The file stays mapped while an action runs: nothing that it does may wait.
   *
   * @throws {StoreUnavailable}
   */
  read<Result>(action: (file: LmdbFile, nowMs: number) => Result): Result {
    this.#refuseWhenClosing()
    try {
      // The binding reads what was there when this turn of the event loop read first; others have written since.
      this.#file.root.resetReadTxn()
      return action(this.#file, this.#options.now())
    } catch (error) {
      throw new StoreUnavailable('the file cannot be read', error)
    }
  }

  /**
   * Runs what takes longer, and gives others a turn where it yields.
   *
   * @throws {StoreUnavailable}
   */
  async scan<Result>(
    begin: (file: LmdbFile, nowMs: number) => Generator<void, Result, void>,
  ): Promise<Result> {
    const { timeoutMs, now } = this.#options
    const scan = begin(this.#file, now())
    const startedMs = performance.now()
    for (;;) {
      const step = this.read(() => scan.next())
      if (step.done === true) return step.value
      if (performance.now() - startedMs > timeoutMs) {
        throw new StoreUnavailable(`no answer within ${timeoutMs} ms`)
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Finishes what is under way; what is asked after that is refused. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await withinDeadline(this.#queue.idle(), this.#options.timeoutMs)
    } catch {
      // Another process holds the lock. To unmap the file under a waiting thread would end this process.
      return
    }
    await this.#file.root.close()
  }

  #begin(): LmdbView {
    const { maxMarkers, now } = this.#options
    const facts = new LmdbFacts(this.#file.facts)
    return {
      facts,
      records: new LmdbRecords(this.#file, facts, maxMarkers),
      sessions: new LmdbSessions(this.#file, facts, maxMarkers),
      places: new LmdbPlaces(this.#file, facts, maxMarkers),
      revocations: new LmdbRevocations(this.#file, facts, maxMarkers),
      tokens: new LmdbTokens(this.#file, facts, maxMarkers),
      nowMs: now(),
    }
  }

  #refuseWhenClosing(): void {
    if (this.#closing !== null) throw new StoreUnavailable('closed')
  }
}
