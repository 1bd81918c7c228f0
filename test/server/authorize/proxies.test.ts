import { describe, expect, it } from 'vitest'
import { send } from '../../attack/refusal.ts'
import { exchange, type RawResponse } from '../../stage/raw-socket.ts'
import { type StagedGate, type StageOptions, testKey } from '../../stage/start-gate.ts'
import { ask, askerNamed, secret, startAskedGate } from './asking.ts'

const proxies = ['nginx', 'caddy', 'traefik', 'envoy'].map(askerNamed)
const playlist = '/vod/film/index.m3u8'
const segment = '/vod/film/low/1.m4s'

const startVod = (options: StageOptions = {}) =>
  startAskedGate({ session: {}, rule: {}, ...options })

/** The rule of these tests, with its cookies for pages of one origin. */
const cookies: StageOptions = {
  session: { carrier: ['cookie'] },
  rule: { cors: { origins: ['https://www.example.com'] } },
}

/** The session token that an answer hands out in `Playgate-Session`. */
function sessionToken(response: RawResponse): string {
  const token = /token="([^"]+)"/.exec(response.header('playgate-session') ?? '')?.[1]
  if (token === undefined) throw new Error(`no session: ${response.status}`)
  return token
}

const allows = ({ status }: RawResponse): boolean => status >= 200 && status < 300

describe.each(proxies)('$name and a rule with sessions', (asker) => {
  it('lets segments through on the session token, and on nothing else', async () => {
    const stage = await startVod()
    const opened = await stage.ask(`${playlist}?hdnts=${stage.mint()}`, {
      headers: { 'User-Agent': 'Viewer/1.0', Host: 'video.example.com' },
    })
    const token = /token="([^"]+)"/.exec(opened.headers.get('playgate-session') ?? '')?.[1]
    expect(allows(await ask(stage, asker, { target: `${segment}?hdntl=${token}` }))).toBe(true)
    const before = stage.origin.requests.length
    const alone = await ask(stage, asker, { target: `${segment}?hdnts=${stage.mint()}` })
    expect(alone.status).toBe(403)
    expect(JSON.parse(alone.body.toString())).toMatchObject({ reason: 'token-missing' })
    const stolen = await ask(stage, asker, { target: `${segment}?hdntl=${token}` }, (bytes) =>
      bytes.replace(/viewer\/1\.0/i, 'Thief/1.0'),
    )
    expect(stolen.status).toBe(403)
    expect(stage.origin.requests.length).toBe(before)
  })

  it('takes the token in the path out of it, as the proxy does', async () => {
    const stage = await startVod({ session: { carrier: ['path'] } })
    const opened = await stage.ask(`${playlist}?hdnts=${stage.mint()}`)
    const token = /token="([^"]+)"/.exec(opened.headers.get('playgate-session') ?? '')?.[1]
    const target = `/hdntl=${token}${segment}`
    expect(allows(await ask(stage, asker, { target }))).toBe(true)
    const other = target.replace('/vod/film/', '/vod/other/')
    expect(allows(await ask(stage, asker, { target: other }))).toBe(false)
  })

  it('opens a session for a playlist, and hands the cookie on', async () => {
    const stage = await startVod(cookies)
    const target = `${playlist}?hdnts=${stage.mint()}`
    const response = await ask(stage, asker, { target })
    expect(allows(response)).toBe(true)
    const [cookie = '', ...others] = response.all('set-cookie')
    expect(others).toEqual([])
    expect(cookie).toMatch(
      /^hdntl=[^;]+; Max-Age=312; Path=\/vod\/film\/; HttpOnly; Secure; SameSite=Lax$/,
    )
    // Traefik hands cookies on, and no other header.
    expect(response.all('playgate-session')).toHaveLength(asker.name === 'traefik' ? 0 : 1)
    const lines = [`Cookie: ${cookie.split(';')[0]}`]
    expect(allows(await ask(stage, asker, { target: segment, lines }))).toBe(true)
    expect(allows(await ask(stage, asker, { target: playlist, lines }))).toBe(true)
    expect((await stage.gate.sessions.list({})).sessions).toMatchObject([
      { rule: 'film', path: playlist, client: '192.0.2.7', userAgent: 'Viewer/1.0' },
    ])
  })

  it('opens one in place of a cookie that has ended, whatever the object', async () => {
    const stage = await startVod(cookies)
    const first = await ask(stage, asker, { target: `${playlist}?hdnts=${stage.mint()}` })
    const lines = [`Cookie: ${first.header('set-cookie')?.split(';')[0]}`]
    stage.clock.advance(400_000)
    const stale = await ask(stage, asker, { target: segment, lines })
    expect(stale.status).toBe(403)
    const fresh = await ask(stage, asker, { target: `${segment}?hdnts=${stage.mint()}`, lines })
    expect(allows(fresh)).toBe(true)
    expect(fresh.all('set-cookie')).toHaveLength(1)
  })

  it('opens nothing for HEAD, and uses nothing up', async () => {
    const stage = await startVod({ ...cookies, access: { singleUse: true } })
    const target = `${playlist}?hdnts=${stage.mint()}`
    const head = await ask(stage, asker, { target, method: 'HEAD' })
    expect(allows(head)).toBe(true)
    expect(head.all('set-cookie')).toEqual([])
    expect((await ask(stage, asker, { target })).all('set-cookie')).toHaveLength(1)
    expect((await ask(stage, asker, { target })).status).toBe(403)
  })

  it('opens nothing where no playlist is', async () => {
    const stage = await startVod(cookies)
    const missing = await ask(stage, asker, { target: `/vod/film/none.m3u8?hdnts=${stage.mint()}` })
    expect(missing.status).toBe(asker.name === 'nginx' ? 403 : 404)
    expect(missing.all('set-cookie')).toEqual([])
    expect(stage.log.at(-1)).toContain('no playlist at the origin of the rule')
    const object = await ask(stage, asker, { target: `/vod/film/unknown?hdnts=${stage.mint()}` })
    expect(object.status).toBe(403)
  })

  it('opens one that lives as long as allowed where the origin cannot be looked at', async () => {
    const stage = await startVod(cookies)
    await stage.origin.close()
    const response = await ask(stage, asker, { target: `${playlist}?hdnts=${stage.mint()}` })
    expect(response.header('set-cookie')).toContain('Max-Age=86400;')
  })

  it('refuses the session that is one too many, and names the others where the player hears of it', async () => {
    const stage = await startVod({ ...cookies, session: { carrier: ['cookie'], maxConcurrent: 1 } })
    const open = (address: string) =>
      ask(stage, asker, { target: `${playlist}?hdnts=${stage.mint({ subject: 'u7' })}`, address })
    expect(allows(await open('192.0.2.7'))).toBe(true)
    const second = await open('192.0.2.8')
    expect(second.status).toBe(403)
    expect(JSON.parse(second.body.toString())).toMatchObject({
      reason: 'session-limit',
      renew: false,
      sessions: [{ path: playlist }],
      endRight: expect.any(String),
    })
  })

  it('refuses a session that was ended', async () => {
    const stage = await startVod(cookies)
    const opened = await ask(stage, asker, { target: `${playlist}?hdnts=${stage.mint()}` })
    const lines = [`Cookie: ${opened.header('set-cookie')?.split(';')[0]}`]
    const [{ sessionId } = { sessionId: '' }] = (await stage.gate.sessions.list({})).sessions
    await stage.gate.sessions.end(sessionId)
    const ended = await ask(stage, asker, { target: segment, lines })
    expect(JSON.parse(ended.body.toString())).toMatchObject({ reason: 'session-ended' })
  })

  it('says on every answer which pages may read it', async () => {
    const stage = await startVod(cookies)
    const from = (origin: string) => [`Origin: ${origin}`]
    const good = `${playlist}?hdnts=${stage.mint()}`
    for (const target of [good, playlist, segment]) {
      const lines = from('https://www.example.com')
      const own = await ask(stage, asker, { target, lines })
      expect(own.header('access-control-allow-origin')).toBe('https://www.example.com')
      expect(own.header('access-control-allow-credentials')).toBe('true')
      expect(own.header('vary')).toContain('Origin')
      const other = await ask(stage, asker, { target, lines: from('https://evil.example') })
      expect(other.all('access-control-allow-origin')).toEqual([])
    }
  })

  it('answers a preflight without asking for a token, and any other OPTIONS with no', async () => {
    const stage = await startVod(cookies)
    const before = stage.origin.requests.length
    const lines = ['Origin: https://www.example.com', 'Access-Control-Request-Method: GET']
    const preflight = await ask(stage, asker, { target: segment, method: 'OPTIONS', lines })
    expect(preflight.status).toBe(asker.name === 'envoy' ? 200 : 204)
    expect(preflight.header('access-control-allow-methods')).toBe('GET, HEAD, OPTIONS')
    expect(preflight.all('set-cookie')).toEqual([])
    for (const method of ['OPTIONS', 'POST', 'PUT', 'DELETE', 'get']) {
      // Node's parser takes no method that is unknown to it.
      if (method === 'get' && asker.name === 'envoy') continue
      const other = await ask(stage, asker, { target: segment, method })
      expect(other.status).toBe(asker.name === 'nginx' ? 403 : 405)
    }
    expect(stage.origin.requests.length).toBe(before)
  })

  it('believes no header in a spelling with underscores', async () => {
    const stage = await startVod()
    const target = `${playlist}?hdnts=${stage.mint({ ip: '192.0.2.7' })}`
    const lines = ['X_Real_IP: 192.0.2.7', 'X_Forwarded_For: 192.0.2.7', 'X_Original_URI: /x']
    const response = await ask(stage, asker, { target, address: '198.51.100.1', lines })
    expect(response.status).toBe(403)
  })
})

describe.each(proxies)('$name, when something stands twice or nowhere', (asker) => {
  const counting = asker.bytes({ target: playlist, nowMs: 0 })
  const named = [...counting.matchAll(/^(x-(?!envoy|forwarded-(?:port|server))[a-z-]+): .*$/gim)]
  const names = named.map(([, name = '']) => name)

  it.each(names)('is refused with two of %s', async (name) => {
    const stage = await startVod()
    const target = `${playlist}?hdnts=${stage.mint()}`
    const doubled = await ask(stage, asker, { target }, (bytes) =>
      bytes.replace(new RegExp(`^(${name}: .*)$`, 'm'), `$1\r\n$1`),
    )
    // Hops may stand in any number of lines, and a proxy's own word is the last one.
    const isList = name.toLowerCase() === 'x-forwarded-for'
    const isScheme = asker.name === 'envoy' && name === 'x-forwarded-proto'
    expect(allows(doubled)).toBe(isList || isScheme)
  })

  it.each(names)('is refused without %s', async (name) => {
    const stage = await startVod()
    const target = `${playlist}?hdnts=${stage.mint()}`
    const without = await ask(stage, asker, { target }, (bytes) =>
      bytes.replace(new RegExp(`^${name}: .*\r\n`, 'm'), ''),
    )
    const isScheme = asker.name === 'envoy' && name === 'x-forwarded-proto'
    const isSecret = name.toLowerCase() === 'x-playgate-secret'
    expect(allows(without)).toBe(isScheme)
    if (!isSecret && !isScheme) expect(stage.log.at(-1)).toContain('"reason":"bad-request"')
  })

  it.each([
    ['text', 'unknown'],
    ['an address that some read in octal', '0192.0.2.7'],
    ['an address with a port', '192.0.2.7:4711'],
  ])('is refused with %s for an address', async (_what, address) => {
    const stage = await startVod()
    const target = `${playlist}?hdnts=${stage.mint()}`
    expect((await ask(stage, asker, { target, address })).status).toBeGreaterThanOrEqual(400)
  })

  it.each(['video.example.com, evil.example', 'video.example.com/x', 'a b', '[::1'])(
    'is refused with the host %s',
    async (host) => {
      const stage = await startVod()
      const target = `${playlist}?hdnts=${stage.mint()}`
      const response = await ask(stage, asker, { target }, (bytes) =>
        bytes.replaceAll('video.example.com', host),
      )
      expect(response.status).toBeGreaterThanOrEqual(400)
    },
  )

  it('is refused with more headers than anybody sends', async () => {
    const stage = await startVod()
    const lines = Array.from({ length: 600 }, (_, index) => `a${index}: b`)
    const target = `${playlist}?hdnts=${stage.mint()}`
    expect((await ask(stage, asker, { target, lines })).status).toBeGreaterThanOrEqual(400)
  })
})

describe('the viewer’s address', () => {
  it.each(['caddy', 'traefik', 'envoy'])('is the last one that %s tells', async (name) => {
    const stage = await startVod()
    const target = `${playlist}?hdnts=${stage.mint({ ip: '192.0.2.7' })}`
    const from = (address: string) => ask(stage, askerNamed(name), { target, address })
    expect(allows(await from('198.51.100.1, 192.0.2.7'))).toBe(true)
    expect(allows(await from('192.0.2.7, 198.51.100.1'))).toBe(false)
  })

  it.each(['caddy', 'traefik', 'envoy'])(
    'stands behind the trusted proxies in front of %s',
    async (name) => {
      const stage = await startVod({ configuration: { trustedProxies: ['10.0.0.0/8'] } })
      const target = `${playlist}?hdnts=${stage.mint({ ip: '192.0.2.7' })}`
      const from = (address: string) => ask(stage, askerNamed(name), { target, address })
      expect(allows(await from('203.0.113.1, 192.0.2.7, 10.1.2.3'))).toBe(true)
      expect(allows(await from('203.0.113.1, 192.0.2.7:4711, 10.1.2.3'))).toBe(true)
      expect(allows(await from('192.0.2.7, 203.0.113.1, 10.1.2.3'))).toBe(false)
    },
  )

  it('is never what a viewer writes into X-Forwarded-For, where nginx asks', async () => {
    const stage = await startVod()
    const target = `${playlist}?hdnts=${stage.mint({ ip: '192.0.2.7' })}`
    const lines = ['X-Forwarded-For: 192.0.2.7']
    const nginx = askerNamed('nginx')
    expect(allows(await ask(stage, nginx, { target, address: '198.51.100.1', lines }))).toBe(false)
  })
})

describe('Traefik, where it has no way to hand the session on', () => {
  const traefik = askerNamed('traefik')

  it('lets in to playlists on the access token alone, and to nothing else', async () => {
    const stage = await startVod()
    const good = await ask(stage, traefik, { target: `${playlist}?hdnts=${stage.mint()}` })
    expect(good.status).toBe(204)
    expect(good.all('set-cookie')).toEqual([])
    for (const path of [segment, '/vod/film/low/key', '/vod/film/film.webm']) {
      const refused = await ask(stage, traefik, { target: `${path}?hdnts=${stage.mint()}` })
      expect(JSON.parse(refused.body.toString())).toMatchObject({ reason: 'token-missing' })
    }
    expect((await stage.gate.sessions.list({})).sessions).toEqual([])
  })

  it.each(['query', 'player'] as const)(
    'takes a cookie that is no good for none, with the carrier %s',
    async (carrier) => {
      const stage = await startVod({ session: { carrier: [carrier] } })
      const opened = await stage.ask(`${playlist}?hdnts=${stage.mint()}`)
      const ended = /token="([^"]+)"/.exec(opened.headers.get('playgate-session') ?? '')?.[1]
      stage.clock.advance(400_000)
      for (const cookie of ['x', ended]) {
        const lines = [`Cookie: hdntl=${cookie}`]
        for (const path of [segment, '/vod/film/low/key', '/vod/film/film.webm']) {
          const target = `${path}?hdnts=${stage.mint()}`
          const refused = await ask(stage, traefik, { target, lines })
          expect(JSON.parse(refused.body.toString())).toMatchObject({ reason: 'token-missing' })
        }
        const good = await ask(stage, traefik, {
          target: `${playlist}?hdnts=${stage.mint()}`,
          lines,
        })
        expect(good.status).toBe(204)
      }
    },
  )
})

describe('Caddy', () => {
  it('is believed in what it says of the request, and not in the query of its own', async () => {
    const stage = await startVod()
    const good = stage.mint()
    const response = await ask(stage, askerNamed('caddy'), { target: playlist }, (bytes) =>
      bytes.replace('/caddy?', `/caddy?hdnts=${good}&secret=${secret}`),
    )
    expect(response.status).toBe(403)
  })

  it.each(['caddy', 'envoy', 'nginx'])(
    'nor anybody else who may have a viewer’s query there (%s) shows the secret in it',
    async (name) => {
      const stage = await startVod()
      const target = `${playlist}?hdnts=${stage.mint()}&secret=${secret}`
      const response = await ask(stage, askerNamed(name), { target, secret: null }, (bytes) =>
        bytes.replace('/authorize/nginx ', `/authorize/nginx?secret=${secret} `),
      )
      expect(response.status).toBe(403)
    },
  )
})

describe('Envoy', () => {
  it('is asked to keep tokens, cookies and credentials from the origin', async () => {
    const stage = await startVod()
    const target = `${playlist}?hdnts=${stage.mint()}`
    const allowed = await ask(stage, askerNamed('envoy'), { target })
    expect(allowed.status).toBe(200)
    expect(allowed.header('x-envoy-auth-headers-to-remove')).toBe(
      'cookie, authorization, hdnts, hdntl',
    )
    const denied = await ask(stage, askerNamed('envoy'), { target: playlist })
    expect(denied.all('x-envoy-auth-headers-to-remove')).toEqual([])
  })

  it('asks with the raw path, which no router decodes or merges before it is judged', async () => {
    const rule = { match: { paths: ['/*'] }, stripPrefix: '' }
    const stage = await startVod({ session: null, rule })
    const target = (path: string) => `${path}?hdnts=${stage.mint({ path: '/*' })}`
    const status = async (path: string) =>
      (await ask(stage, askerNamed('envoy'), { target: target(path) })).status
    expect(await status('/a%20b.m3u8')).toBe(200)
    for (const path of ['/a/../b.m3u8', '/%61.m3u8', '//a.m3u8', '/a%2Fb.m3u8', '']) {
      expect(await status(path)).toBe(400)
    }
  })
})

describe('nginx with X-Accel-Redirect', () => {
  const nginx = askerNamed('nginx')
  const accelerated =
    (query = '?accel=/internal') =>
    (bytes: string) =>
      bytes.replace('/authorize/nginx ', `/authorize/nginx${query} `)

  it('is told which file to send, without the token', async () => {
    const stage = await startVod(cookies)
    const opened = await ask(
      stage,
      nginx,
      { target: `${playlist}?a=1&hdnts=${stage.mint()}&b=%2f` },
      accelerated(),
    )
    expect(opened.status).toBe(200)
    expect(opened.header('x-accel-redirect')).toBe(`/internal${playlist}?a=1&b=%2f`)
    expect(opened.body.toString()).toBe('')
    // nginx keeps the type of such an answer, if it has one, for the file.
    expect(opened.all('content-type')).toEqual([])
    expect(opened.all('set-cookie')).toHaveLength(1)
    const target = `/hdntl=${sessionToken(opened)}${segment}`
    const sent = await ask(stage, nginx, { target }, accelerated('?accel=/a/b-c_d'))
    expect(sent.header('x-accel-redirect')).toBe(`/a/b-c_d${segment}`)
  })

  it('passes refusals on as the rule decides them', async () => {
    const stage = await startVod({ rule: { denial: { byReason: { 'token-missing': 401 } } } })
    const refused = await ask(stage, nginx, { target: playlist }, accelerated())
    expect(refused.status).toBe(401)
    expect(refused.all('www-authenticate')).toEqual(['Bearer'])
    expect(refused.all('x-accel-redirect')).toEqual([])
    expect(JSON.parse(refused.body.toString())).toMatchObject({ reason: 'token-missing' })
    const lines = ['Origin: https://a.example', 'Access-Control-Request-Method: GET']
    const preflight = await ask(
      stage,
      nginx,
      { target: playlist, method: 'OPTIONS', lines },
      accelerated(),
    )
    expect(preflight.status).toBe(200)
    expect(preflight.all('x-accel-redirect')).toEqual([])
  })

  it.each([
    ['a viewer’s arguments behind it', '?accel=/internal&hdnts=x'],
    ['a second one', '?accel=/internal&accel=/secret'],
    ['one in the viewer’s place', '?hdnts=x'],
    ['a dot segment', '?accel=/internal/../etc'],
    ['a host', '?accel=//evil.example/x'],
    ['a URL', '?accel=https://evil.example/x'],
    ['a slash at the end', '?accel=/internal/'],
    ['nothing', '?accel='],
    ['an argument', '?accel=/internal%3fx'],
    ['a line break', '?accel=/internal%0d%0aX: y'.replace(' ', '%20')],
  ])('is refused with %s', async (_what, query) => {
    const stage = await startVod()
    const target = `${playlist}?hdnts=${stage.mint()}`
    const response = await ask(stage, nginx, { target }, accelerated(query))
    expect(response.status).toBe(403)
    expect(response.all('x-accel-redirect')).toEqual([])
  })

  it('is nothing that a header could ask for', async () => {
    const stage = await startVod()
    const target = `${playlist}?hdnts=${stage.mint()}`
    const lines = ['X-Accel-Prefix: /internal', 'X-Accel-Redirect: /internal', 'Accel: /internal']
    const response = await ask(stage, nginx, { target, lines })
    expect(response.status).toBe(204)
    expect(response.all('x-accel-redirect')).toEqual([])
  })
})

it('answers nobody from elsewhere without a secret, unless it is a trusted proxy', async () => {
  const { provesAsker } = await import('../../../server/authorize/proves-asker.ts')
  const { AddressSet } = await import('../../../server/claim/address-set.ts')
  const asked = { method: 'GET', rest: '', headers: new Map(), body: '' }
  const trusted = new AddressSet(['10.0.0.0/8'])
  const may = (sender: string) => provesAsker(asked, { proof: 'header' }, sender, null, trusted)
  expect(['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1', '10.1.1.1'].every(may)).toBe(true)
  expect(['192.0.2.1', '::2', '', '128.0.0.1', '11.0.0.1'].some(may)).toBe(false)
})

it('signs with no key of its own: a session opened here is good at the gate itself', async () => {
  const stage = await startVod()
  const opened = await ask(stage, askerNamed('nginx'), {
    target: `${playlist}?hdnts=${stage.mint()}`,
  })
  const token = sessionToken(opened)
  const answer = await stage.ask(`${segment}?hdntl=${token}`)
  expect(answer.status).toBe(200)
  expect(token).not.toContain(testKey)
})

it('reads bodies of 16 KiB at most', async () => {
  const stage = await startAskedGate()
  const body = `{"ip":"${'1'.repeat(20_000)}"}`
  const bytes = `POST /_playgate/authorize/mediamtx?secret=${secret} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  expect((await exchange(stage, bytes)).status).toBe(403)
})

describe('the decision', () => {
  const session = (stage: StagedGate) => async (path: string) => {
    const answer = await stage.ask(path)
    return /token="([^"]+)"/.exec(answer.headers.get('playgate-session') ?? '')?.[1] ?? ''
  }

  // One gate, asked in both ways: whatever is decided of a request, it is decided of a question with the same bytes.
  it.each<[string, string, Record<string, string>]>([
    ['no token', playlist, {}],
    ['an access token', `${playlist}?hdnts=ACCESS`, {}],
    ['one in a header', playlist, { hdnts: 'ACCESS' }],
    ['one in a cookie', playlist, { Cookie: 'hdnts=ACCESS' }],
    ['an access token on a segment', `${segment}?hdnts=ACCESS`, {}],
    ['one for another path', '/vod/other/index.m3u8?hdnts=ACCESS', {}],
    ['a session token', `${segment}?hdntl=SESSION`, {}],
    ['one on the path of another', '/vod/other/index.m3u8?hdntl=SESSION', {}],
    ['one in the path', `/hdntl=SESSION${segment}`, {}],
    ['one in a cookie', segment, { Cookie: 'hdntl=SESSION' }],
    ['a bad one in a cookie', segment, { Cookie: 'hdntl=SESSION0' }],
    ['two that differ', `${segment}?hdntl=SESSION&hdntl=SESSION0`, {}],
    ['one of another device', `${segment}?hdntl=SESSION`, { 'User-Agent': 'Thief/1.0' }],
    ['an access token for a session token', `${segment}?hdntl=ACCESS`, {}],
    ['a semicolon', `/vod/film;x/index.m3u8?hdnts=ACCESS`, {}],
    ['a dot segment', `/vod/../vod/film/index.m3u8?hdnts=ACCESS`, {}],
    ['nothing of ours', '/elsewhere', {}],
  ])('on %s is the gate’s own', async (_what, target, viewer) => {
    const stage = await startVod()
    const access = stage.mint()
    const token = await session(stage)(`${playlist}?hdnts=${access}`)
    const fill = (text: string) => text.replaceAll('ACCESS', access).replaceAll('SESSION', token)
    const headers = Object.entries({ 'User-Agent': 'Viewer/1.0', ...viewer }).map(
      ([name, value]) => `${name}: ${fill(value)}`,
    )
    const itself = await send(stage, fill(target), { headers })
    const asked = await ask(stage, askerNamed('caddy'), { target: fill(target) }, (bytes) => {
      const plain = bytes.replace('User-Agent: Viewer/1.0\r\n', '')
      return plain.replace(/\r\n\r\n$/, `\r\n${headers.join('\r\n')}\r\n\r\n`)
    })
    expect(asked.status).toBe(itself.status === 200 ? 204 : itself.status)
    if (itself.status !== 200) expect(asked.body.toString()).toBe(itself.text)
  })
})
