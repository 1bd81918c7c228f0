import { ExpiryQueue } from './expiry-queue.ts'
import { type Attempt, answerFor, type Marker, refuseForgotten } from './marker.ts'
import { type Spent, StoreUnavailable } from './store.ts'

/** Markers forgotten at most for each one that is added. */
const sweptPerSpend = 8

/** Markers of spent ids in the memory of one process. */
export class MarkerBook {
  readonly #markers = new Map<string, Marker>()
  readonly #ends = new ExpiryQueue()
  readonly #most: number
  #sweptUntilMs = 0

  /** @param most markers held at most */
  constructor(most: number) {
    this.#most = most
  }

  /** How many markers are held, among them such as have ended and were not swept yet. */
  get size(): number {
    return this.#markers.size
  }

  /** @throws {StoreUnavailable} and marks nothing */
  spend({ id, binding, keepMs, graceMs }: Attempt, nowMs: number): Spent {
    const marker = this.#markers.get(id)
    if (marker !== undefined && marker.endsAtMs > nowMs) {
      return answerFor(marker, { binding, graceMs }, nowMs)
    }
    const endsAtMs = nowMs + keepMs
    refuseForgotten(endsAtMs, this.#sweptUntilMs)
    this.#sweep(nowMs)
    if (this.#markers.size >= this.#most && !this.#markers.has(id)) {
      throw new StoreUnavailable(`full: ${this.#markers.size} markers are alive`)
    }
    this.#markers.set(id, { endsAtMs, spentAtMs: nowMs, graceMs, binding })
    this.#ends.push({ endsAtMs, id })
    return 'first'
  }

  isSpent({ id, binding, graceMs }: Omit<Attempt, 'keepMs'>, nowMs: number): boolean {
    const marker = this.#markers.get(id)
    if (marker === undefined || marker.endsAtMs <= nowMs) return false
    return answerFor(marker, { binding, graceMs }, nowMs) === 'spent'
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
