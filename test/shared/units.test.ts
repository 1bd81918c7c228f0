import { describe, expect, it } from 'vitest'
import { epochSeconds, epochSecondsFromMilliseconds, seconds } from '../../shared/units.ts'

describe('epochSeconds', () => {
  it.each([0, 1, 1_700_000_000, Number.MAX_SAFE_INTEGER])('takes %d', (value) => {
    expect(epochSeconds(value)).toBe(value)
  })

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses %d', (value) => {
    expect(() => epochSeconds(value)).toThrow(RangeError)
  })
})

describe('epochSecondsFromMilliseconds', () => {
  it.each([
    [0, 0],
    [999, 0],
    [1000, 1],
    [1_700_000_000_999, 1_700_000_000],
  ])('cuts %d ms to %d s', (milliseconds, wanted) => {
    expect(epochSecondsFromMilliseconds(milliseconds)).toBe(wanted)
  })

  it('refuses a time before 1970', () => {
    expect(() => epochSecondsFromMilliseconds(-1)).toThrow(RangeError)
  })
})

describe('seconds', () => {
  it.each([0, 0.25, 86_400])('takes %d', (value) => {
    expect(seconds(value)).toBe(value)
  })

  it.each([-0.1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (value) => {
    expect(() => seconds(value)).toThrow(RangeError)
  })
})
