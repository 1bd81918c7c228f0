import type { Page } from 'playwright-core'
import { beforeAll, expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { useClosing } from '../stage/closing.ts'
import { loadLiveMaterial } from '../stage/live-material.ts'
import { startLiveStream } from '../stage/live-stream.ts'
import { type PlayerPage, servePlayerPage } from '../stage/player-page.ts'
import { play, playOn, playWithPlugin, told, trouble } from '../stage/playing.ts'
import { type ProtectedStream, protectStream } from '../stage/protected-stream.ts'
import { stalls, watchStalls } from '../stage/stalls.ts'
import { describeWith } from '../stage/tools.ts'

const opened = useClosing()

/** `PLAYGATE_LIVE_MINUTES=10` is the whole proof, with tokens of ten seconds; otherwise it is a compressed one. */
const minutes = Number(process.env.PLAYGATE_LIVE_MINUTES ?? 0)
const playSeconds = minutes > 0 ? minutes * 60 : 60
const lifeSeconds = minutes > 0 ? 10 : 5
const timeoutMs = playSeconds * 1000 + 240_000

const mintFor = (stream: ProtectedStream) => stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })

/**
 * The token endpoint of a site that has seen better days: of ten calls one is slow, two fail, and one is answered
 * when the next one long has been.
 */
function startEndpoint(stream: ProtectedStream) {
  /** A token made at once, and long on its way. */
  const late = (ms: number) => {
    const token = mintFor(stream)
    return new Promise<string>((resolve) => setTimeout(resolve, ms, token))
  }
  let calls = 0
  return {
    /** Neither is a bad call under way, nor is one of the next two bad. */
    isWell: () => [9, 0].includes(calls % 10),
    /** A renewal that runs ahead waits for its answer; the next call is a good one. */
    isSlow: () => calls % 10 === 8,
    getToken: () => {
      calls += 1
      switch (calls % 10) {
        case 3:
          return late(lifeSeconds * 160)
        case 5:
        case 6:
          throw new Error('out of order')
        case 8:
          return late(4_000)
        default:
          return mintFor(stream)
      }
    },
  }
}

/** So slow a line that a player measures the line and not the machine: hls.js takes what took less than 50 ms for that. */
async function throttle(page: Page): Promise<void> {
  const devTools = await page.context().newCDPSession(page)
  const bytesPerSecond = 60_000
  await devTools.send('Network.enable')
  await devTools.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 20,
    downloadThroughput: bytesPerSecond,
    uploadThroughput: bytesPerSecond,
  })
}

/** Bits a second that the player believes to have. */
const bandwidth = (page: Page): Promise<number> =>
  page.evaluate(() => Reflect.get(window, 'hls').bandwidthEstimate)

const live = { level: 1, config: { lowLatencyMode: true } }
const length = `${playSeconds} seconds of low-latency live with tokens of ${lifeSeconds}`

describeWith(['chromium'], length, () => {
  const browser = useBrowser()
  let playerPage: PlayerPage
  beforeAll(async () => {
    playerPage = await servePlayerPage()
    return () => playerPage.close()
  })

  async function openPage(): Promise<Page> {
    const { page } = await browser.openPage(playerPage.url)
    await throttle(page)
    return page
  }

  async function start() {
    const origin = opened(await startLiveStream(await loadLiveMaterial()))
    const rule = { carrier: ['query' as const], maxLifetimeSeconds: lifeSeconds }
    return { origin, stream: opened(await protectStream(origin.origin, rule)) }
  }

  it(
    'has neither stall nor error, one renewal for each token, and the bandwidth of none',
    async () => {
      const { origin, stream } = await start()
      const everybody = { open: true, access: undefined, session: undefined }
      const open = opened(await protectStream(origin.origin, {}, everybody as object))
      const plain = await openPage()
      await play(plain, open.url, live)
      await playOn(plain, 1)

      const page = await openPage()
      const endpoint = startEndpoint(stream)
      const started = performance.now()
      await playWithPlugin(page, stream.url, endpoint.getToken, live)
      await playOn(page, 3)
      await watchStalls(page)
      // At the start hls.js may jump over a hole in the buffer, plugin or not.
      const atStart = (await trouble(page)).length
      for (const quarter of ['first', 'second', 'third', 'last']) {
        for (let played = 0; played < playSeconds / 4; played += 5) await playOn(page, 5)
        if (quarter === 'last') continue
        if (quarter === 'second') {
          // The token that is on its way is refused as well.
          await expect.poll(endpoint.isSlow, { timeout: 120_000 }).toBe(true)
        } else {
          // When it is the call after the revocation that is bad, no two seconds of buffer would do.
          await expect.poll(endpoint.isWell, { timeout: 90_000 }).toBe(true)
          // The token that was just asked for is in use by then.
          await playOn(page, 1)
        }
        stream.revokeTokens()
      }

      expect(await stalls(page)).toEqual([])
      expect((await trouble(page)).slice(atStart)).toEqual([])
      const events = await told(page)
      expect(events).not.toContain('denied')
      const renewals = events.filter((event) => event === 'renewed').length
      // From two thirds to all of a life for each token; a revocation costs one before its time.
      const lives = (performance.now() - started) / 1_000 / lifeSeconds
      expect(renewals).toBeGreaterThan(lives)
      expect(renewals).toBeLessThan(lives * 1.5 + 3 + 1)
      const refused = stream.requests().filter(({ outcome }) => outcome === 'refused').length
      expect(refused).toBeGreaterThanOrEqual(3)
      // A playlist and a part are on their way, and what they were first tried again with.
      expect(refused).toBeLessThanOrEqual(3 * 3)
      const [measured, without] = [await bandwidth(page), await bandwidth(plain)]
      expect(Math.abs(measured / without - 1)).toBeLessThan(0.1)
      console.info(`${renewals} renewals, ${refused} refusals, ${measured} of ${without} bit/s`)
    },
    timeoutMs,
  )

  it(
    'is the end of hls.js without the plugin',
    async () => {
      const { stream } = await start()
      const page = await openPage()
      await play(page, `${stream.url}?hdnts=${mintFor(stream)}`, live)
      await playOn(page, 1)
      const isDead = async () => (await trouble(page)).some(({ fatal }) => fatal)
      await expect.poll(isDead, { timeout: 60_000 }).toBe(true)
    },
    timeoutMs,
  )
})
