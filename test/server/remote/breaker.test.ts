import { describe, expect, it } from 'vitest'
import { Breaker, type PassageEnd } from '../../../server/remote/breaker.ts'
import { createClock } from '../../stage/clock.ts'

function start({ failures = 3, pauseMs = 10_000 } = {}) {
  const clock = createClock()
  const breaker = new Breaker({ failures, pauseMs, now: clock.now })
  /** Asks with that end; false when nothing was to be asked. */
  const ask = (end: PassageEnd): boolean => {
    const passage = breaker.enter()
    passage?.(end)
    return passage !== null
  }
  return { clock, breaker, ask }
}

describe('a circuit breaker', () => {
  it('opens after so many questions in a row without a reply', () => {
    const { ask } = start()
    expect([ask('away'), ask('away'), ask('alive')]).toEqual([true, true, true])
    expect([ask('away'), ask('away'), ask('away'), ask('alive')]).toEqual([true, true, true, false])
  })

  it('counts nobody who left', () => {
    const { ask } = start()
    for (let times = 0; times < 9; times += 1) ask('left')
    expect([ask('away'), ask('left'), ask('away'), ask('alive')]).toEqual([true, true, true, true])
  })

  it('lets one question through after the pause, and all when that has a reply', () => {
    const { clock, breaker, ask } = start()
    for (let times = 0; times < 3; times += 1) ask('away')
    clock.advance(9_999)
    expect(breaker.enter()).toBeNull()
    clock.advance(1)
    const probe = breaker.enter()
    expect(probe).not.toBeNull()
    expect(breaker.enter()).toBeNull()
    probe?.('alive')
    expect([ask('away'), ask('away'), ask('alive')]).toEqual([true, true, true])
  })

  it('begins another pause when the one question has no reply', () => {
    const { clock, breaker, ask } = start()
    for (let times = 0; times < 3; times += 1) ask('away')
    clock.advance(10_000)
    expect(ask('away')).toBe(true)
    clock.advance(9_999)
    expect(breaker.enter()).toBeNull()
    clock.advance(1)
    expect(ask('alive')).toBe(true)
  })

  it('lets another question through when the asker of the one has left', () => {
    const { clock, ask } = start()
    for (let times = 0; times < 3; times += 1) ask('away')
    clock.advance(10_000)
    expect([ask('left'), ask('alive'), ask('alive')]).toEqual([true, true, true])
  })

  it('closes on a late reply to a question from before', () => {
    const { breaker, ask } = start()
    const early = breaker.enter()
    for (let times = 0; times < 3; times += 1) ask('away')
    expect(breaker.enter()).toBeNull()
    early?.('alive')
    expect(ask('alive')).toBe(true)
  })

  it('makes no pause longer when late failures come in', () => {
    const { clock, breaker, ask } = start()
    const early = breaker.enter()
    for (let times = 0; times < 3; times += 1) ask('away')
    clock.advance(9_000)
    early?.('away')
    clock.advance(1_000)
    expect(ask('alive')).toBe(true)
  })

  it('ends a pause when the clock is set back', () => {
    let now = 1_000_000
    const breaker = new Breaker({ failures: 1, pauseMs: 10_000, now: () => now })
    breaker.enter()?.('away')
    expect(breaker.enter()).toBeNull()
    now = 0
    expect(breaker.enter()).not.toBeNull()
  })

  it('never opens with 0', () => {
    const { ask } = start({ failures: 0 })
    for (let times = 0; times < 100; times += 1) expect(ask('away')).toBe(true)
  })
})
