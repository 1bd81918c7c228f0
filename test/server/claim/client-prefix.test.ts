import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkClientPrefix, parseClientPrefix } from '../../../server/claim/client-prefix.ts'

const admits = (client: string, clientIp?: string) => checkClientPrefix({ client }, { clientIp }).ok

describe('parseClientPrefix', () => {
  it.each([
    ['211.', '211.0.0.0/8'],
    ['211.37.', '211.37.0.0/16'],
    ['211.37.8.', '211.37.8.0/24'],
    ['0.', '0.0.0.0/8'],
    ['255.255.255.', '255.255.255.0/24'],
    ['211.37.8.9', '211.37.8.9'],
    ['211.37.8.9/12', '211.37.8.9/12'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:db8::/32', '2001:db8::/32'],
    ['::ffff:211.37.8.9', '::ffff:211.37.8.9'],
  ])('reads %s as %s', (text, block) => {
    expect(parseClientPrefix(text)).toBe(block)
  })

  it.each([
    '',
    '.',
    '*',
    '211',
    '211.3',
    '211.37',
    '211.37.8',
    '.211.37.',
    '211..37.',
    '211.37..',
    '211.37.8.9.',
    '256.',
    '211.256.',
    '011.',
    '0x7f.',
    '00.',
    '-1.',
    '+1.',
    '1e1.',
    ' 211.37.',
    '211.37. ',
    '211.37.\n',
    '211.37.*',
    '211.37./16',
    '2001:db8:',
    'fe80::1%eth0',
    'example.com.',
    '２１１.',
  ])('refuses %j', (text) => {
    expect(parseClientPrefix(text)).toBeNull()
  })
})

describe('checkClientPrefix', () => {
  it.each([
    ['211.37.', '211.36.255.255', false],
    ['211.37.', '211.37.0.0', true],
    ['211.37.', '211.37.255.255', true],
    ['211.37.', '211.38.0.0', false],
    ['211.3.', '211.37.0.1', false],
    ['211.', '211.255.255.255', true],
    ['211.', '212.0.0.0', false],
    ['211.37.8.', '211.37.8.255', true],
    ['211.37.8.', '211.37.80.1', false],
    ['211.37.8.9', '211.37.8.9', true],
    ['211.37.8.9', '211.37.8.90', false],
    ['211.37.8.9', '::ffff:211.37.8.9', true],
    ['::ffff:d325:809', '211.37.8.9', true],
    ['211.37.', '::ffff:211.37.1.1', true],
    ['211.37.', '::211.37.1.1', false],
    ['211.37.', '64:ff9b::211.37.1.1', false],
    ['2001:db8::/32', '2001:0DB8:ffff::', true],
    ['2001:db8::1', '2001:db8::2', false],
    ['2001:db8::1', '2001:db8::1%eth0', false],
    ['211.37.', undefined, false],
    ['211.37.', '', false],
    ['211.37.', '211.37.1', false],
    ['211.37.', '0211.37.1.1', false],
    ['211.37', '211.37.1.1', false],
    ['', '211.37.1.1', false],
  ])('%s, asked from %s: %s', (client, clientIp, ok) => {
    expect(admits(client, clientIp)).toBe(ok)
  })

  it('admits whoever shares the bytes, and nobody else', () => {
    const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 })
    fc.assert(
      fc.property(octets, octets, fc.integer({ min: 1, max: 3 }), (one, other, count) => {
        const client = `${one.slice(0, count).join('.')}.`
        expect(admits(client, one.join('.'))).toBe(true)
        const sharesThem = one.slice(0, count).every((value, index) => value === other[index])
        expect(admits(client, other.join('.'))).toBe(sharesThem)
      }),
    )
  })
})
