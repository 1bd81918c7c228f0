import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RestrictOptions } from '../../../server/claim/restrict-options.ts'
import {
  judgeRestrictions,
  type RestrictionFacts,
  readRestrictions,
} from '../../../server/claim/restrictions.ts'

const judge = (raw: RestrictOptions, facts: RestrictionFacts) =>
  judgeRestrictions(readRestrictions(raw), facts)
const passes = (raw: RestrictOptions, facts: RestrictionFacts) =>
  judge(raw, facts).every(({ answer }) => answer.ok)

describe('countries', () => {
  it.each([
    ['allowed', { allow: ['FR', 'DE'] }, 'FR', true],
    ['allowed, whatever the case', { allow: ['fr'] }, 'Fr', true],
    ['not allowed', { allow: ['DE'] }, 'FR', false],
    ['denied', { deny: ['FR'] }, 'FR', false],
    ['not denied', { deny: ['DE'] }, 'FR', true],
    // Unlike in an ectoken.
    ['allowed and denied', { allow: ['FR'], deny: ['FR'] }, 'FR', false],
    ['neither, with both lists', { allow: ['DE'], deny: ['US'] }, 'FR', false],
    ['allowed and not denied', { allow: ['FR'], deny: ['US'] }, 'FR', true],
    ['not known, allow list', { allow: ['FR'] }, null, false],
    ['not known, deny list', { deny: ['FR'] }, null, false],
    ['not known, deny list that lets it pass', { deny: ['FR'], allowUnknown: true }, null, true],
    ['not known, both', { allow: ['FR'], deny: ['US'] }, undefined, false],
    [
      'denied by a list that lets the unknown pass',
      { deny: ['FR'], allowUnknown: true },
      'FR',
      false,
    ],
    ['no code', { deny: ['FR'] }, 'FRA', false],
    ['not known, empty lists', { allow: [], deny: [] }, null, true],
  ])('%s', (_, countries, country, ok) => {
    expect(passes({ countries }, { country })).toBe(ok)
  })
})

describe('referrers', () => {
  const lists = { allow: ['*.example.com', 'partner.example/embed/'], deny: ['old.example.com'] }

  it.each([
    ['https://www.example.com/', true],
    ['https://partner.example/embed/1', true],
    ['https://old.example.com/', false],
    ['https://partner.example/', false],
    ['https://example.com/', false],
    // Look-alikes (threat T22).
    ['https://evilexample.com/', false],
    ['https://www.example.com.evil.net/', false],
    ['https://www.example.com@evil.net/', false],
    ['https://evil.net/?https://www.example.com/', false],
    ['www.example.com', false],
    ['', false],
    [null, false],
  ])('%s: %s', (referrer, ok) => {
    expect(passes({ referrers: lists }, { referrer })).toBe(ok)
  })

  it.each([
    [{ allow: ['missing'] }, undefined, true],
    [{ allow: ['a.example', 'missing'] }, '', true],
    [{ allow: ['missing'] }, 'https://a.example/', false],
    [{ deny: ['missing'] }, undefined, false],
    [{ deny: ['missing'] }, 'about:blank', false],
    [{ deny: ['missing'] }, 'https://a.example/', true],
    [{ deny: ['a.example'] }, undefined, true],
    [{ deny: ['a.example'] }, 'no page', false],
    [{ allow: ['missing'], deny: ['missing'] }, undefined, false],
  ])('%j, without a referrer or with %j: %s', (referrers, referrer, ok) => {
    expect(passes({ referrers }, { referrer })).toBe(ok)
  })
})

describe('hosts', () => {
  it.each([
    [{ allow: ['video.example.com'] }, 'video.example.com', true],
    [{ allow: ['video.example.com'] }, 'VIDEO.example.com.:8443', true],
    [{ allow: ['*.example.com'] }, 'a.b.example.com', true],
    [{ allow: ['*.example.com'] }, 'example.com', false],
    [{ allow: ['*.example.com'] }, 'evilexample.com', false],
    [{ allow: ['video.example.com'] }, 'video.example.com.evil.net', false],
    [{ allow: ['*.example.com'], deny: ['old.example.com'] }, 'old.example.com', false],
    [{ allow: ['*.example.com'], deny: ['old.example.com'] }, 'new.example.com', true],
    [{ deny: ['old.example.com'] }, 'a b', false],
    [{ deny: ['old.example.com'] }, undefined, false],
  ])('%j, asked of %s: %s', (hosts, host, ok) => {
    expect(passes({ hosts }, { host })).toBe(ok)
  })
})

describe('protocols', () => {
  it.each([
    [{ allow: ['https'] }, 'https', true],
    [{ allow: ['https'] }, 'HTTPS', true],
    [{ allow: ['https'] }, 'http', false],
    [{ deny: ['http'] }, 'http', false],
    [{ deny: ['http'] }, 'https', true],
    [{ allow: ['http', 'https'], deny: ['http'] }, 'http', false],
    [{ deny: ['http'] }, undefined, false],
    [{ deny: ['http'] }, 'ws', false],
  ])('%j, over %s: %s', (protocols, proto, ok) => {
    expect(passes({ protocols }, { proto })).toBe(ok)
  })
})

describe('addresses', () => {
  it.each([
    [{ allow: ['203.0.113.0/24', '2001:db8::/32'] }, '::ffff:203.0.113.255', true],
    [{ allow: ['203.0.113.0/24', '2001:db8::/32'] }, '2001:db8:ffff::', true],
    [{ allow: ['203.0.113.0/24'] }, '203.0.114.0', false],
    [{ allow: ['203.0.113.0/24'], deny: ['::ffff:203.0.113.7'] }, '203.0.113.7', false],
    [{ deny: ['203.0.113.0/24'] }, '203.0.112.255', true],
    // Threat T54: whole bytes, and no beginning of text.
    [{ deny: ['211.37.'] }, '211.37.0.0', false],
    [{ deny: ['211.37.'] }, '211.37.255.255', false],
    [{ deny: ['211.3.'] }, '211.37.0.1', true],
    [{ allow: ['211.37.'] }, '211.38.0.0', false],
    [{ deny: ['203.0.113.0/24'] }, undefined, false],
    [{ deny: ['203.0.113.0/24'] }, '203.0.113.7%eth0', false],
  ])('%j, asked from %s: %s', (addresses, clientIp, ok) => {
    expect(passes({ addresses }, { clientIp })).toBe(ok)
  })
})

describe('all of them', () => {
  const raw: RestrictOptions = {
    addresses: { deny: ['10.0.0.0/8'] },
    protocols: { allow: ['https'] },
    hosts: { allow: ['video.example'] },
    referrers: { allow: ['site.example'] },
    countries: { allow: ['FR'] },
  }
  const facts: RestrictionFacts = {
    country: 'FR',
    referrer: 'https://site.example/',
    host: 'video.example',
    proto: 'https',
    clientIp: '192.0.2.1',
  }

  it('are answered one by one, in one order, whatever the others say', () => {
    expect(judge(raw, facts)).toEqual(
      ['countries', 'referrers', 'hosts', 'protocols', 'addresses'].map((check) => ({
        check,
        answer: { ok: true },
      })),
    )
    const refused = judge(raw, { ...facts, country: 'DE', proto: 'http', clientIp: '10.1.1.1' })
    expect(refused).toEqual([
      {
        check: 'countries',
        answer: { ok: false, reason: 'country_not_allowed', detail: 'another country' },
      },
      { check: 'referrers', answer: { ok: true } },
      { check: 'hosts', answer: { ok: true } },
      {
        check: 'protocols',
        answer: { ok: false, reason: 'protocol_not_allowed', detail: 'another protocol' },
      },
      {
        check: 'addresses',
        answer: { ok: false, reason: 'address_not_allowed', detail: 'a denied client address' },
      },
    ])
  })

  it('are left out where nothing is demanded', () => {
    expect(judge({ hosts: { allow: ['video.example'] }, countries: { deny: [] } }, facts)).toEqual([
      { check: 'hosts', answer: { ok: true } },
    ])
    expect(judge({}, {})).toEqual([])
  })

  it('say whether a country has to come from somewhere', () => {
    expect(readRestrictions(raw).needsCountry).toBe(true)
    expect(readRestrictions({ hosts: { allow: ['a.example'] } }).needsCountry).toBe(false)
    expect(readRestrictions({ countries: { allow: [] } }).needsCountry).toBe(false)
  })

  it('are all refused where nothing is known', () => {
    expect(judge(raw, {}).map(({ answer }) => answer.ok)).toEqual(Array(5).fill(false))
  })

  it('name an entry that cannot be', () => {
    expect(() => readRestrictions({ countries: { allow: ['FR', 'UK'] } })).toThrow(
      /^countries\.allow\[1\]: not a country code$/,
    )
  })

  it('throw for nothing that a client can say', () => {
    const text = fc.option(fc.string({ unit: 'binary' }), { nil: undefined })
    const said = fc.record({
      country: text,
      referrer: text,
      host: text,
      proto: text,
      clientIp: text,
    })
    const restrictions = readRestrictions(raw)
    fc.assert(
      fc.property(said, (client) => {
        expect(judgeRestrictions(restrictions, client)).toHaveLength(5)
      }),
    )
  })
})
