import type { LmdbFacts } from './lmdb-facts.ts'
import type { LmdbFile } from './lmdb-file.ts'
import { endedKeys, endKey, nothing, readEndKey } from './lmdb-keys.ts'
import { claimPlace, idleAtMs, type Places } from './places.ts'
import type { PlaceClaim, PlaceOutcome } from './session-store.ts'
import { StoreUnavailable } from './store.ts'

/** Subjects looked at for each claim that counts: more than it can add. */
const sweptPerClaim = 2

type Entry = readonly [id: string, seenAtMs: number, idleMs: number, device: string, isEnded: 0 | 1]

function writeRow(places: Places): Buffer {
  const entries = [...places].map(([id, { seenAtMs, idleMs, device, isEnded }]): Entry => {
    return [id, seenAtMs, idleMs, device, isEnded ? 1 : 0]
  })
  return Buffer.from(JSON.stringify(entries))
}

function readRow(bytes: Buffer): Places {
  const entries: readonly Entry[] = JSON.parse(bytes.toString())
  const places: Places = new Map()
  for (const [id, seenAtMs, idleMs, device, isEnded] of entries) {
    places.set(id, { seenAtMs, idleMs, device, isEnded: isEnded === 1 })
  }
  return places
}

function placesOf({ places }: Pick<LmdbFile, 'places'>, key: Buffer): Places | undefined {
  const bytes = places.get(key)
  return bytes === undefined ? undefined : readRow(bytes)
}

/** As a reader outside of transactions sees it; see `SessionStore.peekPlace`. */
export function peekPlace(file: LmdbFile, claim: PlaceClaim, nowMs: number): PlaceOutcome {
  const found = placesOf(file, Buffer.from(claim.subject, 'latin1'))
  return claimPlace(new Map(found), claim, nowMs)
}

/** What a row takes of the room for places: one that holds none must not be free. */
function weightOf(places: Places | undefined): number {
  return places === undefined ? 0 : Math.max(1, places.size)
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
    const places: Places = new Map(found)
    const outcome = claimPlace(places, claim, nowMs)
    // Otherwise it can only have forgotten some.
    if (outcome.kind !== 'counted' && places.size === found?.size) return outcome
    this.#sweep(nowMs, key)
    this.#write(key, found, places)
    if (found === undefined) this.#file.placeEnds.putSync(endKey(idleAtMs(places), key), nothing)
    return outcome
  }

  leave(subject: string, sessionId: string): void {
    const key = Buffer.from(subject, 'latin1')
    const found = this.#read(key)
    if (found?.get(sessionId)?.isEnded !== false) return
    const places: Places = new Map(found)
    places.delete(sessionId)
    this.#write(key, found, places)
  }

  #read(key: Buffer): Places | undefined {
    return placesOf(this.#file, key)
  }

  #write(key: Buffer, found: Places | undefined, places: Places): void {
    const growth = weightOf(places) - weightOf(found)
    const count = this.#facts.get('places')
    if (growth > 0 && count + growth > this.#most) {
      throw new StoreUnavailable(`full: ${count} places are taken`)
    }
    this.#file.places.putSync(key, writeRow(places))
    if (growth !== 0) this.#facts.add('places', growth)
  }

  /** @param except is about to be written */
  #sweep(nowMs: number, except: Buffer): void {
    for (const due of endedKeys(this.#file.placeEnds, nowMs, sweptPerClaim)) {
      const { key } = readEndKey(due)
      if (key.equals(except)) continue
      const places = this.#read(key)
      this.#file.placeEnds.removeSync(due)
      const endsAtMs = places === undefined ? 0 : idleAtMs(places)
      if (endsAtMs > nowMs) {
        this.#file.placeEnds.putSync(endKey(endsAtMs, key), nothing)
      } else {
        this.#file.places.removeSync(key)
        this.#facts.add('places', -weightOf(places))
      }
    }
  }
}
