import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPlaygate, type MintAccessOptions, OptionError } from '../../../server/index.ts'
import { ectoken, edgeauth } from '../../../server/token/index.ts'
import { otherKey, testKey } from '../../stage/start-gate.ts'

const phrase = 'a pass phrase that nobody guesses, 7 times over'
const now = Date.UTC(2026, 0, 1)
const seconds = now / 1000
const origin = 'https://origin.example'

const gate = createPlaygate(
  {
    keys: { vod: { primary: testKey, transition: otherKey }, portal: { primary: phrase } },
    rules: [
      {
        name: 'films',
        match: { paths: ['/vod/*'] },
        origin,
        access: [
          { format: 'edgeauth', key: 'vod' },
          { format: 'ectoken', key: 'portal', maxLifetimeSeconds: 3600 },
          { format: 'timed', key: 'vod' },
          { format: 'managed' },
        ],
      },
      {
        name: 'live',
        match: { paths: ['/live/*'] },
        origin,
        access: { format: 'ectoken', key: 'portal' },
      },
      {
        name: 'odd',
        match: { paths: ['/odd/*.m3u8'] },
        origin,
        access: { format: 'ectoken', key: 'portal' },
      },
      {
        name: 'counted',
        match: { paths: ['/counted/*'] },
        origin,
        access: { format: 'edgeauth', key: 'vod' },
        session: { maxConcurrent: 1 },
      },
      { name: 'free', match: { paths: ['/free/*'] }, origin, open: true },
    ],
  },
  { now: () => now },
)

function mint(options: MintAccessOptions) {
  return gate.mintDetailed({ ttlSeconds: 60, ...options })
}

const ec = (options: MintAccessOptions) => {
  const { token } = mint({ format: 'ectoken', ...options })
  const opened = ectoken.open(token, { keys: [phrase] })
  return opened.valid ? opened.params : null
}

describe('the rule and format of a token', () => {
  it.each<[MintAccessOptions, object]>([
    [{}, { rule: 'films', format: 'edgeauth', parameter: 'hdnts' }],
    [{ format: 'ectoken' }, { rule: 'films', format: 'ectoken', parameter: '' }],
    [{ format: 'timed' }, { rule: 'films', format: 'timed', parameter: 'token' }],
    [{ rule: 'live' }, { rule: 'live', format: 'ectoken' }],
    [{ path: '/live/x/*' }, { rule: 'live', format: 'ectoken' }],
    [{ path: ['/nowhere/*', '/live/x/*'] }, { rule: 'live' }],
    [{ path: '/counted/*', subject: 'u7' }, { rule: 'counted' }],
  ])('%j', (options, minted) => {
    expect(mint(options)).toMatchObject({ ...minted, expiresAt: seconds + 60 })
  })

  it('is made with the primary key', () => {
    const { token } = mint({ path: '/vod/a/*' })
    const options = { path: '/vod/a/x', now: seconds }
    expect(edgeauth.verify(token, { ...options, keys: [testKey] }).valid).toBe(true)
    expect(edgeauth.verify(token, { ...options, keys: [otherKey] }).valid).toBe(false)
  })
})

describe('an ectoken', () => {
  it.each<[MintAccessOptions, object]>([
    [{}, { ec_url_allow: ['/vod/'] }],
    [{ path: '/vod/a/*!/vod/b*' }, { ec_url_allow: ['/vod/a/', '/vod/b'] }],
    [{ path: ['/vod/a%20b/*'] }, { ec_url_allow: ['/vod/a%20b/'] }],
    [{ path: '*' }, { ec_url_allow: ['/'] }],
    [{ ip: '10.0.0.0/8' }, { ec_url_allow: ['/vod/'], ec_clientip: '10.0.0.0/8' }],
    [
      { params: { ec_country_allow: ['CH', 'at'], ec_ref_deny: 'missing' } },
      { ec_url_allow: ['/vod/'], ec_country_allow: ['CH', 'AT'], ec_ref_deny: ['missing'] },
    ],
  ])('says what was asked: %j', (options, params) => {
    expect(ec(options)).toEqual({ ...params, ec_expire: seconds + 60 })
  })

  it('says nothing that was not asked, whatever stands in the values', () => {
    const text = fc.string({ maxLength: 12 })
    fc.assert(
      fc.property(text, text, text, (host, page, tail) => {
        const params = { ec_host_allow: host, ec_ref_allow: [page] }
        try {
          expect(Object.keys(ec({ path: `/vod/${tail}*`, params }) ?? {}).sort()).toEqual([
            ...['ec_expire', 'ec_host_allow', 'ec_ref_allow', 'ec_url_allow'],
          ])
        } catch (error) {
          expect(error).toBeInstanceOf(OptionError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('what cannot be minted is said of the option', () => {
  it.each<[MintAccessOptions, RegExp]>([
    [
      { rule: 'none' },
      /^rule: no rule of that name asks for tokens \(there: films, live, odd, counted\)/,
    ],
    [{ rule: 'free' }, /^rule: /],
    [{ paths: '/vod/film/*' } as object, /^paths: unknown option: here it is called path$/],
    [{ format: 'timed', clientIp: '1.2.3.4' } as object, /^clientIp: .* called ip$/],
    [{ format: 'timed', referer: 'a.example' } as object, /^referer: .* called referrer$/],
    [{ sessionId: 'u7' } as object, /^sessionId: .* called subject$/],
    [{ lifeSeconds: 60 } as object, /^lifeSeconds: .* called ttlSeconds$/],
    [{ ec_country_deny: 'US' } as object, /^ec_country_deny: unknown option$/],
    [
      { rule: 'live', format: 'managed' },
      /^format: no rule takes managed tokens \(there: ectoken\)/,
    ],
    [
      { format: 'managed' },
      /^format: managed tokens of films are kept in the store: .* tokens\.mint/,
    ],
    [{ path: '/nowhere/*' }, /^path: the token would open nothing/],
    [{ path: 'vod/*' }, /^path: begins with neither/],
    [{ ttlSeconds: 0 }, /^ttlSeconds: not a whole number/],
    [{ ttlSeconds: Number.NaN }, /^ttlSeconds: not a whole number/],
    [{ ttlSeconds: 90_000 }, /^ttlSeconds: more than maxLifetimeSeconds of films \(86400\)/],
    [{ path: '/counted/*' }, /^subject: counted counts streams/],
    [{ subject: 'a~b' }, /^subject: must not hold ~/],
    [{ ip: '10.0.0.0/8' }, /^ip: must be one IPv4 or IPv6 address/],
    [{ referrer: 'a.example' }, /^referrer: a token of format edgeauth has no place for it/],
    [{ params: {} }, /^params: a token of format edgeauth has no place for it/],
    [
      { format: 'ectoken', ttlSeconds: 3601 },
      /^ttlSeconds: more than maxLifetimeSeconds of films \(3600\)/,
    ],
    [{ format: 'ectoken', path: '/vod/*.m3u8' }, /^path: an ectoken opens what begins with a text/],
    [{ format: 'ectoken', path: '/vod/a' }, /^path: an ectoken opens what begins with a text/],
    [{ format: 'ectoken', path: '/vod/?*' }, /^path: an ectoken opens what begins with a text/],
    [{ format: 'ectoken', path: '/vod/a b/*' }, /^path: must hold paths as in a request line/],
    [{ format: 'ectoken', path: '/vod/a&ec_expire=9/*' }, /^path: must not hold & or ,/],
    [{ rule: 'odd' }, /^path: an ectoken opens what begins with a text: end \/odd\/\*\.m3u8/],
    [{ format: 'ectoken', ip: '10.0.0.' }, /^ip: must be one IPv4 or IPv6 address or CIDR block/],
    [{ format: 'ectoken', subject: 'u7' }, /^subject: a token of format ectoken has no place/],
    [{ format: 'ectoken', params: { ec_expire: 9 } }, /^params\.ec_expire: is said by ttlSeconds/],
    [
      { format: 'ectoken', params: { ec_country_allow: 'CHE' } },
      /^params\.ec_country_allow: holds an entry/,
    ],
    [
      { format: 'ectoken', params: { ec_country_deny: ['US', 'UK'] } },
      /^params\.ec_country_deny: holds an entry that is no two-letter code of a country .*GB/,
    ],
    [
      { format: 'ectoken', params: { ec_proto_allow: [] } },
      /^params\.ec_proto_allow: must not be empty/,
    ],
    [
      { format: 'ectoken', params: { ec_x: 'y' } as never },
      /^params\.ec_x: is no parameter of an ectoken/,
    ],
    [
      { format: 'ectoken', params: { x: 'y' } as never },
      /^params\.x: is no parameter of an ectoken/,
    ],
    [
      {
        format: 'ectoken',
        path: Array.from({ length: 300 }, (_, index) => `/vod/${index}/0123456789*`),
      },
      /^path: with params, more than an ectoken holds \(4096 bytes\)/,
    ],
    [{ format: 'timed', ttlSeconds: 59 }, /^ttlSeconds: must be whole seconds, 60 to 604800/],
    [{ format: 'timed', ip: '10.0.0' }, /^ip: must be an address/],
    [{ format: 'timed', referrer: 'a b' }, /^referrer: must be a domain/],
  ])('%j', async (options, message) => {
    expect(() => mint(options)).toThrow(OptionError)
    expect(() => mint(options)).toThrow(message)
    if (options.format === 'managed') return
    await expect(gate.tokens.mint({ ttlSeconds: 60, ...options })).rejects.toThrow(message)
  })
})
