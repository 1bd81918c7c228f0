import { describe, expect, it } from 'vitest'
import { startGate } from '../stage/start-gate.ts'
import {
  expectRefused,
  expectService,
  openSession,
  playlist,
  segment,
  send,
  sign,
} from './refusal.ts'

const bad = { status: 400, reason: 'bad-request' }
const missing = { reason: 'token-missing' }

async function post(stage: Parameters<typeof send>[0], body: string, more: readonly string[] = []) {
  const headers = [
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body, 'latin1')}`,
    ...more,
  ]
  return send(stage, '/_playgate/session', { method: 'POST', headers, body })
}

describe('T49: names in the query', () => {
  it.each([
    ...[
      'hdnts=A&hdnts=B',
      'hdnts=B&hdnts=A',
      'hdnts=A&hdnts',
      'hdnts&hdnts=A',
      'hdnts=A&%68dnts=B',
    ],
    ...[
      '%68%64%6e%74%73=A&hdnts=B',
      'hdnts=A&x=1&hdnts=',
      'hdntl=A&hdntl=B&hdnts=A',
      'hdnts=A&hdnt%73=A%20',
    ],
  ])('given twice with different values are refused: %s', async (query) => {
    const stage = await startGate()
    const asked = query
      .replaceAll('A', stage.mint())
      .replaceAll('B', stage.mint({ path: '/vod/*' }))
    await expectRefused(stage, () => send(stage, `${playlist}?${asked}`), bad)
    await expectService(stage)
  })

  it.each([
    ...[
      'hdnts[]=A',
      'hdnts[0]=A',
      'hdnts%5B%5D=A',
      'hdnts.x=A',
      'HDNTS=A',
      'Hdnts=A',
      '+hdnts=A',
      'hdnts+=A',
      '%20hdnts=A',
    ],
    ...[
      'hdnts%00=A',
      'x;hdnts=A',
      ';hdnts=A',
      'hdnts;=A',
      '%2568dnts=A',
      'x=1?hdnts=A',
      'hdnts%3DA',
      '=hdnts=A',
      '?hdnts=A',
    ],
    ...[
      '__proto__[hdnts]=A',
      '__proto__.hdnts=A',
      'constructor[prototype][hdnts]=A',
      '__proto__=A',
      'toString=A',
      '%hdnts=A',
    ],
  ])('of another spelling are other names: %s', async (query) => {
    const stage = await startGate()
    const asking = () => send(stage, `${playlist}?${query.replace('A', stage.mint())}`)
    await expectRefused(stage, asking, missing)
  })

  it.each([
    '%68dnts=A',
    'hdnts=A&hdnts=A',
    '&&hdnts=A&&',
    'x&hdnts=A&__proto__=1&constructor=2',
    'hdnts=A&hdnts[]=B',
  ])('that are ours in one reading are read: %s', async (query) => {
    const stage = await startGate()
    const token = stage.mint()
    const answer = await send(stage, `${playlist}?${query.replaceAll('A', token)}`)
    expect(answer.status).toBe(200)
    expect(Object.prototype).not.toHaveProperty('hdnts')
  })

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then'])(
    'T98: of members of objects serve as parameters like any other: %s',
    async (name) => {
      const stage = await startGate({
        access: { parameter: name },
        session: { parameter: `${name}2` },
      })
      await expectRefused(stage, () => send(stage, playlist), missing)
      for (const headers of [[`${name}: x`], [`Cookie: ${name}=x`]]) {
        await expectRefused(stage, () => send(stage, playlist, { headers }), {
          reason: 'token-refused',
        })
      }
      const answer = await send(stage, playlist, { headers: [`${name}: ${stage.mint()}`] })
      expect(answer.status).toBe(200)
      expect(answer.text).toContain(`?${name}2=exp=`)
    },
  )

  it('in headers of that kind are inert', async () => {
    const stage = await startGate()
    const headers = [
      '__proto__: x',
      'constructor: x',
      'toString: x',
      'hasOwnProperty: x',
      '__defineGetter__: x',
    ]
    await expectRefused(stage, () => send(stage, playlist, { headers }), missing)
    expect((await send(stage, `${playlist}?hdnts=${stage.mint()}`, { headers })).status).toBe(200)
  })
})

describe('POST /_playgate/session', () => {
  it.each<[string, (token: string) => string]>([
    ['__proto__', (t) => `{"__proto__":{"accessToken":"${t}"},"path":"${playlist}"}`],
    [
      '__proto__ beside what is good',
      (t) => `{"__proto__":{"x":1},"accessToken":"${t}","path":"${playlist}"}`,
    ],
    ['constructor', (t) => `{"constructor":1,"accessToken":"${t}","path":"${playlist}"}`],
    ['a list for the token', (t) => `{"accessToken":["${t}"],"path":"${playlist}"}`],
    ['an object for the path', (t) => `{"accessToken":"${t}","path":{"x":1}}`],
    ['a number', () => '1'],
    ['null', () => 'null'],
    ['a list', (t) => `[{"accessToken":"${t}","path":"${playlist}"}]`],
    ['depth', () => `${'['.repeat(8000)}${']'.repeat(8000)}`],
    ['a path of dots', (t) => `{"accessToken":"${t}","path":"/vod/film/../other/index.m3u8"}`],
    [
      'a path with an escaped slash',
      (t) => `{"accessToken":"${t}","path":"/vod/film%2findex.m3u8"}`,
    ],
    [
      'a path with a line feed',
      (t) => `{"accessToken":"${t}","path":"/vod/film/index.m3u8\\nX: y"}`,
    ],
    ['a path in Unicode', (t) => `{"accessToken":"${t}","path":"/vod/film/\\u00e9"}`],
    ['half a surrogate', (t) => `{"accessToken":"${t}","path":"/vod/film/\\ud800"}`],
    [
      'a path that is a URL',
      (t) => `{"accessToken":"${t}","path":"//evil.example/vod/film/index.m3u8"}`,
    ],
    ['a path without a slash', (t) => `{"accessToken":"${t}","path":"vod/film/index.m3u8"}`],
    ['our own endpoint', (t) => `{"accessToken":"${t}","path":"/_playgate/session"}`],
    ['an empty token', () => `{"accessToken":"","path":"${playlist}"}`],
    [
      'two tokens in the path',
      (t) => `{"accessToken":"${t}","path":"/hdntl=a/hdntl=b${playlist}"}`,
    ],
    ['broken UTF-8', (t) => `{"accessToken":"${t}","path":"${playlist}\xff"}`],
  ])('with %s is a bad request', async (_what, text) => {
    const stage = await startGate()
    await expectRefused(stage, () => post(stage, text(stage.mint())), bad)
    expect(({} as Record<string, unknown>).accessToken).toBeUndefined()
    await expectService(stage)
  })

  it('takes its path and its token from the body alone', async () => {
    const stage = await startGate()
    const good = stage.mint()
    const text = JSON.stringify({ accessToken: 'x', path: `${playlist}?hdnts=${good}` })
    await expectRefused(stage, () => post(stage, text, [`hdnts: ${good}`, `Cookie: hdnts=${good}`]))
    const other = JSON.stringify({ accessToken: good, path: '/vod/other/index.m3u8' })
    await expectRefused(stage, () => post(stage, other))
    const hostless = JSON.stringify({ accessToken: good, path: playlist })
    await expectRefused(stage, () => post(stage, hostless, ['Host: a', 'Host: b']), bad)
  })

  it('keeps no session id that is not proven to be the viewer’s, and widens nothing by renewing', async () => {
    const stage = await startGate()
    const wide = await openSession(stage, { path: '/vod/*' })
    const id = /id=([0-9a-f]{40})/.exec(wide)?.[1] ?? 'none'
    const renew = (sessionToken: string, headers: string[] = []) =>
      post(
        stage,
        JSON.stringify({ accessToken: stage.mint(), path: playlist, sessionToken }),
        headers,
      )
    const renewed = JSON.parse((await renew(wide)).text)
    expect(renewed.sessionId).toBe(id)
    await expectRefused(stage, () => send(stage, `/vod/other/index.m3u8?hdntl=${renewed.token}`))
    for (const [token, headers] of [
      [`${wide}x`, []],
      [wide, ['User-Agent: Another']],
      [stage.mint(), []],
      [`${wide}\n`, []],
    ] as const) {
      expect(JSON.parse((await renew(token, [...headers])).text).sessionId).not.toBe(id)
    }
  })

  it('refuses a body beyond its bound with an answer, however it is announced', async () => {
    const stage = await startGate()
    const large = JSON.stringify({ accessToken: 'x'.repeat(2_000_000), path: playlist })
    await expectRefused(stage, () => post(stage, large), { status: 413, reason: 'bad-request' })
    const chunk = `${(20_000).toString(16)}\r\n${'x'.repeat(20_000)}\r\n`
    const headers = ['Content-Type: application/json', 'Transfer-Encoding: chunked']
    const chunked = { method: 'POST', headers, body: chunk.repeat(3) }
    await expectRefused(stage, () => send(stage, '/_playgate/session', chunked), { status: 413 })
    await expectService(stage)
  })
})

describe('T93: what is too large', () => {
  it('is refused before it is read', async () => {
    const stage = await startGate()
    const token = stage.mint()
    const session = await openSession(stage)
    const sizes: [string, string[], number][] = [
      [`/vod/${'a'.repeat(8200)}?hdnts=${token}`, [], 414],
      [`${playlist}?hdnts=${token}&x=${'a'.repeat(8200)}`, [], 414],
      [`${playlist}?hdnts=${'a'.repeat(8100)}`, [], 403],
      [`${segment}?hdntl=${'a'.repeat(9000)}`, [], 403],
      [`/hdntl=${'a'.repeat(9000)}${segment}`, [], 403],
      [`${segment}?hdntl=${session}&${'&'.repeat(300)}`, [], 400],
      [`${segment}?hdntl=${session}&${'a=1&'.repeat(2000)}`, [], 400],
      [segment, [`Cookie: ${'a=b; '.repeat(3000)}hdntl=x`], 403],
      [segment, [`Cookie: ${'hdntl=x; '.repeat(1500)}`], 403],
      [segment, [`hdntl: ${'x'.repeat(15_000)}`], 403],
      [segment, [`hdntl: ${'x, '.repeat(5000)}`], 400],
      [segment, [`X: ${'x'.repeat(20_000)}`], 431],
      [segment, Array.from({ length: 600 }, () => 'a: b'), 431],
      [`/${'a'.repeat(20_000)}`, [], 431],
    ]
    for (const [target, headers, status] of sizes) {
      const { length } = target
      const asking = () => send(stage, target, { headers })
      expect([
        target.slice(0, 40),
        length,
        (await expectRefused(stage, asking, { status })).status,
      ]).toEqual([...[target.slice(0, 40), length, status]])
    }
    await expectService(stage)
  })

  it('does not hide what stands behind it: no headers are dropped to make room', async () => {
    const stage = await startGate({ configuration: { trustedProxies: ['127.0.0.1'] } })
    const token = stage.mint({ ip: '127.0.0.1' })
    // Node keeps the first 2000 headers. Without what the proxy adds at the end, the proxy would be the viewer.
    for (const count of [0, 400, 600, 1999, 2500, 4000]) {
      const headers = [...Array<string>(count).fill('a:'), 'X-Forwarded-For: 203.0.113.8']
      const asking = () => send(stage, `${playlist}?hdnts=${token}`, { headers })
      await expectRefused(stage, asking, { status: count < 500 ? 403 : 431 })
    }
    for (const count of [400, 2500]) {
      const headers = ['Host: a', ...Array<string>(count).fill('a:'), 'Host: b']
      const asking = () => send(stage, `${playlist}?hdnts=${stage.mint()}`, { headers })
      await expectRefused(stage, asking, { status: count < 500 ? 400 : 431 })
    }
    await expectService(stage)
  })

  it('a token of 8 kB that a careless issuer signed opens or is refused, and breaks nothing', async () => {
    const stage = await startGate()
    const end = stage.clock.nowSeconds() + 60
    for (const length of [1000, 3000, 7900]) {
      const token = sign(`exp=${end}~acl=/vod/film/*~data=${'x'.repeat(length)}`)
      const answer = await send(stage, `${playlist}?hdnts=${token}`)
      expect([200, 403, 414]).toContain(answer.status)
    }
    await expectService(stage)
  })
})
