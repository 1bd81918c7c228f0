import { LmdbFacts } from './lmdb-facts.ts'
import { type LmdbFile, openLmdbFile } from './lmdb-file.ts'
import { LmdbPlaces } from './lmdb-places.ts'
import { LmdbQueue } from './lmdb-queue.ts'
import { isSpent, LmdbRecords } from './lmdb-records.ts'
import { LmdbRevocations, revocationsSince } from './lmdb-revocations.ts'
import { findSession, LmdbSessions, scanSessions } from './lmdb-sessions.ts'
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
import { withinDeadline } from './within-deadline.ts'

export interface LmdbStoreOptions {
  readonly directory: string
  /** The clock, in milliseconds since 1970; the same for all processes that share the directory. */
  readonly now: () => number
  /**
   * Live markers held at most, each some 400 bytes of disk; beyond them every new id is refused. So for sessions, each
   * some 500 bytes, and for revocations and places, each some 250.
   */
  readonly maxMarkers: number
  /** How long a call may take. */
  readonly timeoutMs: number
}

/**
 * Address space for one marker, one session, one revocation and one place; the map must never be the limit, since the
 * binding would move it. Trees are half empty at worst. A marker, a revocation and a place take less than 1 KiB in
 * all their tables, hence 2 KiB each. The texts of a session have 1536 characters and a few more, which JSON makes 9 KiB
 * of at worst: 12 KiB on pages of their own, as much again for what is free between them, and 1 KiB for its other tables.
 */
const mapBytesEach = 3 * 2048 + 2 * 12_288 + 2048
const leastMapBytes = 64 * 2 ** 20

/** What one write transaction works with. */
interface View {
  readonly facts: LmdbFacts
  readonly records: LmdbRecords
  readonly sessions: LmdbSessions
  readonly places: LmdbPlaces
  readonly revocations: LmdbRevocations
  readonly nowMs: number
}

/**
 * `lmdb:DIRECTORY`: one machine, several worker processes. What was written is on disk when its caller hears of it,
 * so it holds across `kill -9` and loss of power; see `LmdbQueue`. What is asked is read from the mapped file at once.
 *
 * @throws {OptionError} from the constructor, see `openLmdbFile`
 */
export class LmdbStore implements Store {
  readonly #file: LmdbFile
  readonly #options: LmdbStoreOptions
  readonly #queue: LmdbQueue<View>
  #closing: Promise<void> | null = null

  constructor(options: LmdbStoreOptions) {
    this.#options = options
    const { directory, maxMarkers, timeoutMs } = options
    this.#file = openLmdbFile(directory, Math.max(leastMapBytes, maxMarkers * mapBytesEach))
    this.#queue = new LmdbQueue({
      root: this.#file.root,
      begin: () => this.#begin(),
      finish: ({ facts }) => facts.finish(),
      timeoutMs,
    })
  }

  async spend(id: string, options: SpendOptions): Promise<Spent> {
    const attempt = { id, binding: options.binding, ...readAttempt(id, options) }
    const [spent] = await this.#write([attempt], (view, each) =>
      view.records.spend(each, view.nowMs),
    )
    return spent as Spent
  }

  async isSpent(id: string, asker: Asker): Promise<boolean> {
    const question = { id, binding: asker.binding, graceMs: readAsker(id, asker) }
    return this.#read(() => isSpent(this.#file, question, this.#options.now()))
  }

  async noteSessions(sightings: readonly Sighting[]): Promise<number> {
    sightings.forEach(checkSighting)
    const areKept = await this.#write(sightings, ({ sessions, nowMs }, sighting) =>
      sessions.note(sighting, nowMs),
    )
    return areKept.filter((isKept) => !isKept).length
  }

  async findSession(id: string): Promise<SessionRecord | null> {
    return this.#read(() => findSession(this.#file, id, this.#options.now()))
  }

  async listSessions(query: SessionQuery): Promise<SessionPage> {
    checkQuery(query)
    const { timeoutMs, now } = this.#options
    const scan = scanSessions(this.#file, query, now())
    const startedMs = performance.now()
    for (;;) {
      const step = this.#read(() => scan.next())
      if (step.done === true) return step.value
      if (performance.now() - startedMs > timeoutMs) {
        throw new StoreUnavailable(`no answer within ${timeoutMs} ms`)
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async revoke(revocations: readonly Revocation[]): Promise<void> {
    revocations.forEach(checkRevocation)
    await this.#write(revocations, (view, told) => view.revocations.add(told, view.nowMs))
  }

  async revocationsSince(cursor: string | null): Promise<RevocationNews> {
    return this.#read(() => revocationsSince(this.#file, cursor, this.#options.now()))
  }

  async claimPlaces(claims: readonly PlaceClaim[]): Promise<readonly PlaceOutcome[]> {
    claims.forEach(checkClaim)
    return this.#write(claims, ({ places, nowMs }, claim) => places.claim(claim, nowMs))
  }

  async leavePlace(subject: string, sessionId: string): Promise<void> {
    checkPlaceSubject(subject)
    await this.#write([sessionId], ({ places }, id) => places.leave(subject, id))
  }

  async check(): Promise<void> {
    // Takes the writer's lock: reading alone would succeed while a stuck process holds it.
    const [known] = await this.#write([Buffer.from('format')], (_, key) =>
      this.#file.facts.get(key),
    )
    if (known === undefined) throw new StoreUnavailable('the database has lost its records')
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await withinDeadline(this.#queue.idle(), this.#options.timeoutMs)
    } catch {
      // Another process holds the lock. To unmap the file under a waiting thread would end this process.
      return
    }
    await this.#file.root.close()
  }

  #begin(): View {
    const { maxMarkers, now } = this.#options
    const facts = new LmdbFacts(this.#file.facts)
    return {
      facts,
      records: new LmdbRecords(this.#file, facts, maxMarkers),
      sessions: new LmdbSessions(this.#file, facts, maxMarkers),
      places: new LmdbPlaces(this.#file, facts, maxMarkers),
      revocations: new LmdbRevocations(this.#file, facts, maxMarkers),
      nowMs: now(),
    }
  }

  async #write<Item, Outcome>(
    items: readonly Item[],
    step: (view: View, item: Item) => Outcome,
  ): Promise<Outcome[]> {
    this.#refuseWhenClosing()
    return this.#queue.do(items, step)
  }

  /** The file stays mapped while an action runs: nothing that it does may wait. */
  #read<Result>(action: () => Result): Result {
    this.#refuseWhenClosing()
    try {
      // The binding reads what was there when this turn of the event loop read first; others have written since.
      this.#file.root.resetReadTxn()
      return action()
    } catch (error) {
      throw new StoreUnavailable('the file cannot be read', error)
    }
  }

  #refuseWhenClosing(): void {
    if (this.#closing !== null) throw new StoreUnavailable('closed')
  }
}
