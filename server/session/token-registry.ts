import { LRUCache } from 'lru-cache'
import type { TokenRecord, TokenStore } from '../store/token-store.ts'

/** So long an answer of the store counts; what is revoked meanwhile is heard of within a second all the same. */
const rememberMs = 60_000
/** Tokens remembered, some 300 bytes each. */
const mostRemembered = 50_000
/** So long a token that the store does not know is not asked for again: it may be made in the next moment. */
const unknownMs = 1_000
/** Different unknown tokens of one client that are looked up in a minute: see `#mustWait`. */
const mostUnknown = 60
const unknownWindowMs = 60_000
/** Last use is told to a minute. */
const useStepMs = 60_000

export type KeptToken = TokenRecord | 'unknown' | 'unavailable' | NotAsked

/** Too many unknown tokens came from that client: for so long the store is not asked for further ones. */
export interface NotAsked {
  readonly kind: 'not-asked'
  readonly retryAfterSeconds: number
}

/**
 * The tokens that a store keeps, as this process has them. A request under a token that was seen before asks nothing of the
 * store; that it was revoked is heard through the feed of endings.
 */
export class TokenRegistry {
  readonly #store: TokenStore
  readonly #now: () => number
  readonly #known: LRUCache<string, TokenRecord>
  readonly #unknown: LRUCache<string, true>
  readonly #strangers: LRUCache<string, number>
  /** Unknown tokens that were counted with their clients: a player tries its own again and again. */
  readonly #counted: LRUCache<string, true>
  readonly #asked = new Map<string, Promise<KeptToken>>()
  #uses = new Map<string, number>()

  /** @param now milliseconds since 1970 */
  constructor(store: TokenStore, now: () => number) {
    this.#store = store
    this.#now = now
    const perf = { now }
    this.#known = new LRUCache({ max: mostRemembered, ttl: rememberMs, perf })
    this.#unknown = new LRUCache({ max: mostRemembered, ttl: unknownMs, perf })
    this.#strangers = new LRUCache({ max: 10_000, ttl: unknownWindowMs, noUpdateTTL: true, perf })
    this.#counted = new LRUCache({ max: mostRemembered, ttl: unknownWindowMs, perf })
  }

  /**
   * What the store has of a token. Never rejects.
   *
   * @param id see `managedTokenId`
   * @param client who brings it: where very many unknown ones come from, the store is not asked for further ones for a while; `null`: somebody who may
   */
  async find(id: string, client: string | null): Promise<KeptToken> {
    const known = this.#known.get(id)
    if (known !== undefined) return known
    if (this.#unknown.has(id)) return 'unknown'
    // Never "unknown": others may have guessed from where this client is, and its token may well be good.
    const retryAfterSeconds = this.#mustWait(client)
    if (retryAfterSeconds > 0) return { kind: 'not-asked', retryAfterSeconds }
    let asked = this.#asked.get(id)
    if (asked === undefined) {
      asked = this.#ask(id).finally(() => this.#asked.delete(id))
      this.#asked.set(id, asked)
    }
    // Counted before it is known, or many could be asked for at a time.
    const isCounted = client !== null && this.#count(client, id)
    const found = await asked
    if (isCounted && found !== 'unknown') this.#discount(client, id)
    return found
  }

  /** A token that was found was used to get in. */
  noteUse(id: string): void {
    const record = this.#known.get(id)
    const usedAtMs = this.#now()
    if (record === undefined || usedAtMs - (record.usedAtMs ?? 0) < useStepMs) return
    this.#uses.set(id, usedAtMs)
    // No newer than it was: what the store said counts from when it was asked.
    this.#known.set(id, { ...record, usedAtMs }, { noUpdateTTL: true })
  }

  /** Does not know them any more: they were revoked, or just made. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.#known.delete(id)
      this.#unknown.delete(id)
    }
  }

  forgetAll(): void {
    this.#known.clear()
    this.#unknown.clear()
  }

  /** Tells the store of uses. Never rejects: what cannot be told is told again. */
  async flush(): Promise<void> {
    if (this.#uses.size === 0) return
    const uses = this.#uses
    this.#uses = new Map()
    try {
      await this.#store.noteTokenUses([...uses].map(([id, usedAtMs]) => ({ id, usedAtMs })))
    } catch {
      if (uses.size < mostRemembered) this.#uses = new Map([...uses, ...this.#uses])
    }
  }

  async #ask(id: string): Promise<KeptToken> {
    try {
      const record = await this.#store.findToken(id)
      if (record === null) {
        this.#unknown.set(id, true)
        return 'unknown'
      }
      this.#known.set(id, record)
      return record
    } catch {
      return 'unavailable'
    }
  }

  /**
   * Guessing a token is hopeless; asking the store for each guess is what this prevents (token-formats section 3.3).
   *
   * @returns seconds
   */
  #mustWait(client: string | null): number {
    if (client === null || (this.#strangers.get(client) ?? 0) < mostUnknown) return 0
    return Math.max(Math.ceil(this.#strangers.getRemainingTTL(client) / 1000), 1)
  }

  /** @returns whether it was not counted before */
  #count(client: string, id: string): boolean {
    const attempt = `${client} ${id}`
    if (this.#counted.has(attempt)) return false
    this.#counted.set(attempt, true)
    this.#strangers.set(client, (this.#strangers.get(client) ?? 0) + 1)
    return true
  }

  #discount(client: string, id: string): void {
    this.#counted.delete(`${client} ${id}`)
    this.#strangers.set(client, Math.max((this.#strangers.get(client) ?? 0) - 1, 0))
  }
}
