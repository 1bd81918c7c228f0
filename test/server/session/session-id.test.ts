import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  accessTag,
  keyTag,
  newSessionId,
  readSessionId,
  subjectDigest,
} from '../../../server/session/session-id.ts'

describe('a session id', () => {
  it('tells when and by what the session was opened', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), fc.string(), (openedAtMs, name) => {
        const origin = { openedAtMs, keyTag: keyTag(name), accessTag: accessTag(name) }
        const id = newSessionId(origin)
        expect(id).toMatch(/^[0-9a-f]{40}$/)
        expect(readSessionId(id)).toEqual(origin)
      }),
    )
  })

  it('is another one each time, and sorts by the time of opening', () => {
    const at = (openedAtMs: number) =>
      newSessionId({ openedAtMs, keyTag: keyTag('k'), accessTag: accessTag('a') })
    const ids = [5, 1_700_000_000_000, 255, 256].map(at)
    expect([...ids].sort()).toEqual([ids[0], ids[2], ids[3], ids[1]])
    expect(new Set(Array.from({ length: 1000 }, () => at(7))).size).toBe(1000)
  })

  it.each(['', 'x', 'A'.repeat(40), '0'.repeat(39), '0'.repeat(41), `${'0'.repeat(40)}\n`])(
    'of another edge tells nothing: %j',
    (id) => {
      expect(readSessionId(id)).toBeNull()
    },
  )

  it('has tags that say nothing of the token, and differ by purpose', () => {
    expect(
      new Set([keyTag('a'), accessTag('a').slice(0, 4), subjectDigest('a').slice(0, 4)]).size,
    ).toBe(3)
    expect(subjectDigest('__proto__')).toMatch(/^[\w-]{43}$/)
  })
})
