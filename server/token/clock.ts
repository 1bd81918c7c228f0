import { type EpochSeconds, epochSecondsFromMilliseconds } from '../../shared/units.ts'

/** The time now. The default of `now` where a library function is called without one. */
export function systemTime(): EpochSeconds {
  return epochSecondsFromMilliseconds(Date.now())
}
