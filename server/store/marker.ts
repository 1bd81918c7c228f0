import { type Spent, StoreUnavailable } from './store.ts'

/** What is kept of a spent id. Times in milliseconds since 1970. */
export interface Marker {
  readonly endsAtMs: number
  readonly spentAtMs: number
  readonly graceMs: number
  readonly binding: string
}

/** One id to be spent. */
export interface Attempt {
  readonly id: string
  readonly binding: string
  readonly keepMs: number
  readonly graceMs: number
}

/** The answer for an id that carries a marker which has not ended. */
export function answerFor(
  marker: Marker,
  attempt: Pick<Attempt, 'binding' | 'graceMs'>,
  nowMs: number,
): Spent {
  const grace = Math.min(marker.graceMs, attempt.graceMs)
  // In both directions: the clocks that two attempts read need not agree to the millisecond.
  const isWithinGrace = Math.abs(nowMs - marker.spentAtMs) < grace
  return isWithinGrace && marker.binding === attempt.binding ? 'repeat' : 'spent'
}

/**
 * Guards against a clock that was set back (threat T18). Markers that ended have been forgotten; an id whose
 * marker would have been among them cannot be proven unspent. Does not occur while time runs forwards, since
 * what is new ends later than what has ended.
 *
 * @param sweptUntilMs the latest end of all markers that were forgotten
 * @throws {StoreUnavailable}
 */
export function refuseForgotten(endsAtMs: number, sweptUntilMs: number): void {
  if (endsAtMs <= sweptUntilMs) {
    throw new StoreUnavailable('the clock was set back behind markers that have ended')
  }
}
