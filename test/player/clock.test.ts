import { afterEach, describe, expect, it, vi } from 'vitest'
import { createClock } from '../../player/clock.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** Both clocks of a machine, in milliseconds since the page was opened. */
function machine() {
  const clocks = { wall: 0, steady: 0 }
  vi.spyOn(Date, 'now').mockImplementation(() => 1e12 + clocks.wall)
  vi.spyOn(performance, 'now').mockImplementation(() => clocks.steady)
  return clocks
}

describe('the clock', () => {
  it('starts with the time of the wall clock', () => {
    machine()
    expect(createClock()()).toBe(1e12)
  })

  it.each([
    ['both clocks run', 5_000, 5_000, 5_000],
    ['the machine sleeps, and the steady clock with it', 60_000, 0, 60_000],
    ['the wall clock is set back', -3_600_000, 5_000, 5_000],
    ['the wall clock is set ahead', 3_600_000, 5_000, 3_600_000],
    ['nothing happens', 0, 0, 0],
  ])('when %s, goes on', (_, wall, steady, passed) => {
    const clocks = machine()
    const now = createClock()
    const before = now()
    Object.assign(clocks, { wall, steady })
    expect(now() - before).toBe(passed)
  })

  it('runs on after the wall clock was set back', () => {
    const clocks = machine()
    const now = createClock()
    Object.assign(clocks, { wall: -3_600_000, steady: 1_000 })
    const before = now()
    Object.assign(clocks, { wall: -3_599_000, steady: 2_000 })
    expect(now() - before).toBe(1_000)
  })
})
