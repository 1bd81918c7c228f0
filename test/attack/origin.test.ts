import { describe, expect, it } from 'vitest'
import { type FakeOrigin, reply, startFakeOrigin } from '../stage/fake-origin.ts'
import { body, media, type StagedGate, startGate, testKey } from '../stage/start-gate.ts'
import {
  expectService,
  openSession,
  type Place,
  playlist,
  segment,
  send,
  sendCarrying,
  tokenOf,
} from './refusal.ts'

/** Everything the origin was ever told, as text. */
function everythingSeen(origin: Pick<FakeOrigin, 'requests'>): string {
  return JSON.stringify(origin.requests.map(({ path, rawHeaders }) => [path, rawHeaders]))
}

const credentials = [
  ...['Authorization: Bearer letmein', 'Proxy-Authorization: Basic letmein', 'Cookie: sid=letmein'],
  ...[
    'X-Api-Key: letmein',
    'X-Forwarded-For: letmein',
    'Via: letmein',
    'Referer: https://letmein.example/',
  ],
  ...['Origin: https://letmein.example', 'X-Playback-Session-Id: letmein', 'X-Auth-Token: letmein'],
]

describe('T60: the origin is told', () => {
  const rows: [Place, boolean][] = [
    ...(['query', 'path', 'header', 'cookie'] as const).map((at): [Place, boolean] => [at, true]),
    ...(['query', 'header', 'cookie'] as const).map((at): [Place, boolean] => [at, false]),
  ]
  it.each(rows)(
    'no token from the %s, and no credential (session %s)',
    async (place, isSession) => {
      const stage = await startGate({ session: { saltHeaders: ['User-Agent'] } })
      const token = isSession ? await openSession(stage) : stage.mint()
      const name = isSession ? 'hdntl' : 'hdnts'
      const carried = [
        { place, name, token: place === 'path' ? token.replaceAll('/', '%2f') : token },
      ]
      const path = '/vod/film/low/index.m3u8?keep=%7e&x=a+b'
      const asked = await sendCarrying(stage, path, carried, { headers: credentials })
      // A path token whose slashes were escaped afterwards is verified decoded once.
      expect(asked.status).toBe(200)
      const seen = everythingSeen(stage.origin)
      expect(seen).not.toMatch(/hmac|hdntl|hdnts|letmein/i)
      expect(seen).toContain('/film/low/index.m3u8?keep=%7e&x=a+b')
    },
  )

  it('no token under another spelling of its name', async () => {
    const stage = await startGate()
    const token = await openSession(stage)
    await send(stage, `${segment}?a=1&%68dntl=${token}&hdnts=${stage.mint()}&__Host-hdntl=x&b=2`)
    expect(stage.origin.requests.at(-1)?.path).toBe('/film/low/1.m4s?a=1&b=2')
  })

  it.each([
    ['open', { open: true }],
    ['switched off', { mode: 'off' as const, access: { format: 'edgeauth' as const, key: 'vod' } }],
    [
      'of other names',
      {
        access: { format: 'edgeauth' as const, key: 'vod', parameter: 'tok' },
        mode: 'log' as const,
      },
    ],
  ])(
    'no token that a playlist of another rule has put on its URI: the rule is %s',
    async (_what, more) => {
      const origin = await startFakeOrigin({
        '/film/index.m3u8': body(media),
        '/public/a.jpg': reply(200),
      })
      const stage = await startGate({
        configuration: {
          keys: { vod: { primary: testKey } },
          rules: [
            {
              match: { paths: ['/film/*'] },
              origin: origin.url,
              access: { format: 'edgeauth', key: 'vod' },
              session: {},
            },
            { match: { paths: ['/public/*'] }, origin: origin.url, ...more },
          ],
        },
      })
      const opened = await send(stage, `/film/index.m3u8?hdnts=${stage.mint({ path: '/film/*' })}`)
      const reached = await send(stage, `/public/a.jpg?v=1&hdntl=${tokenOf(opened)}&hdnts=x`)
      expect(reached.status).toBe(200)
      expect(everythingSeen(origin)).not.toContain('hdn')
      expect(origin.requests.at(-1)?.path).toBe('/public/a.jpg?v=1')
      await origin.close()
    },
  )
})

describe('T61: hop-by-hop', () => {
  it('tricks of the client change nothing at the origin', async () => {
    const stage = await startGate()
    const session = await openSession(stage)
    const headers = [
      ...[
        'Connection: keep-alive, Range, Accept-Encoding, Host',
        'Keep-Alive: timeout=9',
        'TE: trailers, gzip',
      ],
      ...[
        'Trailer: X',
        'Proxy-Connection: close',
        'Range: bytes=0-3',
        'Max-Forwards: 0',
        'HTTP2-Settings: AAA',
      ],
    ]
    await send(stage, `${segment}?hdntl=${session}`, { headers })
    const seen = stage.origin.requests.at(-1)
    expect(seen?.headers.range).toBe('bytes=0-3')
    expect(seen?.headers['accept-encoding']).toBe('identity')
    for (const name of [
      'te',
      'trailer',
      'proxy-connection',
      'max-forwards',
      'http2-settings',
      'upgrade',
    ]) {
      expect(seen?.headers[name]).toBeUndefined()
    }
  })

  const hostile = {
    'Set-Cookie': ['hdntl=evil; Path=/', 'a=b'],
    'Playgate-Session': 'token="evil"',
    'Access-Control-Allow-Origin': 'https://evil.example',
    'Access-Control-Allow-Credentials': 'true',
    'Keep-Alive': 'timeout=999',
    'Proxy-Authenticate': 'Basic',
    'WWW-Authenticate': 'Basic realm="evil"',
    Upgrade: 'h2c',
    'Alt-Svc': 'h2="evil.example:443"',
    'Strict-Transport-Security': 'max-age=1',
    'Clear-Site-Data': '"*"',
    Refresh: '0; url=https://evil.example',
    Link: '<https://evil.example>; rel=preload',
    'Content-Location': 'https://evil.example',
    'Content-Disposition': 'attachment; filename=evil.exe',
    'Service-Worker-Allowed': '/',
    SourceMap: 'https://evil.example',
    'X-Evil': '1',
    Server: 'evil',
    'Referrer-Policy': 'unsafe-url',
    'CDN-Cache-Control': 'max-age=999',
    'Surrogate-Control': 'max-age=999',
  }

  it.each([
    ['a playlist', '/film/low/index.m3u8', '#EXTM3U\n', 'application/vnd.apple.mpegurl'],
    ['a segment', '/film/low/1.m4s', 'x', 'video/mp4'],
    ['a document', '/film/low/x.json', '{}', 'application/json'],
  ])('T62: hostile headers of the origin on %s stay there', async (_what, path, text, type) => {
    const stage = await startGate({
      routes: { [path]: reply(200, { ...hostile, 'Content-Type': type, ETag: '"1"' }, text) },
    })
    const { headers } = await stage.ask(`/vod${path}?hdntl=${await openSession(stage)}`)
    expect([...headers].flat().join(' ')).not.toMatch(/evil/)
    for (const name of [
      'set-cookie',
      'playgate-session',
      'upgrade',
      'cdn-cache-control',
      'clear-site-data',
    ]) {
      expect(headers.get(name)).toBeNull()
    }
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
  })
})

async function withRedirect(location: string, more: object = {}): Promise<StagedGate> {
  return startGate({
    ...more,
    routes: {
      '/film/moved.m3u8': reply(302, { Location: location }),
      '/film/low/moved.m4s': reply(302, { Location: location }),
    },
  })
}

describe('T59: a redirect of the origin', () => {
  it.each([
    ...[
      'https://evil.example/film/index.m3u8',
      '//evil.example/x',
      'http://169.254.169.254/latest/meta-data',
    ],
    ...[
      'http://127.0.0.1:1/film/index.m3u8',
      'http://localhost/film/index.m3u8',
      'file:///etc/passwd',
    ],
    ...[
      'javascript:alert(1)',
      'http://u:p@127.0.0.1/x',
      '\\\\evil.example\\x',
      'http://[::1]/x',
      'data:,x',
      '',
    ],
    ...['http://127.0.0.1.evil.example/x', '/film/%2f..%2fx.m3u8', 'moved.m3u8', 'moved.m4s'],
  ])('to %j is 502', async (location) => {
    const stage = await withRedirect(location)
    const session = await openSession(stage)
    for (const name of ['moved.m3u8', 'low/moved.m4s']) {
      if (location === 'moved.m4s' && name === 'moved.m3u8') continue
      if (location === 'moved.m3u8' && name !== 'moved.m3u8') continue
      const answer = await send(stage, `/vod/film/${name}?hdntl=${session}`)
      expect([name, answer.status, answer.header('location')]).toEqual([name, 502, null])
      expect(answer.header('cache-control')).toBe('no-store')
    }
    await expectService(stage)
  })

  it.each(['//evil.example/x.m3u8', '/.//evil.example/x.m3u8', '/film/..//evil.example/x.m3u8'])(
    'to %s below itself leads no client, and no token, to another host',
    async (path) => {
      const rule = { match: { paths: ['/*'] }, stripPrefix: '' }
      const stage = await startGate({ rule })
      stage.origin.route('/film/moved.m3u8', (_request, response) => {
        response.writeHead(302, { Location: `${stage.origin.url}${path}` }).end()
      })
      const token = stage.mint({ path: '/film/*' })
      const answer = await send(stage, `/film/moved.m3u8?hdnts=${token}`)
      expect([answer.status, answer.header('location')]).toEqual([502, null])
    },
  )

  it('within itself goes to the client with the token of the request and no other', async () => {
    const stage = await withRedirect('/film/low/index.m3u8?hdntl=evil&v=1')
    const session = await openSession(stage)
    const answer = await send(stage, `/vod/film/moved.m3u8?hdntl=${session}`)
    expect(answer.header('location')).toBe(`/vod/film/low/index.m3u8?v=1&hdntl=${session}`)
    expect(answer.header('cache-control')).toBe('private, no-store')
  })
})

describe('T57: a URI in a playlist is never fetched unless it is the origin’s own', () => {
  it.each(['same port', 'other hosts'])('%s', async (which) => {
    const decoy = await startFakeOrigin()
    const uris = [
      ...[
        `${decoy.url}/a.m3u8`,
        `//127.0.0.1:${decoy.port}/a.m3u8`,
        'http://169.254.169.254/latest.m3u8',
      ],
      ...[
        `http://localhost:${decoy.port}/a.m3u8`,
        `http://[::1]:${decoy.port}/a.m3u8`,
        'file:///etc/passwd',
      ],
      ...[
        'http://10.0.0.1/a.m3u8',
        'http://playgate.invalid@127.0.0.1/a.m3u8',
        '\\\\127.0.0.1\\a.m3u8',
      ],
      ...[`http://playgate.invalid:${decoy.port}/a.m3u8`, '../../../a.m3u8', '/_playgate/ready'],
    ]
    const lines = (which === 'same port' ? uris.slice(-4) : uris).flatMap((uri) => [
      '#EXT-X-STREAM-INF:BANDWIDTH=1',
      uri,
    ])
    const stage = await startGate({
      routes: { '/film/index.m3u8': body(`#EXTM3U\n${lines.join('\n')}\n`) },
    })
    expect((await send(stage, `${playlist}?hdnts=${stage.mint()}`)).status).toBe(200)
    expect(decoy.accepted).toBe(0)
    expect(stage.origin.requests.map(({ path }) => path)).toEqual(['/film/index.m3u8'])
    await decoy.close()
  })
})

describe('an origin that fails', () => {
  it.each<[string, Parameters<FakeOrigin['route']>[1], number]>([
    ['answers 500', reply(500, {}, '<h1>stack trace of evil</h1>'), 502],
    ['answers 401', reply(401, { 'WWW-Authenticate': 'Basic' }, 'evil'), 502],
    ['answers 403', reply(403, {}, 'evil'), 502],
    [
      'answers 200 with an error page',
      reply(200, { 'Content-Type': 'text/html' }, '<h1>evil</h1>'),
      502,
    ],
    ['hangs up', (_request, response) => void response.destroy(), 502],
    [
      'hangs up in the middle',
      (_request, response) => {
        response.writeHead(200, { 'Content-Length': '999', 'Content-Type': 'audio/mpegurl' })
        response.write('#EXTM3U\n', () => response.destroy())
      },
      502,
    ],
    ['says it is not modified unasked', reply(304), 502],
    ['sends a part unasked', reply(206, { 'Content-Range': 'bytes 0-1/2' }, '#E'), 502],
  ])('with %s mints nothing, tells nothing, and is asked again', async (_what, handler, status) => {
    const stage = await startGate({ routes: { '/film/index.m3u8': handler } })
    const answer = await send(stage, `${playlist}?hdnts=${stage.mint()}`)
    expect([answer.status, JSON.parse(answer.text).reason]).toEqual([status, 'origin-unavailable'])
    expect(answer.text).not.toContain('evil')
    expect(answer.header('cache-control')).toBe('no-store')
    for (const name of ['playgate-session', 'set-cookie', 'www-authenticate']) {
      expect(answer.header(name)).toBeNull()
    }
    stage.origin.route('/film/index.m3u8', body(media))
    await expectService(stage)
  })

  it('asks nobody for a password, whatever is missing: 404 and 410 stay, bodies do not', async () => {
    const stage = await startGate({ routes: { '/film/gone.m4s': reply(410, {}, 'evil') } })
    const session = await openSession(stage)
    for (const [name, status] of [
      ['gone.m4s', 410],
      ['none.m4s', 404],
      ['none.m3u8', 404],
    ] as const) {
      const answer = await send(stage, `/vod/film/${name}?hdntl=${session}`)
      expect([name, answer.status, answer.header('cache-control')]).toEqual([
        name,
        status,
        'no-store',
      ])
      expect(answer.text).not.toContain('evil')
    }
  })
})
