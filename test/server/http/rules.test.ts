import { describe, expect, it } from 'vitest'
import type { Configuration } from '../../../server/index.ts'
import { ectoken, edgeauth, timed } from '../../../server/token/index.ts'
import { send } from '../../attack/refusal.ts'
import {
  body,
  media,
  otherKey,
  type StagedGate,
  startGate,
  testKey,
} from '../../stage/start-gate.ts'

type Rule = Configuration['rules'][number]
const phrase = 'a pass phrase that nobody guesses, 7 times over'
const keys = { vod: { primary: testKey }, live: { primary: otherKey }, portal: { primary: phrase } }

/** A gate with these rules, each in front of the same origin, which answers a playlist to every path that is asked here. */
async function start(rules: (Omit<Rule, 'origin'> & { origin?: string })[]): Promise<StagedGate> {
  const paths = ['/a/x.m3u8', '/b/x.m3u8', '/A/X.m3u8', '/film/index.m3u8']
  const stage = await startGate({
    routes: Object.fromEntries(paths.map((path) => [path, body(media)])),
  })
  const origin = stage.origin.url
  stage.gate.reload({ keys, rules: rules.map((rule) => ({ origin, ...rule })) })
  return stage
}

const edge = { format: 'edgeauth', key: 'vod' } as const
const open = { open: true } as const

/** The rule that the log names for a request. */
async function ruleOf(stage: StagedGate, target: string, headers: string[] = []): Promise<string> {
  await send(stage, target, { headers })
  return JSON.parse(stage.log.at(-1) ?? '{}').rule
}

describe('the rule of a request', () => {
  const rules = [
    { name: 'exact', match: { hosts: ['a.example'], paths: ['/a/x.m3u8'] }, ...open },
    { name: 'port', match: { hosts: ['a.example:8080'] }, ...open },
    { name: 'own port', match: { hosts: ['d.example:80', 'e.example:443'] }, ...open },
    { name: 'address', match: { hosts: ['[2001:db8::1]'] }, ...open },
    { name: 'host', match: { hosts: ['a.example', '*.b.example'] }, ...open },
    { name: 'loose', match: { paths: ['/vod/*'], ignoreCase: true }, ...open },
    { name: 'paths', match: { paths: ['/a/*', '/?/x.m3u8'] }, ...open },
  ]

  it.each<[string, string, string]>([
    ['a.example', '/a/x.m3u8', 'exact'],
    ['a.example', '/a/y.m3u8', 'host'],
    ['a.example:8080', '/a/x.m3u8', 'exact'],
    ['a.example:8080', '/b/x.m3u8', 'port'],
    ['A.Example', '/b/x.m3u8', 'host'],
    ['x.b.example', '/a/x.m3u8', 'host'],
    ['x.y.b.example:81', '/b/x.m3u8', 'host'],
    ['a.example.', '/b/x.m3u8', 'host'],
    ['a.example.:8080', '/b/x.m3u8', 'port'],
    ['a.example:08080', '/b/x.m3u8', 'port'],
    ['x.b.example.', '/a/x.m3u8', 'host'],
    ['d.example', '/a/x.m3u8', 'own port'],
    ['d.example:80', '/a/x.m3u8', 'own port'],
    ['d.example:81', '/a/x.m3u8', 'paths'],
    ['e.example', '/a/x.m3u8', 'paths'],
    ['e.example:443', '/a/x.m3u8', 'own port'],
    ['[2001:DB8:0:0::1]:8080', '/a/x.m3u8', 'address'],
    ['[2001:db8::2]', '/a/x.m3u8', 'paths'],
    ['b.example', '/a/x.m3u8', 'paths'],
    ['evilb.example', '/b/x.m3u8', 'paths'],
    ['c.example', '/vod/x', 'loose'],
    ['c.example', '/VoD/x', 'loose'],
    ['c.example', '/A/x.m3u8', 'paths'],
    ['c.example', '/A/y.m3u8', 'none'],
    ['c.example', '/', 'none'],
    ['a.example.evil.net', '/none', 'none'],
  ])('on %s for %s is the first that fits: %s', async (host, path, name) => {
    const stage = await start(rules)
    expect(await ruleOf(stage, path, [`Host: ${host}`])).toBe(name)
  })

  it('may leave out what later rules have, and is not asked twice', async () => {
    const stage = await start([
      { name: 'free', match: { paths: ['/a/*'] }, ...open },
      { name: 'paid', access: edge },
    ])
    expect((await stage.ask('/a/x.m3u8')).status).toBe(200)
    expect((await stage.ask('/b/x.m3u8')).problem.reason).toBe('token-missing')
  })
})

describe('each rule', () => {
  it('has formats, keys and parameter names of its own', async () => {
    const stage = await start([
      { name: 'a', match: { paths: ['/a/*'] }, access: [{ ...edge, parameter: 'one' }] },
      {
        name: 'b',
        match: { paths: ['/b/*'] },
        access: [
          { format: 'edgeauth', key: 'live', parameter: 'two' },
          { format: 'ectoken', key: 'portal', parameter: 'three' },
        ],
      },
    ])
    const endTime = stage.clock.nowSeconds() + 60
    const one = edgeauth.mint({ mode: 'acl', path: '/*', key: testKey, endTime })
    const two = edgeauth.mint({ mode: 'acl', path: '/*', key: otherKey, endTime })
    const three = ectoken.seal({ ec_url_allow: '/b/' }, { key: phrase })
    const status = async (target: string) => (await stage.ask(target)).status
    expect(await status(`/a/x.m3u8?one=${one}`)).toBe(200)
    expect(await status(`/a/x.m3u8?two=${one}`)).toBe(403)
    expect(await status(`/b/x.m3u8?one=${one}`)).toBe(403)
    expect(await status(`/b/x.m3u8?two=${one}`)).toBe(403)
    expect(await status(`/b/x.m3u8?two=${two}`)).toBe(200)
    expect(await status(`/b/x.m3u8?three=${three}`)).toBe(200)
    expect(await status(`/b/x.m3u8?one=x&three=${three}&hdnts=y`)).toBe(200)
    // Every name of every rule is kept from the origin; what has no such name is not.
    expect(stage.origin.requests.at(-1)?.path).toBe('/b/x.m3u8?hdnts=y')
  })

  it.each([
    [{ status: 401 }, 401, null],
    [{ status: 404 }, 404, null],
    [{ status: 302, location: '/login' }, 302, '/login'],
    [
      { status: 301, location: 'https://site.example/buy?x=1' },
      301,
      'https://site.example/buy?x=1',
    ],
    [{ byReason: { 'token-missing': 401 } }, 401, null],
    [{ byReason: { 'token-expired': 401 } }, 403, null],
    [{ byReason: { 'token-missing': 307 }, location: '/login' }, 307, '/login'],
  ])('denies as it says: %j', async (denial, status, location) => {
    const stage = await start([{ name: 'a', access: { format: 'ectoken', key: 'portal' }, denial }])
    const answer = await stage.ask('/a/x.m3u8')
    expect([answer.status, answer.headers.get('location')]).toEqual([status, location])
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.problem).toMatchObject({ reason: 'token-missing', renew: true, status })
    expect(stage.origin.requests).toEqual([])
  })
})

describe('mode', () => {
  const access = [
    edge,
    { format: 'ectoken', key: 'portal' },
    { format: 'timed', key: 'vod' },
  ] as const

  it('off asks for nothing, and keeps tokens from the origin all the same', async () => {
    const stage = await start([{ name: 'a', mode: 'off', access: [...access] }])
    const bare = ectoken.seal({ ec_url_allow: '/' }, { key: phrase })
    expect((await stage.ask(`/a/x.m3u8?x=1&${bare}&hdnts=y&token=z`)).status).toBe(200)
    expect(stage.origin.requests.at(-1)?.path).toBe('/a/x.m3u8?x=1')
  })

  it('log lets through, and lists each check with its outcome', async () => {
    const stage = await start([{ name: 'a', mode: 'log', access: [...access], session: {} }])
    const forged = timed.mint({ lifeSeconds: 60 }, { key: otherKey })
    const answer = await stage.ask(`/a/x.m3u8?hdnts=exp=1~acl=/*~hmac=0&token=${forged}`)
    expect([answer.status, answer.text]).toEqual([200, media])
    const line = JSON.parse(stage.log.at(-1) ?? '')
    expect(line).toMatchObject({
      event: 'request',
      level: 'warn',
      rule: 'a',
      outcome: 'open',
      wouldRefuse: 'token-refused',
      detail: 'no key opens it: forged, changed, cut, or of another key',
      checks: [
        { check: 'session-token', outcome: 'skipped', detail: 'none in the request' },
        { check: 'access-token edgeauth in query', outcome: 'failed', detail: 'malformed' },
        { check: 'access-token timed in query', outcome: 'failed' },
      ],
    })
    expect(stage.log.join()).not.toContain(forged)
    const { text } = await stage.ask('/_playgate/metrics')
    expect(text).toMatch(/playgate_requests_total\{[^}]*outcome="let-through"[^}]*\} 1/)
  })

  it('log opens sessions for good tokens as enforce does', async () => {
    const stage = await start([{ name: 'a', mode: 'log', access: [...access], session: {} }])
    const token = timed.mint({ lifeSeconds: 60, now: stage.clock.nowSeconds() }, { key: testKey })
    expect((await stage.ask(`/a/x.m3u8?token=${token}`)).text).toContain('1.m4s?hdntl=')
    expect(JSON.parse(stage.log.at(-1) ?? '').wouldRefuse).toBeUndefined()
  })
})

describe('several formats under one parameter', () => {
  const parameter = 'token'
  const all = [
    { format: 'ectoken', key: 'portal', parameter },
    { format: 'managed', parameter },
    { ...edge, parameter },
    { format: 'timed', key: 'vod', parameter },
  ] as const

  it.each([
    ['first to last', [...all]],
    ['last to first', [...all].reverse()],
  ])(
    'are each found, and each refusal is told by the format that it is of: %s',
    async (_order, access) => {
      const stage = await start([{ name: 'a', access }])
      const now = stage.clock.nowSeconds()
      const good = [
        ectoken.seal({ ec_url_allow: '/a/' }, { key: phrase }),
        (await stage.gate.tokens.mint({ format: 'managed' })).token,
        edgeauth.mint({ mode: 'acl', path: '/*', key: testKey, endTime: now + 60 }),
        timed.mint({ lifeSeconds: 60, now }, { key: testKey }),
      ]
      for (const token of good)
        expect((await stage.ask(`/a/x.m3u8?token=${token}`)).status).toBe(200)
      const refusal = async (token: string) => {
        const { problem } = await stage.ask(`/a/x.m3u8?token=${token}`)
        return [problem.reason, JSON.parse(stage.log.at(-1) ?? '').detail]
      }
      expect(await refusal(ectoken.seal({ ec_url_allow: '/a/' }, { key: `${phrase}!` }))).toEqual([
        'token-refused',
        'no key opens it: forged, changed, cut, or made with another key',
      ])
      expect(await refusal(`pgm_${'A'.repeat(43)}`)).toEqual([
        'token-refused',
        'unknown: never made, revoked, or ended',
      ])
      expect(
        await refusal(edgeauth.mint({ mode: 'acl', path: '/*', key: testKey, endTime: now - 1 })),
      ).toEqual(['token-expired', 'expired'])
      expect(
        await refusal(timed.mint({ lifeSeconds: 60, now: now - 99 }, { key: testKey })),
      ).toEqual(['token-expired', expect.stringContaining('ended')])
    },
  )
})
