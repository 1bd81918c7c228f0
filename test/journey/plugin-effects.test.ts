import type { Page } from 'playwright-core'
import { beforeAll, expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { useClosing } from '../stage/closing.ts'
import { type PlayerPage, servePlayerPage } from '../stage/player-page.ts'
import { playOn, playWithPlugin, told, trouble } from '../stage/playing.ts'
import { type ProtectedStream, protectStream } from '../stage/protected-stream.ts'
import { sampleStream, serveFolder } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

const opened = useClosing()

const mintFor = (stream: ProtectedStream) => () =>
  stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
const config = { maxBufferLength: 6, maxMaxBufferLength: 6 }

/** Bits a second that the player believes to have. */
const bandwidth = (page: Page): Promise<number> =>
  page.evaluate(() => Reflect.get(window, 'hls').bandwidthEstimate)

interface SeenError {
  readonly details: string
  readonly texts: readonly string[]
}

/** Keeps all texts in all error events of the player that will be made on the page. */
async function watchErrors(page: Page): Promise<void> {
  await page.evaluate(() => {
    /** What the browser made is left out: an XMLHttpRequest knows the URL it was sent to. */
    const textsOf = (value: unknown, depth = 0): string[] => {
      if (typeof value === 'string') return [value]
      if (value instanceof Error) return [value.message, String(value.stack)]
      if (typeof value !== 'object' || value === null || depth > 6) return []
      if (value instanceof XMLHttpRequest || value instanceof ArrayBuffer) return []
      return Object.values(value).flatMap((member) => textsOf(member, depth + 1))
    }
    const errors: SeenError[] = []
    const { Hls } = window
    window.Hls = class extends Hls {
      constructor(config?: ConstructorParameters<typeof Hls>[0]) {
        super(config)
        this.on(Hls.Events.ERROR, (_event, data) => {
          errors.push({ details: data.details, texts: textsOf(data) })
        })
      }
    } as typeof Hls
    Object.assign(window, { errors })
  })
}

const errors = (page: Page): Promise<readonly SeenError[]> =>
  page.evaluate(() => Reflect.get(window, 'errors'))

describeWith(['chromium'], 'to the player', () => {
  const browser = useBrowser()
  let playerPage: PlayerPage
  beforeAll(async () => {
    playerPage = await servePlayerPage()
    return () => playerPage.close()
  })
  const openPage = async () => (await browser.openPage(playerPage.url)).page

  it('a hold of two seconds is no loading time: its bandwidth is what it is without', async () => {
    const estimates: number[] = []
    for (const holdMs of [0, 2_000]) {
      const origin = opened(await serveFolder(sampleStream))
      const stream = opened(await protectStream(origin.origin, { carrier: ['player'] }))
      const page = await openPage()
      const devTools = await page.context().newCDPSession(page)
      await devTools.send('Network.enable')
      const bytesPerSecond = 250_000
      await devTools.send('Network.emulateNetworkConditions', {
        offline: false,
        latency: 20,
        downloadThroughput: bytesPerSecond,
        uploadThroughput: bytesPerSecond,
      })
      let waitMs = 0
      const mint = async () => {
        await new Promise((resolve) => setTimeout(resolve, waitMs))
        return mintFor(stream)()
      }
      await playWithPlugin(page, stream.url, mint, { level: 1, config })
      await playOn(page, 1)
      waitMs = holdMs
      for (const _ of ['once', 'and again']) {
        stream.revokeTokens()
        await playOn(page, 6)
      }
      expect((await told(page)).filter((name) => name === 'renewed')).toHaveLength(3)
      expect(await trouble(page)).toEqual([])
      estimates.push(await bandwidth(page))
      await page.close()
    }
    const [without = 0, held = 0] = estimates
    expect(Math.abs(held - without) / without).toBeLessThan(0.1)
  }, 90_000)

  it.each([
    [
      'a segment is missing',
      'fragLoadError',
      '/v360/index.m3u8',
      (text: string) => text.replace('segment-02', 'missing'),
    ],
    ['a playlist is none', 'levelParsingError', '/v360/index.m3u8', () => '#EXTM3U\nnothing'],
    [
      'a playlist is missing',
      'levelLoadError',
      '/index.m3u8',
      (text: string) => text.replace('v360/index', 'v360/missing'),
    ],
    ['playback is refused for good', 'unknown', '/other', ''],
  ] as const)('no event says a token when %s', async (_, kind, path, change) => {
    const origin = opened(await serveFolder(sampleStream, { [path]: change }))
    const stream = opened(await protectStream(origin.origin, { carrier: ['player'] }))
    const page = await openPage()
    let allowed = '/vod/*'
    const mint = () => stream.gate.mint({ path: allowed, ttlSeconds: 60 })
    await watchErrors(page)
    await playWithPlugin(page, stream.url, mint, { level: 0, config })
    if (kind === 'unknown') {
      await playOn(page, 1)
      allowed = '/vod/elsewhere/*'
      stream.revokeTokens()
    }
    const kinds = async () => (await errors(page)).map(({ details }) => details)
    await expect.poll(kinds).toContain(kind)
    const texts = (await errors(page)).flatMap((error) => error.texts)
    expect(texts.length).toBeGreaterThan(3)
    expect(texts.filter((text) => /hdnt[sl]|hmac=/.test(text))).toEqual([])
  })
})
