import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { useClosing } from '../stage/closing.ts'
import { listenOnLoopback } from '../stage/loopback.ts'
import { playOn } from '../stage/playing.ts'
import { protectStream } from '../stage/protected-stream.ts'
import { sampleStream, serveFolder } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

const top = join(import.meta.dirname, '../..')
const opened = useClosing()
const script = readFileSync(join(top, 'dist/player/playgate-player.js'), 'utf8')

/** A page without modules and bundlers. It asks its own server for tokens. */
const page = (source: string) => `<!doctype html>
<meta charset="utf-8">
<title>script tags</title>
<link rel="icon" href="data:,">
<video muted></video>
<script src="hls.js"></script>
<script src="playgate-player.js"></script>
<script>
  var session = Playgate.createSession({
    getToken: function () { return fetch('token').then(function (answer) { return answer.text() }) },
  })
  var hls = new Hls(Playgate.withSession(Hls, session))
  Playgate.attachSession(hls, session)
  hls.loadSource('${source}')
  hls.attachMedia(document.querySelector('video'))
  document.querySelector('video').play()
</script>
`

it('the file for script tags has everything of the door, and stays small', () => {
  const Playgate = new Function(`${script}\nreturn Playgate`)()
  expect(Object.keys(Playgate).sort()).toEqual([
    'attachSession',
    'createSession',
    'exchangeToken',
    'learnHeaders',
    'p2pRequestSetup',
    'withLicense',
    'withSession',
  ])
  expect(gzipSync(script, { level: 9 }).length).toBeLessThanOrEqual(4096)
})

describeWith(['chromium'], 'a page with script tags', () => {
  const browser = useBrowser()

  it('plays, and no other name is left on the page', async () => {
    const origin = opened(await serveFolder(sampleStream))
    const stream = opened(await protectStream(origin.origin, { carrier: ['player'] }))
    const files: Readonly<Record<string, () => readonly [type: string, body: string]>> = {
      '/': () => ['text/html', page(stream.url)],
      '/hls.js': () => [
        'text/javascript',
        readFileSync(join(top, 'node_modules/hls.js/dist/hls.js'), 'utf8'),
      ],
      '/playgate-player.js': () => ['text/javascript', script],
      '/token': () => ['text/plain', stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })],
    }
    const site = opened(
      await listenOnLoopback(({ url = '' }, response) => {
        const [type, body] = files[url]?.() ?? ['text/plain', '']
        response.writeHead(body === '' ? 404 : 200, { 'Content-Type': type }).end(body)
      }),
    )
    const { page: tab, consoleErrors, pageErrors } = await browser.openPage(`${site.origin}/`)
    await playOn(tab, 2)
    expect([consoleErrors, pageErrors]).toEqual([[], []])
    expect(stream.requests().filter(({ outcome }) => outcome === 'refused')).toEqual([])
    const globals = await tab.evaluate(() => {
      const frame = document.body.appendChild(document.createElement('iframe'))
      const plain = new Set(Object.getOwnPropertyNames(frame.contentWindow))
      return Object.getOwnPropertyNames(window).filter((name) => !plain.has(name))
    })
    expect(globals.filter((name) => !['0', 'Hls', 'session', 'hls'].includes(name))).toEqual([
      'Playgate',
    ])
  })
})
