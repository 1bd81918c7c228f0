import { beforeAll, expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { useClosing } from '../stage/closing.ts'
import { loadLiveMaterial } from '../stage/live-material.ts'
import { startLiveStream } from '../stage/live-stream.ts'
import { type PlayerPage, servePlayerPage } from '../stage/player-page.ts'
import { playOn, playWithPlugin, seek, switchLevel, told, trouble } from '../stage/playing.ts'
import { type ProtectedStream, protectStream } from '../stage/protected-stream.ts'
import { sampleStream, serveFolder } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

const opened = useClosing()

const mintFor = (stream: ProtectedStream) => () =>
  stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
const refusals = (stream: ProtectedStream) =>
  stream.requests().filter(({ outcome }) => outcome === 'refused')
const hasToken = (path: string) => /hdnt[sl]|hmac/.test(path)

describeWith(['chromium'], 'hls.js with the plugin', () => {
  const browser = useBrowser()
  let playerPage: PlayerPage
  beforeAll(async () => {
    playerPage = await servePlayerPage()
    return () => playerPage.close()
  })

  it.each([
    ['playlists that are the same for everybody', 'player', 'query'],
    ['rewritten playlists', 'query', 'query'],
    ['the token in a header', 'header', 'header'],
    ['the token in the path', 'path', 'path'],
  ] as const)('plays %s, seeks, and switches quality', async (_what, carrier, transport) => {
    const origin = opened(await serveFolder(sampleStream))
    const stream = opened(await protectStream(origin.origin, { carrier: [carrier] }))
    const { page } = await browser.openPage(playerPage.url)
    const urls: string[] = []
    page.on('request', (request) => {
      if (request.url().startsWith(stream.origin)) urls.push(request.url())
    })

    await playWithPlugin(page, stream.url, mintFor(stream), { level: 0, session: { transport } })
    await playOn(page, 2)
    await seek(page, 30)
    await playOn(page, 1)
    await switchLevel(page, 1)
    await playOn(page, 1)

    expect(await trouble(page)).toEqual([])
    expect(refusals(stream)).toEqual([])
    const asked = origin.requests.map(({ path }) => path)
    expect(asked).toContain('/v540/key-2.bin')
    expect(asked).toContain('/subtitles/index.m3u8')
    expect(asked.filter(hasToken)).toEqual([])
    const [first, ...rest] = urls
    expect(hasToken(first ?? '')).toBe(transport !== 'header')
    // One session, one token: none of the later requests carries the access token.
    expect(rest.filter((url) => url.includes('hdnts='))).toEqual([])
    const sessions = new Set(rest.flatMap((url) => /hdntl=([^&/?]+)/.exec(url)?.[1] ?? []))
    expect(sessions.size).toBe(transport === 'header' ? 0 : 1)
  })

  it('plays with the token in a cookie that no script can read', async () => {
    const origin = opened(await serveFolder(sampleStream))
    const stream = opened(
      await protectStream(
        origin.origin,
        { carrier: ['cookie'] },
        { cors: { origins: [playerPage.origin] } },
      ),
    )
    const { page } = await browser.openPage(playerPage.url)
    const urls: string[] = []
    page.on('request', (request) => urls.push(request.url()))
    const session = { transport: 'cookie' }
    await playWithPlugin(page, stream.url, mintFor(stream), { level: 1, session })
    await playOn(page, 2)

    expect(await trouble(page)).toEqual([])
    expect(refusals(stream)).toEqual([])
    expect(urls.filter((url) => url.includes('hdntl='))).toEqual([])
    expect(await page.evaluate(() => document.cookie)).toBe('')
    const [cookie] = await page.context().cookies(stream.url)
    expect(cookie).toMatchObject({ name: 'hdntl', path: '/vod/', httpOnly: true, secure: true })
  })

  it('plays on through sessions of four seconds without an error', async () => {
    const origin = opened(await serveFolder(sampleStream))
    const session = { carrier: ['player' as const], maxLifetimeSeconds: 4 }
    const stream = opened(await protectStream(origin.origin, session))
    const { page } = await browser.openPage(playerPage.url)
    const config = { maxBufferLength: 4, maxMaxBufferLength: 4 }
    await playWithPlugin(page, stream.url, mintFor(stream), { level: 0, config })
    await playOn(page, 14)
    expect(await trouble(page)).toEqual([])
    expect(refusals(stream)).toEqual([])
    const renewals = (await told(page)).filter((name) => name === 'renewed').length
    expect(renewals).toBeGreaterThanOrEqual(2)
    const ids = stream.log
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'session')
      .map(({ outcome, sessionId }) => `${outcome} ${sessionId}`)
    expect(new Set(ids).size).toBe(1)
    expect(ids[0]).toMatch(/^renewed /)
  })

  it('plays low-latency live, by parts and blocking reloads', async () => {
    const live = opened(await startLiveStream(await loadLiveMaterial()))
    const stream = opened(await protectStream(live.origin))
    const { page } = await browser.openPage(playerPage.url)
    const source = stream.origin + live.url.replace(live.origin, '/vod')
    await playWithPlugin(page, source, mintFor(stream), { config: { lowLatencyMode: true } })
    await playOn(page, 6)
    expect(await trouble(page)).toEqual([])
    expect(refusals(stream)).toEqual([])
    const asked = live.requests.map(({ path }) => path)
    expect(asked).toContainEqual(expect.stringMatching(/index\.m3u8\?_HLS_msn=\d+&_HLS_part=\d/))
    expect(asked).toContainEqual(expect.stringMatching(/\.part-\d\.m4s$/))
    expect(asked.filter(hasToken)).toEqual([])
  })

  it('lets CMCD ride along', async () => {
    const origin = opened(await serveFolder(sampleStream))
    const stream = opened(await protectStream(origin.origin, { carrier: ['player'] }))
    const { page } = await browser.openPage(playerPage.url)
    await playWithPlugin(page, stream.url, mintFor(stream), { level: 0, config: { cmcd: {} } })
    await playOn(page, 2)
    expect(await trouble(page)).toEqual([])
    expect(refusals(stream)).toEqual([])
    const segments = origin.requests.filter(({ path }) => path.includes('.m4s'))
    expect(segments.filter(({ path }) => !path.includes('CMCD='))).toEqual([])
  })

  it('tells no foreign host a token', async () => {
    const foreign = opened(await serveFolder(sampleStream))
    const origin = opened(await serveFolder(sampleStream))
    // The audio comes from another host, as the multivariant playlist of a partner might say.
    const stream = opened(await protectStream(origin.origin))
    const { page } = await browser.openPage(playerPage.url)
    await page.route(
      ({ pathname }) => pathname === '/vod/index.m3u8',
      async (route) => {
        const response = await route.fetch()
        const text = await response.text()
        await route.fulfill({
          response,
          body: text.replace(/URI="audio\/[^"]*"/, `URI="${foreign.origin}/audio/index.m3u8"`),
        })
      },
    )
    await playWithPlugin(page, stream.url, mintFor(stream), { level: 0 })
    await playOn(page, 2)
    expect(foreign.requests.map(({ path }) => path)).toContain('/audio/segment-01.m4s')
    expect(foreign.requests.filter(({ path }) => hasToken(path))).toEqual([])
  })

  it('ends with one fatal error when the site says no for good', async () => {
    const origin = opened(await serveFolder(sampleStream))
    const stream = opened(await protectStream(origin.origin, {}, { denial: { byReason: {} } }))
    const { page } = await browser.openPage(playerPage.url)
    const refuse = () => stream.gate.mint({ path: '/vod/elsewhere/*', ttlSeconds: 60 })
    await playWithPlugin(page, stream.url, refuse)
    await expect.poll(async () => (await told(page)).includes('denied')).toBe(true)
    await expect.poll(async () => (await trouble(page)).filter(({ fatal }) => fatal).length).toBe(1)
    expect(origin.requests).toEqual([])
  })
})
