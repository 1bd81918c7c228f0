import { LRUCache } from 'lru-cache'
import type { PlaceClaim, PlaceOutcome } from '../store/session-store.ts'
import type { Store } from '../store/store.ts'
import { readSessionId } from './session-id.ts'
import { SessionReporter, type SessionReporterOptions } from './session-reporter.ts'
import {
  type Admission,
  type Counting,
  holdsPlace,
  newlyTracked,
  placeHolder,
  type SessionFacts,
  type Tracked,
} from './tracked-session.ts'

export interface SessionTrackerOptions extends SessionReporterOptions {
  readonly store: Store
  /**
   * All places are taken: gives those back that belong to sessions which somebody has ended.
   *
   * @returns whether there were any
   * @throws {StoreUnavailable}
   */
  readonly freeEnded: (
    counting: Counting,
    subject: string | null,
    others: readonly string[],
  ) => Promise<boolean>
}

/** Beyond what one process can serve. Protects memory: some 80 MB. */
const mostTracked = 100_000
/** How long a refusal is repeated without asking whether there is a place by now. */
const repeatFullMs = 1_000
/** While the store does not answer, nobody waits for it. */
const storeRestMs = 1_000

const admitted: Admission = { kind: 'admitted' }

/**
 * Sees the sessions of this process at work. The one request that waits for the store is the first of a session that this process does
 * not know to be counted, and that under rules with a limit alone; all else is told behind the viewer's back.
 */
export class SessionTracker {
  readonly #options: SessionTrackerOptions
  readonly #reporter: SessionReporter
  readonly #tracked: LRUCache<string, Tracked>
  #storeRestsUntilMs = 0

  constructor(options: SessionTrackerOptions) {
    this.#options = options
    this.#reporter = new SessionReporter(options)
    this.#tracked = new LRUCache({
      max: mostTracked,
      dispose: (tracked) => this.#reporter.forget(tracked),
    })
  }

  /** Sessions that have news for the store. */
  get backlog(): number {
    return this.#reporter.backlog
  }

  /** Sessions that made a request to this process within that time. */
  activeWithin(milliseconds: number): number {
    const sinceMs = this.#options.now() - milliseconds
    let count = 0
    for (const { seenAtMs } of this.#tracked.values()) if (seenAtMs > sinceMs) count++
    return count
  }

  /** A session as this process has seen it, if it has. */
  find(id: string): (SessionFacts & { readonly seenAtMs: number }) | null {
    const tracked = this.#tracked.peek(id)
    return tracked === undefined ? null : { ...tracked.facts, seenAtMs: tracked.seenAtMs }
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
  claim(
    sessionId: string,
    subject: string | null,
    counting: Counting,
    isNew: boolean,
  ): Promise<Admission> {
    return this.#claim({ ...counting, sessionId, isNew }, counting, subject)
  }

  /**
   * A session was opened or renewed, with all that goes with it. One whose id another edge made up cannot be listed, and is not
   * tracked.
   */
  opened(rule: object, facts: SessionFacts, counting: Counting | null): void {
    if (readSessionId(facts.id) === null) return
    const nowMs = this.#options.now()
    let tracked = this.#tracked.get(facts.id)
    if (tracked === undefined) {
      tracked = newlyTracked(rule, facts, counting)
      this.#tracked.set(facts.id, tracked)
    } else {
      const endsAtMs = Math.max(tracked.facts.endsAtMs, facts.endsAtMs)
      Object.assign(tracked, { rule, counting, facts: { ...tracked.facts, endsAtMs }, full: null })
    }
    if (counting !== null) tracked.countedAtMs = nowMs
    this.#reporter.see(tracked, nowMs)
  }

  /**
   * A request under a session: at once, where nothing has to be asked.
   *
   * @param rule an object that is another one after the rule was changed
   * @param describe called when this process does not know the session yet, or not under that rule; what it throws is passed on
   */
  admit(
    rule: object,
    id: string,
    endsAtMs: number,
    describe: () => { readonly facts: SessionFacts; readonly counting: Counting | null },
  ): Admission | Promise<Admission> {
    const nowMs = this.#options.now()
    const tracked = this.#trackedFor(rule, id, describe)
    if (tracked.facts.endsAtMs < endsAtMs) tracked.facts = { ...tracked.facts, endsAtMs }
    if (tracked.counting !== null && !holdsPlace(tracked, nowMs)) {
      return this.#admitUncounted(tracked, tracked.counting, nowMs)
    }
    this.#reporter.see(tracked, nowMs)
    return admitted
  }

  /** Tells the store what it has to know, or joins when that is under way. Never rejects. */
  flush(): Promise<void> {
    return this.#reporter.flush()
  }

  /** Tells the store everything. Never rejects. */
  flushAll(): Promise<void> {
    return this.#reporter.flushAll()
  }

  #trackedFor(rule: object, id: string, describe: Parameters<SessionTracker['admit']>[3]): Tracked {
    const known = this.#tracked.get(id)
    if (known?.rule === rule) return known
    const { facts, counting } = describe()
    if (known !== undefined) return Object.assign(known, { rule, counting, countedAtMs: 0 })
    const tracked = newlyTracked(rule, facts, counting)
    this.#tracked.set(id, tracked)
    return tracked
  }

  #admitUncounted(
    tracked: Tracked,
    counting: Counting,
    nowMs: number,
  ): Admission | Promise<Admission> {
    const { full } = tracked
    if (full !== null && nowMs - full.atMs < repeatFullMs) {
      return { kind: 'full', others: full.others }
    }
    tracked.claiming ??= this.#claimAgain(tracked, counting).finally(() => {
      tracked.claiming = null
    })
    return tracked.claiming.then((admission) => {
      if (admission.kind === 'admitted') this.#reporter.see(tracked, this.#options.now())
      return admission
    })
  }

  /** A running session whose place is not known here: after a pause, or on another process than before. */
  async #claimAgain(tracked: Tracked, counting: Counting): Promise<Admission> {
    const nowMs = this.#options.now()
    if (nowMs < this.#storeRestsUntilMs) return admitted
    const { facts } = tracked
    try {
      const claim = { ...counting, sessionId: placeHolder(facts), isNew: false }
      const admission = await this.#claim(claim, counting, facts.subject)
      tracked.full = admission.kind === 'full' ? { atMs: nowMs, others: admission.others } : null
      if (admission.kind === 'admitted') tracked.countedAtMs = nowMs
      return admission
    } catch (error) {
      // It runs already, and nobody is to be stopped for what our store does not know.
      this.#options.onFailure(error)
      this.#storeRestsUntilMs = this.#options.now() + storeRestMs
      return admitted
    }
  }

  async #claim(claim: PlaceClaim, counting: Counting, subject: string | null): Promise<Admission> {
    let outcome = await this.#ask(claim)
    if (outcome.kind === 'full') {
      const isFreed = await this.#options.freeEnded(counting, subject, outcome.others)
      if (isFreed) outcome = await this.#ask(claim)
    }
    // It is told so from now on without a question to the store.
    if (outcome.kind === 'ended') {
      await this.#options.onEnded([claim.sessionId]).catch(this.#options.onFailure)
    }
    return outcome.kind === 'counted' ? admitted : outcome
  }

  /** Where others cannot be ended, nobody takes their place. */
  async #end(ended: readonly string[], { subject, sessionId }: PlaceClaim): Promise<void> {
    try {
      await this.#options.onEnded(ended)
    } catch (error) {
      await this.#options.store.leavePlace(subject, sessionId).catch(this.#options.onFailure)
      throw error
    }
  }

  async #ask(claim: PlaceClaim): Promise<PlaceOutcome> {
    const [outcome] = await this.#options.store.claimPlaces([claim])
    if (outcome === undefined) throw new Error('a store answered nothing')
    if (outcome.kind === 'counted' && outcome.ended.length > 0)
      await this.#end(outcome.ended, claim)
    return outcome
  }
}
