import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { serveClearStream } from '../stage/clear-stream.ts'
import { useClosing } from '../stage/closing.ts'
import { servePlayerPage } from '../stage/player-page.ts'
import { play, playOn, seek, switchLevel, trouble } from '../stage/playing.ts'
import { type ProtectedStream, protectStream } from '../stage/protected-stream.ts'
import { type StaticServer, sampleStream, serveFolder } from '../stage/static-server.ts'
import { describeWith, requireTool } from '../stage/tools.ts'

const opened = useClosing()

/** Everything that the origin served was asked for by the gate, for a request that it permitted. */
function expectNothingUnpermitted(stream: ProtectedStream, origin: StaticServer): void {
  const permitted = stream
    .requests()
    .filter(({ outcome }) => ['opened', 'session'].includes(outcome))
  const refused = stream.requests().filter(({ outcome }) => outcome === 'refused')
  expect(refused).toEqual([])
  const served = new Set(permitted.map(({ path }) => path.slice('/vod'.length)))
  const asked = origin.requests.map(({ path }) => path)
  // At its opening the gate reads the media playlists itself, to know how long the session lasts.
  expect(asked.filter((path) => !served.has(path) && !path.endsWith('.m3u8'))).toEqual([])
  expect(asked.filter((path) => /hdnt[sl]|hmac/.test(path))).toEqual([])
}

describeWith(['chromium'], 'players that know nothing of Playgate', () => {
  const browser = useBrowser()

  it('hls.js plays the rewritten stream, seeks, and switches quality', async () => {
    const origin = opened(await serveFolder(sampleStream))
    const stream = opened(await protectStream(origin.origin))
    const playerPage = opened(await servePlayerPage({ modules: {} }))
    const { page } = await browser.openPage(playerPage.url)
    const token = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })

    await play(page, `${stream.url}?hdnts=${token}`, { level: 0 })
    await playOn(page, 2)
    await seek(page, 30)
    await playOn(page, 1)
    await switchLevel(page, 1)
    await playOn(page, 1)

    expect(await trouble(page)).toEqual([])
    expect(origin.requests.map(({ path }) => path)).toContain('/v540/key-2.bin')
    expectNothingUnpermitted(stream, origin)
  })

  it('a link out of the player is refused in another browser, and the origin hears nothing of it', async () => {
    const origin = opened(await serveFolder(sampleStream))
    const stream = opened(await protectStream(origin.origin))
    const playerPage = opened(await servePlayerPage({ modules: {} }))
    const { page } = await browser.openPage(playerPage.url)
    const links: string[] = []
    page.on('request', (request) => links.push(request.url()))
    await play(
      page,
      `${stream.url}?hdnts=${stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })}`,
      {},
    )
    await playOn(page, 1)
    await page.close()

    const shared = links.filter((link) => link.includes('hdntl='))
    expect(shared.some((link) => link.includes('.m3u8'))).toBe(true)
    expect(shared.some((link) => link.includes('.m4s'))).toBe(true)
    const before = origin.requests.length
    for (const link of shared) {
      const stolen = await fetch(link, { headers: { 'User-Agent': 'SomebodyElse/1.0' } })
      expect([link.split('?')[0], stolen.status]).toEqual([link.split('?')[0], 403])
      expect(stolen.headers.get('cache-control')).toBe('no-store')
      expect(await stolen.json()).toMatchObject({ reason: 'token-refused' })
    }
    expect(origin.requests.length).toBe(before)
  })

  it.each([
    ['the rewritten stream', 'query'],
    ['the stream below a token in the path', 'path'],
  ] as const)('Chromium’s own player plays %s', async (_what, carrier) => {
    const origin = opened(await serveClearStream())
    const stream = opened(await protectStream(origin.origin, { carrier: [carrier] }))
    const playerPage = opened(await servePlayerPage({ modules: {} }))
    const { page } = await browser.openPage(playerPage.url)
    const token = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
    await page.evaluate((source) => {
      const video = document.querySelector('video')
      if (video === null) throw new Error('no video on the page')
      video.src = source
      return video.play()
    }, `${stream.url}?hdnts=${token}`)
    await playOn(page, 5)
    expectNothingUnpermitted(stream, origin)
    expect(origin.requests.map(({ path }) => path)).toContain('/audio/segment-02.m4s')
  })
})

describeWith(['ffmpeg', 'ffprobe'], 'ffmpeg, a foreign client', () => {
  async function runTool(tool: 'ffmpeg' | 'ffprobe', args: string[]) {
    const child = spawn(requireTool(tool), args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk) => (out += chunk))
    child.stderr.on('data', (chunk) => (err += chunk))
    const [status] = await once(child, 'close')
    return { status, out, err }
  }

  it.each([['query'], ['path']] as const)(
    'plays the stream to its end with the token in the %s',
    async (carrier) => {
      const origin = opened(await serveFolder(sampleStream))
      const stream = opened(await protectStream(origin.origin, { carrier: [carrier] }))
      const token = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
      const source = `${stream.url}?hdnts=${token}`

      const probed = await runTool('ffprobe', [
        '-v',
        'error',
        '-show_entries',
        'stream=codec_type,height',
        '-of',
        'csv',
        source,
      ])
      expect(probed.err).toBe('')
      expect(probed.out).toContain('stream,video,540')
      expect(probed.out).toContain('stream,audio')

      const played = await runTool('ffmpeg', [
        '-v',
        'error',
        '-i',
        source,
        '-map',
        '0:v:0',
        '-map',
        '0:a:0',
        '-c',
        'copy',
        '-f',
        'null',
        '-',
      ])
      expect(played).toEqual({ status: 0, out: '', err: '' })
      expectNothingUnpermitted(stream, origin)
    },
  )

  it('gets nothing without a token', async () => {
    const origin = opened(await serveFolder(sampleStream))
    const stream = opened(await protectStream(origin.origin))
    const probed = await runTool('ffprobe', ['-v', 'error', stream.url])
    expect(probed.status).not.toBe(0)
    expect(probed.err).toContain('403')
    expect(origin.requests).toEqual([])
  })
})
