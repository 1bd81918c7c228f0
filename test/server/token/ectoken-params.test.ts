import { describe, expect, it } from 'vitest'
import { parseParams } from '../../../server/token/ectoken-params.ts'
import {
  type EctokenInput,
  serializeCalls,
  serializeParams,
} from '../../../server/token/ectoken-serialize.ts'

describe('parseParams', () => {
  it('reads every parameter, in its normal form', () => {
    const text =
      '&ec_proto_deny=HTTP&ec_expire=0017&ec_secure=033&ec_url_allow=/a=b/,,/c/' +
      '&ec_country_allow=us,FR&ec_host_allow=*.A.example&ec_ref_allow=www.A.example/X,' +
      '&ec_clientip=11.22.33.0/22'
    expect(parseParams(text)).toEqual({
      ec_proto_deny: ['http'],
      ec_expire: 17,
      ec_url_allow: ['/a=b/', '/c/'],
      ec_country_allow: ['US', 'FR'],
      ec_host_allow: ['*.a.example'],
      ec_ref_allow: ['www.a.example/X', 'missing'],
      ec_clientip: '11.22.33.0/22',
    })
  })

  it.each(['', '&', 'ec_secure=1'])('finds no demand in %j', (text) => {
    expect(parseParams(text)).toEqual({})
  })

  it.each([
    ['no pair', 'MY_COOL_TOKEN'],
    ['an empty pair', 'ec_expire=1&&ec_proto_allow=http'],
    ['an empty pair at the end', 'ec_expire=1&'],
    ['two in front', '&&ec_expire=1'],
    ['a repeated name', 'ec_expire=1&ec_expire=2'],
    ['a repeated list', 'ec_url_allow=/a/&ec_url_allow=/b/'],
    ['a repeated filler', 'ec_secure=1&ec_secure=2'],
    ['an unknown name', 'ec_expire=1&ec_foo=1'],
    ['a dashed name', 'ec-proto-deny=http'],
    ['a name in capitals', 'EC_EXPIRE=1'],
    ['a blank before a name', ' ec_expire=1'],
    ['a name of every object', 'constructor=1'],
    ['a name of every prototype', '__proto__=1'],
    ['no name', '=1'],
    ['an empty end', 'ec_expire='],
    ['an empty list of paths', 'ec_url_allow='],
    ['a list of empty paths', 'ec_url_allow=,'],
    ['an empty list of referrers', 'ec_ref_allow='],
    ['a list of no country', 'ec_country_deny=,'],
    ['a signed end', 'ec_expire=-1'],
    ['an end with an exponent', 'ec_expire=1e9'],
    ['an end in hexadecimal', 'ec_expire=0x10'],
    ['an end with a blank', 'ec_expire= 1'],
    ['an end in milliseconds', 'ec_expire=1700000000000'],
    ['an end and a line feed', 'ec_expire=1\n'],
    ['a country of three letters', 'ec_country_deny=RUS'],
    ['a country that there is not', 'ec_country_deny=US,UK'],
    ['a country that nobody knows', 'ec_country_allow=XX'],
    ['countries with a blank', 'ec_country_deny=US, RU'],
    ['a host with a port', 'ec_host_deny=a.example:80'],
    ['a referrer with a scheme', 'ec_ref_deny=https://a.example'],
    ['another protocol', 'ec_proto_deny=ftp'],
    ['a dotted prefix', 'ec_clientip=203.0.113.'],
    ['two addresses', 'ec_clientip=10.0.0.1,10.0.0.2'],
    ['a control character', 'ec_url_allow=/a\u0085'],
  ])('refuses %s', (_name, text) => {
    expect(parseParams(text)).toBeNull()
  })
})

describe('serializeParams', () => {
  it('writes in the order of the vendor', () => {
    const text = serializeParams({
      ec_proto_allow: ['HTTPS'],
      ec_clientip: '203.0.113.0/24',
      ec_ref_deny: 'evil.example',
      ec_ref_allow: ['www.A.example', ''],
      ec_host_allow: '*.example.com',
      ec_url_allow: ['/vod/', '/vod/', '/keys/'],
      ec_country_allow: ['us'],
      ec_country_deny: undefined,
      ec_expire: 1735689600,
    })
    expect(text).toBe(
      'ec_expire=1735689600&ec_country_allow=US&ec_url_allow=/vod/,/keys/&ec_host_allow=*.example.com' +
        '&ec_ref_allow=www.a.example,missing&ec_ref_deny=evil.example&ec_clientip=203.0.113.0/24' +
        '&ec_proto_allow=https',
    )
  })

  it.each([
    ['ec_expire', 0],
    ['ec_expire', -1],
    ['ec_expire', 1.5],
    ['ec_expire', Number.NaN],
    ['ec_expire', 1_700_000_000_000],
    ['ec_expire', '01'],
    ['ec_expire', '1&ec_url_allow=/'],
    ['ec_expire', ['1']],
    ['ec_expire', null],
    ['ec_url_allow', '/a&ec_expire=9999999999'],
    ['ec_url_allow', '/a,b/'],
    ['ec_url_allow', ''],
    ['ec_url_allow', []],
    ['ec_url_allow', ['/a/', '']],
    ['ec_url_allow', 'a/'],
    ['ec_url_allow', '/a b/'],
    ['ec_url_allow', '/a?b'],
    ['ec_url_allow', '/영상/'],
    ['ec_url_allow', '/a\u0000'],
    ['ec_url_allow', 17],
    ['ec_country_allow', 'USA'],
    ['ec_country_allow', 'XX'],
    ['ec_country_deny', ['US', 'UK']],
    ['ec_country_deny', ['US', '']],
    ['ec_host_allow', '*'],
    ['ec_host_deny', 'a.example:80'],
    ['ec_ref_allow', 'https://a.example'],
    ['ec_ref_allow', ''],
    ['ec_ref_deny', '\ud800.example'],
    ['ec_proto_allow', 'ftp'],
    ['ec_clientip', '203.0.113.'],
    ['ec_clientip', ['203.0.113.9']],
    ['ec_secure', '1'],
    ['ec-proto-deny', 'http'],
    ['__proto__', 'http'],
    ['toString', 'http'],
  ])('refuses %s of %j, naming it', (name, value) => {
    const params = JSON.parse('{}') as Record<string, unknown>
    Object.defineProperty(params, name, { value, enumerable: true })
    expect(() => serializeParams(params as EctokenInput)).toThrow(TypeError)
    expect(() => serializeParams(params as EctokenInput)).toThrow(`${name}: `)
  })

  it.each([null, [], 17, undefined])('refuses %j for parameters', (params) => {
    expect(() => serializeParams(params as unknown as EctokenInput)).toThrow(TypeError)
  })
})

describe('serializeCalls', () => {
  it('drops an end of 0 only where nothing is left to seal', () => {
    expect(serializeCalls({ add: [['ec_expire', 0]] })).toBe('')
    const add = [
      ['ec_expire', 0],
      ['ec_url_allow', '/a/'],
    ] as const
    expect(() => serializeCalls({ add })).toThrow('ec_expire: ')
  })

  it('refuses a second address', () => {
    const add = [
      ['ec_clientip', '10.0.0.1'],
      ['ec_clientip', '10.0.0.2'],
    ] as const
    expect(() => serializeCalls({ add })).toThrow('ec_clientip: ')
  })

  it.each([undefined, null, {}, [null], [['ec_expire']], [[1, 2]]])(
    'refuses %j for calls',
    (add) => {
      expect(() => serializeCalls({ add: add as never })).toThrow(TypeError)
    },
  )
})
