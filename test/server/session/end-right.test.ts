import { describe, expect, it } from 'vitest'
import { mintEndRight, peekEndRight, verifyEndRight } from '../../../server/session/end-right.ts'
import { Keyring } from '../../../server/token/keyring.ts'
import { epochSeconds } from '../../../shared/units.ts'
import { otherKey, testKey } from '../../stage/start-gate.ts'

const now = epochSeconds(1_800_000_000)
const at = (seconds: number) => epochSeconds(now + seconds)
const keys = new Keyring(testKey)

describe('the right to end a session', () => {
  const text = mintEndRight('films', ['a', 'b'], keys, now)

  it('is good for five minutes and names what may be ended', () => {
    expect(peekEndRight(text)).toBe('films')
    expect(verifyEndRight(text, keys, at(299))?.sessionIds).toEqual(['a', 'b'])
    expect(verifyEndRight(text, keys, at(300))).toBeNull()
  })

  it('survives a change of keys', () => {
    expect(verifyEndRight(text, new Keyring(otherKey, testKey), now)).not.toBeNull()
    expect(verifyEndRight(text, new Keyring(otherKey), now)).toBeNull()
  })

  it('is another one each time', () => {
    const [one, other] = [text, mintEndRight('films', ['a', 'b'], keys, now)].map(
      (right) => verifyEndRight(right, keys, now)?.nonce,
    )
    expect(one).not.toBe(other)
  })

  it('is nothing with any byte changed', () => {
    for (let place = 0; place < text.length; place++) {
      const changed =
        text.slice(0, place) + (text[place] === 'a' ? 'b' : 'a') + text.slice(place + 1)
      expect(verifyEndRight(changed, keys, now)).toBeNull()
    }
  })

  it.each(['', '.', 'a.b', `${'e30'}.${'0'.repeat(64)}`, `${text}.`, `bnVsbA.${'0'.repeat(64)}`])(
    'is not %j',
    (nonsense) => {
      expect(verifyEndRight(nonsense, keys, now)).toBeNull()
      expect([null, 'films']).toContain(peekEndRight(nonsense))
    },
  )
})
