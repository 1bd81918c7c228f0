import type { EpochSeconds } from '../../shared/units.ts'
import { type ClaimAnswer, granted } from './answer.ts'

export interface TimeWindow {
  readonly startTime?: EpochSeconds | undefined
  readonly endTime: EpochSeconds
}

export interface TimeFacts {
  readonly now: EpochSeconds
  /** Seconds of clock difference forgiven at both ends. Kept small: it extends every token. */
  readonly clockSkewSeconds: number
}

/**
 * Is it time? Both ends belong to the window: a token is good in the very second of its `st` and of its
 * `exp` (spec/token-formats section 1.5 step 4).
 */
export function checkTimeWindow(
  { startTime, endTime }: TimeWindow,
  { now, clockSkewSeconds }: TimeFacts,
): ClaimAnswer<'not_yet_valid' | 'expired'> {
  if (startTime !== undefined && startTime > now + clockSkewSeconds) {
    const detail = `begins in ${startTime - now} s`
    return { ok: false, reason: 'not_yet_valid', detail }
  }
  if (endTime + clockSkewSeconds < now) {
    return { ok: false, reason: 'expired', detail: `ended ${now - endTime} s ago` }
  }
  return granted
}
