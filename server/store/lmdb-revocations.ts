import type { LmdbFacts } from './lmdb-facts.ts'
import { readFact } from './lmdb-facts.ts'
import type { LmdbFile } from './lmdb-file.ts'
import { endedKeys, endKey, nothing, numberBuffer, readEndKey, readNumber } from './lmdb-keys.ts'
import { revocationKey, revocationsAtOnce, widerRevocation } from './revocation-log.ts'
import type { Revocation, RevocationKind, RevocationNews } from './session-store.ts'
import { StoreUnavailable } from './store.ts'

/** Entries forgotten at most for each one that is added: their number shrinks faster than it grows. */
const sweptPerEntry = 8

type Row = [kind: RevocationKind, value: string, beforeMs: number, untilMs: number]

function writeEntry({ kind, value, beforeMs, untilMs }: Revocation): Buffer {
  const row: Row = [kind, value, beforeMs, untilMs]
  return Buffer.from(JSON.stringify(row))
}

function readEntry(bytes: Buffer): Revocation {
  const [kind, value, beforeMs, untilMs]: Row = JSON.parse(bytes.toString())
  return { kind, value, beforeMs, untilMs }
}

function entryKey(entry: Revocation): Buffer {
  return Buffer.from(revocationKey(entry), 'latin1')
}

/** The number in a cursor of this directory; 0, from where everything is told, for any other. */
function numberIn(cursor: string | null, { epoch }: LmdbFile, revision: number): number {
  const [told, digits] = cursor?.split('.') ?? []
  const number = Number(digits)
  const isKnown = told === epoch && Number.isInteger(number) && number >= 0 && number <= revision
  return isKnown ? number : 0
}

/** See `SessionStore.revocationsSince`. With nothing new it costs one look at one number. */
export function revocationsSince(
  file: LmdbFile,
  cursor: string | null,
  nowMs: number,
): RevocationNews {
  const revision = readFact(file.facts, 'revision')
  const from = numberIn(cursor, file, revision)
  const told = (number: number): string => `${file.epoch}.${number}`
  if (from === revision) return { entries: [], cursor: told(from), more: false }
  const start = numberBuffer(from)
  const rows = [
    ...file.revocations.getRange({ start, exclusiveStart: true, limit: revocationsAtOnce }),
  ]
  const last = rows.length < revocationsAtOnce ? revision : readNumber(rows.at(-1)?.key)
  const entries = rows.map(({ value }) => readEntry(value))
  return {
    entries: entries.filter(({ untilMs }) => untilMs > nowMs),
    cursor: told(last),
    more: last < revision,
  }
}

/** What was revoked, as one write transaction sees it. Only to be used inside of it. */
export class LmdbRevocations {
  readonly #file: LmdbFile
  readonly #facts: LmdbFacts
  readonly #most: number

  /** @param most entries held at most */
  constructor(file: LmdbFile, facts: LmdbFacts, most: number) {
    this.#file = file
    this.#facts = facts
    this.#most = most
  }

  /** @throws {StoreUnavailable} and keeps nothing of it */
  add(told: Revocation, nowMs: number): void {
    const { revocations, revocationKeys, revocationEnds } = this.#file
    const key = entryKey(told)
    const number = revocationKeys.get(key)
    const found = number === undefined ? undefined : this.#read(number)
    const known = found !== undefined && found.untilMs > nowMs ? found : undefined
    const entry = widerRevocation(known, told)
    // Told before, as when a caller tries again: everybody has it, or has yet to ask for it.
    if (entry.beforeMs === known?.beforeMs && entry.untilMs === known.untilMs) return
    if (number !== undefined) this.#forget(number)
    else this.#makeRoom(nowMs)
    const revision = this.#facts.get('revision') + 1
    const place = numberBuffer(revision)
    revocations.putSync(place, writeEntry(entry))
    revocationKeys.putSync(key, place)
    revocationEnds.putSync(endKey(entry.untilMs, place), nothing)
    this.#facts.set('revision', revision)
    this.#facts.add('revocations', 1)
  }

  #read(number: Buffer): Revocation | undefined {
    const bytes = this.#file.revocations.get(number)
    return bytes === undefined ? undefined : readEntry(bytes)
  }

  #makeRoom(nowMs: number): void {
    for (const ended of endedKeys(this.#file.revocationEnds, nowMs, sweptPerEntry)) {
      this.#forget(readEndKey(ended).key)
    }
    const count = this.#facts.get('revocations')
    if (count >= this.#most) throw new StoreUnavailable(`full: ${count} revocations are kept`)
  }

  #forget(number: Buffer): void {
    const entry = this.#read(number)
    if (entry === undefined) return
    this.#file.revocations.removeSync(number)
    this.#file.revocationKeys.removeSync(entryKey(entry))
    this.#file.revocationEnds.removeSync(endKey(entry.untilMs, number))
    this.#facts.add('revocations', -1)
  }
}
