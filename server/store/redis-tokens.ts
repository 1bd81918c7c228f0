import { grouped, inParts, type RunScript, recordsOf } from './redis-call.ts'
import { RedisIndex } from './redis-index.ts'
import { type RedisKeys, shards, tokenShardOf } from './redis-keys.ts'
import { padded } from './redis-record.ts'
import { endOf, entryOf, readTokenRecord, restOf, writeTokenRecord } from './redis-token-record.ts'
import { StoreUnavailable } from './store.ts'
import { idAtPlace, scopeOf, scopesOf } from './token-rules.ts'
import {
  type TokenPage,
  type TokenQuery,
  type TokenRecord,
  type TokenUse,
  tokenIdForm,
} from './token-store.ts'

/** Tokens in Redis; how they are kept is told in `redis-token-scripts.ts`. */
export class RedisTokens {
  readonly #run: RunScript
  readonly #keys: RedisKeys

  constructor(run: RunScript, keys: RedisKeys) {
    this.#run = run
    this.#keys = keys
  }

  async add(record: TokenRecord): Promise<void> {
    const words = [endOf(record), writeTokenRecord(record), entryOf(record)]
    await this.#run('addToken', this.#keysOf(record), words)
  }

  async find(id: string): Promise<TokenRecord | null> {
    return (await this.#records([id]))[0] ?? null
  }

  async list({ realm, name, after, limit }: TokenQuery): Promise<TokenPage> {
    const scope = scopeOf({ realm, name })
    const indexes = Array.from({ length: shards }, (_, shard) =>
      this.#keys.tokenIndex(shard, scope),
    )
    const places = await new RedisIndex(this.#run, 'tokenPage', indexes).latest(
      after ?? '',
      limit + 1,
    )
    const page = places.slice(0, limit)
    // Tokens may have gone since: the page is the shorter for it, and the next begins where it would have.
    return {
      tokens: await this.#records(page.map(idAtPlace)),
      next: places.length > limit ? (page.at(-1) ?? null) : null,
    }
  }

  /** @returns how many were there */
  async remove(ids: readonly string[]): Promise<number> {
    const records = await this.#records(ids)
    const parts = [...grouped(records, ({ id }) => tokenShardOf(id)).values()].flatMap(inParts)
    const counts = await Promise.all(parts.map((part) => this.#removePart(part)))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  async use(uses: readonly TokenUse[]): Promise<void> {
    const known = uses.filter(({ id }) => tokenIdForm.test(id))
    const parts = [...grouped(known, ({ id }) => tokenShardOf(id)).values()].flatMap(inParts)
    await Promise.all(
      parts.map((part) =>
        this.#run(
          'useTokens',
          part.map(({ id }) => this.#keys.token(id)),
          part.map(({ usedAtMs }) => padded(usedAtMs)),
        ),
      ),
    )
  }

  /** @param records of one shard */
  async #removePart(records: readonly TokenRecord[]): Promise<number> {
    const keys = records.map((record) => this.#keysOf(record))
    const words = records.flatMap((record, at) => {
      return [restOf(record), entryOf(record), (keys[at]?.length ?? 0) - 1]
    })
    const removed = await this.#run('removeTokens', keys.flat(), words)
    if (typeof removed !== 'number') throw new StoreUnavailable('redis answered nonsense')
    return removed
  }

  /** The record's, then those of the indexes that it stands in. */
  #keysOf(record: TokenRecord): readonly string[] {
    const shard = tokenShardOf(record.id)
    const indexes = scopesOf(record).map((scope) => this.#keys.tokenIndex(shard, scope))
    return [this.#keys.token(record.id), ...indexes]
  }

  /** In the order of the ids, without those that are gone, and what is no id. */
  async #records(ids: readonly string[]): Promise<readonly TokenRecord[]> {
    // What is no id may come from whoever asks, and is no part of a key.
    const known = ids.filter((id) => tokenIdForm.test(id))
    const keyOf = (id: string): string => this.#keys.token(id)
    const texts = await recordsOf(this.#run, known, { shardOf: tokenShardOf, keyOf })
    return known.flatMap((id) => {
      const text = texts.get(id)
      return text === undefined ? [] : readTokenRecord(id, text)
    })
  }
}
