import { describe, expect, it } from 'vitest'
import { addressOf, exchange, openSocket } from '../stage/raw-socket.ts'
import { otherKey, type StagedGate, startGate, testKey } from '../stage/start-gate.ts'
import {
  expectRefused,
  expectService,
  openSession,
  playlist,
  segment,
  send,
  sign,
  tokenOf,
} from './refusal.ts'

const bad = { status: 400, reason: 'bad-request' }

describe('T46: Host', () => {
  it.each<[string, string[]]>([
    ['twice', ['Host: a.example', 'Host: b.example']],
    ['twice the same', ['Host: a.example', 'Host: a.example']],
    ['empty', ['Host:']],
    ['with a user', ['Host: evil@a.example']],
    ['with a path', ['Host: a.example/vod']],
    ['with a query', ['Host: a.example?x']],
    ['with a fragment', ['Host: a.example#x']],
    ['with a backslash', ['Host: a.example\\@b']],
    ['with a blank', ['Host: a.example b.example']],
    ['with a comma', ['Host: a.example, b.example']],
    ['with a quote', ['Host: a"onload=x']],
    ['with markup', ['Host: <script>']],
    ['with an escape', ['Host: a%2eexample']],
    ['with a NUL', ['Host: a\x00b']],
    ['with a port that is none', ['Host: a.example:http']],
    ['with an empty port', ['Host: a.example:']],
    ['with a port beyond all', ['Host: a.example:99999']],
    ['with two ports', ['Host: a.example:80:81']],
    ['of broken IPv6', ['Host: [::1']],
    ['of impossible IPv6', ['Host: [1::2::3]']],
    ['of impossible IPv4', ['Host: 999.1.1.1']],
    ['of Latin-1', ['Host: ex\xe4mple.org']],
    ['as a URL', ['Host: http://a.example']],
  ])('%s is refused, and does not come back', async (_what, headers) => {
    const stage = await startGate()
    const target = `${playlist}?hdnts=${stage.mint()}`
    const reply = await expectRefused(stage, () => send(stage, target, { headers }), bad)
    expect(reply.text).not.toMatch(/example|script|onload/)
    await expectService(stage)
  })

  it('missing is refused, by HTTP/1.0 too', async () => {
    const stage = await startGate()
    for (const version of ['1.1', '1.0']) {
      const bytes = `GET ${playlist}?hdnts=${stage.mint()} HTTP/${version}\r\n\r\n`
      expect((await exchange(addressOf(stage.url), bytes)).status).toBe(400)
    }
    expect(stage.origin.requests).toEqual([])
  })

  it('of a stranger neither reaches the origin nor stands in an answer', async () => {
    const stage = await startGate()
    const headers = [
      ...['Host: evil.example', 'X-Forwarded-Host: evil.example', 'X-Forwarded-Proto: javascript'],
      ...[
        'Forwarded: host=evil.example',
        'X-Original-URL: /evil.example',
        'X-Rewrite-URL: /evil.example',
      ],
      ...['X-Host: evil.example', 'Origin: https://evil.example', 'Referer: https://evil.example/'],
    ]
    for (const target of [
      `${playlist}?hdnts=${stage.mint()}`,
      playlist,
      '/none',
      '/_playgate/health',
    ]) {
      const reply = await send(stage, target, { headers })
      expect(reply.text).not.toContain('evil')
      expect(reply.header('location')).toBeNull()
      expect(reply.header('access-control-allow-origin') ?? '').not.toContain('evil')
    }
    expect(JSON.stringify(stage.origin.requests.map(({ rawHeaders }) => rawHeaders))).not.toContain(
      'evil',
    )
  })

  it('decides nothing through forwarding headers of strangers', async () => {
    const rule = { match: { hosts: ['video.example'], paths: ['/vod/*'] } }
    const stage = await startGate({ rule })
    const target = `${playlist}?hdnts=${sign(`exp=${stage.clock.nowSeconds() + 9}~acl=/*`)}`
    const forwarded = ['X-Forwarded-Host: video.example', 'Forwarded: host=video.example']
    await expectRefused(stage, () => send(stage, target, { headers: forwarded }), { status: 404 })
    expect((await send(stage, target, { headers: ['Host: VIDEO.example:8080'] })).status).toBe(200)
    for (const host of ['xvideo.example', 'video.example.evil', 'video.examplex', 'video']) {
      const headers = [`Host: ${host}`]
      await expectRefused(stage, () => send(stage, target, { headers }), { status: 404 })
    }
  })
})

describe('T47: framing', () => {
  const request = (lines: string[], body = '') =>
    `${['GET /vod/film/index.m3u8 HTTP/1.1', 'Host: a', ...lines].join('\r\n')}\r\n\r\n${body}`
  const smuggled = 'GET /vod/film/low/1.m4s HTTP/1.1\r\nHost: a\r\n\r\n'

  it.each<[string, string]>([
    ['two lengths', request(['Content-Length: 0', 'Content-Length: 5'], 'GET /')],
    ['a list of lengths', request(['Content-Length: 0, 0'], smuggled)],
    [
      'length and chunks',
      request(['Content-Length: 4', 'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`),
    ],
    [
      'chunks and length',
      request(['Transfer-Encoding: chunked', 'Content-Length: 4'], `0\r\n\r\n${smuggled}`),
    ],
    ['chunks on GET', request(['Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`)],
    ['chunks in disguise', request(['Transfer-Encoding: xchunked'], smuggled)],
    ['chunks not last', request(['Transfer-Encoding: chunked, identity'], smuggled)],
    [
      'chunks twice',
      request(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], smuggled),
    ],
    ['a vertical tab before chunked', request(['Transfer-Encoding: \x0bchunked'], smuggled)],
    ['a blank before the colon', request(['Transfer-Encoding : chunked'], smuggled)],
    ['a folded header', request(['X: y', ' Transfer-Encoding: chunked'], '')],
    ['a length on GET', request(['Content-Length: 44'], smuggled)],
    ['a negative length', request(['Content-Length: -1'], smuggled)],
    ['a signed length', request(['Content-Length: +0'], smuggled)],
    ['a length in hexadecimal', request(['Content-Length: 0x0'], smuggled)],
    ['a length of nothing', request(['Content-Length:'], smuggled)],
    ['a length beyond numbers', request([`Content-Length: ${'9'.repeat(40)}`], smuggled)],
    ['a bare CR in a header', request(['X: a\rTransfer-Encoding: chunked'], smuggled)],
    ['a NUL in a header', request(['X: a\x00b'], smuggled)],
    ['a header without a colon', request(['nonsense'], smuggled)],
    ['a header without a name', request([': x'], smuggled)],
    ['a header with a blank in its name', request(['X Y: z'], smuggled)],
    ['a blank before the first header', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'],
    ['line feeds without CR in the head', 'GET /vod/film/index.m3u8 HTTP/1.1\nHost: a\n\n'],
    ['no version', 'GET /vod/film/index.m3u8\r\n\r\n'],
    ['another version', 'GET /vod/film/index.m3u8 HTTP/9.9\r\nHost: a\r\n\r\n'],
    ['HTTP/2 without being asked', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['binary', '\x00\x01\x02\x03\r\n\r\n'],
    ['an unknown method', 'FROBNICATE /vod/film/index.m3u8 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a method in lower case', 'get /vod/film/index.m3u8 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ])('with %s is 400, and the connection closes without a second answer', async (_what, bytes) => {
    const stage = await startGate()
    const socket = await openSocket(addressOf(stage.url))
    socket.send(Buffer.from(bytes, 'latin1'))
    const text = (await socket.untilClosed()).toString('latin1')
    socket.destroy()
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    expect(text.toLowerCase()).toContain('cache-control: no-store')
    expect(text.toLowerCase()).toContain('connection: close')
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(stage.origin.requests).toEqual([])
    await expectService(stage)
  })

  it('broken behind a good request does not write into the answer that is under way', async () => {
    let finish = (): void => undefined
    const stage = await startGate({
      routes: {
        '/film/low/1.m4s': (_request, response) => {
          response.writeHead(200, { 'Content-Type': 'video/mp4', 'Content-Length': '400' })
          response.write('a'.repeat(100))
          finish = () => void response.end('b'.repeat(300))
        },
      },
    })
    const session = await openSession(stage)
    const socket = await openSocket(addressOf(stage.url))
    const head = `GET ${segment}?hdntl=${session} HTTP/1.1\r\nHost: a\r\nUser-Agent: Viewer/1.0\r\n\r\n`
    socket.send(head)
    while (!socket.received.includes('aaaa')) await new Promise((resolve) => setImmediate(resolve))
    socket.send('\x00 nonsense\r\n\r\n')
    const text = (await socket.untilClosed()).toString('latin1')
    finish()
    socket.destroy()
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    await expectService(await startGate())
  })
})

describe('T48: header splitting', () => {
  it.each([
    '\r\nX-Injected: 1',
    '\nX-Injected: 1',
    '%0d%0aX-Injected:%201',
    '\r\n\r\nHTTP/1.1 200 OK',
  ])('through %j in whatever we read', async (text) => {
    const stage = await startGate({ rule: { cors: { origins: ['https://www.example'] } } })
    const token = stage.mint()
    const encoded = encodeURIComponent(text)
    const asked: [string, string[]][] = [
      [`${playlist}?hdnts=${token}&x=${encoded}`, []],
      [`${playlist}?hdnts=${token}${encoded}`, []],
      [`${playlist}?hdnts=${token}`, [`Origin: https://www.example${encoded}`]],
      [`${playlist}?hdnts=${token}`, [`Cookie: hdntl=${encoded}`]],
      [`/vod/film/${encoded}?hdnts=${token}`, []],
      [`/hdntl=${encoded}${playlist}`, []],
    ]
    for (const [target, headers] of asked) {
      const reply = await send(stage, target, { headers })
      expect(reply.header('x-injected')).toBeNull()
      expect(reply.text).not.toContain('X-Injected:')
    }
    for (const line of stage.log) expect(line.trimEnd()).not.toContain('\n')
  })

  it('through claims that a careless issuer signed', async () => {
    for (const session of [
      {},
      { carrier: ['cookie' as const] },
      { carrier: ['path' as const] },
      null,
    ]) {
      const stage = await startGate({ session })
      const end = stage.clock.nowSeconds() + 60
      for (const hostile of [
        '\r\nX-Injected: 1',
        '"; Path=/; X="',
        '"\n#EXT-X-KEY:METHOD=NONE',
        '</script>',
      ]) {
        for (const field of ['id', 'data']) {
          const token = sign(`exp=${end}~acl=/vod/film/*~${field}=${hostile}`)
          const reply = await send(stage, `${playlist}?hdnts=${encodeURIComponent(token)}`)
          expect([200, 403]).toContain(reply.status)
          expect(reply.header('x-injected')).toBeNull()
          expect(reply.text).not.toMatch(/^X-Injected|^#EXT-X-KEY|<\/script>|URI="/m)
          expect(reply.header('set-cookie') ?? '').not.toMatch(/Path=\/;|"/)
          expect(reply.text.split('\n').length).toBeLessThan(10)
        }
      }
    }
  })

  it('T28: what a token says of its viewer names no path, header or key', async () => {
    const stage = await startGate()
    for (const subject of [
      '../../etc/passwd',
      '__proto__',
      'constructor',
      'a,sid=1',
      'a%2csid=1',
      '%00',
      "'--",
    ]) {
      const opened = await send(
        stage,
        `${playlist}?hdnts=${stage.mint({ subject, payload: subject })}`,
      )
      const [id] =
        /session-id="([^"]*)"/.exec(opened.header('playgate-session') ?? '')?.slice(1) ?? []
      expect(id).toMatch(/^[0-9a-f]{40}$/)
      const line = stage.log.length
      expect((await send(stage, `${segment}?hdntl=${tokenOf(opened)}`)).status).toBe(200)
      expect(JSON.parse(stage.log[line] ?? '{}').sessionId).toBe(id)
      expect(stage.origin.requests.at(-1)?.path).toBe('/film/low/1.m4s')
    }
  })

  it.each(['a/b', '../../etc/passwd', 'a%2fb', '?#&', 'a b'.replace(' ', '%20')])(
    'T28: an id such as %s travels in a path and stays one segment',
    async (subject) => {
      const stage = await startGate({ session: { carrier: ['path'] } })
      const opened = await send(
        stage,
        `${playlist}?hdnts=${encodeURIComponent(stage.mint({ subject }))}`,
      )
      const child = opened.text.split('\n').find((line) => line.startsWith('/hdntl='))
      expect(child?.split('/')).toHaveLength(6)
      expect((await send(stage, child ?? '')).status).toBe(200)
    },
  )
})

describe('T50: methods', () => {
  async function methodsOf(
    stage: StagedGate,
    target: string,
    headers: string[] = [],
  ): Promise<number[]> {
    const all = ['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'OPTIONS', 'PROPFIND', 'PURGE', 'LOCK']
    return Promise.all(
      all.map(async (method) => (await send(stage, target, { method, headers })).status),
    )
  }

  it('other than GET and HEAD reach nothing, with a good token too', async () => {
    const stage = await startGate()
    const session = await openSession(stage)
    const before = stage.origin.requests.length
    expect(new Set(await methodsOf(stage, `${segment}?hdntl=${session}`))).toEqual(new Set([405]))
    expect(stage.origin.requests).toHaveLength(before)
  })

  it.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'])(
    'are not overridden by %s',
    async (name) => {
      const stage = await startGate()
      const target = `${playlist}?hdnts=${stage.mint()}`
      await expectRefused(
        stage,
        () => send(stage, target, { method: 'POST', headers: [`${name}: GET`] }),
        {
          status: 405,
        },
      )
      expect((await send(stage, target, { headers: [`${name}: DELETE`] })).status).toBe(200)
      expect(stage.origin.requests.every(({ method }) => method === 'GET')).toBe(true)
    },
  )

  it('CONNECT and upgrades lead nowhere', async () => {
    const stage = await startGate()
    const socket = await openSocket(addressOf(stage.url))
    socket.send('CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n')
    expect((await socket.untilClosed()).toString()).not.toMatch(/^HTTP\/1\.1 2/)
    socket.destroy()
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
    await expectRefused(stage, () => send(stage, playlist, { headers: upgrade }))
    await expectRefused(stage, () =>
      send(stage, playlist, { headers: ['Connection: Upgrade', 'Upgrade: h2c'] }),
    )
    await expectService(stage)
  })

  it('an expectation we do not know is no way around the gate', async () => {
    const stage = await startGate()
    await expectRefused(stage, () => send(stage, playlist, { headers: ['Expect: 200-ok'] }), {
      status: 417,
    })
    await expectService(stage)
  })
})

describe('T51: every route names its guard', () => {
  it('each path of a protected rule is refused without a token, our own endpoints are a closed list', async () => {
    const stage = await startGate({
      configuration: { keys: { vod: { primary: testKey, transition: otherKey } } },
    })
    const below = [
      '',
      '/',
      '/film',
      '/film/',
      '/film/index.m3u8',
      '/film/low/1.m4s',
      '/none',
      '/film/x.json',
    ]
    for (const path of below
      .map((rest) => `/vod${rest}`)
      .filter((path) => path.startsWith('/vod/'))) {
      for (const method of ['GET', 'HEAD']) {
        await expectRefused(stage, () => send(stage, path, { method }))
      }
    }
    const own = ['health', 'ready', 'metrics']
    for (const name of own) expect((await send(stage, `/_playgate/${name}`)).status).toBe(200)
    const not = [
      ...['', 'admin', 'admin/', 'admin/tokens', 'admin/openapi.json'],
      ...[
        '../vod/film/index.m3u8',
        '%68ealth',
        'health%2f',
        'health/.',
        'Session',
        'session/',
        '.env',
        'debug',
      ],
      ...['vod/film/index.m3u8', 'health;x', '__proto__', 'constructor'],
    ]
    for (const name of not) {
      await expectRefused(stage, () => send(stage, `/_playgate/${name}`), { status: 404 })
    }
    await expectRefused(stage, () => send(stage, '/_playgate/validate?token=x'))
    // Some servers take a 404 for an allow, so nothing of that name is ever not there.
    for (const name of ['authorize/nginx', 'authorize/tencent', 'authorize/nobody', 'authorize']) {
      await expectRefused(stage, () => send(stage, `/_playgate/${name}`), { status: 403 })
    }
    await expectRefused(stage, () => send(stage, '/_playgate/session'), { status: 405 })
    expect(JSON.stringify(stage.origin.requests.map(({ path }) => path))).toBe('["/"]')
  })
})
