import { describe, expect, it } from 'vitest'
import { readRestrictOptions } from '../../../server/claim/restrict-options.ts'
import { OptionError } from '../../../shared/codes.ts'

/** As from a file, whose types nobody has checked. */
const read = (raw: unknown): unknown => Reflect.apply(readRestrictOptions, undefined, [raw])

describe('readRestrictOptions', () => {
  it('brings entries into their normal form', () => {
    expect(
      read({
        countries: { allow: ['fr', 'DE'], deny: [] },
        referrers: { allow: ['WWW.Example.com/Shop', '*.example.com', 'missing'] },
        hosts: { deny: ['Video.Example.com', '*.example.com'] },
        protocols: { allow: ['HTTPS'] },
        addresses: { allow: ['10.0.0.1', '2001:db8::/32', '211.37.'], deny: ['10.0.0.0/8'] },
      }),
    ).toEqual({
      lists: {
        countries: { allow: ['FR', 'DE'] },
        referrers: { allow: ['www.example.com/Shop', '*.example.com', 'missing'] },
        hosts: { deny: ['video.example.com', '*.example.com'] },
        protocols: { allow: ['https'] },
        addresses: { allow: ['10.0.0.1', '2001:db8::/32', '211.37.0.0/16'], deny: ['10.0.0.0/8'] },
      },
      allowUnknownCountry: false,
    })
  })

  it.each([
    [{}],
    [{ countries: {}, hosts: { allow: [], deny: [] } }],
    [{ addresses: { allow: undefined } }],
  ])('takes %j for no demand', (raw) => {
    expect(read(raw)).toEqual({ lists: {}, allowUnknownCountry: false })
  })

  it.each([
    ['countries.allow[1]', 'not a country code', { countries: { allow: ['FR', 'UK'] } }],
    ['countries.deny[0]', 'not a country code', { countries: { deny: ['XX'] } }],
    ['countries.allow[0]', 'not a country code', { countries: { allow: ['FRA'] } }],
    // YAML reads NO as false.
    ['countries.allow[0]', 'not a country code', { countries: { allow: [false] } }],
    ['countries.allow', 'not a list', { countries: { allow: 'FR' } }],
    ['countries.allowUnknown', 'not a boolean', { countries: { allowUnknown: 'yes' } }],
    [
      'countries.allowUnknown',
      'an allow list refuses what is not in it',
      { countries: { allow: ['FR'], allowUnknown: true } },
    ],
    ['countries.alow', 'unknown option', { countries: { alow: ['FR'] } }],
    ['country', 'unknown option', { country: { allow: ['FR'] } }],
    ['countries', 'not an object', { countries: ['FR'] }],
    ['countries', 'not an object', { countries: null }],
    ['referrers.allow[0]', 'not host', { referrers: { allow: ['https://example.com'] } }],
    ['referrers.allow[0]', 'not host', { referrers: { allow: ['example.com:443'] } }],
    ['referrers.deny[0]', 'not host', { referrers: { deny: [''] } }],
    ['referrers.deny[0]', 'not host', { referrers: { deny: ['*'] } }],
    ['referrers.allowUnknown', 'unknown option', { referrers: { allowUnknown: true } }],
    ['hosts.allow[0]', 'not host or *.domain', { hosts: { allow: ['example.com:8080'] } }],
    ['hosts.allow[0]', 'not host or *.domain', { hosts: { allow: ['a.*.example'] } }],
    ['hosts.allow[0]', 'not host or *.domain', { hosts: { allow: ['example.com/path'] } }],
    ['protocols.allow[0]', 'not http or https', { protocols: { allow: ['ftp'] } }],
    ['protocols.allow[0]', 'not http or https', { protocols: { allow: ['https:'] } }],
    ['addresses.deny[1]', 'not an address', { addresses: { deny: ['10.0.0.1', '10.0.0'] } }],
    ['addresses.deny[0]', 'not an address', { addresses: { deny: ['10.0.0.1.'] } }],
    ['addresses.deny[0]', 'not an address', { addresses: { deny: ['211.370.'] } }],
    ['addresses.deny[0]', 'not an address', { addresses: { deny: ['fe80::1%eth0'] } }],
    ['addresses.allow[0]', 'not an address', { addresses: { allow: ['10.0.0.0/33'] } }],
    ['addresses.allow[0]', 'not an address', { addresses: { allow: [167772161] } }],
    ['addresses.allow', 'more than 1024', { addresses: { allow: Array(1025).fill('10.0.0.1') } }],
  ])('says of %s that it is %s', (path, message, raw) => {
    expect(() => read(raw)).toThrow(OptionError)
    expect(() => read(raw)).toThrow(`${path}: ${message}`)
  })

  it.each([null, [], 'x', 7])('says of %j that it is no object', (raw) => {
    expect(() => read(raw)).toThrow(/not an object with countries, referrers, hosts/)
  })

  it('names everything at once', () => {
    const raw = { countries: { allow: ['UK'], deny: ['EU'] }, hosts: { allow: 'x' }, x: 1 }
    expect(() => read(raw)).toThrow(
      [
        'x: unknown option',
        'countries.allow[0]: not a country code',
        'countries.deny[0]: not a country code',
        'hosts.allow: not a list',
      ].join('\n'),
    )
  })
})
