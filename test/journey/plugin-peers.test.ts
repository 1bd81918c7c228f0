import type { Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { useClosing } from '../stage/closing.ts'
import { type PlayerPage, servePlayerPage } from '../stage/player-page.ts'
import { playOn, seek, trouble } from '../stage/playing.ts'
import { protectStream } from '../stage/protected-stream.ts'
import { sampleStream, serveFolder } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

const opened = useClosing()

type Order = 'spread after' | 'spread before' | 'mixin'
type Cmcd = 'no' | 'headers' | 'query'

interface Modules {
  readonly peers: typeof import('../stage/p2p-stand-in.ts')
}

/** Starts hls.js with the plugin and a P2P engine, composed in that order; the engine is `window.engine`. */
async function start(page: Page, source: string, order: Order, cmcd: Cmcd): Promise<void> {
  await page.evaluate(
    ({ source, order, cmcd }) => {
      const { Hls, playgate } = window
      const { peers } = window as object as Modules
      const getToken: () => Promise<string> = Reflect.get(window, 'mintToken')
      const session = playgate.createSession({
        getToken: () => getToken(),
        transport: cmcd === 'headers' ? 'header' : 'query',
      })
      const engine = peers.createPeerEngine(playgate.p2pRequestSetup(session))
      engine.onSegmentError = () => void session.renew()
      const config = {
        maxBufferLength: 6,
        maxMaxBufferLength: 6,
        ...(cmcd !== 'no' && { cmcd: { useHeaders: cmcd === 'headers' } }),
      }
      const p2p = engine.getConfigForHlsJs()
      const HlsWithPeers = peers.injectMixin(Hls, engine)
      const hls = {
        'spread after': () => new Hls({ ...playgate.withSession(Hls, session, config), ...p2p }),
        'spread before': () => new Hls(playgate.withSession(Hls, session, { ...config, ...p2p })),
        mixin: () => new HlsWithPeers(playgate.withSession(HlsWithPeers, session, config)),
      }[order]()
      playgate.attachSession(hls, session)
      const trouble: object[] = []
      hls.on(Hls.Events.ERROR, (_event, { details, fatal, response }) =>
        trouble.push({ details, fatal, code: response?.code }),
      )
      hls.on(Hls.Events.MANIFEST_PARSED, () => {
        hls.loadLevel = 1
      })
      const video = document.querySelector('video')
      if (video === null) throw new Error('no video')
      hls.loadSource(source)
      hls.attachMedia(video)
      video.play()
      Object.assign(window, { hls, engine, trouble })
    },
    { source, order, cmcd },
  )
}

describeWith(
  ['chromium'],
  'the plugin beside a P2P engine (a stand-in for p2p-media-loader)',
  () => {
    const browser = useBrowser()
    let playerPage: PlayerPage
    beforeAll(async () => {
      playerPage = await servePlayerPage({
        modules: { playgate: 'player/index.ts', peers: 'test/stage/p2p-stand-in.ts' },
      })
      return () => playerPage.close()
    })

    async function playBoth(order: Order, cmcd: Cmcd) {
      const origin = opened(await serveFolder(sampleStream))
      const session = { carrier: [cmcd === 'headers' ? ('header' as const) : ('player' as const)] }
      const stream = opened(await protectStream(origin.origin, session))
      const { page } = await browser.openPage(playerPage.url)
      await page.exposeFunction('mintToken', () =>
        stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 }),
      )
      await start(page, stream.url, order, cmcd)
      await playOn(page, 1)
      const downloaded = (): Promise<string[]> =>
        page.evaluate(() => Reflect.get(window, 'engine').downloaded)
      const refused = () => stream.requests().filter(({ outcome }) => outcome === 'refused')
      return { origin, stream, page, downloaded, refused }
    }

    describe.each(['spread after', 'spread before', 'mixin'] as const)('%s', (order) => {
      it.each(['no', 'headers'] as const)(
        'gives the engine its segments and each request its token (CMCD: %s)',
        async (cmcd) => {
          const { origin, page, stream, downloaded, refused } = await playBoth(order, cmcd)
          await seek(page, 30)
          await playOn(page, 1)
          const names = (await downloaded()).map((url) => url.slice(stream.origin.length))
          // Known by the URLs of the playlists, which hold no token.
          expect(names).toEqual(
            expect.arrayContaining(['/vod/v540/segment-01.m4s', '/vod/v540/segment-08.m4s']),
          )
          const asked = origin.requests.map(({ path }) => path)
          expect(asked).toEqual(expect.arrayContaining(['/v540/key-1.bin', '/v540/key-2.bin']))
          const segments = asked.filter((path) => /\/(v540|audio)\/segment/.test(path))
          expect(segments.length).toBe(names.filter((name) => /v540|audio/.test(name)).length)
          expect(refused()).toEqual([])
          expect(await trouble(page)).toEqual([])
        },
      )

      it('plays on after a revocation, of which hls.js hears nothing', async () => {
        const { page, stream, refused, downloaded } = await playBoth(order, 'no')
        const before = (await downloaded()).length
        stream.revokeTokens()
        await playOn(page, 6)
        expect(refused().length).toBeGreaterThan(0)
        expect((await downloaded()).length).toBeGreaterThan(before)
        expect(await trouble(page)).toEqual([])
      })
    })

    it('leaves segments with CMCD in their query to hls.js, and all have their token', async () => {
      const { page, downloaded, refused } = await playBoth('spread after', 'query')
      await playOn(page, 1)
      expect((await downloaded()).filter((url) => url.includes('/v540/'))).toEqual([])
      expect(refused()).toEqual([])
      expect(await trouble(page)).toEqual([])
    })
  },
)
