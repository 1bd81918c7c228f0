import type { Page } from 'playwright-core'
import { beforeAll, expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { serveClearStream } from '../stage/clear-stream.ts'
import { useClosing } from '../stage/closing.ts'
import type { PlayerPage } from '../stage/player-page.ts'
import { playOn, seek, told, trouble } from '../stage/playing.ts'
import { type OtherPlayer, playElsewhere, serveOtherPlayers } from '../stage/playing-elsewhere.ts'
import { type ProtectedStream, protectStream } from '../stage/protected-stream.ts'
import { stalls, watchStalls } from '../stage/stalls.ts'
import { sampleStream, serveFolder } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

const opened = useClosing()

const refusals = (stream: ProtectedStream) =>
  stream.requests().filter(({ outcome }) => outcome === 'refused')

/** Revokes every token, and waits until the player has met that. */
async function revoke(stream: ProtectedStream): Promise<void> {
  const before = refusals(stream).length
  stream.revokeTokens()
  await expect.poll(() => refusals(stream).length).toBeGreaterThan(before)
}

/** How often the player waited for data, by its own account. */
const waits = (page: Page): Promise<number[]> => page.evaluate(() => Reflect.get(window, 'waits'))

interface Resumption {
  /** The place that had been reached, and the one from which it went on, in seconds. */
  readonly from: number
  readonly to: number
  readonly afterMs: number
}

/** Measures each time from the failure of the video until its clock runs again. */
async function watchResumptions(page: Page): Promise<() => Promise<Resumption[]>> {
  await page.evaluate(() => {
    const video = document.querySelector('video')
    const resumptions: object[] = []
    let failure: { from: number; at: number } | null = null
    const failed = () => {
      failure = { from: video?.currentTime ?? 0, at: performance.now() }
    }
    video?.addEventListener('error', failed, { capture: true })
    video?.addEventListener('timeupdate', () => {
      const to = video.currentTime
      if (failure === null || video.seeking || to < failure.from + 0.1) return
      resumptions.push({ from: failure.from, to, afterMs: performance.now() - failure.at })
      failure = null
    })
    Object.assign(window, { resumptions })
  })
  return () => page.evaluate(() => Reflect.get(window, 'resumptions'))
}

describeWith(['chromium'], 'other players with the session', () => {
  const browser = useBrowser()
  let playerPage: PlayerPage
  beforeAll(async () => {
    playerPage = await serveOtherPlayers()
    return () => playerPage.close()
  })

  /** A gate that leaves the playlists of the sample stream as they are. */
  async function protect(
    player: OtherPlayer,
    carrier: 'player' | 'cookie' = 'player',
  ): Promise<ProtectedStream> {
    const files = player === 'native' ? serveClearStream() : serveFolder(sampleStream)
    const { origin } = opened(await files)
    const rule = { cors: { origins: [playerPage.origin] } }
    return opened(await protectStream(origin, { carrier: [carrier] }, rule))
  }

  async function openPage(stream: ProtectedStream): Promise<Page> {
    const { page } = await browser.openPage(playerPage.url)
    const mint = () => stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
    await page.exposeFunction('mintToken', mint)
    return page
  }

  it.each(['shaka', 'videojs'] as const)(
    '%s plays on through three revocations',
    async (player) => {
      const stream = await protect(player)
      const page = await openPage(stream)
      await playElsewhere(page, player, stream.url)
      await watchStalls(page)
      const waitsAtStart = await waits(page)
      for (const _ of ['first', 'second', 'third']) {
        await revoke(stream)
        await playOn(page, 2)
      }
      expect(await stalls(page)).toEqual([])
      expect(await waits(page)).toEqual(waitsAtStart)
      expect(await trouble(page)).toEqual([])
      const events = await told(page)
      // One renewal for a revocation, however many requests met it.
      expect(events.filter((name) => name === 'renewed').length).toBe(4)
      expect(events).not.toContain('denied')
    },
  )

  it('the browser’s own player is at the same place again within two seconds', async () => {
    const stream = await protect('native')
    const page = await openPage(stream)
    const resumptions = await watchResumptions(page)
    await playElsewhere(page, 'native', stream.url)
    await page.evaluate(() => {
      const video = document.querySelector('video')
      Object.assign(Object(video), { playbackRate: 1.25, volume: 0.5 })
    })
    await playOn(page, 1)
    await revoke(stream)
    await playOn(page, 1)
    // What lies further away, or before where it began again, is not in its buffer.
    for (const place of [36, 22, 8]) {
      let count = -1
      const resumedFrom = async () => {
        const all = await resumptions()
        const from = all.at(-1)?.from
        // At first, and when what it asked for ahead met the revocation before it was sent there.
        if (from !== place && all.length !== count) {
          count = all.length
          stream.revokeTokens()
          await seek(page, place)
        }
        return from
      }
      await expect.poll(resumedFrom).toBe(place)
    }
    const measured = await resumptions()
    // The first revocation may find enough in the buffer until the next.
    expect(measured.length).toBeGreaterThanOrEqual(3)
    for (const { from, to, afterMs } of measured) {
      expect(to - from).toBeLessThan(1)
      expect(afterMs).toBeLessThan(2_000)
    }
    // The page's own listeners heard of nothing.
    expect(await trouble(page)).toEqual([])
    const kept = await page.evaluate(() => {
      const { playbackRate, volume, paused } = document.querySelector('video') ?? {}
      return { playbackRate, volume, paused }
    })
    expect(kept).toEqual({ playbackRate: 1.25, volume: 0.5, paused: false })
  })

  it('the browser’s own player stays paused when it was', async () => {
    const stream = await protect('native')
    const page = await openPage(stream)
    await playElsewhere(page, 'native', stream.url)
    await playOn(page, 1)
    await page.evaluate(() => document.querySelector('video')?.pause())
    stream.revokeTokens()
    await seek(page, 30)
    await expect.poll(() => told(page)).toContain('recovered')
    await page.waitForFunction(() => {
      const {
        seeking = true,
        readyState = 0,
        currentTime = 0,
      } = document.querySelector('video') ?? {}
      return !seeking && readyState >= 3 && currentTime === 30
    })
    expect(await page.evaluate(() => document.querySelector('video')?.paused)).toBe(true)
    expect(await trouble(page)).toEqual([])
  })

  it.each([
    ['shaka', 'header'],
    ['shaka', 'cookie'],
    ['videojs', 'path'],
    ['videojs', 'cookie'],
    ['native', 'cookie'],
  ] as const)('%s plays with a session whose transport is %s', async (player, transport) => {
    const stream = await protect(player, transport === 'cookie' ? 'cookie' : 'player')
    const page = await openPage(stream)
    await playElsewhere(page, player, stream.url, { session: { transport } })
    await playOn(page, 1)
    expect(await trouble(page)).toEqual([])
    expect(refusals(stream)).toEqual([])
  })

  it.each([
    ['shaka', 1001],
    ['videojs', 2],
    ['native', 4],
  ] as const)('%s ends with one error when the session was ended', async (player, code) => {
    const stream = await protect(player)
    const page = await openPage(stream)
    await playElsewhere(page, player, stream.url)
    await playOn(page, 1)
    const { sessions } = await stream.gate.sessions.list()
    for (const { sessionId } of sessions) await stream.gate.sessions.end(sessionId)
    await seek(page, 40)
    await expect.poll(() => told(page)).toContain('denied')
    await expect.poll(() => trouble(page)).toMatchObject([{ code }])
    const asked = stream.requests().length
    const held = async () => (await told(page)).filter((name) => name === 'held').length
    const before = await held()
    await seek(page, 20)
    // The browser's own player is done; the others would like to ask on.
    if (player !== 'native') await expect.poll(held).toBeGreaterThan(before)
    expect(await trouble(page)).toMatchObject([{ code }])
    expect(stream.requests().length).toBe(asked)
  })

  it('native ends with one error when it is refused before it could begin', async () => {
    const stream = await protect('native')
    const { page } = await browser.openPage(playerPage.url)
    await page.exposeFunction('mintToken', () => 'nonsense')
    await playElsewhere(page, 'native', stream.url)
    await expect.poll(() => told(page)).toContain('denied')
    await expect.poll(() => trouble(page)).toMatchObject([{ code: 4 }])
    // The adapter's own, and nothing of the video's.
    expect(refusals(stream)).toHaveLength(2)
  })

  it('two players of Video.js on one page play with a session each', async () => {
    const stream = await protect('videojs')
    const page = await openPage(stream)
    const urls: string[] = []
    page.on('request', (request) => urls.push(request.url()))
    const sessions = () => new Set(urls.flatMap((url) => /hdntl=([^&]+)/.exec(url)?.[1] ?? []))
    await page.evaluate(() => {
      const second = document.createElement('video')
      second.id = 'second'
      second.muted = true
      document.body.append(second)
    })
    await playElsewhere(page, 'videojs', stream.url, { selector: '#second' })
    await page.evaluate(() =>
      Object.assign(window, { stopSecond: Reflect.get(window, 'stopPlaying') }),
    )
    await playElsewhere(page, 'videojs', stream.url, { selector: '#video' })
    await playOn(page, 1)
    expect(sessions().size).toBe(2)
    await page.evaluate(() => Reflect.get(window, 'stopSecond')())
    urls.length = 0
    await seek(page, 30)
    await playOn(page, 1)
    expect(sessions().size).toBe(1)
    expect(refusals(stream)).toEqual([])
  })

  it('shaka can be destroyed while its requests wait for a token', async () => {
    const stream = await protect('shaka')
    const { page } = await browser.openPage(playerPage.url)
    await page.exposeFunction('mintToken', () => new Promise(() => undefined))
    await playElsewhere(page, 'shaka', stream.url, { session: { timeoutMs: 60_000 } })
    await expect.poll(() => told(page)).toContain('held')
    await page.evaluate(() => Reflect.get(window, 'stopPlaying')())
    expect(stream.requests()).toEqual([])
  })
})
