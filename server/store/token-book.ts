import { ExpiryQueue } from './expiry-queue.ts'
import { StoreUnavailable } from './store.ts'
import { idAtPlace, placeOf } from './token-rules.ts'
import type { TokenPage, TokenQuery, TokenRecord, TokenUse } from './token-store.ts'

/** So many removed tokens may have left their traces behind, beside as many as there are tokens. */
const mostTraces = 1000

/** Tokens in the memory of one process. */
export class TokenBook {
  readonly #records = new Map<string, TokenRecord>()
  readonly #most: number
  /** Places of all tokens in their order, and of some that were removed: they are left out when there are many. */
  #places: string[] = []
  #ends = new ExpiryQueue()
  #removed = 0

  /** @param most tokens held at most */
  constructor(most: number) {
    this.#most = most
  }

  /** @throws {StoreUnavailable} and keeps nothing of it */
  add(record: TokenRecord, nowMs: number): void {
    this.#forgetEnded(nowMs)
    const { id, endsAtMs } = record
    if (this.#records.has(id) || (endsAtMs !== null && endsAtMs <= nowMs)) return
    if (this.#records.size >= this.#most) {
      throw new StoreUnavailable(`full: ${this.#records.size} tokens are kept`)
    }
    this.#records.set(id, record)
    this.#insert(placeOf(record))
    if (endsAtMs !== null) this.#ends.push({ endsAtMs, id })
  }

  find(id: string, nowMs: number): TokenRecord | null {
    this.#forgetEnded(nowMs)
    return this.#records.get(id) ?? null
  }

  list({ realm, name, after, limit }: TokenQuery, nowMs: number): TokenPage {
    this.#forgetEnded(nowMs)
    const tokens: TokenRecord[] = []
    const end = after === undefined ? this.#places.length : this.#rankOf(after)
    for (let rank = end - 1; rank >= 0; rank--) {
      const place = this.#places[rank] as string
      const record = this.#records.get(idAtPlace(place))
      if (record === undefined || placeOf(record) !== place) continue
      if (realm !== undefined && record.realm !== realm) continue
      if (name !== undefined && record.name !== name) continue
      const last = tokens.at(-1)
      if (last !== undefined && tokens.length === limit) return { tokens, next: placeOf(last) }
      tokens.push(record)
    }
    return { tokens, next: null }
  }

  /** @returns whether it was there */
  remove(id: string, nowMs: number): boolean {
    this.#forgetEnded(nowMs)
    return this.#forget(id)
  }

  use({ id, usedAtMs }: TokenUse, nowMs: number): void {
    const record = this.find(id, nowMs)
    if (record !== null && (record.usedAtMs ?? -1) < usedAtMs) {
      this.#records.set(id, { ...record, usedAtMs })
    }
  }

  /** How many places come before that one. */
  #rankOf(place: string): number {
    let [from, until] = [0, this.#places.length]
    while (from < until) {
      const middle = (from + until) >>> 1
      if ((this.#places[middle] as string) < place) from = middle + 1
      else until = middle
    }
    return from
  }

  /** As a rule at the end, where it costs nothing. */
  #insert(place: string): void {
    const rank = this.#rankOf(place)
    // Of a token that was removed and comes again, it may be there still.
    if (this.#places[rank] !== place) this.#places.splice(rank, 0, place)
  }

  #forgetEnded(nowMs: number): void {
    for (;;) {
      const ended = this.#ends.shiftEnded(nowMs)
      if (ended === undefined) return
      // One that was removed and came again has another end, and another place in the queue.
      if (this.#records.get(ended.id)?.endsAtMs === ended.endsAtMs) this.#forget(ended.id)
    }
  }

  #forget(id: string): boolean {
    const isKnown = this.#records.delete(id)
    if (isKnown && ++this.#removed > this.#records.size + mostTraces) this.#tidy()
    return isKnown
  }

  #tidy(): void {
    const records = [...this.#records.values()]
    this.#places = records.map(placeOf).sort()
    this.#ends = new ExpiryQueue()
    for (const { id, endsAtMs } of records) {
      if (endsAtMs !== null) this.#ends.push({ endsAtMs, id })
    }
    this.#removed = 0
  }
}
