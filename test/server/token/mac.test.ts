import { createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Algorithm } from '../../../server/token/algorithm.ts'
import { isMac, isSameSecret, makeMac } from '../../../server/token/mac.ts'

const key = (hex: string) => createSecretKey(hex, 'hex')

/** RFC 4231 sections 4.2, 4.3, 4.7 and 4.8; RFC 2202 sections 2 and 3. Those whose data is text. */
const published: readonly (readonly [Algorithm, string, string, string])[] = [
  [
    'sha256',
    '0b'.repeat(20),
    'Hi There',
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  ],
  [
    'sha256',
    Buffer.from('Jefe').toString('hex'),
    'what do ya want for nothing?',
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    'sha256',
    'aa'.repeat(131),
    'Test Using Larger Than Block-Size Key - Hash Key First',
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
  [
    'sha256',
    'aa'.repeat(131),
    'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
    '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
  ],
  ['sha1', '0b'.repeat(20), 'Hi There', 'b617318655057264e28bc0b6fb378c8ef146be00'],
  ['md5', '0b'.repeat(16), 'Hi There', '9294727a3638bb1c13f48ef8158bfc9d'],
]

describe('makeMac and isMac', () => {
  it.each(published)('agree with the published %s of key %s over %j', (name, hex, text, mac) => {
    expect(makeMac(name, key(hex), text)).toBe(mac)
    expect(isMac(name, key(hex), text, mac)).toBe(true)
  })

  it('refuse the published 128-bit value where 256 bits are due', () => {
    // RFC 4231 section 4.6
    const truncated = 'a3b6167473100ee06e0c796c2955552b'
    expect(makeMac('sha256', key('0c'.repeat(20)), 'Test With Truncation')).toMatch(truncated)
    expect(isMac('sha256', key('0c'.repeat(20)), 'Test With Truncation', truncated)).toBe(false)
  })

  it.each([0, 1, 2, 32, 62, 63, 65, 66, 128, 100_000])(
    'answer a value of %d digits as they answer a wrong one',
    (digits) => {
      expect(isMac('sha256', key('0b'.repeat(20)), 'x', 'a'.repeat(digits))).toBe(false)
    },
  )

  it('refuse what is not hexadecimal without throwing', () => {
    expect(isMac('sha256', key('0b'), 'x', 'zz'.repeat(32))).toBe(false)
    expect(isMac('sha256', key('0b'), 'x', 'é'.repeat(64))).toBe(false)
  })

  it('depend on algorithm, key and each bit of the value', () => {
    const mac = makeMac('sha256', key('0b0b'), 'text')
    expect(isMac('sha256', key('0b0b'), 'text', mac)).toBe(true)
    expect(isMac('sha256', key('0b0c'), 'text', mac)).toBe(false)
    expect(isMac('sha256', key('0b0b'), 'Text', mac)).toBe(false)
    expect(isMac('sha1', key('0b0b'), 'text', mac)).toBe(false)
    for (let digit = 0; digit < mac.length; digit += 1) {
      const other = (Number.parseInt(mac.charAt(digit), 16) ^ 1).toString(16)
      const flipped = mac.slice(0, digit) + other + mac.slice(digit + 1)
      expect(isMac('sha256', key('0b0b'), 'text', flipped)).toBe(false)
    }
  })
})

describe('isSameSecret', () => {
  it.each([
    ['', '', true],
    ['s3cret', 's3cret', true],
    ['s3cret', 's3creT', false],
    ['s3cret', 's3cret ', false],
    ['s3cret', '', false],
    ['é', 'e\u0301', false],
  ])('of %j and %j: %s', (one, other, same) => {
    expect(isSameSecret(one, other)).toBe(same)
  })
})
