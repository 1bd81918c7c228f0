import { LRUCache } from 'lru-cache'
import type { PlaceClaim, PlaceOutcome, Sighting } from '../store/session-store.ts'
import type { Store } from '../store/store.ts'

/** The facts of a session that do not change from one request to the next. */
export type SessionFacts = Omit<Sighting, 'seenAtMs' | 'requests'>

/** How a session is counted among its subject's streams; `null` where the rule sets no limit. */
export type Counting = Omit<PlaceClaim, 'sessionId' | 'isNew'>

/** What is to be said to a request. */
export type Admission =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'full'; readonly others: readonly string[] }
  | { readonly kind: 'ended' }

export interface SessionTrackerOptions {
  readonly store: Store
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Sessions that had to make room for another. */
  readonly onEnded: (sessionIds: readonly string[]) => Promise<void>
  /** Something could not be told to the store; it is tried again. */
  readonly onFailure: (error: unknown) => void
}

interface Tracked {
  /** The rule as it was when `counting` was made from it. */
  rule: object
  facts: SessionFacts
  counting: Counting | null
  seenAtMs: number
  /** Requests that the store does not know of. */
  untold: number
  toldAtMs: number
  /** When the store last counted it; 0: not that we knew. */
  countedAtMs: number
  /** It found no place, then. */
  full: { readonly atMs: number; readonly others: readonly string[] } | null
  claiming: Promise<Admission> | null
}

/** Beyond what one process can serve. Protects memory: some 60 MB. */
const mostTracked = 100_000
/** A session that asks again is told to the store at least so often, however many there are. */
const mostSilenceMs = 15_000
/** Told in each round beyond those that are due. */
const toldAtOnce = 1_000
/**
 * A session that plays is counted anew six times in its idle time, and every ten seconds at least: so late it hears that its place
 * went to another.
 */
const recountsAnIdleTime = 6
const mostRecountMs = 10_000
/** How long a refusal is repeated without asking. */
const repeatFullMs = 1_000
/** While the store does not answer, nobody waits for it. */
const storeRestMs = 1_000

const admitted: Admission = { kind: 'admitted' }

/**
 * Sees the sessions of this process at work, and tells the store behind their backs: who was seen when, in batches, once a second.
 * The one request that waits for the store is the first of a session that this process does not know to be counted, and that
 * under rules with a limit alone.
 */
export class SessionTracker {
  readonly #options: SessionTrackerOptions
  readonly #tracked = new LRUCache<string, Tracked>({ max: mostTracked })
  readonly #untold = new Set<Tracked>()
  #flushing: Promise<void> | null = null
  #storeRestsUntilMs = 0

  constructor(options: SessionTrackerOptions) {
    this.#options = options
  }

  /** Sessions that have news for the store. */
  get backlog(): number {
    return this.#untold.size
  }

  /** Sessions that made a request to this process within that time. */
  activeWithin(milliseconds: number): number {
    const sinceMs = this.#options.now() - milliseconds
    let count = 0
    for (const { seenAtMs } of this.#tracked.values()) if (seenAtMs > sinceMs) count++
    return count
  }

  /** How many requests a session made that the store has not been told of yet, and when the last. */
  untoldOf(id: string): { readonly requests: number; readonly seenAtMs: number } {
    const tracked = this.#tracked.peek(id)
    return { requests: tracked?.untold ?? 0, seenAtMs: tracked?.seenAtMs ?? 0 }
  }

  /**
   * Counts a session that is about to be opened, or renewed.
   *
   * @throws {StoreUnavailable} its place cannot be proven: refuse
   */
  async claim(sessionId: string, counting: Counting, isNew: boolean): Promise<Admission> {
    const outcome = await this.#claim({ ...counting, sessionId, isNew })
    return outcome.kind === 'counted' ? admitted : outcome
  }

  /** A session was opened or renewed, with all that goes with it. */
  opened(rule: object, facts: SessionFacts, counting: Counting | null): void {
    const known = this.#tracked.get(facts.id)
    const nowMs = this.#options.now()
    if (known !== undefined) {
      const endsAtMs = Math.max(known.facts.endsAtMs, facts.endsAtMs)
      known.facts = { ...known.facts, endsAtMs }
      known.rule = rule
      known.counting = counting
      known.full = null
      if (counting !== null) known.countedAtMs = nowMs
      this.#see(known, nowMs)
      return
    }
    const tracked = newlyTracked(rule, facts, counting)
    if (counting !== null) tracked.countedAtMs = nowMs
    this.#tracked.set(facts.id, tracked)
    this.#see(tracked, nowMs)
  }

  /**
   * A request under a session: at once, where nothing has to be asked.
   *
   * @param rule an object that is another one after the rule was changed
   * @param describe called when this process does not know the session yet, or not under that rule
   */
  admit(
    rule: object,
    id: string,
    endsAtMs: number,
    describe: () => { readonly facts: SessionFacts; readonly counting: Counting | null },
  ): Admission | Promise<Admission> {
    const nowMs = this.#options.now()
    let tracked = this.#tracked.get(id)
    if (tracked === undefined) {
      const { facts, counting } = describe()
      tracked = newlyTracked(rule, facts, counting)
      this.#tracked.set(id, tracked)
    } else if (tracked.rule !== rule) {
      tracked.rule = rule
      tracked.counting = describe().counting
      tracked.countedAtMs = 0
    }
    if (tracked.facts.endsAtMs < endsAtMs) tracked.facts = { ...tracked.facts, endsAtMs }
    if (tracked.counting === null) {
      this.#see(tracked, nowMs)
      return admitted
    }
    return this.#admitCounted(tracked, tracked.counting, nowMs)
  }

  /** Tells the store what it has to know. Never rejects; what could not be told is told the next time. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = null
    })
    return this.#flushing
  }

  #see(tracked: Tracked, nowMs: number): void {
    tracked.seenAtMs = nowMs
    tracked.untold++
    this.#untold.add(tracked)
  }

  #admitCounted(
    tracked: Tracked,
    counting: Counting,
    nowMs: number,
  ): Admission | Promise<Admission> {
    const { full, countedAtMs } = tracked
    const isCounted = nowMs - countedAtMs < counting.idleSeconds * 1000
    if (full === null && isCounted) {
      this.#see(tracked, nowMs)
      return admitted
    }
    if (full !== null && nowMs - full.atMs < repeatFullMs)
      return { kind: 'full', others: full.others }
    tracked.claiming ??= this.#claimAgain(tracked, counting).finally(() => {
      tracked.claiming = null
    })
    return tracked.claiming
  }

  /** A running session whose place is not known here: after a pause, or on another process than before. */
  async #claimAgain(tracked: Tracked, counting: Counting): Promise<Admission> {
    const nowMs = this.#options.now()
    if (nowMs < this.#storeRestsUntilMs) {
      this.#see(tracked, nowMs)
      return admitted
    }
    try {
      const outcome = await this.#claim({ ...counting, sessionId: tracked.facts.id, isNew: false })
      return this.#learn(tracked, outcome, nowMs)
    } catch (error) {
      // It runs already, and nobody is to be stopped for what our store does not know.
      this.#options.onFailure(error)
      this.#storeRestsUntilMs = this.#options.now() + storeRestMs
      this.#see(tracked, nowMs)
      return admitted
    }
  }

  #learn(tracked: Tracked, outcome: PlaceOutcome, nowMs: number): Admission {
    if (outcome.kind === 'full') {
      tracked.full = { atMs: nowMs, others: outcome.others }
      return outcome
    }
    if (outcome.kind === 'ended') return outcome
    tracked.full = null
    tracked.countedAtMs = nowMs
    this.#see(tracked, nowMs)
    return admitted
  }

  async #claim(claim: PlaceClaim): Promise<PlaceOutcome> {
    const [outcome] = await this.#options.store.claimPlaces([claim])
    if (outcome === undefined) throw new Error('a store answered nothing')
    if (outcome.kind === 'counted' && outcome.ended.length > 0) {
      await this.#options.onEnded(outcome.ended)
    }
    return outcome
  }

  async #flush(): Promise<void> {
    try {
      await this.#recount()
      await this.#tell()
    } catch (error) {
      this.#options.onFailure(error)
    }
  }

  /** Sessions that made requests keep their places; one that lost it hears so here. */
  async #recount(): Promise<void> {
    const nowMs = this.#options.now()
    const due = [...this.#untold].filter((tracked) => isToBeCounted(tracked, nowMs))
    if (due.length === 0) return
    const claims = due.map(({ facts, counting }): PlaceClaim => {
      return { ...(counting as Counting), sessionId: facts.id, isNew: false }
    })
    const outcomes = await this.#options.store.claimPlaces(claims)
    const ended: string[] = []
    for (const [index, outcome] of outcomes.entries()) {
      const tracked = due[index]
      if (tracked === undefined) continue
      if (outcome.kind === 'counted') {
        tracked.countedAtMs = nowMs
        ended.push(...outcome.ended)
      } else if (outcome.kind === 'full') {
        tracked.full = { atMs: nowMs, others: outcome.others }
      } else ended.push(tracked.facts.id)
    }
    if (ended.length > 0) await this.#options.onEnded(ended)
  }

  async #tell(): Promise<void> {
    const nowMs = this.#options.now()
    const waiting = [...this.#untold].sort((one, other) => one.toldAtMs - other.toldAtMs)
    const due = waiting.findIndex(({ toldAtMs }) => nowMs - toldAtMs < mostSilenceMs)
    const count = Math.max(due < 0 ? waiting.length : due, toldAtOnce)
    for (let from = 0; from < Math.min(count, waiting.length); from += toldAtOnce) {
      await this.#tellSome(waiting.slice(from, Math.min(from + toldAtOnce, count)), nowMs)
    }
  }

  async #tellSome(some: readonly Tracked[], nowMs: number): Promise<void> {
    const told = some.map((tracked) => ({ tracked, requests: tracked.untold }))
    const sightings = told.map(({ tracked, requests }): Sighting => {
      return { ...tracked.facts, seenAtMs: tracked.seenAtMs, requests }
    })
    await this.#options.store.noteSessions(sightings)
    for (const { tracked, requests } of told) {
      tracked.toldAtMs = nowMs
      tracked.untold -= requests
      if (tracked.untold === 0) this.#untold.delete(tracked)
    }
  }
}

function isToBeCounted({ counting, countedAtMs, full, seenAtMs }: Tracked, nowMs: number): boolean {
  if (counting === null || full !== null || seenAtMs <= countedAtMs) return false
  const everyMs = Math.min((counting.idleSeconds * 1000) / recountsAnIdleTime, mostRecountMs)
  return nowMs - countedAtMs >= everyMs
}

function newlyTracked(rule: object, facts: SessionFacts, counting: Counting | null): Tracked {
  const tracked = { rule, facts, counting, seenAtMs: 0, untold: 0, toldAtMs: 0, countedAtMs: 0 }
  return { ...tracked, full: null, claiming: null }
}
