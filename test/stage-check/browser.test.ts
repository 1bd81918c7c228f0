import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { type LiveMaterial, loadLiveMaterial } from '../stage/live-material.ts'
import { type LiveStreamOptions, startLiveStream } from '../stage/live-stream.ts'
import type { LoopbackServer } from '../stage/loopback.ts'
import { type PlayerPage, servePlayerPage } from '../stage/player-page.ts'
import { type PlayOptions, play, playOn, trouble } from '../stage/playing.ts'
import { sampleStream, serveFolder } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

describeWith(['chromium', 'ffmpeg'], 'a browser on the stage', () => {
  const browser = useBrowser()
  const open: LoopbackServer[] = []
  let playerPage: PlayerPage

  beforeAll(async () => {
    playerPage = await servePlayerPage({ modules: {} })
    return () => playerPage.close()
  })

  afterEach(async () => {
    for (const server of open.splice(0)) await server.close()
  })

  it('finds hls.js and the plugin on the page', async () => {
    const withPlugin = await servePlayerPage()
    open.push(withPlugin)
    const { page, pageErrors } = await browser.openPage(withPlugin.url)
    const found = await page.evaluate(() => [window.Hls.isSupported(), typeof window.playgate])
    expect(found).toEqual([true, 'object'])
    expect(pageErrors).toEqual([])
  })

  it('sees what goes wrong on a page', async () => {
    const opened = await browser.openPage(playerPage.url)
    await opened.page.evaluate(() => {
      console.error('said aloud')
      setTimeout(() => {
        throw new Error('thrown')
      })
    })
    await expect.poll(() => opened.pageErrors.map(({ message }) => message)).toEqual(['thrown'])
    expect(opened.consoleErrors).toContain('said aloud')
  })

  describe('with the sample stream', () => {
    it.each([
      { level: 0, height: 360, keys: [] },
      { level: 1, height: 540, keys: ['/v540/key-1.bin', '/v540/key-2.bin'] },
    ])('plays $height lines across the middle, with sound and words', async (row) => {
      const origin = await serveFolder(sampleStream)
      open.push(origin)
      const opened = await browser.openPage(playerPage.url)
      const watching = { config: { startPosition: 22 }, level: row.level }
      await play(opened.page, `${origin.origin}/index.m3u8`, watching)
      await playOn(opened.page, 4)

      const shown = await opened.page.evaluate(() => {
        const video = document.querySelector('video')
        const cues = [...(video?.textTracks ?? [])].flatMap((track) => [...(track.cues ?? [])])
        return { height: video?.videoHeight, cues: cues.length }
      })
      expect(await trouble(opened.page)).toEqual([])
      expect(shown.height).toBe(row.height)
      expect(shown.cues).toBeGreaterThan(0)
      const asked = origin.requests.map(({ path }) => path)
      expect(asked.filter((path) => path.includes('key-')).sort()).toEqual(row.keys)
      expect(asked).toContain('/audio/segment-07.m4s')
      expect(origin.requests.filter(({ status }) => status !== 200)).toEqual([])
    })
  })

  describe('with the live stream', () => {
    let material: LiveMaterial

    beforeAll(async () => {
      material = await loadLiveMaterial()
    })

    async function watch(options: LiveStreamOptions, watching: PlayOptions) {
      const live = await startLiveStream(material, { ...options, cors: true })
      open.push(live)
      const opened = await browser.openPage(playerPage.url)
      await play(opened.page, live.url, watching)
      await playOn(opened.page, 3)
      const reload = await opened.page.evaluate(() => {
        const hls: InstanceType<typeof window.Hls> = Reflect.get(window, 'hls')
        return hls.latestLevelDetails?.canBlockReload
      })
      return { live, opened, reload, asked: live.requests.map(({ path }) => path) }
    }

    it('plays low latency, by parts, blocking reloads and delta updates', async () => {
      const { opened, live, asked, reload } = await watch({}, { config: { lowLatencyMode: true } })
      expect(await trouble(opened.page)).toEqual([])
      expect(reload).toBe(true)
      expect(asked).toContainEqual(expect.stringMatching(/index\.m3u8\?_HLS_msn=\d+&_HLS_part=\d/))
      expect(asked).toContainEqual(expect.stringMatching(/_HLS_skip=(YES|v2)/))
      expect(asked).toContainEqual(expect.stringMatching(/segment-\d+\.part-\d\.m4s$/))
      expect(live.requests.filter(({ status }) => (status ?? 200) !== 200)).toEqual([])
    })

    it('plays a plain live stream by whole segments', async () => {
      const { opened, asked, reload } = await watch({ lowLatency: false }, {})
      expect(await trouble(opened.page)).toEqual([])
      expect(reload).toBe(false)
      expect(asked.filter((path) => path.includes('?') || path.includes('.part-'))).toEqual([])
    })

    it('uses the rendition report when it changes to another level', async () => {
      const { opened, live } = await watch({}, { config: { lowLatencyMode: true }, level: 0 })
      await opened.page.evaluate(() => {
        const hls: InstanceType<typeof window.Hls> = Reflect.get(window, 'hls')
        hls.loadLevel = 1
      })
      await playOn(opened.page, 3)
      expect(await trouble(opened.page)).toEqual([])
      const first = live.requests.find(({ path }) => path.startsWith('/v144/index.m3u8'))
      expect(first?.path).toMatch(/\?_HLS_msn=\d+&_HLS_part=\d/)
    })
  })
})
