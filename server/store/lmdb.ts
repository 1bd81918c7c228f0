import { LmdbAccess, type LmdbStoreOptions } from './lmdb-access.ts'
import { peekPlace } from './lmdb-places.ts'
import { isSpent } from './lmdb-records.ts'
import { revocationsSince } from './lmdb-revocations.ts'
import { findSession, scanSessions } from './lmdb-sessions.ts'
import { findToken, scanTokens } from './lmdb-tokens.ts'
import { checkClaim, checkPlaceSubject } from './places.ts'
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

/**
 * `lmdb:DIRECTORY`: one machine, several worker processes. What was written is on disk when its caller hears of it,
 * so it holds across `kill -9` and loss of power; see `LmdbQueue`. What is asked is read from the mapped file at once.
 *
 * @throws {OptionError} from the constructor, see `openLmdbFile`
 */
export class LmdbStore implements Store {
  readonly #access: LmdbAccess

  constructor(options: LmdbStoreOptions) {
    this.#access = new LmdbAccess(options)
  }

  async spend(id: string, options: SpendOptions): Promise<Spent> {
    const attempt = { id, binding: options.binding, ...readAttempt(id, options) }
    const [spent] = await this.#access.write([attempt], (view, each) =>
      view.records.spend(each, view.nowMs),
    )
    return spent as Spent
  }

  async isSpent(id: string, asker: Asker): Promise<boolean> {
    const question = { id, binding: asker.binding, graceMs: readAsker(id, asker) }
    return this.#access.read((file, nowMs) => isSpent(file, question, nowMs))
  }

  async noteSessions(sightings: readonly Sighting[]): Promise<number> {
    sightings.forEach(checkSighting)
    const areKept = await this.#access.write(sightings, ({ sessions, nowMs }, sighting) =>
      sessions.note(sighting, nowMs),
    )
    return areKept.filter((isKept) => !isKept).length
  }

  async findSession(id: string): Promise<SessionRecord | null> {
    return this.#access.read((file, nowMs) => findSession(file, id, nowMs))
  }

  async listSessions(query: SessionQuery): Promise<SessionPage> {
    checkQuery(query)
    return this.#access.scan((file, nowMs) => scanSessions(file, query, nowMs))
  }

  async revoke(revocations: readonly Revocation[]): Promise<void> {
    revocations.forEach(checkRevocation)
    await this.#access.write(revocations, (view, told) => view.revocations.add(told, view.nowMs))
  }

  async revocationsSince(cursor: string | null): Promise<RevocationNews> {
    return this.#access.read((file, nowMs) => revocationsSince(file, cursor, nowMs))
  }

  async claimPlaces(claims: readonly PlaceClaim[]): Promise<readonly PlaceOutcome[]> {
    claims.forEach(checkClaim)
    return this.#access.write(claims, ({ places, nowMs }, claim) => places.claim(claim, nowMs))
  }

  async peekPlace(claim: PlaceClaim): Promise<PlaceOutcome> {
    checkClaim(claim)
    return this.#access.read((file, nowMs) => peekPlace(file, claim, nowMs))
  }

  async leavePlace(subject: string, sessionId: string): Promise<void> {
    checkPlaceSubject(subject)
    await this.#access.write([sessionId], ({ places }, id) => places.leave(subject, id))
  }

  async addToken(record: TokenRecord): Promise<void> {
    checkToken(record)
    await this.#access.write([record], ({ tokens, nowMs }, told) => tokens.add(told, nowMs))
  }

  async findToken(id: string): Promise<TokenRecord | null> {
    return this.#access.read((file, nowMs) => findToken(file, id, nowMs))
  }

  async listTokens(query: TokenQuery): Promise<TokenPage> {
    checkTokenQuery(query)
    return this.#access.scan((file, nowMs) => scanTokens(file, query, nowMs))
  }

  async removeTokens(ids: readonly string[]): Promise<number> {
    const wereThere = await this.#access.write(ids, ({ tokens, nowMs }, id) =>
      tokens.remove(id, nowMs),
    )
    return wereThere.filter((wasThere) => wasThere).length
  }

  async removeTokensOf(selector: TokenSelector): Promise<number> {
    return removeByPages(this, selector)
  }

  async noteTokenUses(uses: readonly TokenUse[]): Promise<void> {
    checkTokenUses(uses)
    await this.#access.write(uses, ({ tokens }, use) => tokens.use(use))
  }

  async check(): Promise<void> {
    // Takes the writer's lock: reading alone would succeed while a stuck process holds it.
    const [isWhole] = await this.#access.write([null], ({ facts }) => facts.isWhole)
    if (isWhole !== true) throw new StoreUnavailable('the database has lost its records')
  }

  close(): Promise<void> {
    return this.#access.close()
  }
}
