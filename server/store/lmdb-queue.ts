import type { LmdbFile } from './lmdb-file.ts'
import { StoreUnavailable } from './store.ts'
import { beginUnfinished } from './unfinished-at-exit.ts'
import { withinDeadline } from './within-deadline.ts'

/** Calls held while the disk is busy. */
const maxWaiting = 10_000
/** Calls of one transaction. */
const maxBatch = 250
/**
 * How long one transaction goes on working, in milliseconds. The writer's lock is held that long, and spends and claims
 * of all processes wait for it; what is left of a long call comes in the next one.
 */
const workMs = 5

export interface LmdbQueueOptions<View> {
  readonly root: LmdbFile['root']
  /** Makes what a transaction works with; called inside of it, first. */
  readonly begin: () => View
  /** Called inside of the transaction, last. */
  readonly finish: (view: View) => void
  /** How long a call may take. */
  readonly timeoutMs: number
  /** What tells how long a transaction has worked, in milliseconds. @default performance.now */
  readonly watch?: () => number
}

/** A call: one or many steps, each of which happens wholly inside one transaction. */
class Job<View> {
  readonly ended: Promise<void>
  /** Its caller was refused for lateness: must not be done any more if that can be helped. */
  isAbandoned = false
  readonly #step: (view: View, index: number) => void
  readonly #steps: number
  #done = 0
  #refusal: unknown
  #resolve: () => void = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor(steps: number, step: (view: View, index: number) => void) {
    this.#steps = steps
    this.#step = step
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  get isDone(): boolean {
    return this.#done === this.#steps
  }

  /** A step that is refused has changed nothing, and those after it go on. */
  proceed(view: View): void {
    try {
      this.#step(view, this.#done++)
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
      this.#refusal ??= error
    }
  }

  settle(): void {
    if (this.#refusal === undefined) this.#resolve()
    else this.#reject(this.#refusal)
  }

  fail(error: unknown): void {
    this.#reject(error)
  }
}

/**
 * Everything that is written goes through here. One transaction at a time; while it is being flushed to disk, further
 * calls gather for the next, so that many share the cost of one flush. Long calls are done in parts, in turn
 * with the others.
 *
 * All that is done is on disk when its caller hears of it, even where that is more than was promised: the binding leaves
 * out the flush of all transactions or of none, unless the event loop is to stand still until another process gives
 * the lock away.
 */
export class LmdbQueue<View> {
  readonly #options: LmdbQueueOptions<View>
  readonly #waiting = new Set<Job<View>>()
  #writing: Promise<void> | null = null

  constructor(options: LmdbQueueOptions<View>) {
    this.#options = options
  }

  /**
   * Does one step for each item, in their order, perhaps over several transactions.
   *
   * @param step must change nothing when it throws `StoreUnavailable`, and throw nothing else
   * @throws {StoreUnavailable} some of it was refused, or could not be written, or took too long
   */
  async do<Item, Outcome>(
    items: readonly Item[],
    step: (view: View, item: Item) => Outcome,
  ): Promise<Outcome[]> {
    const outcomes: Outcome[] = []
    if (items.length === 0) return outcomes
    if (this.#waiting.size >= maxWaiting) throw new StoreUnavailable('too many calls wait')
    const job = new Job<View>(items.length, (view, index) => {
      outcomes.push(step(view, items[index] as Item))
    })
    this.#waiting.add(job)
    this.#writing ??= this.#writeAll()
    try {
      await withinDeadline(job.ended, this.#options.timeoutMs)
    } finally {
      job.isAbandoned = true
      this.#waiting.delete(job)
    }
    return outcomes
  }

  /** Resolves when nothing is under way; when another process holds the lock, that may be never. */
  async idle(): Promise<void> {
    while (this.#writing !== null) await this.#writing
  }

  async #writeAll(): Promise<void> {
    // Calls of the same turn of the event loop share the first transaction already.
    await new Promise((resolve) => setImmediate(resolve))
    const finished = beginUnfinished()
    while (this.#waiting.size > 0) await this.#write()
    finished()
    this.#writing = null
  }

  async #write(): Promise<void> {
    const batch: Job<View>[] = []
    for (const job of this.#waiting) if (batch.push(job) === maxBatch) break
    try {
      await this.#transaction(() => this.#work(batch))
    } catch (error) {
      for (const job of batch) this.#end(job, () => job.fail(error))
      return
    }
    for (const job of batch) if (job.isDone) this.#end(job, () => job.settle())
  }

  #end(job: Job<View>, how: () => void): void {
    this.#waiting.delete(job)
    how()
  }

  #work(batch: readonly Job<View>[]): void {
    const { begin, finish, watch = () => performance.now() } = this.#options
    const view = begin()
    const startedMs = watch()
    for (const job of inTurn(batch)) {
      job.proceed(view)
      if (watch() - startedMs > workMs) break
    }
    finish(view)
  }

  /** All of it is on disk when this resolves, or nothing of it happened. */
  async #transaction(action: () => void): Promise<void> {
    try {
      await this.#options.root.childTransaction(action)
    } catch (error) {
      throw new StoreUnavailable('the transaction failed', await causeOf(error))
    }
  }
}

/** The jobs, each as often as it has steps left: once round, and again. */
function* inTurn<View>(jobs: readonly Job<View>[]): Generator<Job<View>> {
  for (let open = jobs; open.length > 0; ) {
    open = open.filter((job) => !job.isDone && !job.isAbandoned)
    yield* open
  }
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
