import type { LmdbFacts } from './lmdb-facts.ts'
import type { LmdbFile } from './lmdb-file.ts'
import {
  endedKeys,
  endKey,
  nothing,
  numberBuffer,
  numberBytes,
  readEndKey,
  readNumber,
} from './lmdb-keys.ts'
import { type Attempt, answerFor, type Marker, refuseForgotten } from './marker.ts'
import { type Spent, StoreUnavailable } from './store.ts'

/** Markers forgotten at most for each one that is added: their number shrinks faster than it grows. */
const sweptPerSpend = 8

function writeMarker({ endsAtMs, spentAtMs, graceMs, binding }: Marker): Buffer {
  const times = [endsAtMs, spentAtMs, graceMs].map(numberBuffer)
  return Buffer.concat([...times, Buffer.from(binding, 'latin1')])
}

function readMarker(bytes: Buffer): Marker {
  return {
    endsAtMs: readNumber(bytes),
    spentAtMs: readNumber(bytes, 1),
    graceMs: readNumber(bytes, 2),
    binding: bytes.toString('latin1', 3 * numberBytes),
  }
}

/** As a reader outside of transactions sees it; see `Store.isSpent`. */
export function isSpent(
  { markers }: LmdbFile,
  { id, binding, graceMs }: Omit<Attempt, 'keepMs'>,
  nowMs: number,
): boolean {
  const found = markers.get(Buffer.from(id, 'latin1'))
  if (found === undefined) return false
  const marker = readMarker(found)
  if (marker.endsAtMs <= nowMs) return false
  return answerFor(marker, { binding, graceMs }, nowMs) === 'spent'
}

/**
 * What was spent, as one write transaction sees it. Only to be used inside of it: LMDB lets one transaction
 * write at a time, over all processes, and that is what makes spending atomic.
 */
export class LmdbRecords {
  readonly #file: LmdbFile
  readonly #facts: LmdbFacts
  readonly #maxMarkers: number

  constructor(file: LmdbFile, facts: LmdbFacts, maxMarkers: number) {
    this.#file = file
    this.#facts = facts
    this.#maxMarkers = maxMarkers
  }

  /** @throws {StoreUnavailable} and marks nothing */
  spend({ id, binding, keepMs, graceMs }: Attempt, nowMs: number): Spent {
    const { markers, ends } = this.#file
    const key = Buffer.from(id, 'latin1')
    const found = markers.get(key)
    if (found !== undefined) {
      const marker = readMarker(found)
      if (marker.endsAtMs > nowMs) return answerFor(marker, { binding, graceMs }, nowMs)
    }
    const endsAtMs = nowMs + keepMs
    refuseForgotten(endsAtMs, this.#facts.get('swept'))
    if (found !== undefined) this.#forget(key, readNumber(found))
    this.#sweep(nowMs)
    const count = this.#facts.get('markers')
    if (count >= this.#maxMarkers) throw new StoreUnavailable(`full: ${count} markers are alive`)
    markers.putSync(key, writeMarker({ endsAtMs, spentAtMs: nowMs, graceMs, binding }))
    ends.putSync(endKey(endsAtMs, key), nothing)
    this.#facts.add('markers', 1)
    return 'first'
  }

  #sweep(nowMs: number): void {
    for (const ended of endedKeys(this.#file.ends, nowMs, sweptPerSpend)) {
      const { key, endsAtMs } = readEndKey(ended)
      this.#forget(key, endsAtMs)
    }
  }

  #forget(id: Buffer, endsAtMs: number): void {
    this.#file.markers.removeSync(id)
    this.#file.ends.removeSync(endKey(endsAtMs, id))
    this.#facts.set('swept', Math.max(this.#facts.get('swept'), endsAtMs))
    this.#facts.add('markers', -1)
  }
}
