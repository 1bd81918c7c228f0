import { expect, it } from 'vitest'
import { listen } from '../../server/app.ts'
import { createLog } from '../../server/http/log.ts'
import { createPlaygate } from '../../server/index.ts'
import { useBrowser } from '../stage/browser.ts'
import { useClosing } from '../stage/closing.ts'
import { loadLiveMaterial } from '../stage/live-material.ts'
import { startLiveStream } from '../stage/live-stream.ts'
import { servePlayerPage } from '../stage/player-page.ts'
import { playOn, playWithPlugin, trouble } from '../stage/playing.ts'
import { testKey } from '../stage/start-gate.ts'
import { describeWith } from '../stage/tools.ts'

const opened = useClosing()

/** By its own clock the gate lives ten times as fast as the player, so that a few seconds see several tokens end. */
async function protectInHaste(origin: string, carrier: 'query' | 'player') {
  const log: string[] = []
  const begun = Date.now()
  const gate = createPlaygate(
    {
      keys: { vod: { primary: testKey } },
      rules: [
        {
          match: { paths: ['/vod/*'] },
          stripPrefix: '/vod',
          origin,
          access: { format: 'edgeauth', key: 'vod' },
          session: { carrier: [carrier], slidingSeconds: 30 },
        },
      ],
    },
    {
      now: () => begun + 10 * (Date.now() - begun),
      log: createLog('info', { write: (line) => void log.push(line) }),
      environment: {},
    },
  )
  const server = await listen(gate.callback(), { host: '127.0.0.1', port: 0 })
  opened({
    async close() {
      await server.close(0)
      await gate.close()
    },
  })
  return { gate, origin: server.url, log }
}

describeWith(['chromium'], 'a live session with short tokens', () => {
  const browser = useBrowser()

  it.each(['player', 'query'] as const)(
    'plays on through their ends on what its playlists bring, and asks the site once: %s',
    async (carrier) => {
      const live = opened(await startLiveStream(await loadLiveMaterial()))
      const stream = await protectInHaste(live.origin, carrier)
      const playerPage = opened(await servePlayerPage())
      const { page } = await browser.openPage(playerPage.url)
      const tokens = new Set<string>()
      page.on('request', (request) => {
        const token = new URL(request.url()).searchParams.get('hdntl')
        if (token !== null) tokens.add(token)
      })
      let minted = 0
      const mint = () => {
        minted += 1
        return stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
      }
      const source = stream.origin + live.url.replace(live.origin, '/vod')
      await playWithPlugin(page, source, mint, { config: { lowLatencyMode: true } })
      await playOn(page, 9)

      expect(await trouble(page)).toEqual([])
      const refused = stream.log.filter((line) => line.includes('"outcome":"refused"'))
      expect(refused).toEqual([])
      expect(minted).toBe(1)
      // Ninety seconds of the gate's: the first token ended after thirty.
      expect(tokens.size).toBeGreaterThanOrEqual(4)
      const ids = [...tokens].map((token) => /~id=(\w+)/.exec(token)?.[1])
      expect(new Set(ids).size).toBe(1)
    },
  )
})
