import { expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { useClosing } from '../stage/closing.ts'
import { servePlayerPage } from '../stage/player-page.ts'
import { play, playOn, seek, switchLevel, trouble } from '../stage/playing.ts'
import { addressOf, exchange } from '../stage/raw-socket.ts'
import { docBlock } from '../stage/read-blocks.ts'
import { startCaddy } from '../stage/start-proxy.ts'
import { freePort } from '../stage/start-redis.ts'
import { sampleStream } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'
import { type AskedStream, secret, secretPlace, startAskedStream } from './asking.ts'

const opened = useClosing()
const segment = '/vod/v360/segment-01.m4s'

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
})
