declare const unit: unique symbol
type Unit<Base, Name extends string> = Base & { readonly [unit]: Name }

/** Seconds since 1970-01-01T00:00:00Z, whole. */
export type EpochSeconds = Unit<number, 'EpochSeconds'>
/** A length of time in seconds. */
export type Seconds = Unit<number, 'Seconds'>

/**
 * A point in time from a plain number of seconds. The one maker of the brand.
 *
 * @throws {RangeError} when the number is not a whole, non-negative, exactly representable one
 */
export function epochSeconds(value: number): EpochSeconds {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`not a time in whole seconds since 1970: ${value}`)
  }
  return value as EpochSeconds
}

/** The time that a clock in milliseconds shows, cut to whole seconds. */
export function epochSecondsFromMilliseconds(milliseconds: number): EpochSeconds {
  return epochSeconds(Math.floor(milliseconds / 1000))
}

/**
 * A length of time from a plain number of seconds, fractions allowed.
 *
 * @throws {RangeError} when the number is negative or not finite
 */
export function seconds(value: number): Seconds {
  if (!Number.isFinite(value) || value < 0) throw new RangeError(`not a length of time: ${value}`)
  return value as Seconds
}
