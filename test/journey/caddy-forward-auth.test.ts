import { expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { useClosing } from '../stage/closing.ts'
import { servePlayerPage } from '../stage/player-page.ts'
import { play, playOn, playWithPlugin, seek, switchLevel, trouble } from '../stage/playing.ts'
import { addressOf, exchange } from '../stage/raw-socket.ts'
import { docBlock } from '../stage/read-blocks.ts'
import { startCaddy } from '../stage/start-proxy.ts'
import { freePort } from '../stage/start-redis.ts'
import { sampleStream } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'
import { type AskedStream, secret, secretPlace, startAskedStream } from './asking.ts'

const opened = useClosing()
const segment = '/vod/v360/segment-01.m4s'
const site = 'https://www.example.com'

/** Caddy with the very configuration of the documentation, but for its addresses. */
async function frontOf(
  { origin }: Pick<AskedStream, 'origin'>,
  block: 'Caddyfile' | 'Caddyfile.sessions',
  replace: Readonly<Record<string, string>> = {},
) {
  const port = await freePort()
  const addresses = {
    '127.0.0.1:8080': new URL(origin).host,
    'video.example.com {': `http://127.0.0.1:${port} {`,
    [secretPlace]: secret,
  }
  const configuration = docBlock('forward-authorization.md', `caddyfile ${block}`)
  const options = { port, media: { vod: sampleStream }, replace: { ...addresses, ...replace } }
  return opened(await startCaddy(configuration, options))
}

const get = (url: string, headers: Record<string, string> = {}) =>
  fetch(url, { headers: { 'User-Agent': 'Viewer/1.0', ...headers }, redirect: 'manual' })

/** A session token, opened through Caddy as a player would. */
async function openSession(front: { origin: string }, stream: AskedStream): Promise<string> {
  const token = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
  const response = await get(`${front.origin}/vod/v360/index.m3u8?hdnts=${token}`)
  const found = /token="([^"]+)"/.exec(response.headers.get('playgate-session') ?? '')?.[1]
  if (found === undefined) throw new Error(`no session: ${response.status}`)
  return found
}

describeWith(['caddy'], 'Caddy that asks by forward_auth', () => {
  it('sends segments to whom Playgate permits them, and passes refusals on as they are', async () => {
    const stream = opened(await startAskedStream({}))
    const front = await frontOf(stream, 'Caddyfile')
    const token = await openSession(front, stream)
    const sent = await get(`${front.origin}${segment}?hdntl=${token}`)
    expect([sent.status, sent.headers.get('server')]).toEqual([200, 'Caddy'])
    expect((await sent.arrayBuffer()).byteLength).toBeGreaterThan(1000)
    const part = await get(`${front.origin}${segment}?hdntl=${token}`, { Range: 'bytes=0-9' })
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 10])

    for (const [query, headers, reason] of [
      ['', {}, 'token-missing'],
      [`?hdntl=${token}0`, {}, 'token-refused'],
      [`?hdntl=${token}`, { 'User-Agent': 'SomebodyElse/1.0' }, 'token-refused'],
      [`?hdnts=${stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })}`, {}, 'token-missing'],
    ] as const) {
      const refused = await get(front.origin + segment + query, headers)
      expect([refused.status, refused.headers.get('cache-control')]).toEqual([403, 'no-store'])
      expect(refused.headers.get('access-control-allow-origin')).toBe('*')
      expect(await refused.json()).toMatchObject({ reason, renew: true })
    }
    expect(stream.requests().map(({ path }) => path)).toEqual(['/vod/v360/index.m3u8'])
  })

  it('believes nothing that a viewer writes into the headers or the query of the question', async () => {
    const stream = opened(await startAskedStream({}))
    const front = await frontOf(stream, 'Caddyfile')
    const token = await openSession(front, stream)
    const forged = {
      'X-Forwarded-Uri': `${segment}?hdntl=${token}`,
      'X-Forwarded-Method': 'OPTIONS',
      'X-Forwarded-Host': 'other.example',
      'X-Forwarded-For': '192.0.2.2',
      'X-Playgate-Secret': 'x',
    }
    const other = `${front.origin}/vod/v540/segment-01.m4s?secret=${secret}&from=x`
    expect((await get(other, forged)).status).toBe(403)
    expect((await get(`${front.origin}${segment}?hdntl=${token}`, forged)).status).toBe(200)
    expect(stream.questions().map(({ client, method }) => [client, method])).toEqual([
      ['127.0.0.1', 'GET'],
      ['127.0.0.1', 'GET'],
    ])
  })

  it.each([
    '/vod//v360/segment-01.m4s',
    '/vod/./v360/segment-01.m4s',
    '/vod/v360/%73egment-01.m4s',
    '/vod/v540/../v360/segment-01.m4s',
    '/vod/v360%2fsegment-01.m4s',
    '/VOD/v360/segment-01.m4s',
  ])('does not send %s, which it would read as another path than was judged', async (path) => {
    const stream = opened(await startAskedStream({}))
    const front = await frontOf(stream, 'Caddyfile')
    const token = await openSession(front, stream)
    const bytes = `GET ${path}?hdntl=${token} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Viewer/1.0\r\nConnection: close\r\n\r\n`
    const { status } = await exchange(addressOf(front.origin), bytes)
    expect(status).toBeGreaterThanOrEqual(400)
  })

  it('serves nothing while Playgate is away', async () => {
    const stream = await startAskedStream({})
    const front = await frontOf(stream, 'Caddyfile')
    const token = await openSession(front, stream)
    await stream.close()
    expect((await get(`${front.origin}${segment}?hdntl=${token}`)).status).toBe(502)
  })

  it('is not answered with another secret', async () => {
    const stream = opened(await startAskedStream({}))
    const front = await frontOf(stream, 'Caddyfile', { [secretPlace]: 'not-the-one-that-counts' })
    const token = await openSession(front, stream)
    expect((await get(`${front.origin}${segment}?hdntl=${token}`)).status).toBe(403)
  })
})

describeWith(['caddy'], 'what Caddy sends', () => {
  const preflight = [`Origin: ${site}`, 'Access-Control-Request-Method: GET']

  it.each(['Caddyfile', 'Caddyfile.sessions'] as const)(
    'goes to GET and HEAD alone: %s',
    async (block) => {
      const stream = opened(await startAskedStream({ carrier: ['player'] }))
      const front = await frontOf(stream, block)
      const good = `?hdntl=${await openSession(front, stream)}`
      const text = `?hdnts=${stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })}`
      const send = (method: string, target: string, lines: readonly string[] = []) =>
        exchange(
          addressOf(front.origin),
          `${[`${method} ${target} HTTP/1.1`, 'Host: 127.0.0.1', 'User-Agent: Viewer/1.0', 'Connection: close', ...lines].join('\r\n')}\r\n\r\n`,
          { method },
        )
      const sent = await send('GET', segment + good)
      expect(sent.body.length).toBeGreaterThan(10_000)
      const head = await send('HEAD', segment + good)
      expect([head.status, head.header('content-length')]).toEqual([200, `${sent.body.length}`])

      const playlist = '/vod/v360/index.m3u8'
      const targets = [segment, segment + good, playlist, playlist + good, playlist + text]
      for (const target of [...targets, '/vod/v540/key-2.bin', `/VOD${segment.slice(4)}`]) {
        const asked = await send('OPTIONS', target, preflight)
        // No rule is for other letters.
        const isOurs = target.startsWith('/vod/')
        expect([target, asked.status, isOurs && asked.body.length]).toEqual([
          target,
          isOurs ? 204 : 404,
          isOurs && 0,
        ])
        if (isOurs) {
          expect(asked.header('access-control-allow-origin')).toBe('*')
          expect(asked.header('access-control-allow-methods')).toBe('GET, HEAD, OPTIONS')
          expect(asked.header('access-control-allow-headers')).toContain('hdntl')
        }
        for (const [method, lines] of [
          ['OPTIONS', []],
          ['OPTIONS', preflight.slice(0, 1)],
          ['OPTIONS', preflight.slice(1)],
          ['POST', preflight],
          ['POST', ['Content-Length: 0', 'X-HTTP-Method-Override: GET']],
          ['PUT', ['Content-Length: 0']],
          ['DELETE', []],
          ['PATCH', ['Content-Length: 0']],
          ['PROPFIND', []],
          ['TRACE', []],
          ['get', []],
        ] as const) {
          const refused = await send(method, target, lines)
          expect([method, target, refused.status]).toEqual([
            method,
            target,
            expect.toSatisfy((status: number) => [400, 404, 405].includes(status)),
          ])
          expect(refused.body.toString()).toMatch(/^(\{"type":"about:blank".*\})?$/)
        }
      }
    },
  )

  it('is readable for the pages of the rule, refusals and what is not there included', async () => {
    for (const [carrier, cors] of [
      ['player', { origins: ['*'] }],
      ['player', { origins: [site] }],
      ['cookie', { origins: [site] }],
    ] as const) {
      const stream = opened(
        await startAskedStream({ carrier: [carrier] }, { cors: { origins: [...cors.origins] } }),
      )
      const front = await frontOf(stream, 'Caddyfile.sessions')
      const readable = async (path: string, headers: Record<string, string> = {}) => {
        const { status, headers: given } = await get(front.origin + path, {
          Origin: site,
          ...headers,
        })
        expect(given.get('access-control-allow-origin')).toBe(cors.origins[0])
        expect(given.get('access-control-expose-headers')).toContain('Playgate-Session')
        expect(given.get('access-control-allow-credentials')).toBe(
          carrier === 'cookie' ? 'true' : null,
        )
        return { status, headers: given }
      }
      const token = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
      const { headers } = await readable(`/vod/v360/index.m3u8?hdnts=${token}`)
      expect(headers.get('cache-control')).toBe('private, no-store')
      // A header without a value would stand there as the name of its placeholder.
      expect([...headers.values()].join()).not.toMatch(/[{}]/)
      const cookie = headers.get('set-cookie')?.split(';')[0]
      expect(cookie === undefined).toBe(carrier === 'player')
      const found = /token="([^"]+)"/.exec(headers.get('playgate-session') ?? '')?.[1]
      const query = carrier === 'player' ? `?hdntl=${found}` : ''
      const viewer = cookie === undefined ? {} : { Cookie: cookie }
      const sent = await readable(segment + query, viewer)
      expect([sent.status, sent.headers.get('cache-control')]).toEqual([200, 'private, no-cache'])
      expect(sent.headers.get('playgate-session')).toBeNull()
      expect((await readable(`/vod/v360/none.m4s${query}`, viewer)).status).toBe(404)
      expect((await readable(segment)).status).toBe(403)

      const other = await get(front.origin + segment + query, {
        Origin: 'https://evil.example',
        ...viewer,
      })
      const anybody = cors.origins[0] === '*' ? '*' : null
      expect(other.headers.get('access-control-allow-origin')).toBe(anybody)
    }
  })
})

describeWith(['chromium', 'caddy'], 'a player in front of Caddy', () => {
  const browser = useBrowser()

  it('plays segments that Caddy sends; a link out of it is refused elsewhere', async () => {
    const stream = opened(await startAskedStream({}))
    const front = await frontOf(stream, 'Caddyfile')
    const playerPage = opened(await servePlayerPage({ modules: {} }))
    const { page } = await browser.openPage(playerPage.url)
    const links: string[] = []
    page.on('request', (request) => links.push(request.url()))
    const token = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
    await play(page, `${front.origin}/vod/index.m3u8?hdnts=${token}`, { level: 0 })
    await playOn(page, 2)
    await seek(page, 30)
    await playOn(page, 1)
    await switchLevel(page, 1)
    await playOn(page, 1)
    expect(await trouble(page)).toEqual([])
    await page.close()

    const served = stream.requests().map(({ path }) => path)
    expect(served.filter((path) => !path.endsWith('.m3u8'))).toEqual([])
    expect(new Set(stream.questions().map(({ outcome }) => outcome))).toEqual(new Set(['session']))

    const media = links.filter((link) => link.includes('.m4s') && link.includes('hdntl='))
    expect(media.length).toBeGreaterThan(3)
    for (const link of media) {
      const stolen = await get(link, {
        'User-Agent': 'SomebodyElse/1.0',
        Origin: playerPage.origin,
      })
      expect([link.split('?')[0], stolen.status]).toEqual([link.split('?')[0], 403])
    }
  })

  it('plays a stream that Caddy serves as a whole, by the cookie that handle_response passes on', async () => {
    const stream = opened(await startAskedStream({ carrier: ['cookie'] }))
    const playerPage = opened(await servePlayerPage({ modules: {} }))
    const front = await frontOf(stream, 'Caddyfile.sessions', {
      'handle /vod/* {': `handle /* {\n\t\treverse_proxy ${new URL(playerPage.origin).host}\n\t}\n\thandle /vod/* {`,
    })
    const { page } = await browser.openPage(`${front.origin}/`)
    const token = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
    await play(page, `${front.origin}/vod/index.m3u8?hdnts=${token}`)
    await playOn(page, 2)
    expect(await trouble(page)).toEqual([])
    expect(await page.context().cookies()).toMatchObject([
      { name: 'hdntl', path: '/vod/', httpOnly: true, sameSite: 'Lax' },
    ])
    expect(stream.requests()).toEqual([])
    const outcomes = stream.questions().map(({ outcome }) => outcome)
    expect(outcomes.filter((outcome) => outcome === 'opened')).toHaveLength(1)
    expect(new Set(outcomes)).toEqual(new Set(['opened', 'session']))
  })

  it('plays with the plugin a stream that Caddy serves as a whole, on a page of another origin', async () => {
    const stream = opened(await startAskedStream({ carrier: ['player'] }))
    const playerPage = opened(await servePlayerPage())
    const front = await frontOf(stream, 'Caddyfile.sessions')
    const { page } = await browser.openPage(playerPage.url)
    const mint = () => stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
    await playWithPlugin(page, `${front.origin}/vod/index.m3u8`, mint, { level: 0 })
    await playOn(page, 2)
    await switchLevel(page, 1)
    await playOn(page, 1)
    expect(await trouble(page)).toEqual([])
    const outcomes = stream.questions().map(({ outcome }) => outcome)
    expect(outcomes.filter((outcome) => outcome === 'opened')).toHaveLength(1)
    expect(new Set(outcomes)).toEqual(new Set(['opened', 'session']))
    const served = stream.requests().filter(({ method }) => method !== 'OPTIONS')
    expect(served).toEqual([])
  })
})
