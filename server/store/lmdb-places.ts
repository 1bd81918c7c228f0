import type { LmdbFacts } from './lmdb-facts.ts'
import type { LmdbFile } from './lmdb-file.ts'
import { endedKeys, endKey, nothing, readEndKey } from './lmdb-keys.ts'
import { claimPlace, keepEndedMs, type Places } from './places.ts'
import type { PlaceClaim, PlaceOutcome } from './session-store.ts'
import { StoreUnavailable } from './store.ts'

/** Subjects looked at for each claim that counts: more than it can add. */
const sweptPerClaim = 2

interface Row {
  readonly places: Places
  /** When all of them are idle, if nothing is heard of them until then. */
  readonly idleAtMs: number
}

type Text = readonly [
  idleAtMs: number,
  ...places: (readonly [id: string, seenAtMs: number, device: string, isEnded: 0 | 1])[],
]

function writeRow({ places, idleAtMs }: Row): Buffer {
  const entries = [...places].map(
    ([id, { seenAtMs, device, isEnded }]) => [id, seenAtMs, device, isEnded ? 1 : 0] as const,
  )
  const text: Text = [idleAtMs, ...entries]
  return Buffer.from(JSON.stringify(text))
}

function readRow(bytes: Buffer): Row {
  const [idleAtMs, ...entries]: Text = JSON.parse(bytes.toString())
  const places: Places = new Map()
  for (const [id, seenAtMs, device, isEnded] of entries) {
    places.set(id, { seenAtMs, device, isEnded: isEnded === 1 })
  }
  return { places, idleAtMs }
}

/** What a row takes of the room for places: one that holds none must not be free. */
function weightOf(row: Row | undefined): number {
  return row === undefined ? 0 : Math.max(1, row.places.size)
}

/**
 * The places of all subjects, as one write transaction sees them. Only to be used inside of it: no two claims of
 * one subject are judged at a time, over all processes.
 *
 * Each subject has one entry in `placeEnds`, which says when to look at it again: to move the entry with
 * each request of a session would double what a claim writes.
 */
export class LmdbPlaces {
  readonly #file: LmdbFile
  readonly #facts: LmdbFacts
  readonly #most: number

  /** @param most places held at most */
  constructor(file: LmdbFile, facts: LmdbFacts, most: number) {
    this.#file = file
    this.#facts = facts
    this.#most = most
  }

  /** @throws {StoreUnavailable} and counts nothing */
  claim(claim: PlaceClaim, nowMs: number): PlaceOutcome {
    const key = Buffer.from(claim.subject, 'latin1')
    const found = this.#read(key)
    const places: Places = new Map(found?.places)
    const outcome = claimPlace(places, claim, nowMs)
    // Otherwise it can only have forgotten some.
    if (outcome.kind !== 'counted' && places.size === found?.places.size) return outcome
    const idleMs = Math.ceil(claim.idleSeconds * 1000)
    const hasEnded = outcome.kind === 'counted' && outcome.ended.length > 0
    const lifeMs = hasEnded ? Math.max(idleMs, keepEndedMs) : idleMs
    const idleAtMs = Math.max(found?.idleAtMs ?? 0, nowMs + lifeMs)
    this.#sweep(nowMs, key)
    this.#write(key, found, { places, idleAtMs })
    if (found === undefined) this.#file.placeEnds.putSync(endKey(idleAtMs, key), nothing)
    return outcome
  }

  leave(subject: string, sessionId: string): void {
    const key = Buffer.from(subject, 'latin1')
    const found = this.#read(key)
    if (found?.places.get(sessionId)?.isEnded !== false) return
    const places: Places = new Map(found.places)
    places.delete(sessionId)
    this.#write(key, found, { ...found, places })
  }

  #read(key: Buffer): Row | undefined {
    const bytes = this.#file.places.get(key)
    return bytes === undefined ? undefined : readRow(bytes)
  }

  #write(key: Buffer, found: Row | undefined, row: Row): void {
    const growth = weightOf(row) - weightOf(found)
    const count = this.#facts.get('places')
    if (growth > 0 && count + growth > this.#most) {
      throw new StoreUnavailable(`full: ${count} places are taken`)
    }
    this.#file.places.putSync(key, writeRow(row))
    if (growth !== 0) this.#facts.add('places', growth)
  }

  /** @param except is about to be written */
  #sweep(nowMs: number, except: Buffer): void {
    for (const due of endedKeys(this.#file.placeEnds, nowMs, sweptPerClaim)) {
      const { key } = readEndKey(due)
      if (key.equals(except)) continue
      const row = this.#read(key)
      this.#file.placeEnds.removeSync(due)
      if (row !== undefined && row.idleAtMs > nowMs) {
        this.#file.placeEnds.putSync(endKey(row.idleAtMs, key), nothing)
      } else {
        this.#file.places.removeSync(key)
        this.#facts.add('places', -weightOf(row))
      }
    }
  }
}
