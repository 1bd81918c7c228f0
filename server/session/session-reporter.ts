import type { PlaceClaim, PlaceOutcome, Sighting } from '../store/session-store.ts'
import type { Store } from '../store/store.ts'
import { type Counting, placeHolder, type Tracked } from './tracked-session.ts'

export interface SessionReporterOptions {
  readonly store: Pick<Store, 'claimPlaces' | 'noteSessions'>
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Sessions that had to make room for another. */
  readonly onEnded: (sessionIds: readonly string[]) => Promise<void>
  /** Something could not be told to the store; it is tried again. */
  readonly onFailure: (error: unknown) => void
}

/** A session that asks again is told to the store at least so often, however many there are. */
const mostSilenceMs = 15_000
/** Of one call to the store. */
const atOnce = 1_000
/** Calls that may fail in one round before the store is left alone until the next. */
const mostFailures = 3
/**
 * A session that plays is counted anew six times in its idle time, and every ten seconds at least: so late it hears that its place
 * went to another.
 */
const recountsAnIdleTime = 6
const mostRecountMs = 10_000

/**
 * Tells the store, behind the viewers' backs and in batches, which sessions were seen, and keeps the places of those that play. What
 * could not be told is told in a later round.
 */
export class SessionReporter {
  readonly #options: SessionReporterOptions
  readonly #untold = new Set<Tracked>()
  #flushing: Promise<void> | null = null

  constructor(options: SessionReporterOptions) {
    this.#options = options
  }

  /** Sessions that have news for the store. */
  get backlog(): number {
    return this.#untold.size
  }

  /** A request under the session. */
  see(tracked: Tracked, nowMs: number): void {
    tracked.seenAtMs = nowMs
    tracked.untold++
    this.#untold.add(tracked)
  }

  /** What is not known any more is not told any more. */
  forget(tracked: Tracked): void {
    this.#untold.delete(tracked)
  }

  /**
   * One round: what is due, and some more. Never rejects. Joins a round that is under way.
   */
  flush(): Promise<void> {
    this.#flushing ??= this.#round(false)
      .catch(this.#options.onFailure)
      .finally(() => {
        this.#flushing = null
      })
    return this.#flushing
  }

  /** Tells everything, after the round that is under way. Never rejects. */
  async flushAll(): Promise<void> {
    await this.#flushing
    await this.#round(true).catch(this.#options.onFailure)
  }

  async #round(isLast: boolean): Promise<void> {
    const nowMs = this.#options.now()
    for (const tracked of this.#untold) {
      if (tracked.facts.endsAtMs <= nowMs) this.#untold.delete(tracked)
    }
    if (!isLast) {
      const due = [...this.#untold].filter((tracked) => isToBeCounted(tracked, nowMs))
      await this.#inParts(due, (part) => this.#recount(part, nowMs))
    }
    await this.#inParts(this.#toBeTold(isLast, nowMs), (part) => this.#tell(part, nowMs))
  }

  async #inParts(
    all: readonly Tracked[],
    work: (part: readonly Tracked[]) => Promise<void>,
  ): Promise<void> {
    let failures = 0
    for (let from = 0; from < all.length && failures < mostFailures; from += atOnce) {
      try {
        await work(all.slice(from, from + atOnce))
      } catch (error) {
        failures++
        this.#options.onFailure(error)
      }
    }
  }

  /** Sessions that made requests keep their places; one that lost it hears so here. */
  async #recount(part: readonly Tracked[], nowMs: number): Promise<void> {
    const claims = part.map(({ facts, counting }): PlaceClaim => {
      return { ...(counting as Counting), sessionId: placeHolder(facts), isNew: false }
    })
    const outcomes = await this.#options.store.claimPlaces(claims)
    const ended = part.flatMap((tracked, index) => learn(tracked, outcomes[index], nowMs))
    if (ended.length > 0) await this.#options.onEnded(ended)
  }

  /** Those that were silent too long, and as many others as fit one call; the longest untried first. */
  #toBeTold(isLast: boolean, nowMs: number): readonly Tracked[] {
    const waiting = [...this.#untold].sort((one, other) => one.triedAtMs - other.triedAtMs)
    if (isLast) return waiting
    const due = waiting.filter(({ toldAtMs }) => nowMs - toldAtMs >= mostSilenceMs)
    if (due.length >= atOnce) return due
    const isDue = new Set(due)
    const others = waiting.filter((tracked) => !isDue.has(tracked))
    return [...due, ...others.slice(0, atOnce - due.length)]
  }

  async #tell(part: readonly Tracked[], nowMs: number): Promise<void> {
    const told = part.map((tracked) => ({ tracked, requests: tracked.untold }))
    for (const tracked of part) tracked.triedAtMs = nowMs
    const sightings = told.map(({ tracked, requests }): Sighting => {
      return { ...tracked.facts, seenAtMs: tracked.seenAtMs, requests }
    })
    // Those that found no room are not kept back for it: their next request tries again.
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
  const idleMs = counting.idleSeconds * 1000
  // One that was seen too long ago plays no more: it must not take a place from somebody who does.
  if (nowMs - seenAtMs >= idleMs) return false
  return nowMs - countedAtMs >= Math.min(idleMs / recountsAnIdleTime, mostRecountMs)
}

/** @returns sessions that are ended by it */
function learn(tracked: Tracked, outcome: PlaceOutcome | undefined, nowMs: number): string[] {
  if (outcome === undefined) return []
  tracked.countedAtMs = nowMs
  if (outcome.kind === 'counted') return [...outcome.ended]
  if (outcome.kind === 'ended') return [placeHolder(tracked.facts)]
  tracked.full = { atMs: nowMs, others: outcome.others }
  return []
}
