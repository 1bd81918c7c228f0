import { describe, expect, it } from 'vitest'
import { checkTimeWindow } from '../../../server/claim/time-window.ts'
import { epochSeconds } from '../../../shared/units.ts'

const begin = 1_700_000_000
const end = 1_700_000_010
const window = { startTime: epochSeconds(begin), endTime: epochSeconds(end) }

function outcomeAt(now: number, clockSkewSeconds: number): string {
  const answer = checkTimeWindow(window, { now: epochSeconds(now), clockSkewSeconds })
  return answer.ok ? 'good' : answer.reason
}

describe('checkTimeWindow', () => {
  it.each([0, 1, 5])('is good from the first to the last second, with %d s of skew', (skew) => {
    for (let now = begin - 10; now <= end + 10; now += 1) {
      const wanted = now < begin - skew ? 'not_yet_valid' : now > end + skew ? 'expired' : 'good'
      expect(`${now} ${outcomeAt(now, skew)}`).toBe(`${now} ${wanted}`)
    }
  })

  it('has no beginning without a start', () => {
    const facts = { now: epochSeconds(0), clockSkewSeconds: 0 }
    expect(checkTimeWindow({ endTime: epochSeconds(0) }, facts)).toEqual({ ok: true })
  })

  it('says by how much', () => {
    const facts = { now: epochSeconds(end + 7), clockSkewSeconds: 0 }
    expect(checkTimeWindow(window, facts)).toMatchObject({ detail: 'ended 7 s ago' })
    const early = { now: epochSeconds(begin - 3), clockSkewSeconds: 0 }
    expect(checkTimeWindow(window, early)).toMatchObject({ detail: 'begins in 3 s' })
  })
})
