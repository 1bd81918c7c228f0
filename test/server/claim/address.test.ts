import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSameAddress, parseAddress } from '../../../server/claim/address.ts'

describe('parseAddress', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8::AB', '2001:db8::ab'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:a00:1', '10.0.0.1'],
    ['0:0:0:0:0:ffff:10.0.0.1', '10.0.0.1'],
    ['::10.0.0.1', '::a00:1'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  ])('reads %s as %s', (text, wanted) => {
    expect(parseAddress(text)?.toString()).toBe(wanted)
  })

  it.each([
    ...['', ' ', 'localhost', '127.0.0.01', '0127.0.0.1', '0x7f.0.0.1', '0x7f000001', '2130706433'],
    ...['127.1', '127.0.1', '127.0.0.1.', '127.0.0', '127.0.0.256', '127.0.0.1/32', '10.0.0.0/8'],
    ...[' 127.0.0.1', '127.0.0.1 ', '127.0.0.1\n', '127.0.0.1:80', '[::1]', '[::1]:80', '::1/128'],
    ...[
      'fe80::1%eth0',
      'fe80::1%25eth0',
      '1::2::3',
      ':::',
      ':',
      '12345::',
      '::g',
      '::ffff:10.0.0.01',
    ],
    ...[
      '::ffff:0x0a.0.0.1',
      '::ffff:10.1',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '１27.0.0.1',
      '::ffff:',
    ],
  ])('does not take %j for an address', (text) => {
    expect(parseAddress(text)).toBeNull()
  })

  it('never throws', () => {
    const likely = fc.stringMatching(/^[0-9a-f:.%x/[\]]{0,24}$/)
    fc.assert(
      fc.property(fc.oneof(fc.string(), likely), (text) => {
        const address = parseAddress(text)
        if (address !== null) expect(isSameAddress(address, address)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it('takes every address that there is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        expect(parseAddress(text)).not.toBeNull()
      }),
      { numRuns: 1000 },
    )
  })
})
