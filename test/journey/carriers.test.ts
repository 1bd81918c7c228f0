import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { serveClearStream } from '../stage/clear-stream.ts'
import { useClosing } from '../stage/closing.ts'
import { servePlayerPage } from '../stage/player-page.ts'
import { play, playOn, seek, switchLevel, trouble } from '../stage/playing.ts'
import { type ProtectedStream, protectStream } from '../stage/protected-stream.ts'
import { type StaticServer, sampleStream, serveFolder } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

const opened = useClosing()

function expectNothingRefused(stream: ProtectedStream, origin: StaticServer): void {
  expect(stream.requests().filter(({ outcome }) => outcome === 'refused')).toEqual([])
  expect(stream.requests().length).toBeGreaterThan(0)
  expect(origin.requests.filter(({ path }) => /hdnt[sl]|hmac/.test(path))).toEqual([])
}

/** Exchanges an access token in the page, so that the session is bound to what the page's requests send. */
function exchange(
  page: Page,
  stream: ProtectedStream,
  claims: { subject?: string } = {},
): Promise<{ token: string; carrier: string }> {
  const accessToken = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60, ...claims })
  return page.evaluate(
    async ({ origin, accessToken }) => {
      const response = await fetch(`${origin}/_playgate/session`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ accessToken, path: '/vod/index.m3u8', carrier: 'define' }),
      })
      return response.json()
    },
    { origin: stream.origin, accessToken },
  )
}

function playNatively(page: Page, url: string): Promise<void> {
  return page.evaluate((source) => {
    const video = document.querySelector('video')
    if (video === null) throw new Error('no video on the page')
    video.src = source
    return video.play()
  }, url)
}

describeWith(['chromium'], 'each carrier, in players that know nothing of Playgate', () => {
  const browser = useBrowser()

  it('define: hls.js fills the token in, and two viewers get the same playlists', async () => {
    const origin = opened(await serveFolder(sampleStream))
    const stream = opened(await protectStream(origin.origin, { carrier: ['define', 'query'] }))
    const playerPage = opened(await servePlayerPage({ modules: {} }))
    const bodies: Map<string, string>[] = []
    const tokens: string[] = []
    for (let viewer = 0; viewer < 2; viewer++) {
      const { page } = await browser.openPage(playerPage.url)
      const seen = new Map<string, string>()
      bodies.push(seen)
      const reading: Promise<unknown>[] = []
      page.on('response', (response) => {
        const { pathname } = new URL(response.url())
        const isPlaylist = pathname.endsWith('.m3u8')
        if (isPlaylist) reading.push(response.text().then((text) => seen.set(pathname, text)))
      })
      const { token, carrier } = await exchange(page, stream)
      expect(carrier).toBe('define')
      tokens.push(token)

      await play(page, `${stream.url}?hdntl=${token}`, { level: 0 })
      await playOn(page, 2)
      await seek(page, 30)
      await playOn(page, 1)
      await switchLevel(page, 1)
      await playOn(page, 1)
      expect(await trouble(page)).toEqual([])
      await Promise.all(reading)
      await page.close()
    }

    expectNothingRefused(stream, origin)
    expect(origin.requests.map(({ path }) => path)).toContain('/v540/key-2.bin')
    const [one = new Map(), other = new Map()] = bodies
    expect(one.size).toBeGreaterThan(2)
    expect([...one].sort()).toEqual([...other].sort())
    for (const text of one.values()) {
      expect(text).toContain('#EXT-X-DEFINE:QUERYPARAM="hdntl"')
      for (const token of tokens) expect(text).not.toContain(token)
    }
    expect(tokens[0]).not.toBe(tokens[1])
  })

  it('a link for another device plays there in Chromium’s own player, and nowhere else', async () => {
    const origin = opened(await serveClearStream())
    const stream = opened(
      await protectStream(origin.origin, {
        carrier: ['define', 'query'],
        cast: true,
        maxConcurrent: 1,
      }),
    )
    const playerPage = opened(await servePlayerPage({ modules: {} }))
    const { page } = await browser.openPage(playerPage.url)
    const { token } = await exchange(page, stream, { subject: 'u7' })
    await play(page, `${stream.url}?hdntl=${token}`)
    await playOn(page, 1)
    const url = await page.evaluate(
      async ({ origin, sessionToken }) => {
        const response = await fetch(`${origin}/_playgate/session`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ purpose: 'cast', path: '/vod/index.m3u8', sessionToken }),
        })
        return origin + (await response.json()).url
      },
      { origin: stream.origin, sessionToken: token },
    )
    const { page: receiver } = await browser.openPage(playerPage.url)
    await playNatively(receiver, url)
    await playOn(receiver, 5)
    // The page that gave it away plays on as well.
    await playOn(page, 1)
    expectNothingRefused(stream, origin)
    expect(origin.requests.map(({ path }) => path)).toContain('/audio/segment-02.m4s')

    const stolen = await fetch(url, { headers: { 'User-Agent': 'SomebodyElse/1.0' } })
    expect([stolen.status, await stolen.json()]).toMatchObject([403, { reason: 'token-refused' }])
    const { sessions } = await stream.gate.sessions.list({ subject: 'u7' })
    expect(sessions.map(({ parent }) => parent === null).sort()).toEqual([false, true])
  })

  it('path: hls.js plays below the token', async () => {
    const origin = opened(await serveFolder(sampleStream))
    const stream = opened(await protectStream(origin.origin, { carrier: ['path'] }))
    const playerPage = opened(await servePlayerPage({ modules: {} }))
    const { page } = await browser.openPage(playerPage.url)
    const token = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
    await play(page, `${stream.url}?hdnts=${token}`, { level: 0 })
    await playOn(page, 2)
    await switchLevel(page, 1)
    await playOn(page, 1)
    expect(await trouble(page)).toEqual([])
    expect(origin.requests.map(({ path }) => path)).toContain('/v540/key-1.bin')
    expectNothingRefused(stream, origin)
  })

  it('cookie: hls.js plays with credentials, and no URL holds a session token', async () => {
    const origin = opened(await serveFolder(sampleStream))
    const playerPage = opened(await servePlayerPage({ modules: {} }))
    const cors = { origins: [new URL(playerPage.url).origin] }
    const stream = opened(await protectStream(origin.origin, { carrier: ['cookie'] }, { cors }))
    const { page } = await browser.openPage(playerPage.url)
    const links: string[] = []
    page.on('request', (request) => links.push(request.url()))
    await page.evaluate(() => {
      window.Hls.DefaultConfig.xhrSetup = (xhr) => {
        xhr.withCredentials = true
      }
    })
    const token = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
    await play(page, `${stream.url}?hdnts=${token}`, { level: 0 })
    await playOn(page, 2)
    expect(await trouble(page)).toEqual([])
    expectNothingRefused(stream, origin)
    expect(links.some((link) => link.endsWith('/segment-01.m4s'))).toBe(true)
    expect(links.filter((link) => link.includes('hdntl'))).toEqual([])
  })

  it('cookie: Chromium’s own player plays', async () => {
    const origin = opened(await serveClearStream())
    const playerPage = opened(await servePlayerPage({ modules: {} }))
    const stream = opened(await protectStream(origin.origin, { carrier: ['cookie'] }))
    const { page } = await browser.openPage(playerPage.url)
    const token = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
    await playNatively(page, `${stream.url}?hdnts=${token}`)
    await playOn(page, 5)
    expectNothingRefused(stream, origin)
    expect(origin.requests.map(({ path }) => path)).toContain('/audio/segment-02.m4s')
  })
})
