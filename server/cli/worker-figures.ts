import { AggregatorRegistry, type Registry } from 'prom-client'
import type { Figures, ToWorker } from './worker-messages.ts'

/** A worker that can be asked. */
export interface Counting {
  send(message: ToWorker): void
}

interface Collection {
  readonly waiting: Set<Counting>
  readonly finish: () => void
}

/**
 * Adds up the figures of all workers, in the primary process. Counters never go back: what a worker that ended
 * had counted stays in the sum, since Prometheus would take a lower one for a restart and count all the rest anew.
 */
export class WorkerFigures {
  readonly #timeoutMs: number
  readonly #known = new Map<Counting, Figures>()
  readonly #collections = new Map<number, Collection>()
  #gone: Promise<Figures> = Promise.resolve([])
  #requests = 0
  #collecting: Promise<string> | null = null

  /** @param timeoutMs for a worker to answer; of one that does not, what it said last is taken */
  constructor({ timeoutMs = 700 } = {}) {
    this.#timeoutMs = timeoutMs
  }

  /** In Prometheus' text format. Whoever asks while an answer is being made gets the same. */
  collect(workers: Iterable<Counting>): Promise<string> {
    this.#collecting ??= this.#collect(new Set(workers)).finally(() => {
      this.#collecting = null
    })
    return this.#collecting
  }

  /** @param request `null`: unasked */
  take(worker: Counting, request: number | null, figures: Figures): void {
    this.#known.set(worker, figures)
    if (request !== null) this.#answered(request, worker)
  }

  /** The worker has ended. */
  retire(worker: Counting): void {
    const figures = (this.#known.get(worker) ?? []).filter(isCounted)
    this.#known.delete(worker)
    this.#gone = this.#gone.then((gone) =>
      sum([gone, figures])
        .getMetricsAsJSON()
        .catch(() => gone),
    )
    for (const request of this.#collections.keys()) this.#answered(request, worker)
  }

  async #collect(workers: Set<Counting>): Promise<string> {
    this.#requests += 1
    const request = this.#requests
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#timeoutMs)
      const finish = (): void => {
        clearTimeout(timer)
        resolve()
      }
      this.#collections.set(request, { waiting: workers, finish })
      for (const worker of workers) worker.send({ playgate: 'figures', request })
      if (workers.size === 0) finish()
    })
    this.#collections.delete(request)
    const known = [...this.#known.values()]
    return sum([...known, await this.#gone]).metrics()
  }

  #answered(request: number, worker: Counting): void {
    const collection = this.#collections.get(request)
    collection?.waiting.delete(worker)
    if (collection?.waiting.size === 0) collection.finish()
  }
}

function sum(all: readonly Figures[]): Registry {
  return AggregatorRegistry.aggregate([...all])
}

/** A gauge says how things are now: of a process that is gone, nothing. */
function isCounted({ type }: Figures[number]): boolean {
  // The declared type is a number, which it is not.
  return String(type) !== 'gauge'
}
