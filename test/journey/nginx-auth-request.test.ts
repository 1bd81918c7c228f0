import { expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { useClosing } from '../stage/closing.ts'
import { servePlayerPage } from '../stage/player-page.ts'
import { play, playOn, seek, switchLevel, trouble } from '../stage/playing.ts'
import { addressOf, exchange } from '../stage/raw-socket.ts'
import { docBlock } from '../stage/read-blocks.ts'
import { startNginx } from '../stage/start-proxy.ts'
import { freePort } from '../stage/start-redis.ts'
import { sampleStream } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'
import { type AskedStream, secret, secretPlace, startAskedStream } from './asking.ts'

const opened = useClosing()
const page = 'forward-authorization.md'
const segment = '/vod/v360/segment-01.m4s'

/** nginx with the very configuration of the documentation, but for its addresses. */
async function frontOf(
  { origin }: Pick<AskedStream, 'origin'>,
  block: 'auth-request.conf' | 'accel.conf',
  replace: Readonly<Record<string, string>> = {},
) {
  const port = await freePort()
  const addresses = {
    '127.0.0.1:8080': new URL(origin).host,
    'listen 80;': `listen 127.0.0.1:${port};`,
    [secretPlace]: secret,
  }
  const configuration = docBlock(page, `nginx ${block}`)
  const options = { port, media: { vod: sampleStream }, replace: { ...addresses, ...replace } }
  return opened(await startNginx(configuration, options))
}

const get = (url: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(url, { method, headers: { 'User-Agent': 'Viewer/1.0', ...headers }, redirect: 'manual' })

/** A session token, opened through nginx as a player would. */
async function openSession(front: { origin: string }, stream: AskedStream): Promise<string> {
  const token = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
  const response = await get(`${front.origin}/vod/v360/index.m3u8?hdnts=${token}`)
  const found = /token="([^"]+)"/.exec(response.headers.get('playgate-session') ?? '')?.[1]
  if (found === undefined) throw new Error(`no session: ${response.status}`)
  return found
}

describeWith(['nginx'], 'nginx that asks by auth_request', () => {
  it('sends segments to whom Playgate permits them, and to nobody else', async () => {
    const stream = opened(await startAskedStream({}))
    const front = await frontOf(stream, 'auth-request.conf')
    const token = await openSession(front, stream)
    const sent = await get(`${front.origin}${segment}?hdntl=${token}`)
    expect([sent.status, sent.headers.get('server')]).toEqual([
      200,
      expect.stringMatching(/^nginx/),
    ])
    expect((await sent.arrayBuffer()).byteLength).toBeGreaterThan(1000)

    const forged = token.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
    const refusals = [
      await get(`${front.origin}${segment}`),
      await get(`${front.origin}${segment}?hdntl=${forged}`),
      await get(`${front.origin}${segment}?hdntl=${token}`, { 'User-Agent': 'SomebodyElse/1.0' }),
      await get(
        `${front.origin}${segment}?hdnts=${stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })}`,
      ),
      await get(`${front.origin}${segment}?hdntl=${token}&hdntl=${forged}`),
    ]
    expect(refusals.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403])
    expect(stream.requests().map(({ path }) => path)).toEqual(['/vod/v360/index.m3u8'])
  })

  it('believes nothing that a viewer writes into the headers of the question', async () => {
    const stream = opened(await startAskedStream({}))
    const front = await frontOf(stream, 'auth-request.conf')
    const token = await openSession(front, stream)
    const forged = {
      'X-Original-URI': `${segment}?hdntl=${token}`,
      'X-Original-Method': 'OPTIONS',
      'X-Original-Host': 'other.example',
      'X-Real-IP': '192.0.2.1',
      'X-Forwarded-For': '192.0.2.2',
      'X-Playgate-Secret': 'x',
      'X-Accel-Redirect': '/vod/v360/index.m3u8',
    }
    expect((await get(`${front.origin}/vod/v540/segment-01.m4s`, forged)).status).toBe(403)
    const good = await get(`${front.origin}${segment}?hdntl=${token}`, forged)
    expect(good.status).toBe(200)
    expect(stream.questions().map(({ client, method }) => [client, method])).toEqual([
      ['127.0.0.1', 'GET'],
      ['127.0.0.1', 'GET'],
    ])
  })

  it.each([
    ['If-None-Match', '*', 304],
    ['If-Modified-Since', 'Fri, 01 Jan 2100 00:00:00 GMT', 200],
    ['Range', 'bytes=0-9', 206],
    ['Content-Type', 'application/json', 200],
  ])('is not led astray by %s', async (name, value, status) => {
    const stream = opened(await startAskedStream({}))
    const front = await frontOf(stream, 'auth-request.conf')
    const token = await openSession(front, stream)
    expect((await get(`${front.origin}${segment}?hdntl=${token}`, { [name]: value })).status).toBe(
      status,
    )
    expect((await get(`${front.origin}${segment}`, { [name]: value })).status).toBe(403)
  })

  it.each([
    '//vod/v360/segment-01.m4s',
    '/vod/./v360/segment-01.m4s',
    '/vod/v360/%73egment-01.m4s',
    '/vod/v540/../v360/segment-01.m4s',
    '/vod%2fv360/segment-01.m4s',
  ])('does not send %s, which it would read as another path than was judged', async (path) => {
    const stream = opened(await startAskedStream({}))
    const front = await frontOf(stream, 'auth-request.conf')
    const token = await openSession(front, stream)
    const bytes = `GET ${path}?hdntl=${token} HTTP/1.1\r\nHost: a\r\nUser-Agent: Viewer/1.0\r\nConnection: close\r\n\r\n`
    expect((await exchange(addressOf(front.origin), bytes)).status).toBe(403)
  })

  it('judges HEAD as GET, takes a body to nobody, and refuses other methods', async () => {
    const stream = opened(await startAskedStream({}))
    const front = await frontOf(stream, 'auth-request.conf')
    const token = await openSession(front, stream)
    const url = `${front.origin}${segment}?hdntl=${token}`
    expect((await get(url, {}, 'HEAD')).status).toBe(200)
    const posted = await fetch(url, {
      method: 'POST',
      body: 'x',
      headers: { 'User-Agent': 'Viewer/1.0' },
    })
    expect(posted.status).toBe(403)
  })

  it('says on refusals too which pages may read them', async () => {
    const site = 'https://www.example.com'
    const stream = opened(
      await startAskedStream({ carrier: ['cookie'] }, { cors: { origins: [site] } }),
    )
    const front = await frontOf(stream, 'auth-request.conf')
    const refused = await get(`${front.origin}${segment}`, { Origin: site })
    expect(refused.status).toBe(403)
    expect(refused.headers.get('access-control-allow-origin')).toBe(site)
    expect(refused.headers.get('access-control-allow-credentials')).toBe('true')
    expect(refused.headers.get('vary')).toBe('Origin')
    const other = await get(`${front.origin}${segment}`, { Origin: 'https://evil.example' })
    expect(other.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('lets nobody reach the endpoint from outside', async () => {
    const stream = opened(await startAskedStream({}))
    const front = await frontOf(stream, 'auth-request.conf')
    for (const path of ['/authorize', '/_playgate/authorize/nginx', '/_playgate/metrics']) {
      expect((await get(front.origin + path)).status).toBe(404)
    }
    expect(stream.questions()).toEqual([])
  })

  it('serves nothing while Playgate is away', async () => {
    const stream = await startAskedStream({})
    const front = await frontOf(stream, 'auth-request.conf')
    const token = await openSession(front, stream)
    await stream.close()
    expect((await get(`${front.origin}${segment}?hdntl=${token}`)).status).toBe(500)
  })
})

describeWith(['nginx'], 'nginx that sends what Playgate names', () => {
  it('sends the file, and passes refusals on with their reasons', async () => {
    const stream = opened(await startAskedStream({ carrier: ['path', 'query'] }))
    const front = await frontOf(stream, 'accel.conf')
    const token = await openSession(front, stream)
    for (const url of [`${segment}?hdntl=${token}`, `/hdntl=${token}${segment}`]) {
      const sent = await get(front.origin + url)
      expect([url, sent.status]).toEqual([url, 200])
      expect(sent.headers.get('content-type')).toBe('video/iso.segment')
      expect(sent.headers.get('cache-control')).toBe('private, no-cache')
      expect((await sent.arrayBuffer()).byteLength).toBeGreaterThan(1000)
    }
    const part = await get(`${front.origin}${segment}?hdntl=${token}`, { Range: 'bytes=0-9' })
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 10])

    const refused = await get(`${front.origin}${segment}`)
    expect([refused.status, refused.headers.get('cache-control')]).toEqual([403, 'no-store'])
    expect(await refused.json()).toMatchObject({ reason: 'token-missing', renew: true })
    expect(refused.headers.get('access-control-allow-origin')).toBe('*')
    expect(stream.requests().map(({ path }) => path)).toEqual(['/vod/v360/index.m3u8'])
  })

  it('answers preflights as Playgate does', async () => {
    const stream = opened(await startAskedStream({ carrier: ['header'] }))
    const front = await frontOf(stream, 'accel.conf')
    const preflight = await get(
      front.origin + segment,
      { Origin: 'https://a.example', 'Access-Control-Request-Method': 'GET' },
      'OPTIONS',
    )
    expect(preflight.ok).toBe(true)
    expect(preflight.headers.get('access-control-allow-headers')).toContain('hdntl')
  })

  it('says on its own 404 too which pages may read it', async () => {
    const site = 'https://www.example.com'
    const stream = opened(
      await startAskedStream({ saltHeaders: ['User-Agent'] }, { cors: { origins: [site] } }),
    )
    const front = await frontOf(stream, 'accel.conf')
    const token = await openSession(front, stream)
    const missing = await get(`${front.origin}/vod/v360/none.m4s?hdntl=${token}`, { Origin: site })
    expect([missing.status, missing.headers.get('server')]).toEqual([
      404,
      expect.stringMatching(/^nginx/),
    ])
    expect(missing.headers.get('access-control-allow-origin')).toBe(site)
    expect(missing.headers.get('access-control-expose-headers')).toContain('Retry-After')
    expect(missing.headers.get('vary')).toBe('Origin')
  })

  it.each(['?accel=/vod', '?hdntl=TOKEN&accel=/vod', '?accel=/internal/vod/v540'])(
    'is led to no other file by a viewer who asks with %s',
    async (query) => {
      const stream = opened(await startAskedStream({}))
      const front = await frontOf(stream, 'accel.conf')
      const token = await openSession(front, stream)
      const response = await get(front.origin + segment + query.replace('TOKEN', token))
      const hasToken = query.includes('TOKEN')
      expect(response.status).toBe(hasToken ? 200 : 403)
      if (hasToken) {
        const plain = await get(`${front.origin}${segment}?hdntl=${token}`)
        expect(await response.arrayBuffer()).toEqual(await plain.arrayBuffer())
      }
      expect((await get(`${front.origin}/internal${segment}`)).status).toBe(404)
    },
  )
})

describeWith(['chromium', 'nginx'], 'a player in front of nginx', () => {
  const browser = useBrowser()

  it('plays segments that nginx sends; a link out of it is refused elsewhere', async () => {
    const stream = opened(await startAskedStream({}))
    const front = await frontOf(stream, 'auth-request.conf')
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

    // Node saw playlists and questions, and no segment, key or init section.
    const served = stream.requests().map(({ path }) => path)
    expect(served.filter((path) => !path.endsWith('.m3u8'))).toEqual([])
    const questions = stream.questions()
    expect(new Set(questions.map(({ outcome }) => outcome))).toEqual(new Set(['session']))
    expect(questions.map(({ path }) => path)).toContain('/vod/v540/key-2.bin')

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

  it('plays a stream that nginx serves as a whole, by the cookie that auth_request_set passes on', async () => {
    const stream = opened(await startAskedStream({ carrier: ['cookie'] }))
    const playerPage = opened(await servePlayerPage({ modules: {} }))
    const front = await frontOf(stream, 'auth-request.conf', {
      '^/vod/.*\\.m3u8$|': '',
      'location = /authorize {': `location / { proxy_pass ${playerPage.origin}; }\nlocation = /authorize {`,
    })
    const { page } = await browser.openPage(`${front.origin}/`)
    const token = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
    await play(page, `${front.origin}/vod/index.m3u8?hdnts=${token}`)
    await playOn(page, 2)
    expect(await trouble(page)).toEqual([])
    const [cookie, ...others] = await page.context().cookies()
    expect(others).toEqual([])
    expect(cookie).toMatchObject({ name: 'hdntl', path: '/vod/', httpOnly: true, sameSite: 'Lax' })
    // Node served nothing at all.
    expect(stream.requests()).toEqual([])
    const outcomes = stream.questions().map(({ outcome }) => outcome)
    expect(outcomes.filter((outcome) => outcome === 'opened')).toHaveLength(1)
    expect(new Set(outcomes)).toEqual(new Set(['opened', 'session']))
  })

  it('plays below a token in the path, which X-Accel-Redirect leaves out', async () => {
    const stream = opened(await startAskedStream({ carrier: ['path'] }))
    const front = await frontOf(stream, 'accel.conf')
    const playerPage = opened(await servePlayerPage({ modules: {} }))
    const { page } = await browser.openPage(playerPage.url)
    const token = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
    await play(page, `${front.origin}/vod/index.m3u8?hdnts=${token}`)
    await playOn(page, 2)
    expect(await trouble(page)).toEqual([])
    const served = stream.requests().map(({ path }) => path)
    expect(served.filter((path) => !path.endsWith('.m3u8'))).toEqual([])
    expect(new Set(stream.questions().map(({ outcome }) => outcome))).toEqual(new Set(['session']))
  })
})
