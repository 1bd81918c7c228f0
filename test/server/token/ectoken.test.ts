import { describe, expect, it } from 'vitest'
import { type CheckRequest, ectoken } from '../../../server/token/ectoken.ts'
import { ectoken as ectokenOfDoor } from '../../../server/token/index.ts'

const key = '5f1c9a04e7d83b626a4f90bb1d27c35e93b07ac41de8562fa90c37de64f1b825'
const backup = '0b1d27c35e93b07ac41de8562fa90c37de64f1b8255f1c9a04e7d83b626a4f90'
const iv = '000102030405060708090a0b'
const published =
  'AAECAwQFBgcICQoLBwJilL57CoekHm0VMkleALj3p1836gvdXAP9Jsfkkt9ozMaw6859wUt6b20EixvNvKkCAzWQCw'

const request: CheckRequest = {
  now: 1_700_000_000,
  path: '/vod/movie/seg1.ts',
  host: 'cdn.example.com',
  proto: 'https',
  clientIp: '203.0.113.9',
  country: 'FR',
  referrer: 'https://www.contoso.com/page',
}

describe('ectoken.seal', () => {
  it('makes the published token from parameters as from their text', () => {
    const params = { ec_expire: 1735689600, ec_url_allow: ['/vod/'] }
    const options = { key: 'MY_SECRET_KEY', iv }
    expect(ectoken.seal(params, options)).toBe(published)
    expect(ectoken.seal('ec_expire=1735689600&ec_url_allow=/vod/', options)).toBe(published)
    const bytes = Uint8Array.from({ length: 12 }, (_, index) => index)
    expect(ectoken.seal(params, { key: 'MY_SECRET_KEY', iv: bytes })).toBe(published)
  })

  it.each([
    ['no parameter', {}, 'params: demands nothing'],
    ['no text', '', 'params: demands nothing'],
    ['half a surrogate pair', 'a\ud800', 'params: holds half a surrogate pair'],
    ['too much', 'ä'.repeat(2049), 'params: must not exceed 4096 bytes'],
    ['a value that ends early', { ec_url_allow: '/a&ec_expire=9999999999' }, 'ec_url_allow: '],
    ['what is no text', 17, 'params: '],
  ])('refuses %s', (_name, params, message) => {
    expect(() => ectoken.seal(params as string, { key })).toThrow(TypeError)
    expect(() => ectoken.seal(params as string, { key })).toThrow(message)
  })

  it.each(['', '0001', `${iv}00`, 'z'.repeat(24), new Uint8Array(16), 12])(
    'refuses %j for a nonce',
    (bad) => {
      expect(() => ectoken.seal('a', { key, iv: bad as string })).toThrow('iv: ')
    },
  )

  it.each(['', undefined, null, 17, '\udc00'])('refuses %j for a key', (bad) => {
    expect(() => ectoken.seal('a', { key: bad as string })).toThrow('key: ')
  })

  it('takes 4096 bytes, and opens them again', () => {
    const text = 'z'.repeat(4096)
    expect(ectoken.open(ectoken.seal(text, { key }), { keys: [key] })).toMatchObject({
      valid: true,
      plaintext: text,
    })
  })
})

describe('ectoken.open', () => {
  it('tells the text, what it demands, and which key opened it', () => {
    const token = ectoken.seal('&ec_expire=17&ec_ref_allow=a.example,', { key: backup })
    expect(ectoken.open(token, { keys: [key, backup] })).toEqual({
      valid: true,
      plaintext: '&ec_expire=17&ec_ref_allow=a.example,',
      params: { ec_expire: 17, ec_ref_allow: ['a.example', 'missing'] },
      keyIndex: 1,
    })
    expect(ectoken.open(token, { keys: [key] })).toEqual({ valid: false, reason: 'unreadable' })
  })

  it.each(['MY_COOL_TOKEN', 'ec_expire=1&ec-proto-deny=http'])(
    'opens %s, which check refuses',
    (text) => {
      const opened = ectoken.open(ectoken.seal(text, { key }), { keys: [key] })
      expect(opened).toMatchObject({ valid: true, plaintext: text, params: null })
      expect(ectoken.check(text, request)).toEqual({ allow: false, reason: 'malformed' })
    },
  )

  // Threat T15 and spec/token-formats section 2.5 no. 1: one token has one text.
  it.each([
    ['padding', `${published}==`],
    ['one sign of padding', `${published}=`],
    ['bits that are not used', `${published.slice(0, -1)}x`],
    [
      'another alphabet',
      ectoken.seal('a', { key: 'MY_SECRET_KEY', iv: 'ff'.repeat(12) }).replaceAll('_', '/'),
    ],
    ['one more character', `${published}A`],
    ['a line feed', `${published}\n`],
    ['a blank in front', ` ${published}`],
    ['a dot', `${published}.`],
    ['an escape', published.replace('w', '%77')],
    ['a NUL', `${published}\0`],
    ['another script', published.replace('w', 'ｗ')],
  ])('refuses the spelling with %s', (_name, token) => {
    expect(ectoken.open(token, { keys: ['MY_SECRET_KEY'] })).toEqual({
      valid: false,
      reason: 'unreadable',
    })
  })

  it.each([undefined, null, 17, {}, [published]])('refuses %j for a token', (token) => {
    expect(ectoken.open(token as string, { keys: [key] }).valid).toBe(false)
  })

  it.each([
    [[], 'keys: '],
    [undefined, 'keys: '],
    ['text', 'keys: '],
    [[key, ''], 'keys[1]: is empty'],
    [[key, undefined], 'keys[1]: '],
  ])('throws for keys of %j', (keys, message) => {
    expect(() => ectoken.open(published, { keys: keys as string[] })).toThrow(message)
  })

  it('says nothing of the key in a message', () => {
    expect(() => ectoken.open('', { keys: [`${key}\ud800`] })).toThrow(/^(?!.*5f1c9a)/)
  })
})

describe('ectoken.check', () => {
  it.each([
    ['ec_expire=1700000000', null],
    ['ec_expire=1699999999', 'expired'],
    ['ec_url_allow=/vod/', null],
    ['ec_url_allow=/live/', 'path_not_allowed'],
    ['ec_country_allow=fr', null],
    ['ec_country_deny=fr', 'country_not_allowed'],
    ['ec_host_allow=*.example.com', null],
    ['ec_host_deny=*.example.com', 'host_not_allowed'],
    ['ec_ref_allow=*.contoso.com/page', null],
    ['ec_ref_deny=*.contoso.com', 'referrer_not_allowed'],
    ['ec_clientip=203.0.113.0/24', null],
    ['ec_clientip=203.0.114.0/24', 'ip_mismatch'],
    ['ec_proto_allow=https', null],
    ['ec_proto_deny=https', 'protocol_not_allowed'],
    ['', 'unrestricted'],
    ['ec_secure=1', 'unrestricted'],
    ['ec_foo=1', 'malformed'],
    ['ec_expire=1&ec_proto_deny=https', 'expired'],
  ])('%s: %s', (text, reason) => {
    const wanted = reason === null ? { allow: true } : { allow: false, reason }
    expect(ectoken.check(text, request)).toEqual(wanted)
  })

  // What is not known meets no demand.
  it.each([
    ['ec_country_allow=FR', { country: null }],
    ['ec_host_deny=a.example', { host: undefined }],
    ['ec_clientip=0.0.0.0/0', { clientIp: undefined }],
    ['ec_proto_deny=http', { proto: undefined }],
    ['ec_ref_allow=a.example', { referrer: undefined }],
    ['ec_expire=1800000000', { now: Number.NaN }],
    ['ec_expire=1800000000', { now: -1 }],
    ['ec_expire=1800000000', { now: 1700000000.5 }],
    ['ec_expire=1800000000', { path: undefined }],
  ])('refuses %s for %j', (text, facts) => {
    expect(ectoken.check(text, { ...request, ...facts } as CheckRequest).allow).toBe(false)
  })

  it.each(['/vod/../x', '/vod/%2e%2e/x', '/vod/%2fx', '/vod/%00', '/vod/%', '/vod\\x', '/vod/.'])(
    'refuses the ambiguous path %s, whatever the token demands',
    (path) => {
      for (const text of ['ec_url_allow=/', 'ec_expire=1800000000']) {
        const result = ectoken.check(text, { ...request, path })
        expect(result).toEqual({ allow: false, reason: 'path_not_allowed' })
      }
    },
  )

  it('takes the time of the system where none is given', () => {
    const { now: _, ...rest } = request
    expect(ectoken.check('ec_expire=1', rest).allow).toBe(false)
    expect(ectoken.check('ec_expire=999999999999', rest).allow).toBe(true)
  })

  it('has a policy for what the format leaves open', () => {
    expect(ectoken.check('', request, { allowUnrestricted: true }).allow).toBe(true)
    expect(ectoken.check('ec_url_allow=/VOD/', request, { ignoreCase: true }).allow).toBe(true)
    const page = 'ec_ref_allow=www.contoso.com/PAGE'
    expect(ectoken.check(page, request).allow).toBe(false)
    expect(ectoken.check(page, request, { ignoreCase: true }).allow).toBe(true)
    const unknown = { ...request, country: null }
    expect(ectoken.check('ec_country_deny=RU', unknown).allow).toBe(true)
    const closed = { denyUnknownCountry: true }
    expect(ectoken.check('ec_country_deny=RU', unknown, closed).allow).toBe(false)
  })

  // Threat T21: the longest token that opens, and the longest that a client can send against it.
  it.each([
    ['ec_url_allow', '/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'],
    ['ec_url_allow', '/ab'],
    ['ec_ref_allow', 'a.a/b'],
    ['ec_ref_allow', '*.a.a'],
    ['ec_host_allow', 'a-a.a-a.a-a'],
    ['ec_country_allow', 'CH'],
  ])('judges long lists of %s quickly', (name, one) => {
    const text = `${name}=${Array(Math.floor(4080 / (one.length + 1))).fill(one)}`
    const long = 'a'.repeat(8000)
    const facts = { ...request, path: `/${long}`, host: long, referrer: `https://a.a/${long}` }
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now()
      expect(ectoken.check(text, facts, { ignoreCase: true }).allow).toBe(false)
      return performance.now() - start
    })
    expect(Math.min(...times)).toBeLessThan(10)
  })

  it('judges parameters as it judges their text', () => {
    expect(ectoken.check({ ec_url_allow: ['/x/', '/vod/'] }, request)).toEqual({ allow: true })
    expect(ectoken.check({ ec_url_allow: [] }, request)).toMatchObject({ reason: 'malformed' })
    const none = { ...request, referrer: null }
    expect(ectoken.check('ec_ref_allow=,', none)).toEqual({ allow: true })
    expect(ectoken.check({ ec_ref_allow: ['missing'] }, none)).toEqual({ allow: true })
    expect(ectoken.check({}, request)).toMatchObject({ reason: 'unrestricted' })
    const unknown = { ec_expire: 1_800_000_000, ec_proto: 'http' }
    expect(ectoken.check(unknown, request)).toMatchObject({ reason: 'malformed' })
  })
})

it('stands behind the door playgate/tokens', () => {
  expect(ectokenOfDoor).toBe(ectoken)
})
