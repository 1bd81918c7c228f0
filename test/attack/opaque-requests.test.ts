import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Configuration } from '../../server/index.ts'
import { ectoken, timed } from '../../server/token/index.ts'
import { startGate, testKey } from '../stage/start-gate.ts'
import { expectRefused, playlist, send } from './refusal.ts'

const phrase = 'a pass phrase that nobody guesses, 7 times over'
const keys = { vod: { primary: testKey }, portal: { primary: phrase } }
const refused = { reason: 'token-refused' }
const ambiguous = { status: 400, reason: 'bad-request' }

const bare = { format: 'ectoken', key: 'portal' } as const
const named = { ...bare, parameter: 'ticket' } as const
const sealed = { format: 'timed', key: 'vod', parameter: 'pass' } as const
const managed = { format: 'managed', key: 'vod' } as const

type Access = NonNullable<Configuration['rules'][number]['access']>

function start(access: Access, configuration = {}) {
  return startGate({ rule: { access }, configuration: { keys, ...configuration } })
}

const at = (name: string, token: string) =>
  `${playlist}?${name === '' ? token : `${name}=${token}`}`

describe('T49: a token that stands twice', () => {
  it.each<[string, (one: string, other: string) => string]>([
    ['bare', (one, other) => `${one}&${other}`],
    ['bare, one with an equals sign', (one, other) => `${one}=&${other}`],
    ['named', (one, other) => `ticket=${one}&ticket=${other}`],
    ['named, once escaped', (one, other) => `ticket=${one}&%74icket=${other}`],
    ['named, once empty', (one) => `ticket=${one}&ticket`],
  ])('is refused, whichever of them is good: %s', async (_what, query) => {
    const stage = await start([bare, named])
    const good = ectoken.seal({ ec_url_allow: '/vod/' }, { key: phrase })
    const bad = ectoken.seal({ ec_url_allow: '/vod/' }, { key: 'another pass phrase' })
    await expectRefused(stage, () => send(stage, `${playlist}?${query(good, bad)}`), ambiguous)
    await expectRefused(stage, () => send(stage, `${playlist}?${query(bad, good)}`), ambiguous)
  })

  it('in two places is the one of the first: the query, then the cookie, then the header', async () => {
    const stage = await start([managed])
    const { token } = await stage.gate.tokens.mint({})
    const bad = `pgm_${'A'.repeat(43)}`
    const ask = (query: string, cookie: string, header: string) => () =>
      send(stage, at('token', query), { headers: [`Cookie: token=${cookie}`, `token: ${header}`] })
    expect((await ask(token, bad, bad)()).status).toBe(200)
    await expectRefused(stage, ask(bad, token, token), refused)
  })

  it.each(['token[]', 'token[0]', 'Token', 'token.', ' token', '__proto__'])(
    'is not looked for under %s',
    async (name) => {
      const stage = await start([managed])
      const { token } = await stage.gate.tokens.mint({})
      const target = `${playlist}?${encodeURIComponent(name)}=${token}`
      await expectRefused(stage, () => send(stage, target), { reason: 'token-missing' })
    },
  )
})

describe('T52, T53 and T54: an address', () => {
  const forwarded = [
    'X-Forwarded-For: 211.37.0.1',
    'X-Forwarded-For: 211.37.0.1:443',
    'Forwarded: for=211.37.0.1',
    'X-Real-IP: 211.37.0.1',
    'Client-IP: 211.37.0.1',
    'True-Client-IP: 211.37.0.1',
  ]
  it.each(forwarded)('is not what a client writes: %s', async (header) => {
    const stage = await start([sealed, bare])
    const token = stage.gate.mint({ format: 'timed', ttlSeconds: 60, ip: '211.37.' })
    const ec = ectoken.seal({ ec_clientip: '211.37.0.0/16' }, { key: phrase })
    for (const target of [at('pass', token), at('', ec)]) {
      await expectRefused(stage, () => send(stage, target, { headers: [header] }), refused)
    }
  })

  it.each([
    ['211.37.', '211.37.0.0', '211.3.70.0'],
    ['211.37.', '211.37.255.255', '211.370.0.1'],
    ['2.', '2.255.255.255', '20.0.0.1'],
    ['198.51.100.0/31', '198.51.100.1', '198.51.100.2'],
    ['198.51.100.7/0', '1.2.3.4', 'junk'],
    ['::ffff:198.51.100.7', '198.51.100.7', '198.51.100.8'],
    ['2001:DB8:0::1', '2001:db8::1', '2001:db8::1%eth0'],
    ['2001:db8::1', '2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::10'],
    ['198.51.100.7', '::ffff:c633:6407', '198.51.100.07'],
    ['198.51.100.7', '198.51.100.7:443', '198.51.100.7:x'],
    ['2001:db8::1', '[2001:db8::1]:443', '[2001:db8::1%eth0]:443'],
  ])('within %s is %s however it is spelled, and %s is not', async (ip, inside, outside) => {
    const stage = await start([sealed, managed], { trustedProxies: ['127.0.0.1'] })
    const token = stage.gate.mint({ format: 'timed', ttlSeconds: 60, ip })
    const kept = (await stage.gate.tokens.mint({ format: 'managed', ip })).token
    for (const target of [at('pass', token), at('token', kept)]) {
      const from = (address: string) => () =>
        send(stage, target, { headers: [`X-Forwarded-For: ${address}`] })
      expect((await from(inside)()).status).toBe(200)
      if (outside !== 'junk') await expectRefused(stage, from(outside), refused)
    }
  })

  it('that nobody can read as one is made no token for', async () => {
    const stage = await start([sealed, managed])
    for (const ip of [
      '010.',
      '1.2.3',
      '0x7f.1',
      '1.2.3.4.',
      '256.',
      '1..',
      '.',
      '10.0.0.1/33',
      '::1%eth0',
      'fe80::1/129',
      '1.2.3.4/08a',
    ]) {
      for (const format of ['timed', 'managed'] as const) {
        const life = format === 'timed' ? { ttlSeconds: 60 } : {}
        await expect(stage.gate.tokens.mint({ format, ip, ...life })).rejects.toThrow(/^ip: /)
      }
    }
  })
})

describe('T01 and T15: sealed text', () => {
  it.each(['timed', 'ectoken'] as const)(
    'is refused whichever character was changed, cut, or added: %s',
    async (format) => {
      const stage = await start(format === 'timed' ? sealed : bare)
      const now = stage.clock.nowSeconds()
      const good =
        format === 'timed'
          ? timed.mint({ lifeSeconds: 60, now }, { key: testKey })
          : ectoken.seal({ ec_url_allow: '/vod/' }, { key: phrase })
      const door = format === 'timed' ? 'pass' : ''
      const spellings = [
        `${good}A`,
        `${good}==`,
        `${good}.`,
        `${good}%0a`,
        good.slice(0, -4),
        good.toLowerCase(),
        `A${good}`,
      ]
      for (let index = 0; index < good.length; index += 1) {
        spellings.push(
          good.slice(0, index) + (good[index] === 'A' ? 'B' : 'A') + good.slice(index + 1),
        )
      }
      const reasons = new Set<string>()
      for (const token of spellings) {
        const reply = await expectRefused(stage, () => send(stage, at(door, token)))
        reasons.add(reply.text)
      }
      // T84: nobody learns what was wrong with it.
      expect(
        [...reasons]
          .map((text) => JSON.parse(text).reason)
          .filter((reason) => reason !== 'token-missing'),
      ).toEqual(['token-refused'])
      expect((await send(stage, at(door, good))).status).toBe(200)
    },
  )
})

describe('T94: hostile text where a token is due', () => {
  it('is refused in query, cookie and header, whatever it is, and asks nothing of the origin', async () => {
    const stage = await start([bare, named, sealed, managed])
    const piece = fc.constantFrom(
      ...[
        'pgm_',
        'pgt_',
        'pgr_',
        'A'.repeat(43),
        'a'.repeat(39),
        '=',
        '&',
        '%',
        '%00',
        '%ff',
        '~',
        ';',
        '"',
        ' ',
        '{$token}',
      ],
      ...['__proto__', 'exp=1', 'hmac=', '\u00e9', '?', '/', '\\', ',', 'A'.repeat(3000)],
    )
    const hostile = fc.array(piece, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''))
    await fc.assert(
      fc.asyncProperty(
        hostile,
        fc.constantFrom('', 'ticket=', 'pass=', 'token='),
        async (text, name) => {
          const raw = text.replaceAll(' ', '+')
          const replies = [
            await send(stage, `${playlist}?${name}${raw}`),
            await send(stage, playlist, { headers: [`Cookie: ${name}${text}`] }),
            await send(stage, playlist, { headers: [`${name.slice(0, -1) || 'token'}: ${text}`] }),
          ]
          for (const { status } of replies) expect([400, 403, 414, 431]).toContain(status)
        },
      ),
      { numRuns: 150 },
    )
    expect(stage.origin.requests).toEqual([])
    const good = (await stage.gate.tokens.mint({ format: 'managed', ip: '127.0.0.1' })).token
    const other = { headers: ['User-Agent: Other'] }
    expect((await send(stage, at('token', good), other)).status).toBe(200)
  })
})
