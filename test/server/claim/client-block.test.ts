import { describe, expect, it } from 'vitest'
import { checkClientBlock, isAddressBlock } from '../../../server/claim/client-block.ts'

describe('checkClientBlock', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9', true],
    ['203.0.113.9', '::ffff:203.0.113.9', true],
    ['::ffff:203.0.113.9', '203.0.113.9', true],
    ['203.0.113.9', '203.0.113.90', false],
    ['11.22.33.0/22', '11.22.31.255', false],
    ['11.22.33.0/22', '11.22.32.0', true],
    ['11.22.33.0/22', '11.22.35.255', true],
    ['11.22.33.0/22', '11.22.36.0', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/32', '2001:DB8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['203.0.113.', '203.0.113.9', false],
    ['203.0.113.9/33', '203.0.113.9', false],
    ['203.0.113.9', '0313.0.0161.011', false],
    ['203.0.113.9', 'no address', false],
    ['203.0.113.9', undefined, false],
  ])('%s, asked from %s: %s', (block, clientIp, ok) => {
    expect(checkClientBlock({ block }, { clientIp }).ok).toBe(ok)
  })
})

describe('isAddressBlock', () => {
  it.each([
    '',
    '203.0.113.',
    '203.0.113',
    '1.2.3.4/33',
    '::1/129',
    '1.2.3.4,5.6.7.8',
    'fe80::1%eth0',
  ])('refuses %j', (text) => {
    expect(isAddressBlock(text)).toBe(false)
  })
})
