import { MarkerBook } from './marker-book.ts'
import { checkClaim, checkPlaceSubject, claimPlace, idleAtMs, type Places } from './places.ts'
import { checkRevocation, RevocationLog } from './revocation-log.ts'
import { checkQuery, checkSighting, SessionBook } from './session-book.ts'
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
import { TokenBook } from './token-book.ts'
import { checkToken, checkTokenQuery, checkTokenUses, removeByPages } from './token-rules.ts'
import type { TokenPage, TokenQuery, TokenRecord, TokenSelector, TokenUse } from './token-store.ts'

export interface MemoryStoreOptions {
  /** The clock, in milliseconds since 1970. */
  readonly now: () => number
  /** Live markers held at most, each some 300 bytes; beyond them every new id is refused. So for sessions and tokens. */
  readonly maxMarkers: number
}

/** Subjects whose streams have all ended are looked for once in so many claims. */
const claimsPerSweep = 10_000

/**
 * `memory:`, for tests and for a single process. Another process knows nothing of it, and what was spent is
 * forgotten when the process ends (threat T37).
 */
export class MemoryStore implements Store {
  readonly #options: MemoryStoreOptions
  readonly #markers: MarkerBook
  readonly #sessions: SessionBook
  readonly #revocations = new RevocationLog('memory')
  readonly #places = new Map<string, Places>()
  readonly #tokens: TokenBook
  #claims = 0
  #isClosed = false

  constructor(options: MemoryStoreOptions) {
    this.#options = options
    this.#markers = new MarkerBook(options.maxMarkers)
    this.#sessions = new SessionBook(options.maxMarkers)
    this.#tokens = new TokenBook(options.maxMarkers)
  }

  /** How many markers are held, among them such as have ended and were not swept yet. */
  get size(): number {
    return this.#markers.size
  }

  async spend(id: string, options: SpendOptions): Promise<Spent> {
    const { keepMs, graceMs } = readAttempt(id, options)
    this.#refuseWhenClosed()
    const attempt = { id, binding: options.binding, keepMs, graceMs }
    return this.#markers.spend(attempt, this.#options.now())
  }

  async isSpent(id: string, asker: Asker): Promise<boolean> {
    const question = { id, binding: asker.binding, graceMs: readAsker(id, asker) }
    this.#refuseWhenClosed()
    return this.#markers.isSpent(question, this.#options.now())
  }

  async noteSessions(sightings: readonly Sighting[]): Promise<number> {
    sightings.forEach(checkSighting)
    this.#refuseWhenClosed()
    const nowMs = this.#options.now()
    return sightings.filter((sighting) => !this.#sessions.note(sighting, nowMs)).length
  }

  async findSession(id: string): Promise<SessionRecord | null> {
    this.#refuseWhenClosed()
    return this.#sessions.find(id, this.#options.now())
  }

  async listSessions(query: SessionQuery): Promise<SessionPage> {
    checkQuery(query)
    this.#refuseWhenClosed()
    return this.#sessions.list(query, this.#options.now())
  }

  async revoke(revocations: readonly Revocation[]): Promise<void> {
    revocations.forEach(checkRevocation)
    this.#refuseWhenClosed()
    this.#revocations.forgetEnded(this.#options.now())
    for (const revocation of revocations) {
      const { size } = this.#revocations
      if (size >= this.#options.maxMarkers && !this.#revocations.has(revocation)) {
        throw new StoreUnavailable('full: no more revocations can be kept')
      }
      this.#revocations.add(revocation)
    }
  }

  async revocationsSince(cursor: string | null): Promise<RevocationNews> {
    this.#refuseWhenClosed()
    if (cursor === null) this.#revocations.forgetEnded(this.#options.now())
    return this.#revocations.since(cursor)
  }

  async claimPlaces(claims: readonly PlaceClaim[]): Promise<readonly PlaceOutcome[]> {
    claims.forEach(checkClaim)
    this.#refuseWhenClosed()
    const nowMs = this.#options.now()
    return claims.map((claim) => {
      if (++this.#claims % claimsPerSweep === 0) this.#forgetIdle(nowMs)
      const known = this.#places.get(claim.subject)
      if (known === undefined && this.#places.size >= this.#options.maxMarkers) {
        throw new StoreUnavailable('full: no more streams can be counted')
      }
      const places: Places = known ?? new Map()
      this.#places.set(claim.subject, places)
      return claimPlace(places, claim, nowMs)
    })
  }

  async peekPlace(claim: PlaceClaim): Promise<PlaceOutcome> {
    checkClaim(claim)
    this.#refuseWhenClosed()
    return claimPlace(new Map(this.#places.get(claim.subject)), claim, this.#options.now())
  }

  async leavePlace(subject: string, sessionId: string): Promise<void> {
    checkPlaceSubject(subject)
    this.#refuseWhenClosed()
    const places = this.#places.get(subject)
    if (places?.get(sessionId)?.isEnded === false) places.delete(sessionId)
  }

  async addToken(record: TokenRecord): Promise<void> {
    checkToken(record)
    this.#refuseWhenClosed()
    this.#tokens.add(record, this.#options.now())
  }

  async findToken(id: string): Promise<TokenRecord | null> {
    this.#refuseWhenClosed()
    return this.#tokens.find(id, this.#options.now())
  }

  async listTokens(query: TokenQuery): Promise<TokenPage> {
    checkTokenQuery(query)
    this.#refuseWhenClosed()
    return this.#tokens.list(query, this.#options.now())
  }

  async removeTokens(ids: readonly string[]): Promise<number> {
    this.#refuseWhenClosed()
    const nowMs = this.#options.now()
    return ids.filter((id) => this.#tokens.remove(id, nowMs)).length
  }

  async removeTokensOf(selector: TokenSelector): Promise<number> {
    return removeByPages(this, selector)
  }

  async noteTokenUses(uses: readonly TokenUse[]): Promise<void> {
    checkTokenUses(uses)
    this.#refuseWhenClosed()
    const nowMs = this.#options.now()
    for (const use of uses) this.#tokens.use(use, nowMs)
  }

  async check(): Promise<void> {
    this.#refuseWhenClosed()
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw new StoreUnavailable('closed')
  }

  #forgetIdle(nowMs: number): void {
    for (const [subject, places] of this.#places) {
      if (idleAtMs(places) <= nowMs) this.#places.delete(subject)
    }
  }
}
