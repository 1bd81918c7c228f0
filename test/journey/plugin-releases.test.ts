import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { useClosing } from '../stage/closing.ts'
import { loadLiveMaterial } from '../stage/live-material.ts'
import { startLiveStream } from '../stage/live-stream.ts'
import { type PlayerPage, servePlayerPage } from '../stage/player-page.ts'
import { playOn, playWithPlugin, seek, switchLevel, told, trouble } from '../stage/playing.ts'
import { type ProtectedStream, protectStream } from '../stage/protected-stream.ts'
import { stalls, watchStalls } from '../stage/stalls.ts'
import { type StaticServer, sampleStream, serveFolder } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

const opened = useClosing()

const mintFor = (stream: ProtectedStream) => () =>
  stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
const refused = (stream: ProtectedStream) =>
  stream.requests().filter(({ outcome }) => outcome === 'refused')

/**
 * The releases of the peer range, from where it begins, and the loaders of each that load whole segments. The fetch
 * loader of 1.4 and 1.5 works by itself, without the plugin, only in progressive mode: in the other it gives empty
 * segments.
 */
const releases = [
  ['1.4', 'hls.js-1.4', ['xhr']],
  ['1.5', 'hls.js-1.5', ['xhr']],
  ['1.6', 'hls.js-1.6', ['xhr', 'fetch']],
  ['1.7', 'hls.js', ['xhr', 'fetch']],
] as const

/**
 * The clear variant of the sample stream under two names, as two levels. In progressive mode hls.js loses segments of
 * AES-128 for good when a seek or a switch aborts one of them, with the plugin and without (shared/docs/player.md).
 */
async function serveTwoClearLevels() {
  const variant = await readFile(join(sampleStream, 'v360/index.m3u8'), 'utf8')
  return serveFolder(sampleStream, {
    '/index.m3u8': (text) => text.replace('v540/index.m3u8', 'v360/twin.m3u8'),
    '/v360/twin.m3u8': variant,
  })
}

describeWith(['chromium'], 'the plugin', () => {
  const browser = useBrowser()

  describe.each(releases)('with hls.js %s', (release, hls, loaders) => {
    let playerPage: PlayerPage
    beforeAll(async () => {
      playerPage = await servePlayerPage({ hls })
      return () => playerPage.close()
    })

    /** Through a revocation, a seek, another revocation and a switch of the level. */
    const playThrough = async (origin: StaticServer, loader: 'xhr' | 'fetch' | 'progressive') => {
      const stream = opened(await protectStream(origin.origin, { carrier: ['player'] }))
      const { page } = await browser.openPage(playerPage.url)
      expect(await page.evaluate(() => window.Hls.version)).toContain(`${release}.`)
      const config = { maxBufferLength: 6, maxMaxBufferLength: 6 }
      await playWithPlugin(page, stream.url, mintFor(stream), { level: 1, config, loader })
      await watchStalls(page)
      await playOn(page, 1)
      stream.revokeTokens()
      await expect.poll(() => refused(stream).length).toBeGreaterThan(0)
      await playOn(page, 2)
      await seek(page, 30)
      await playOn(page, 1)
      stream.revokeTokens()
      await switchLevel(page, 0)
      await playOn(page, 1)

      expect(await page.evaluate(() => Reflect.get(window, 'hls').config.progressive)).toBe(
        loader === 'progressive',
      )
      expect(await trouble(page)).toEqual([])
      expect(await stalls(page)).toEqual([])
      const events = await told(page)
      expect(events.filter((name) => name === 'renewed')).toHaveLength(3)
      expect(events).not.toContain('denied')
      return origin.requests.map(({ path }) => path)
    }

    it.each(loaders)(
      'and its %s loader plays on through revocations, a seek to another key and a switch',
      async (loader) => {
        const paths = await playThrough(opened(await serveFolder(sampleStream)), loader)
        expect(paths).toContain('/v540/key-2.bin')
      },
    )

    it('and its progressive loader plays on through revocations, a seek and a switch', async () => {
      const paths = await playThrough(opened(await serveTwoClearLevels()), 'progressive')
      expect(paths).toContain('/v360/twin.m3u8')
    })

    it('plays low-latency live on through a revocation', async () => {
      const live = opened(await startLiveStream(await loadLiveMaterial()))
      const stream = opened(await protectStream(live.origin, { carrier: ['player'] }))
      const { page } = await browser.openPage(playerPage.url)
      const config = { lowLatencyMode: true }
      await playWithPlugin(page, stream.url, mintFor(stream), { level: 0, config })
      await playOn(page, 2)
      await watchStalls(page)
      stream.revokeTokens()
      await expect.poll(() => refused(stream).length).toBeGreaterThan(0)
      await playOn(page, 3)
      expect(await trouble(page)).toEqual([])
      expect(await stalls(page)).toEqual([])
      expect((await told(page)).filter((name) => name === 'renewed')).toHaveLength(2)
    })
  })
})
