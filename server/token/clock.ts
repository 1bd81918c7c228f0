import { OptionError } from '../../shared/codes.ts'
import {
  type EpochSeconds,
  epochSeconds,
  epochSecondsFromMilliseconds,
} from '../../shared/units.ts'

/** The time now. The default of `now` where a library function is called without one. */
export function systemTime(): EpochSeconds {
  return epochSecondsFromMilliseconds(Date.now())
}

/**
 * The time that a caller gave, or the system's.
 *
 * @throws {OptionError} for what is no whole number of seconds since 1970
 */
export function readNow(now: number | undefined): EpochSeconds {
  if (now === undefined) return systemTime()
  if (Number.isSafeInteger(now) && now >= 0) return epochSeconds(now)
  throw new OptionError([{ path: 'now', message: 'must be a whole number of seconds' }])
}
