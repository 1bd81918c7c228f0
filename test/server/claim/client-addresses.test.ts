import { describe, expect, it } from 'vitest'
import { AddressSet } from '../../../server/claim/address-set.ts'
import { checkClientAddresses } from '../../../server/claim/client-addresses.ts'

const office = new AddressSet(['203.0.113.0/24', '2001:db8::/32'])
const guests = new AddressSet(['203.0.113.128/25'])

describe('checkClientAddresses', () => {
  it.each([
    ['allowed', { allow: office }, '203.0.113.1', true],
    ['allowed, mapped', { allow: office }, '::ffff:203.0.113.1', true],
    ['allowed, IPv6', { allow: office }, '2001:db8:1::1', true],
    ['not allowed', { allow: office }, '198.51.100.1', false],
    ['denied', { deny: guests }, '203.0.113.200', false],
    ['denied, mapped', { deny: guests }, '::ffff:203.0.113.200', false],
    ['not denied', { deny: guests }, '203.0.113.1', true],
    ['allowed and denied', { allow: office, deny: guests }, '203.0.113.128', false],
    ['allowed and not denied', { allow: office, deny: guests }, '203.0.113.127', true],
    ['neither', { allow: office, deny: guests }, '198.51.100.1', false],
    ['not known, no list', {}, undefined, true],
  ])('%s', (_, lists, clientIp, ok) => {
    expect(checkClientAddresses(lists, { clientIp }).ok).toBe(ok)
  })

  it.each([
    undefined,
    '',
    'unknown',
    '203.0.113',
    '203.0.113.01',
    '2001:db8::1%eth0',
    '203.0.113.1:80',
  ])('refuses a client of the address %j by either list', (clientIp) => {
    expect(checkClientAddresses({ allow: office }, { clientIp }).ok).toBe(false)
    expect(checkClientAddresses({ deny: guests }, { clientIp }).ok).toBe(false)
  })
})
