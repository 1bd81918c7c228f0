import { beforeAll, expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { useClosing } from '../stage/closing.ts'
import { loadLiveMaterial } from '../stage/live-material.ts'
import { type LiveStream, startLiveStream } from '../stage/live-stream.ts'
import { type PlayerPage, servePlayerPage } from '../stage/player-page.ts'
import { playOn, playWithPlugin, told, trouble } from '../stage/playing.ts'
import { type ProtectedStream, protectStream } from '../stage/protected-stream.ts'
import { stalls, watchStalls } from '../stage/stalls.ts'
import { describeWith } from '../stage/tools.ts'

const opened = useClosing()

const mintFor = (stream: ProtectedStream) => () =>
  stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
const refused = (stream: ProtectedStream) =>
  stream.requests().filter(({ outcome }) => outcome === 'refused')
const startLive = async () => opened(await startLiveStream(await loadLiveMaterial()))
const isHeld = ({ requests }: LiveStream) =>
  requests.some(({ path, status }) => status === null && path.includes('_HLS_part='))

/** How far the picture is behind the live edge, in seconds. */
const latency = (page: import('playwright-core').Page): Promise<number> =>
  page.evaluate(() => Reflect.get(window, 'hls').latency)

describeWith(['chromium'], 'low-latency live with the plugin', () => {
  const browser = useBrowser()
  let playerPage: PlayerPage
  beforeAll(async () => {
    playerPage = await servePlayerPage()
    return () => playerPage.close()
  })
  const openPage = async () => (await browser.openPage(playerPage.url)).page

  it('goes on through revocations while a reload is blocked, without falling behind', async () => {
    const live = await startLive()
    const stream = opened(await protectStream(live.origin, { carrier: ['player'] }))
    const page = await openPage()
    const config = { lowLatencyMode: true }
    await playWithPlugin(page, stream.url, mintFor(stream), { level: 0, config })
    await playOn(page, 3)
    await watchStalls(page)
    const before = await latency(page)
    // At the start hls.js may jump over a hole in the buffer, plugin or not.
    const atStart = (await trouble(page)).length
    for (let revocations = 1; revocations <= 3; revocations += 1) {
      await expect.poll(() => isHeld(live), { interval: 5 }).toBe(true)
      const known = refused(stream).length
      stream.revokeTokens()
      await expect.poll(() => refused(stream).length).toBeGreaterThan(known)
      await playOn(page, 2)
    }
    expect((await trouble(page)).slice(atStart)).toEqual([])
    expect(await stalls(page)).toEqual([])
    expect((await told(page)).filter((name) => name === 'renewed')).toHaveLength(4)
    expect(await latency(page)).toBeLessThan(before + 1)
  })

  it('asks for what a delta update carried over with the token of now, not with the one in its URI', async () => {
    const live = await startLive()
    const session = { carrier: ['query' as const], maxLifetimeSeconds: 3 }
    const stream = opened(await protectStream(live.origin, session))
    const page = await openPage()
    const config = { lowLatencyMode: true, backBufferLength: 0, maxBufferLength: 4 }
    await playWithPlugin(page, stream.url, mintFor(stream), { level: 0, config })
    await playOn(page, 8)
    expect(live.requests.some(({ path }) => path.includes('_HLS_skip=YES'))).toBe(true)
    const tokens = await page.evaluate(() => {
      const { levels }: InstanceType<typeof window.Hls> = Reflect.get(window, 'hls')
      const uris = levels[0]?.details?.fragments.map(({ relurl }) => relurl ?? '') ?? []
      return uris.map((uri) => /hdntl=([^&]*)/.exec(uri)?.[1] ?? '')
    })
    // Some were written into older playlists, and have ended since.
    const ended = tokens.filter(
      (token) => Number(/^exp=(\d+)/.exec(token)?.[1]) < Date.now() / 1000,
    )
    expect(ended.length).toBeGreaterThan(0)
    // Back to those.
    await page.evaluate(() => {
      const video = document.querySelector('video')
      if (video !== null) video.currentTime -= 12
    })
    await playOn(page, 2)
    expect(await trouble(page)).toEqual([])
    expect(refused(stream)).toEqual([])
  })
})
