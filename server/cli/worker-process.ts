import type { ExitStatus } from './output.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

/** What the system knows of a worker. */
export interface ForkedProcess {
  readonly pid: number
  /** Lost when the process is gone. */
  send(message: ToWorker): void
  /** At once, whatever is under way. */
  kill(): void
}

export interface ForkedEvents {
  readonly onMessage: (message: FromWorker) => void
  /** Once, and the last event; `how` such as `SIGKILL` or `status 1`. Never before `Fork` has returned. */
  readonly onExit: (how: string) => void
}

export type Fork = (events: ForkedEvents) => ForkedProcess

export interface WorkerOptions {
  readonly fork: Fork
  /** Milliseconds, of a clock that is never set. */
  readonly now: () => number
  /** What is not about its start and its end. */
  readonly onMessage: (worker: WorkerProcess, message: FromWorker) => void
  readonly onExit: (worker: WorkerProcess) => void
}

/** For a worker to listen. */
const startMs = 30_000
/** One that does not live so long after it listens has a fault that the next one will have too. */
const earlyMs = 1_000

/** A worker process, from its start to its end. */
export class WorkerProcess {
  /** Where it listens; `null` when it has ended before. */
  readonly comesUp: Promise<string | null>
  readonly gone: Promise<void>
  /** How it ended, and why if it said so. */
  end: { readonly how: string; readonly isEarly: boolean } | null = null
  failure: { readonly status: ExitStatus; readonly reason: string } | null = null
  readonly #process: ForkedProcess
  readonly #options: WorkerOptions
  #listensSinceMs: number | null = null
  #isAskedToEnd = false
  #comeUp: (url: string | null) => void = () => undefined
  #go: () => void = () => undefined
  readonly #late: NodeJS.Timeout

  constructor(options: WorkerOptions) {
    this.#options = options
    this.comesUp = new Promise((resolve) => {
      this.#comeUp = resolve
    })
    this.gone = new Promise((resolve) => {
      this.#go = resolve
    })
    this.#process = options.fork({
      onMessage: (message) => this.#hear(message),
      onExit: (how) => this.#exit(how),
    })
    this.#late = setTimeout(() => {
      this.failure = { status: 1, reason: `does not listen after ${startMs} ms` }
      this.#process.kill()
    }, startMs)
  }

  get pid(): number {
    return this.#process.pid
  }

  get isListening(): boolean {
    return this.#listensSinceMs !== null && this.end === null
  }

  get isAskedToEnd(): boolean {
    return this.#isAskedToEnd
  }

  send(message: ToWorker): void {
    this.#process.send(message)
  }

  /** Asks it to end, and ends it if it has not by then. One that serves nothing yet is ended at once. */
  async dismiss(message: ToWorker, withinMs: number): Promise<void> {
    if (!this.isListening) return this.kill()
    this.#isAskedToEnd = true
    this.send(message)
    const overdue = setTimeout(() => this.#process.kill(), withinMs)
    await this.gone
    clearTimeout(overdue)
  }

  /** Ends it at once, whatever is under way. */
  async kill(): Promise<void> {
    this.#isAskedToEnd = true
    this.#process.kill()
    await this.gone
  }

  #hear(message: FromWorker): void {
    if (message.playgate === 'listens') {
      this.#listensSinceMs = this.#options.now()
      clearTimeout(this.#late)
      this.#comeUp(message.url)
    } else if (message.playgate === 'failed') this.failure = message
    else this.#options.onMessage(this, message)
  }

  #exit(how: string): void {
    clearTimeout(this.#late)
    const livedMs = this.#listensSinceMs === null ? 0 : this.#options.now() - this.#listensSinceMs
    this.end = { how, isEarly: livedMs < earlyMs }
    this.#options.onExit(this)
    this.#comeUp(null)
    this.#go()
  }
}
