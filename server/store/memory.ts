import { ExpiryQueue } from './expiry-queue.ts'
import { answerFor, type Marker, refuseForgotten } from './marker.ts'
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

export interface MemoryStoreOptions {
  /** The clock, in milliseconds since 1970. */
  readonly now: () => number
  /** Live markers held at most, each some 300 bytes; beyond them every new id is refused. So for sessions. */
  readonly maxMarkers: number
}

/** Markers forgotten at most for each one that is added. */
const sweptPerSpend = 8
/** Subjects whose streams have all ended are looked for once in so many claims. */
const claimsPerSweep = 10_000

/**
 * `memory:`, for tests and for a single process. Another process knows nothing of it, and what was spent is
 * forgotten when the process ends (threat T37).
 */
export class MemoryStore implements Store {
  readonly #markers = new Map<string, Marker>()
  readonly #ends = new ExpiryQueue()
  readonly #options: MemoryStoreOptions
  readonly #sessions: SessionBook
  readonly #revocations = new RevocationLog('memory')
  readonly #places = new Map<string, Places>()
  #sweptUntilMs = 0
  #claims = 0
  #isClosed = false

  constructor(options: MemoryStoreOptions) {
    this.#options = options
    this.#sessions = new SessionBook(options.maxMarkers)
  }

  /** How many markers are held, among them such as have ended and were not swept yet. */
  get size(): number {
    return this.#markers.size
  }

  async spend(id: string, options: SpendOptions): Promise<Spent> {
    const { keepMs, graceMs } = readAttempt(id, options)
    this.#refuseWhenClosed()
    const nowMs = this.#options.now()
    const marker = this.#markers.get(id)
    if (marker !== undefined && marker.endsAtMs > nowMs) {
      return answerFor(marker, { binding: options.binding, graceMs }, nowMs)
    }
    const endsAtMs = nowMs + keepMs
    refuseForgotten(endsAtMs, this.#sweptUntilMs)
    this.#sweep(nowMs)
    if (this.#markers.size >= this.#options.maxMarkers && !this.#markers.has(id)) {
      throw new StoreUnavailable(`full: ${this.#markers.size} markers are alive`)
    }
    this.#markers.set(id, { endsAtMs, spentAtMs: nowMs, graceMs, binding: options.binding })
    this.#ends.push({ endsAtMs, id })
    return 'first'
  }

  async isSpent(id: string, asker: Asker): Promise<boolean> {
    const { binding } = asker
    const graceMs = readAsker(id, asker)
    this.#refuseWhenClosed()
    const nowMs = this.#options.now()
    const marker = this.#markers.get(id)
    if (marker === undefined || marker.endsAtMs <= nowMs) return false
    return answerFor(marker, { binding, graceMs }, nowMs) === 'spent'
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

  async leavePlace(subject: string, sessionId: string): Promise<void> {
    checkPlaceSubject(subject)
    this.#refuseWhenClosed()
    const places = this.#places.get(subject)
    if (places?.get(sessionId)?.isEnded === false) places.delete(sessionId)
  }

  async check(): Promise<void> {
    this.#refuseWhenClosed()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#markers.clear()
    this.#places.clear()
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw new StoreUnavailable('closed')
  }

  #forgetIdle(nowMs: number): void {
    for (const [subject, places] of this.#places) {
      if (idleAtMs(places) <= nowMs) this.#places.delete(subject)
    }
  }

  #sweep(nowMs: number): void {
    for (let swept = 0; swept < sweptPerSpend; swept++) {
      const ended = this.#ends.shiftEnded(nowMs)
      if (ended === undefined) return
      this.#sweptUntilMs = Math.max(this.#sweptUntilMs, ended.endsAtMs)
      // An id that was spent again after its life has a later marker, and another place in the queue.
      if (this.#markers.get(ended.id)?.endsAtMs === ended.endsAtMs) this.#markers.delete(ended.id)
    }
  }
}
