import { describe, expect, it } from 'vitest'
import type { InspectRequest } from '../../../server/session/inspect-token.ts'
import { ectoken, OptionError, timed } from '../../../server/token/index.ts'
import { otherKey, type StagedGate, startGate, testKey } from '../../stage/start-gate.ts'

const phrase = 'a pass phrase that nobody guesses, 7 times over'

function start(...access: object[]): Promise<StagedGate> {
  return startGate({
    session: null,
    rule: { access: access as never },
    configuration: {
      geoip: { header: 'CF-IPCountry' },
      trustedProxies: ['192.0.2.1'],
      keys: { vod: { primary: testKey }, portal: { primary: phrase, transition: `${phrase}!` } },
    },
  })
}

const ec = { format: 'ectoken', key: 'portal' }
const sealed = { format: 'timed', key: 'vod' }
const kept = { format: 'timed', key: 'vod', revocable: true }
const managed = { format: 'managed' }

/** What the rules say, in a line each. */
async function verdictsOf(stage: StagedGate, token: string, request: InspectRequest = {}) {
  const inspected = await stage.gate.tokens.inspect(token, request)
  return inspected?.verdicts.map(({ valid, reason, detail }) =>
    valid ? `valid: ${detail}` : `${reason}: ${detail}`,
  )
}

describe('inspecting with facts that are none', () => {
  it.each<[object, RegExp]>([
    [{ clientAddress: 'foo' }, /^clientAddress: must be one IPv4 or IPv6 address/],
    [{ clientAddress: '' }, /^clientAddress: /],
    [{ clientAddress: '10.0.0.0/8' }, /^clientAddress: /],
    [{ clientAddress: null }, /^clientAddress: /],
    [{ ip: '10.0.0.1' }, /^ip: unknown option: here it is called clientAddress$/],
  ])('is refused: %j', async (request, message) => {
    const stage = await start(ec)
    const token = ectoken.seal({ ec_clientip: '10.0.0.1' }, { key: phrase })
    await expect(stage.gate.tokens.inspect(token, request)).rejects.toThrow(message)
    await expect(stage.gate.tokens.inspect(token, request)).rejects.toThrow(OptionError)
  })
})

it('says of a token that names countries that a gate without geoip refuses it', async () => {
  const stage = await startGate({
    rule: { access: [ec] as never },
    configuration: { keys: { vod: { primary: testKey }, portal: { primary: phrase } } },
  })
  const token = ectoken.seal({ ec_country_deny: ['DE'] }, { key: phrase })
  expect(await verdictsOf(stage, token)).toEqual([expect.stringMatching(/geoip is missing/)])
  const { verdicts } = (await stage.gate.tokens.inspect(token)) ?? {}
  expect(verdicts?.[0]).toMatchObject({ valid: false, reason: 'country_not_judged' })
})

const headers = { Referer: 'https://a.example/', Host: 'a.example' }

describe('inspecting an ectoken', () => {
  it('tells what was sealed, and names what is not judged', async () => {
    const stage = await start(ec)
    const params = {
      ec_expire: stage.clock.nowSeconds() + 60,
      ec_url_allow: ['/vod/'],
      ec_clientip: '10.0.0.0/8',
      ec_ref_allow: ['a.example'],
      ec_country_allow: ['DE'],
    }
    const token = ectoken.seal(params, { key: `${phrase}!` })
    expect(await stage.gate.tokens.inspect(token)).toEqual({
      format: 'ectoken',
      kind: 'access',
      fields: params,
      verdicts: [
        {
          rule: 'film',
          valid: true,
          key: 'transition',
          detail:
            'opens with the transition key, good until 2026-01-01T00:01:00.000Z; not judged: its countries, its paths, its pages, its address',
        },
      ],
    })
    const asked = { path: '/vod/x', headers, clientAddress: '10.1.1.1' }
    expect(await verdictsOf(stage, token, asked)).toEqual([
      expect.stringMatching(/^valid: .*; not judged: its countries$/),
    ])
    for (const [change, reason] of [
      [{ path: '/x' }, 'path_not_allowed'],
      [{ clientAddress: '11.0.0.1' }, 'ip_mismatch'],
      [{ headers: { referer: 'https://b.example/' } }, 'referrer_not_allowed'],
    ] as const) {
      const [verdict] = (await verdictsOf(stage, token, { ...asked, ...change })) ?? []
      expect(verdict).toMatch(reason)
    }
  })

  it.each<[string, string, InspectRequest, object, RegExp]>([
    ['that has ended', 'ec_expire=1', {}, {}, /^expired: /],
    ['with unknown names', 'ec_url_allow=/&x=1', {}, {}, /^malformed: /],
    ['that demands nothing', 'ec_secure=1', {}, {}, /^unrestricted: /],
    [
      'beyond the maximum of the rule',
      'ec_expire=1767226000',
      {},
      { maxLifetimeSeconds: 60 },
      /^too-long: /,
    ],
    [
      'without an end, where there is a maximum',
      'ec_url_allow=/',
      {},
      { maxLifetimeSeconds: 60 },
      /^too-long: /,
    ],
    [
      'for a path as it is decoded',
      'ec_url_allow=/vod/a b/',
      { path: '/vod/a%20b/x' },
      {},
      /^valid: /,
    ],
    [
      'for a path in another case',
      'ec_url_allow=/VOD/',
      { path: '/vod/x' },
      { ignoreCase: true },
      /^valid: /,
    ],
    [
      'for a host that it is not for',
      'ec_host_allow=b.example',
      { headers },
      {},
      /^host_not_allowed: /,
    ],
  ])('says what the server would say of one %s', async (_what, text, request, more, verdict) => {
    const stage = await start({ ...ec, ...more })
    const token = ectoken.seal(text, { key: phrase })
    expect(await verdictsOf(stage, token, request)).toEqual([expect.stringMatching(verdict)])
  })

  it('shows the text of one that holds no list of parameters, and nothing of one that no key opens', async () => {
    const stage = await start(ec)
    const strange = ectoken.seal('hello=world', { key: phrase })
    expect(await stage.gate.tokens.inspect(strange)).toMatchObject({
      fields: { plaintext: 'hello=world' },
    })
    const foreign = ectoken.seal({ ec_url_allow: '/' }, { key: 'another pass phrase' })
    expect(await stage.gate.tokens.inspect(foreign)).toMatchObject({
      fields: null,
      verdicts: [{ valid: false, reason: 'unreadable' }],
    })
  })
})

describe('inspecting a timed token', () => {
  it('is judged by time, address and page', async () => {
    const stage = await start(sealed)
    const now = stage.clock.nowSeconds()
    const mint = (fields: object) =>
      timed.mint({ lifeSeconds: 60, now, ...fields }, { key: testKey })
    const narrow = mint({ clientIp: '211.37.', referrer: 'example.com' })
    expect(await verdictsOf(stage, narrow)).toEqual([
      'valid: opens with the primary key, good until 2026-01-01T00:01:00.000Z; not judged: its address, its pages',
    ])
    expect(await verdictsOf(stage, narrow, { clientAddress: '211.38.0.1' })).toEqual([
      expect.stringMatching(/^ip_mismatch: /),
    ])
    expect(await verdictsOf(stage, narrow, { headers })).toEqual([
      expect.stringMatching(/^referrer_not_allowed: /),
    ])
    expect(await verdictsOf(stage, mint({ now: now - 61 }))).toEqual([
      expect.stringMatching(/^expired: /),
    ])
    expect(await verdictsOf(stage, mint({ now: now + 301 }))).toEqual([
      expect.stringMatching(/^not_yet_valid: /),
    ])
    const foreign = timed.mint({ lifeSeconds: 60, now }, { key: otherKey })
    expect(await verdictsOf(stage, foreign)).toEqual(['unreadable: no key of this rule opens it'])
  })

  it('says that it was revoked with all of its key', async () => {
    const stage = await start(sealed)
    const token = stage.gate.mint({ ttlSeconds: 600 })
    await stage.gate.tokens.revoke({ timedOfKey: 'vod' })
    expect(await verdictsOf(stage, token)).toEqual([
      'revoked: revoked with all tokens of its kind that were made before',
    ])
  })
})

describe('inspecting a token that the store keeps', () => {
  it.each([
    ['managed', managed, {}],
    ['timed', kept, { ttlSeconds: 600 }],
  ] as const)('%s: tells what the store has, and never the text', async (format, access, life) => {
    const stage = await start(access)
    const made = await stage.gate.tokens.mint({ format, ...life, subject: 'u7', ip: '10.' })
    const inspected = await stage.gate.tokens.inspect(made.token)
    expect(inspected).toMatchObject({
      format,
      fields: { id: made.id, kind: format, name: 'u7', clientIp: '10.', realm: 'default' },
    })
    expect(JSON.stringify(inspected)).not.toContain(made.token)
    const end = format === 'managed' ? 'has no end' : 'good until 2026-01-01T00:10:00.000Z'
    expect(await verdictsOf(stage, made.token)).toEqual([
      `valid: the store has it, ${end}; not judged: its address`,
    ])
    await stage.gate.tokens.revoke({ tokens: [made.token] })
    expect(await verdictsOf(stage, made.token)).toEqual(['unknown: never made, revoked, or ended'])
  })

  it('is not called good by a rule that seals its timed tokens, or is of another realm', async () => {
    const stage = await start(kept, sealed, { ...kept, realm: 'other' })
    const { token } = await stage.gate.tokens.mint({ ttlSeconds: 600 })
    expect(await verdictsOf(stage, token)).toEqual([
      expect.stringMatching(/^valid: /),
      'other-realm: made for the realm default',
    ])
    const only = await start(sealed)
    expect(await verdictsOf(only, token)).toEqual([])
  })

  it('has ended when it has, also where it was remembered', async () => {
    const stage = await start(kept)
    const { token } = await stage.gate.tokens.mint({ ttlSeconds: 60 })
    expect(await verdictsOf(stage, token)).toEqual([expect.stringMatching(/^valid: /)])
    stage.clock.advance(60_000)
    expect(await verdictsOf(stage, token)).toEqual([expect.stringMatching(/^(expired|unknown): /)])
  })

  it('may be asked for any number of times', async () => {
    const stage = await start(managed)
    const { token } = await stage.gate.tokens.mint({})
    for (let count = 0; count < 100; count++) {
      await stage.gate.tokens.inspect(`pgm_${String(count).padStart(42, '0')}A`)
    }
    expect(await verdictsOf(stage, token)).toEqual([expect.stringMatching(/^valid: /)])
  })
})

it.each(['', 'rubbish', 'pgm_short', 'pgr_', 'v2', 'é'.repeat(50), '__proto__'])(
  'has nothing to say of %j',
  async (text) => {
    const stage = await start(ec, sealed, managed)
    expect(await stage.gate.tokens.inspect(text)).toBeNull()
  },
)
