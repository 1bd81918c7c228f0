import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bearing, laterEnd } from '../../../server/session/prolong-session.ts'
import { newSessionId } from '../../../server/session/session-id.ts'
import type { EdgeauthClaims } from '../../../server/token/edgeauth-verify.ts'
import type { Verified } from '../../../server/token/verified.ts'
import { epochSeconds } from '../../../shared/units.ts'

const openedAt = 1_767_225_600
const id = newSessionId({
  openedAtMs: openedAt * 1000,
  keyTag: 'abcd',
  accessTag: '0123456789abcdef',
})
const day = { maxLifetimeSeconds: 86_400 }

/** As though a token had been verified that ends so many seconds after the opening. */
function claims(end: number, payload = 'hdntl', sessionId = id): Verified<EdgeauthClaims> {
  const said = { endTime: epochSeconds(openedAt + end), acl: '/*', sessionId, payload }
  return said as EdgeauthClaims as Verified<EdgeauthClaims>
}

/** Seconds after the opening. */
function later(
  token: Verified<EdgeauthClaims>,
  at: number,
  bearing: Bearing,
  slidingSeconds = 0,
  session = day,
): number | null {
  const end = laterEnd(token, { ...session, slidingSeconds }, epochSeconds(openedAt + at), bearing)
  return end === null ? null : end - openedAt
}

const sliding = (end: number, until = 86_400) => claims(end, `hdntl,u=${openedAt + until}`)

describe('a session that slides', () => {
  it.each([
    ['in the first half of its token’s life', 0, null],
    ['just at half', 30, null],
    ['in the second half', 31, 90],
    ['at its very end', 60, 90],
  ])('%s', (_when, at, end) => {
    for (const bearing of ['playlist', 'json'] as const) {
      expect(later(sliding(60), at, bearing, 60)).toBe(end)
    }
  })

  it('ends when its token says, however long that is', () => {
    expect(later(sliding(60, 70), 40, 'playlist', 60)).toBe(70)
    expect(later(sliding(70, 70), 60, 'playlist', 60)).toBeNull()
  })

  it('is one whose token says so: any other is left as it is', () => {
    expect(later(claims(60), 59, 'playlist', 60)).toBeNull()
    expect(later(sliding(60), 59, 'playlist', 0)).toBeNull()
  })

  it('gives the same fresh token to whoever uses the old one on, and its life is never longer than it may be', () => {
    const seconds = fc.integer({ min: 30, max: 86_400 })
    fc.assert(
      fc.property(seconds, fc.nat(200_000), fc.nat(86_400), (window, end, left) => {
        const at = end - Math.min(left, end)
        const next = later(sliding(end, 300_000), at, 'playlist', window)
        if (next === null) return
        expect(next).toBe(end + Math.floor(window / 2))
        expect(next - at).toBeLessThanOrEqual(window)
      }),
    )
  })
})

describe('any other session', () => {
  it('gets more with a steering manifest, when a third of its life is left, and with no playlist', () => {
    expect(later(claims(900), 600, 'json')).toBeNull()
    expect(later(claims(900), 601, 'json')).toBe(1800)
    expect(later(claims(900), 899, 'playlist')).toBeNull()
    expect(later(claims(1800), 1199, 'json')).toBeNull()
    expect(later(claims(1800), 1201, 'json')).toBe(3600)
  })

  it('gets no more than the rule allows, or the site’s own server did', () => {
    expect(later(claims(900), 899, 'json', 0, { maxLifetimeSeconds: 1000 })).toBe(1000)
    expect(later(claims(1000), 999, 'json', 0, { maxLifetimeSeconds: 1000 })).toBeNull()
    expect(later(claims(900, `hdntl,u=${openedAt + 950}`), 899, 'json')).toBe(950)
  })

  it.each([
    ['a link for another device', claims(900, `hdntl,ps=${'0'.repeat(40)},p=cast`)],
    ['a session that another edge opened', claims(900, 'hdntl', 'theirs')],
  ])('gets none, if it is %s', (_what, token) => {
    expect(later(token, 899, 'json')).toBeNull()
  })
})

it('no sequence of refreshes prolongs beyond the opening and maxLifetimeSeconds', () => {
  const step = fc.record({
    wait: fc.nat(5000),
    bearing: fc.constantFrom<Bearing>('playlist', 'json'),
    /** Which of the tokens that it ever had it asks with. */
    which: fc.nat(),
  })
  const setting = fc.record({
    most: fc.integer({ min: 1, max: 86_400 }),
    window: fc.oneof(fc.constant(0), fc.integer({ min: 30, max: 4000 })),
    first: fc.integer({ min: 1, max: 86_400 }),
    steps: fc.array(step, { maxLength: 60 }),
  })
  fc.assert(
    fc.property(setting, ({ most, window, first, steps }) => {
      const tokenOf = (end: number) => (window > 0 ? sliding(end, most) : claims(end))
      const ends = [Math.min(first, most, ...(window > 0 ? [window] : []))]
      let at = 0
      for (const { wait, bearing, which } of steps) {
        at += wait
        const alive = ends.filter((end) => end >= at)
        const end = alive[which % alive.length]
        if (end === undefined) return
        const next = later(tokenOf(end), at, bearing, window, { maxLifetimeSeconds: most })
        if (next === null) continue
        expect(next).toBeGreaterThan(end)
        expect(next).toBeLessThanOrEqual(most)
        ends.push(next)
      }
    }),
  )
})
