import type { LmdbFile } from './lmdb-file.ts'
import { answerFor, type Marker, refuseForgotten } from './marker.ts'
import { type Spent, StoreUnavailable } from './store.ts'

/** One id to be spent. */
export interface Attempt {
  readonly id: string
  readonly binding: string
  readonly keepMs: number
  readonly graceMs: number
}

/** Markers forgotten at most for each one that is added: their number shrinks faster than it grows. */
const sweptPerSpend = 8

const countKey = Buffer.from('count')
const sweptKey = Buffer.from('swept')

/** Times are whole milliseconds below 2^48: the year 10889. Big-endian, so that keys sort by time. */
const timeBytes = 6

function timeBuffer(milliseconds: number): Buffer {
  const bytes = Buffer.alloc(timeBytes)
  bytes.writeUIntBE(milliseconds, 0, timeBytes)
  return bytes
}

function readTime(bytes: Buffer | undefined, place = 0): number {
  return bytes === undefined ? 0 : bytes.readUIntBE(place * timeBytes, timeBytes)
}

function writeMarker({ endsAtMs, spentAtMs, graceMs, binding }: Marker): Buffer {
  const times = [endsAtMs, spentAtMs, graceMs].map(timeBuffer)
  return Buffer.concat([...times, Buffer.from(binding, 'latin1')])
}

function readMarker(bytes: Buffer): Marker {
  return {
    endsAtMs: readTime(bytes),
    spentAtMs: readTime(bytes, 1),
    graceMs: readTime(bytes, 2),
    binding: bytes.toString('latin1', 3 * timeBytes),
  }
}

function endKey(endsAtMs: number, id: Buffer): Buffer {
  return Buffer.concat([timeBuffer(endsAtMs), id])
}

/**
 * The records as one write transaction sees them. Only to be used inside of it: LMDB lets one transaction write
 * at a time, over all processes, and that is what makes spending atomic.
 */
export class LmdbRecords {
  readonly #file: LmdbFile
  readonly #maxMarkers: number
  #count: number
  #sweptUntilMs: number
  #isChanged = false

  constructor(file: LmdbFile, maxMarkers: number) {
    this.#file = file
    this.#maxMarkers = maxMarkers
    this.#count = readTime(file.facts.get(countKey))
    this.#sweptUntilMs = readTime(file.facts.get(sweptKey))
  }

  /** The outcome of one attempt; a refusal is returned, so that those of the same transaction go on. */
  spend(attempt: Attempt, nowMs: number): Spent | StoreUnavailable {
    try {
      return this.#spend(attempt, nowMs)
    } catch (error) {
      if (error instanceof StoreUnavailable) return error
      throw error
    }
  }

  /** Writes down what has to be known to the next transaction. */
  finish(): void {
    // A transaction that writes nothing costs no flush.
    if (!this.#isChanged) return
    this.#file.facts.putSync(countKey, timeBuffer(this.#count))
    this.#file.facts.putSync(sweptKey, timeBuffer(this.#sweptUntilMs))
  }

  #spend({ id, binding, keepMs, graceMs }: Attempt, nowMs: number): Spent {
    const { markers, ends } = this.#file
    const key = Buffer.from(id, 'latin1')
    const found = markers.get(key)
    if (found !== undefined) {
      const marker = readMarker(found)
      if (marker.endsAtMs > nowMs) return answerFor(marker, { binding, graceMs }, nowMs)
    }
    const endsAtMs = nowMs + keepMs
    refuseForgotten(endsAtMs, this.#sweptUntilMs)
    if (found !== undefined) this.#forget(key, readTime(found))
    this.#sweep(nowMs)
    if (this.#count >= this.#maxMarkers) {
      throw new StoreUnavailable(`full: ${this.#count} markers are alive`)
    }
    this.#isChanged = true
    markers.putSync(key, writeMarker({ endsAtMs, spentAtMs: nowMs, graceMs, binding }))
    ends.putSync(endKey(endsAtMs, key), Buffer.from([1]))
    this.#count++
    return 'first'
  }

  #sweep(nowMs: number): void {
    const ended = [...this.#file.ends.getKeys({ end: timeBuffer(nowMs + 1), limit: sweptPerSpend })]
    for (const key of ended) this.#forget(key.subarray(timeBytes), readTime(key))
  }

  #forget(id: Buffer, endsAtMs: number): void {
    this.#isChanged = true
    this.#file.markers.removeSync(id)
    this.#file.ends.removeSync(endKey(endsAtMs, id))
    this.#sweptUntilMs = Math.max(this.#sweptUntilMs, endsAtMs)
    this.#count--
  }
}
