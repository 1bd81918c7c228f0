import type { Redis } from 'ioredis'
import { checkClaim, checkPlaceSubject } from './places.ts'
import type { RunScript } from './redis-call.ts'
import { runScript } from './redis-client.ts'
import { RedisConnection, type RedisConnectionOptions } from './redis-connection.ts'
import { RedisKeys } from './redis-keys.ts'
import type { RedisLocation } from './redis-location.ts'
import { RedisPlaces } from './redis-places.ts'
import { RedisRevocations } from './redis-revocations.ts'
import { RedisSessions } from './redis-sessions.ts'
import { RedisTokens } from './redis-tokens.ts'
import { checkRevocation } from './revocation-log.ts'
import { checkQuery, checkSighting } from './session-book.ts'
import type {
  PlaceClaim,
  PlaceOutcome,
  Revocation,
  RevocationNews,
  SessionPage,
  SessionQuery,
  SessionRecord,
  Sighting,
} from './session-store.ts'
import {
  type Asker,
  readAsker,
  readAttempt,
  type SpendOptions,
  type Spent,
  type Store,
  StoreUnavailable,
} from './store.ts'
import { checkToken, checkTokenQuery, checkTokenUses, removeByPages } from './token-rules.ts'
import type { TokenPage, TokenQuery, TokenRecord, TokenSelector, TokenUse } from './token-store.ts'

export interface RedisStoreOptions extends RedisConnectionOptions {
  /** Milliseconds to be added to Redis' clock, where sessions and tokens are concerned: for tests, which cannot turn it. */
  readonly clockOffsetMs: () => number
}

/**
 * `redis://` and its kin: several machines. Markers end by Redis' own clock, from which the grace is counted
 * too, so the machines' clocks need not agree. What Redis loses (failover without `wait`, no persistence) is
 * lost here as well (threat T34). It bounds its own size: `maxmemory` with `noeviction`, checked on each
 * connection; when it is full, first uses are refused, and so are news of sessions, places, revocations and tokens.
 */
export class RedisStore implements Store {
  readonly #connection: RedisConnection
  readonly #location: RedisLocation
  readonly #keys: RedisKeys
  readonly #sessions: RedisSessions
  readonly #revocations: RedisRevocations
  readonly #places: RedisPlaces
  readonly #tokens: RedisTokens

  /** @throws {OptionError} when the file of certificates cannot be read */
  constructor(options: RedisStoreOptions) {
    this.#connection = new RedisConnection(options)
    this.#location = options.location
    this.#keys = new RedisKeys(options.location.prefix)
    const { client } = this.#connection
    const run: RunScript = (name, keys, words) =>
      runScript(client, name, keys, [Math.trunc(options.clockOffsetMs()), ...words])
    this.#sessions = new RedisSessions(run, this.#keys)
    this.#revocations = new RedisRevocations(run, this.#keys)
    this.#places = new RedisPlaces(run, this.#keys)
    this.#tokens = new RedisTokens(run, this.#keys)
  }

  async spend(id: string, options: SpendOptions): Promise<Spent> {
    const { keepMs, graceMs } = readAttempt(id, options)
    const mustReplicate = this.#location.wait > 0
    const words = [keepMs, graceMs, options.binding, mustReplicate ? 1 : 0]
    return this.#connection.ask(async () => {
      const answer = await this.#runSpend('spend', id, words)
      if (answer !== 'spent') await this.#replicated()
      return answer
    })
  }

  async isSpent(id: string, asker: Asker): Promise<boolean> {
    const words = [readAsker(id, asker), asker.binding]
    const answer = await this.#connection.ask(() => this.#runSpend('isSpent', id, words))
    return answer === 'spent'
  }

  async noteSessions(sightings: readonly Sighting[]): Promise<number> {
    sightings.forEach(checkSighting)
    await this.#connection.ask(() => this.#sessions.note(sightings))
    // It has no bound of its own: what does not fit is an error of the server's.
    return 0
  }

  async findSession(id: string): Promise<SessionRecord | null> {
    return this.#connection.ask(() => this.#sessions.find(id))
  }

  async listSessions(query: SessionQuery): Promise<SessionPage> {
    checkQuery(query)
    return this.#connection.ask(() => this.#sessions.list(query))
  }

  async revoke(revocations: readonly Revocation[]): Promise<void> {
    revocations.forEach(checkRevocation)
    return this.#connection.ask(async () => {
      if (revocations.length === 0) return
      await this.#revocations.add(revocations)
      await this.#replicated()
    })
  }

  async revocationsSince(cursor: string | null): Promise<RevocationNews> {
    return this.#connection.ask(() => this.#revocations.since(cursor))
  }

  async claimPlaces(claims: readonly PlaceClaim[]): Promise<readonly PlaceOutcome[]> {
    claims.forEach(checkClaim)
    return this.#connection.ask(() => this.#places.claim(claims))
  }

  async peekPlace(claim: PlaceClaim): Promise<PlaceOutcome> {
    checkClaim(claim)
    return this.#connection.ask(() => this.#places.peek(claim))
  }

  async leavePlace(subject: string, sessionId: string): Promise<void> {
    checkPlaceSubject(subject)
    return this.#connection.ask(() => this.#places.leave(subject, sessionId))
  }

  async addToken(record: TokenRecord): Promise<void> {
    checkToken(record)
    return this.#connection.ask(async () => {
      await this.#tokens.add(record)
      await this.#replicated()
    })
  }

  async findToken(id: string): Promise<TokenRecord | null> {
    return this.#connection.ask(() => this.#tokens.find(id))
  }

  async listTokens(query: TokenQuery): Promise<TokenPage> {
    checkTokenQuery(query)
    return this.#connection.ask(() => this.#tokens.list(query))
  }

  async removeTokens(ids: readonly string[]): Promise<number> {
    return this.#connection.ask(async () => {
      if (ids.length === 0) return 0
      const removed = await this.#tokens.remove(ids)
      await this.#replicated()
      return removed
    })
  }

  async removeTokensOf(selector: TokenSelector): Promise<number> {
    const removed = await removeByPages(this, selector)
    // What was removed by a call that found too few replicas is not there to be waited for any more.
    await this.#connection.ask(() => this.#replicated())
    return removed
  }

  async noteTokenUses(uses: readonly TokenUse[]): Promise<void> {
    checkTokenUses(uses)
    return this.#connection.ask(() => this.#tokens.use(uses))
  }

  async check(): Promise<void> {
    const answer = await this.#connection.ask(() => this.#connection.client.ping())
    if (answer !== 'PONG') throw new StoreUnavailable('redis answered nonsense')
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  async #runSpend(
    name: 'spend' | 'isSpent',
    id: string,
    words: readonly (string | number)[],
  ): Promise<Spent> {
    const { client } = this.#connection
    const answer = await runScript(client, name, [this.#keys.spent(id)], words)
    if (answer !== 'first' && answer !== 'repeat' && answer !== 'spent') {
      throw new StoreUnavailable('redis answered nonsense')
    }
    return answer
  }

  /** Waits until so many replicas as were asked for have what this connection wrote last. */
  async #replicated(): Promise<void> {
    const { wait, waitMs } = this.#location
    if (wait === 0) return
    const replicas = await (this.#connection.client as Redis).wait(wait, waitMs)
    if (replicas < wait) throw new StoreUnavailable(`${replicas} of ${wait} replicas answered`)
  }
}
