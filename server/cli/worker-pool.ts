import type { Log } from '../http/log.ts'
import type { ExitStatus } from './output.ts'
import type { ToWorker } from './worker-messages.ts'
import { type WorkerOptions, WorkerProcess } from './worker-process.ts'

export interface PoolOptions extends WorkerOptions {
  readonly size: number
  readonly log: Log
}

/** What became of the first start. */
export type Started =
  | { readonly kind: 'listens'; readonly url: string }
  | { readonly kind: 'failed'; readonly status: ExitStatus; readonly reason: string }

const firstBackOffMs = 1_000
const longestBackOffMs = 30_000
/** Above what a worker itself gives to what is under way, when it drains and when it stops. */
const longestDrainMs = 90_000
const longestStopMs = 15_000

/** A place that is to be filled at all times. */
interface Slot {
  worker: WorkerProcess | null
  /** Comes up to take the worker's place. */
  successor: WorkerProcess | null
  /** Workers in a row that ended early. */
  failures: number
  retry: NodeJS.Timeout | undefined
}

/** Keeps so many workers running. */
export class WorkerPool {
  readonly #options: PoolOptions
  readonly #log: Log
  readonly #slots: readonly Slot[]
  readonly #alive = new Set<WorkerProcess>()
  #phase: 'starting' | 'running' | 'stopping' = 'starting'
  #rolling: Promise<void> | null = null
  #isRollWanted = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#log = options.log
    this.#slots = Array.from({ length: options.size }, () => ({
      worker: null,
      successor: null,
      failures: 0,
      retry: undefined,
    }))
  }

  /** Those that serve, and those that finish what is under way. */
  get listening(): WorkerProcess[] {
    return [...this.#alive].filter(({ isListening }) => isListening)
  }

  /** To all there are, those that have not come up yet among them. */
  tell(message: ToWorker): void {
    for (const worker of this.#alive) worker.send(message)
  }

  /** Resolves when the first worker listens; when none of them could, the pool has stopped. */
  async start(): Promise<Started> {
    const workers = this.#slots.map((slot) => {
      slot.worker = this.#launch(slot)
      return slot.worker
    })
    const url = await firstOf(workers.map(({ comesUp }) => comesUp))
    if (url === null) {
      await this.stop()
      const failure = workers.find((worker) => worker.failure !== null)?.failure
      const { status = 1, reason = `no worker came up (${workers[0]?.end?.how})` } = failure ?? {}
      return { kind: 'failed', status, reason }
    }
    if (this.#phase === 'starting') this.#phase = 'running'
    for (const [index, slot] of this.#slots.entries()) {
      const first = workers[index]
      if (slot.worker === null && first !== undefined) this.#replace(slot, first)
    }
    return { kind: 'listens', url }
  }

  /**
   * Replaces one worker after the other; those not replaced yet stay when a new one does not come up. Asked again
   * while it is at it, it does so once more.
   */
  async roll(): Promise<void> {
    if (this.#phase !== 'running') return
    this.#isRollWanted = true
    this.#rolling ??= this.#rollWhileWanted().finally(() => {
      this.#rolling = null
    })
    await this.#rolling
  }

  /** Resolves when the last worker has ended. */
  async stop(): Promise<void> {
    this.#phase = 'stopping'
    for (const { retry } of this.#slots) clearTimeout(retry)
    const stop = { playgate: 'stop' } as const
    await Promise.all([...this.#alive].map((worker) => worker.dismiss(stop, longestStopMs)))
  }

  /** Ends all at once, whatever is under way. */
  kill(): void {
    for (const worker of this.#alive) void worker.kill()
  }

  #launch(slot: Slot): WorkerProcess {
    const { onExit, ...options } = this.#options
    const worker = new WorkerProcess({
      ...options,
      onExit: (ended) => {
        onExit(ended)
        this.#onExit(slot, ended)
      },
    })
    this.#alive.add(worker)
    void worker.comesUp.then((url) => {
      if (url !== null) {
        this.#log.info({ event: 'worker', worker: worker.pid, url }, 'a worker listens')
      }
    })
    return worker
  }

  #onExit(slot: Slot, worker: WorkerProcess): void {
    this.#alive.delete(worker)
    if (slot.worker !== worker) return
    slot.worker = null
    if (!worker.isAskedToEnd && slot.successor === null) this.#replace(slot, worker)
  }

  /** At once, or, when one after the other ends early, after a while. */
  #replace(slot: Slot, ended: WorkerProcess): void {
    // None of the first ones is replaced before one of them has shown that it can be done.
    if (this.#phase !== 'running') return
    slot.failures = ended.end?.isEarly ? slot.failures + 1 : 0
    const delayMs =
      slot.failures === 0
        ? 0
        : Math.min(firstBackOffMs * 2 ** (slot.failures - 1), longestBackOffMs)
    const facts = { how: ended.end?.how, reason: ended.failure?.reason, delayMs }
    this.#log.error({ event: 'worker', worker: ended.pid, ...facts }, 'a worker ended unasked')
    slot.retry = setTimeout(() => {
      slot.worker = this.#launch(slot)
    }, delayMs)
  }

  async #rollWhileWanted(): Promise<void> {
    while (this.#isRollWanted) {
      this.#isRollWanted = false
      let hasSucceeded = true
      for (const slot of this.#slots) {
        hasSucceeded &&= await this.#succeed(slot)
        if (this.#phase !== 'running') return
      }
      if (hasSucceeded) this.#log.info({ event: 'restart' }, 'all workers have been replaced')
    }
  }

  /** Lets a new worker take the place of the slot's. */
  async #succeed(slot: Slot): Promise<boolean> {
    clearTimeout(slot.retry)
    const successor = this.#launch(slot)
    slot.successor = successor
    const url = await successor.comesUp
    slot.successor = null
    const old = slot.worker
    if (url === null) {
      if (this.#phase !== 'running') return false
      const facts = { how: successor.end?.how, reason: successor.failure?.reason }
      this.#log.error(
        { event: 'restart', ...facts },
        'the new worker did not come up: kept the old',
      )
      // The old one ended meanwhile, or had ended before.
      if (old === null) this.#replace(slot, successor)
      return false
    }
    slot.worker = successor
    slot.failures = 0
    this.#log.info({ event: 'restart', worker: successor.pid, old: old?.pid }, 'a worker took over')
    await old?.dismiss({ playgate: 'drain' }, longestDrainMs)
    return true
  }
}

/** The first that is not `null`; `null` when all are. */
function firstOf(all: readonly Promise<string | null>[]): Promise<string | null> {
  return new Promise((resolve) => {
    let left = all.length
    for (const one of all) {
      void one.then((value) => {
        left -= 1
        if (value !== null || left === 0) resolve(value)
      })
    }
  })
}
