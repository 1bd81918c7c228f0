import { ExpiryQueue } from './expiry-queue.ts'
import { answerFor, type Marker, refuseForgotten } from './marker.ts'
import {
  readAttempt,
  type SpendOptions,
  type Spent,
  type Store,
  StoreUnavailable,
} from './store.ts'

export interface MemoryStoreOptions {
  /** The clock, in milliseconds since 1970. */
  readonly now: () => number
  /** Live markers held at most, each some 300 bytes; beyond them every new id is refused. */
  readonly maxMarkers: number
}

/** Markers forgotten at most for each one that is added. */
const sweptPerSpend = 8

/**
 * `memory:`, for tests and for a single process. Another process knows nothing of it, and what was spent is
 * forgotten when the process ends (threat T37).
 */
export class MemoryStore implements Store {
  readonly #markers = new Map<string, Marker>()
  readonly #ends = new ExpiryQueue()
  readonly #options: MemoryStoreOptions
  #sweptUntilMs = 0
  #isClosed = false

  constructor(options: MemoryStoreOptions) {
    this.#options = options
  }

  /** How many markers are held, among them such as have ended and were not swept yet. */
  get size(): number {
    return this.#markers.size
  }

  async spend(id: string, options: SpendOptions): Promise<Spent> {
    const { keepMs, graceMs } = readAttempt(id, options)
    this.#refuseWhenClosed()
    const nowMs = this.#options.now()
    const marker = this.#markers.get(id)
    if (marker !== undefined && marker.endsAtMs > nowMs) {
      return answerFor(marker, { binding: options.binding, graceMs }, nowMs)
    }
    const endsAtMs = nowMs + keepMs
    refuseForgotten(endsAtMs, this.#sweptUntilMs)
    this.#sweep(nowMs)
    if (this.#markers.size >= this.#options.maxMarkers && !this.#markers.has(id)) {
      throw new StoreUnavailable(`full: ${this.#markers.size} markers are alive`)
    }
    this.#markers.set(id, { endsAtMs, spentAtMs: nowMs, graceMs, binding: options.binding })
    this.#ends.push({ endsAtMs, id })
    return 'first'
  }

  async check(): Promise<void> {
    this.#refuseWhenClosed()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#markers.clear()
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw new StoreUnavailable('closed')
  }

  #sweep(nowMs: number): void {
    for (let swept = 0; swept < sweptPerSpend; swept++) {
      const ended = this.#ends.shiftEnded(nowMs)
      if (ended === undefined) return
      this.#sweptUntilMs = Math.max(this.#sweptUntilMs, ended.endsAtMs)
      // An id that was spent again after its life has a later marker, and another place in the queue.
      if (this.#markers.get(ended.id)?.endsAtMs === ended.endsAtMs) this.#markers.delete(ended.id)
    }
  }
}
