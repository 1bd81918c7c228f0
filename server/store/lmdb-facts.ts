import type { LmdbTable } from './lmdb-file.ts'
import { numberBuffer, readNumber } from './lmdb-keys.ts'

/** Numbers that are kept beside the records. */
export type FactName =
  /** Markers of spent tokens. */
  | 'markers'
  /** The latest end of all markers that were forgotten. */
  | 'swept'
  | 'sessions'
  /** Places; a subject without any counts as one. */
  | 'places'
  | 'revocations'
  /** How often anything was revoked: the number of the latest revocation. */
  | 'revision'
  | 'tokens'

/** A fact, as a reader outside of transactions sees it. */
export function readFact(facts: LmdbTable, name: FactName): number {
  return readNumber(facts.get(Buffer.from(name)))
}

/** The facts as one write transaction finds and leaves them. Only to be used inside of it. */
export class LmdbFacts {
  readonly #table: LmdbTable
  readonly #known = new Map<FactName, number>()
  readonly #changed = new Set<FactName>()

  constructor(table: LmdbTable) {
    this.#table = table
  }

  /** Whether the database has what every one has: it tells how it is laid out. */
  get isWhole(): boolean {
    return this.#table.get(Buffer.from('format')) !== undefined
  }

  get(name: FactName): number {
    const known = this.#known.get(name) ?? readFact(this.#table, name)
    this.#known.set(name, known)
    return known
  }

  set(name: FactName, number: number): void {
    this.#known.set(name, number)
    this.#changed.add(name)
  }

  add(name: FactName, difference: number): void {
    this.set(name, this.get(name) + difference)
  }

  /** Writes down what has changed. A transaction that writes nothing costs no flush. */
  finish(): void {
    for (const name of this.#changed) {
      this.#table.putSync(Buffer.from(name), numberBuffer(this.get(name)))
    }
  }
}
