import type { LmdbFacts } from './lmdb-facts.ts'
import type { LmdbFile } from './lmdb-file.ts'
import { endedKeys, endKey, nothing, readEndKey } from './lmdb-keys.ts'
import { scanPage } from './lmdb-scan.ts'
import { StoreUnavailable } from './store.ts'
import { endOfTime, idAtPlace, placeOf, scopeOf, scopesOf } from './token-rules.ts'
import {
  type TokenKind,
  type TokenPage,
  type TokenQuery,
  type TokenRecord,
  type TokenUse,
  tokenIdForm,
} from './token-store.ts'

/** Tokens forgotten at most for each one that is added: their number shrinks faster than it grows. */
const sweptPerToken = 8

/** Everything but the id, which is the key; without names, since a million of them are kept. */
type Row = [
  kind: TokenKind,
  realm: string,
  name: string | null,
  clientIp: string | null,
  referrer: string | null,
  createdAtMs: number,
  endsAtMs: number | null,
  usedAtMs: number | null,
]

function writeRow(record: TokenRecord): Buffer {
  const { kind, realm, name, clientIp, referrer, createdAtMs, endsAtMs, usedAtMs } = record
  const row: Row = [kind, realm, name, clientIp, referrer, createdAtMs, endsAtMs, usedAtMs]
  return Buffer.from(JSON.stringify(row))
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** Of what is no id, which may come from whoever asks, and is no part of a key, there is none. */
function readRecord({ tokens }: LmdbFile, id: string): TokenRecord | undefined {
  const bytes = tokenIdForm.test(id) ? tokens.get(bytesOf(id)) : undefined
  if (bytes === undefined) return undefined
  const row: Row = JSON.parse(bytes.toString())
  const [kind, realm, name, clientIp, referrer, createdAtMs, endsAtMs, usedAtMs] = row
  return { id, kind, realm, name, clientIp, referrer, createdAtMs, endsAtMs, usedAtMs }
}

function isAlive({ endsAtMs }: TokenRecord, nowMs: number): boolean {
  return endsAtMs === null || endsAtMs > nowMs
}

export function findToken(file: LmdbFile, id: string, nowMs: number): TokenRecord | null {
  const record = readRecord(file, id)
  return record !== undefined && isAlive(record, nowMs) ? record : null
}

/** Looks for a page as `scanPage` does. Each list has a scope's digest in front of its keys, and nothing to pass over. */
export function* scanTokens(
  file: LmdbFile,
  { realm, name, after = endOfTime, limit }: TokenQuery,
  nowMs: number,
): Generator<void, TokenPage, void> {
  const { found, hasMore } = yield* scanPage({
    table: file.tokenPlaces,
    prefix: scopeOf({ realm, name }),
    before: bytesOf(after),
    limit,
    read: (key) => findToken(file, idAtPlace(key.toString('latin1')), nowMs),
  })
  const last = found.at(-1)
  return { tokens: found, next: hasMore && last !== undefined ? placeOf(last) : null }
}

/** Tokens as one write transaction sees them. Only to be used inside of it. */
export class LmdbTokens {
  readonly #file: LmdbFile
  readonly #facts: LmdbFacts
  readonly #most: number

  /** @param most tokens held at most */
  constructor(file: LmdbFile, facts: LmdbFacts, most: number) {
    this.#file = file
    this.#facts = facts
    this.#most = most
  }

  /** @throws {StoreUnavailable} and keeps nothing of it */
  add(record: TokenRecord, nowMs: number): void {
    if (!isAlive(record, nowMs)) return
    const found = readRecord(this.#file, record.id)
    if (found !== undefined && isAlive(found, nowMs)) return
    if (found !== undefined) this.#forget(found)
    this.#makeRoom(nowMs)
    const id = bytesOf(record.id)
    this.#file.tokens.putSync(id, writeRow(record))
    for (const key of this.#placesOf(record)) this.#file.tokenPlaces.putSync(key, nothing)
    if (record.endsAtMs !== null) {
      this.#file.tokenEnds.putSync(endKey(record.endsAtMs, id), nothing)
    }
    this.#facts.add('tokens', 1)
  }

  /** @returns whether it was there */
  remove(id: string, nowMs: number): boolean {
    const found = readRecord(this.#file, id)
    if (found === undefined) return false
    this.#forget(found)
    return isAlive(found, nowMs)
  }

  use({ id, usedAtMs }: TokenUse): void {
    const found = readRecord(this.#file, id)
    if (found === undefined || (found.usedAtMs ?? -1) >= usedAtMs) return
    this.#file.tokens.putSync(bytesOf(id), writeRow({ ...found, usedAtMs }))
  }

  #makeRoom(nowMs: number): void {
    for (const ended of endedKeys(this.#file.tokenEnds, nowMs, sweptPerToken)) {
      const found = readRecord(this.#file, readEndKey(ended).key.toString('latin1'))
      if (found !== undefined) this.#forget(found)
    }
    const count = this.#facts.get('tokens')
    if (count >= this.#most) throw new StoreUnavailable(`full: ${count} tokens are kept`)
  }

  #forget(record: TokenRecord): void {
    const id = bytesOf(record.id)
    this.#file.tokens.removeSync(id)
    for (const key of this.#placesOf(record)) this.#file.tokenPlaces.removeSync(key)
    if (record.endsAtMs !== null) this.#file.tokenEnds.removeSync(endKey(record.endsAtMs, id))
    this.#facts.add('tokens', -1)
  }

  /** Keys of a token in all lists that it stands in. */
  #placesOf(record: TokenRecord): readonly Buffer[] {
    const place = bytesOf(placeOf(record))
    return scopesOf(record).map((scope) => Buffer.concat([scope, place]))
  }
}
