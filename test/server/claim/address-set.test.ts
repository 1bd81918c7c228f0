import { describe, expect, it } from 'vitest'
import { AddressSet } from '../../../server/claim/address-set.ts'

const holds = (entry: string, address: string) => new AddressSet([entry]).has(address)

describe('AddressSet', () => {
  it.each([
    ['10.0.0.0/8', '9.255.255.255', false],
    ['10.0.0.0/8', '10.0.0.0', true],
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '::10.1.2.3', false],
    ['10.0.0.1/32', '10.0.0.1', true],
    ['10.0.0.1/32', '10.0.0.2', false],
    ['10.0.0.1/31', '10.0.0.0', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '10.0.0.1', false],
    ['2001:db8::/33', '2001:db8:7fff:ffff:ffff:ffff:ffff:ffff', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['2001:db8::1', '2001:0DB8:0:0::1', true],
    // The length counts the bits of what is written.
    ['::ffff:10.0.0.0/104', '10.255.255.255', true],
    ['::ffff:10.0.0.0/104', '11.0.0.0', false],
    ['::ffff:10.0.0.0/128', '10.0.0.0', true],
    ['::ffff:10.0.0.0/96', '11.0.0.0', true],
    ['::ffff:10.0.0.1', '10.0.0.1', true],
    ['10.0.0.0/8', '10.0.0.1%eth0', false],
    ['10.0.0.0/8', '010.0.0.1', false],
    ['10.0.0.0/8', '', false],
  ])('%s, asked for %s: %s', (entry, address, expected) => {
    expect(holds(entry, address)).toBe(expected)
  })

  it.each([
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '10.0.0.0 /8',
    '10.0.0/8',
    '10/8',
    '::/129',
    '::ffff:10.0.0.0/8',
    '::ffff:10.0.0.0/95',
    'fe80::1%eth0/64',
    '10.0.0.1-10.0.0.9',
    '*',
    '',
  ])('refuses %j, naming it', (entry) => {
    expect(() => new AddressSet(['10.0.0.1', entry])).toThrow(TypeError)
    expect(() => new AddressSet([entry])).toThrow(`: ${entry}`)
  })
})
