import { type LmdbFile, openLmdbFile } from './lmdb-file.ts'
import { type Attempt, LmdbRecords } from './lmdb-records.ts'
import {
  readAttempt,
  type SpendOptions,
  type Spent,
  type Store,
  StoreUnavailable,
} from './store.ts'
import { withinDeadline } from './within-deadline.ts'

export interface LmdbStoreOptions {
  readonly directory: string
  /** The clock, in milliseconds since 1970; the same for all processes that share the directory. */
  readonly now: () => number
  /** Live markers held at most, each some 400 bytes of disk; beyond them every new id is refused. */
  readonly maxMarkers: number
  /** How long a call may take. */
  readonly timeoutMs: number
}

interface Waiting extends Attempt {
  readonly resolve: (spent: Spent) => void
  readonly reject: (error: unknown) => void
  /** Its caller was refused for lateness: must not be spent any more if that can be helped. */
  isAbandoned: boolean
}

/** Attempts held while the disk is busy. */
const maxWaiting = 10_000
/** Attempts of one transaction: the writer's lock is held for some milliseconds at most. */
const maxBatch = 250

/**
 * `lmdb:DIRECTORY`: one machine, several worker processes. An answer is given when its transaction is on disk,
 * so it holds across `kill -9` and loss of power. While one transaction is being written, further attempts
 * gather for the next: many share the cost of one flush.
 *
 * @throws {OptionError} from the constructor, see `openLmdbFile`
 */
export class LmdbStore implements Store {
  readonly #file: LmdbFile
  readonly #options: LmdbStoreOptions
  #waiting: Waiting[] = []
  #writing: Promise<void> | null = null
  #closing: Promise<void> | null = null
  readonly #running = new Set<Promise<unknown>>()

  constructor(options: LmdbStoreOptions) {
    this.#options = options
    // Both trees are half empty at worst; the map must never be the limit, since the binding would move it.
    const mapBytes = Math.max(64 * 2 ** 20, options.maxMarkers * 2048)
    this.#file = openLmdbFile(options.directory, mapBytes)
  }

  async spend(id: string, options: SpendOptions): Promise<Spent> {
    const times = readAttempt(id, options)
    this.#refuseWhenClosing()
    if (this.#waiting.length >= maxWaiting) this.#dropAbandoned()
    const { promise, waiting } = queued({ id, binding: options.binding, ...times })
    this.#waiting.push(waiting)
    this.#writing ??= this.#writeAll()
    try {
      return await withinDeadline(promise, this.#options.timeoutMs)
    } finally {
      waiting.isAbandoned = true
    }
  }

  async check(): Promise<void> {
    this.#refuseWhenClosing()
    // Takes the writer's lock: reading alone would succeed while a stuck process holds it.
    const known = await withinDeadline(
      this.#transaction(() => this.#file.facts.get(Buffer.from('format'))),
      this.#options.timeoutMs,
    )
    if (known === undefined) throw new StoreUnavailable('the database has lost its records')
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const idle = async (): Promise<void> => {
      while (this.#writing !== null) await this.#writing
      await Promise.allSettled(this.#running)
    }
    try {
      await withinDeadline(idle(), this.#options.timeoutMs)
    } catch {
      // Another process holds the lock. To unmap the file under a waiting thread would end this process.
      return
    }
    await this.#file.root.close()
  }

  #dropAbandoned(): void {
    this.#waiting = this.#waiting.filter(({ isAbandoned }) => !isAbandoned)
    if (this.#waiting.length >= maxWaiting) throw new StoreUnavailable('too many attempts wait')
  }

  #refuseWhenClosing(): void {
    if (this.#closing !== null) throw new StoreUnavailable('closed')
  }

  async #writeAll(): Promise<void> {
    // Attempts of the same turn of the event loop share the first transaction already.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0) await this.#write(this.#waiting.splice(0, maxBatch))
    this.#writing = null
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await this.#transaction(() => {
        const records = new LmdbRecords(this.#file, this.#options.maxMarkers)
        const nowMs = this.#options.now()
        const judged = batch
          .filter(({ isAbandoned }) => !isAbandoned)
          .map((waiting) => ({ waiting, outcome: records.spend(waiting, nowMs) }))
        records.finish()
        return judged
      })
      for (const { waiting, outcome } of outcomes) {
        if (outcome instanceof StoreUnavailable) waiting.reject(outcome)
        else waiting.resolve(outcome)
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  /** All of it is on disk when this resolves, or nothing of it happened. */
  async #transaction<Result>(action: () => Result): Promise<Result> {
    const running = this.#file.root.childTransaction(action)
    this.#running.add(running)
    try {
      return await running
    } catch (error) {
      throw new StoreUnavailable('the transaction failed', await causeOf(error))
    } finally {
      this.#running.delete(running)
    }
  }
}

function queued(attempt: Attempt): { promise: Promise<Spent>; waiting: Waiting } {
  let settle: Pick<Waiting, 'resolve' | 'reject'> | undefined
  const promise = new Promise<Spent>((resolve, reject) => {
    settle = { resolve, reject }
  })
  // The executor has run by now.
  const { resolve, reject } = settle as Pick<Waiting, 'resolve' | 'reject'>
  return { promise, waiting: { ...attempt, resolve, reject, isAbandoned: false } }
}

/** The binding hides the system's error in a promise, which must be taken up or it ends the process. */
async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error && 'commitError' in error)) return error
  const cause = Promise.resolve(error.commitError).then(
    () => error,
    (reason: unknown) => reason,
  )
  const soon = new Promise((resolve) => setImmediate(() => resolve(error)))
  return Promise.race([cause, soon])
}
