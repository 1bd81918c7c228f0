import { describe, expect, it } from 'vitest'
import { createClock, machineClock } from '../stage/clock.ts'

describe('the dial', () => {
  it('stands still until it is turned', () => {
    const clock = createClock(1_700_000_000_500)
    expect([clock.now(), clock.now()]).toEqual([1_700_000_000_500, 1_700_000_000_500])
    clock.advance(1500)
    expect(clock.now()).toBe(1_700_000_002_000)
    expect(clock.nowSeconds()).toBe(1_700_000_002)
  })

  it('resolves what waits, the earliest first, and leaves the later ones waiting', async () => {
    const clock = createClock(0)
    const order: number[] = []
    const wait = (atMs: number) => clock.whenReached(atMs).then(() => order.push(atMs))
    const early = [wait(300), wait(100), wait(200)]
    const late = wait(301)
    expect(clock.waiting).toBe(4)
    clock.advance(300)
    await Promise.all(early)
    expect(order).toEqual([100, 200, 300])
    expect(clock.waiting).toBe(1)
    clock.advance(1)
    await late
    expect(order).toEqual([100, 200, 300, 301])
  })

  it('resolves at once for a time that has come', async () => {
    const clock = createClock(1000)
    await clock.whenReached(1000)
    await clock.whenReached(1)
    expect(clock.waiting).toBe(0)
  })

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('cannot be turned by %s', (milliseconds) => {
    expect(() => createClock(0).advance(milliseconds)).toThrow(RangeError)
  })
})

describe.each([
  ['the dial', createClock(0)],
  ['the machine', machineClock],
])('waiting by %s', (_name, clock) => {
  it('ends with the reason of the signal', async () => {
    const gone = new AbortController()
    const waiting = clock.whenReached(clock.now() + 3_600_000, gone.signal)
    gone.abort(new Error('left'))
    await expect(waiting).rejects.toThrow('left')
    await expect(clock.whenReached(clock.now(), gone.signal)).rejects.toThrow('left')
  })
})

describe('the clock of the machine', () => {
  it('never shows an earlier time than the one waited for', async () => {
    const atMs = machineClock.now() + 5
    await machineClock.whenReached(atMs)
    expect(machineClock.now()).toBeGreaterThanOrEqual(atMs)
  })
})
