import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { beforeAll, expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { useClosing } from '../stage/closing.ts'
import { type Front, startFront } from '../stage/front.ts'
import { type PlayerPage, servePlayerPage } from '../stage/player-page.ts'
import { playOn, playWithPlugin, told, trouble } from '../stage/playing.ts'
import { type ProtectedStream, protectStream } from '../stage/protected-stream.ts'
import { sampleStream, serveFolder } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

const opened = useClosing()

const mintFor = (stream: ProtectedStream) => () =>
  stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
const refused = (stream: ProtectedStream) =>
  stream.requests().filter(({ outcome }) => outcome === 'refused')
const renewals = async (page: Page) =>
  (await told(page)).filter((name) => name === 'renewed').length
const pathOf = (target: string) => target.split('?')[0] ?? ''

/** An advertisement: the beginning of the film once more. */
const advertisement = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-MAP:URI="v360/init.mp4"
#EXTINF:4,
v360/segment-12.m4s
#EXT-X-ENDLIST
`

/**
 * The sample stream with content steering and two advertisements, of its own and from elsewhere.
 *
 * @param own where the viewer sees the stream, once that is known: URIs in a list of assets are absolute
 */
function withExtras(own: () => string, elsewhere: string) {
  const start = '2026-01-01T00:00:00Z'
  const at = (seconds: number) => new Date(Date.parse(start) + seconds * 1000).toISOString()
  const range = `#EXT-X-DATERANGE:CLASS="com.apple.hls.interstitial",X-RESUME-OFFSET=0`
  const interstitials = [
    `#EXT-X-PROGRAM-DATE-TIME:${start}`,
    `${range},ID="own",START-DATE="${at(1)}",X-ASSET-LIST="../assets.json"`,
    `${range},ID="foreign",START-DATE="${at(2)}",DURATION=4,X-ASSET-URI="${elsewhere}/ad.m3u8"`,
  ].join('\n')
  const schedule = (text: string) => text.replace('#EXTINF', `${interstitials}\n#EXTINF`)
  return {
    '/index.m3u8': (text: string) =>
      text.replace(
        '#EXT-X-MEDIA',
        '#EXT-X-CONTENT-STEERING:SERVER-URI="steering.json"\n#EXT-X-MEDIA',
      ),
    '/v540/index.m3u8': schedule,
    '/audio/index.m3u8': (text: string) =>
      text.replace('#EXTINF', `#EXT-X-PROGRAM-DATE-TIME:${start}\n#EXTINF`),
    '/assets.json': () => `{"ASSETS":[{"URI":"${own()}/vod/ad.m3u8","DURATION":4}]}`,
    '/ad.m3u8': advertisement,
    '/steering.json': '{"VERSION":1,"TTL":300,"PATHWAY-PRIORITY":["."]}',
  }
}

describeWith(['chromium'], 'requests with the plugin', () => {
  const browser = useBrowser()
  let playerPage: PlayerPage
  beforeAll(async () => {
    playerPage = await servePlayerPage()
    return () => playerPage.close()
  })
  const openPage = async () => (await browser.openPage(playerPage.url)).page

  it('of each kind carry the token and are recovered, each once, from a refusal; an ad of another host gets none', async () => {
    const elsewhere = opened(await serveFolder(sampleStream, { '/ad.m3u8': advertisement }))
    const extras = withExtras(() => front.origin, elsewhere.origin)
    const origin = opened(await serveFolder(sampleStream, extras))
    const stream = opened(await protectStream(origin.origin, { carrier: ['player'] }))
    const known = new Set<string>()
    const front: Front = opened(
      await startFront(stream.origin, {
        interfere(target) {
          const path = pathOf(target)
          if (known.has(path) || path.startsWith('/_playgate')) return null
          known.add(path)
          return { status: 403 }
        },
      }),
    )
    const page = await openPage()
    const config = { maxBufferLength: 6, maxMaxBufferLength: 6 }
    const source = `${front.origin}/vod/index.m3u8`
    await playWithPlugin(page, source, mintFor(stream), { level: 1, config })
    await expect
      .poll(() => elsewhere.requests.map(({ path }) => path))
      .toContain('/v360/segment-12.m4s')
    await expect
      .poll(() => front.requests.map(({ target }) => pathOf(target)))
      .toEqual(
        expect.arrayContaining(
          [
            'index.m3u8',
            'steering.json',
            'v540/index.m3u8',
            'audio/index.m3u8',
            'subtitles/index.m3u8',
            'v540/init.mp4',
            'audio/init.mp4',
            'v540/key-1.bin',
            'v540/segment-01.m4s',
            'audio/segment-01.m4s',
            'subtitles/segment-01.vtt',
            'assets.json',
            'ad.m3u8',
            'v360/init.mp4',
            'v360/segment-12.m4s',
          ].map((path) => `/vod/${path}`),
        ),
      )
    for (const path of known) {
      const tries = front.requests.filter(({ target }) => pathOf(target) === path)
      expect(
        tries.slice(0, 2).map(({ status }) => status),
        path,
      ).toEqual([403, 200])
    }
    const media = front.requests.filter(({ target }) => target.startsWith('/vod/'))
    expect(media.filter(({ target }) => !/hdnt[sl]=/.test(target))).toEqual([])
    expect(elsewhere.requests.filter(({ path }) => /hdnt|hmac/.test(path))).toEqual([])
    expect(await trouble(page)).toEqual([])
    expect(await told(page)).not.toContain('denied')
  })
  it('of a burst that is refused cost one renewal', async () => {
    const origin = opened(await serveFolder(sampleStream))
    const stream = opened(await protectStream(origin.origin, { carrier: ['player'] }))
    const front = opened(
      await startFront(stream.origin, {
        interfere(target) {
          // The first media playlist: from here on nothing is right that the player knows.
          if (refused(stream).length === 0 && /\/v\d+\/index/.test(target)) stream.revokeTokens()
          return null
        },
      }),
    )
    const page = await openPage()
    await playWithPlugin(page, `${front.origin}/vod/index.m3u8`, mintFor(stream), { level: 0 })
    await playOn(page, 1)
    expect(refused(stream).length).toBeGreaterThan(1)
    expect(await renewals(page)).toBe(2)
    expect(await trouble(page)).toEqual([])
  })

  it('go on with the next token after audio and subtitles are switched', async () => {
    const another = (text: string) =>
      text.replaceAll(
        /#EXT-X-MEDIA:.*\n/g,
        (line) =>
          line +
          line
            .replace(/NAME="[^"]*"/, 'NAME="Other"')
            .replaceAll('=YES', '=NO')
            .replace('index.m3u8', 'index.m3u8?other'),
      )
    const origin = opened(await serveFolder(sampleStream, { '/index.m3u8': another }))
    const stream = opened(await protectStream(origin.origin, { carrier: ['player'] }))
    const page = await openPage()
    const config = { maxBufferLength: 6, maxMaxBufferLength: 6 }
    await playWithPlugin(page, stream.url, mintFor(stream), { level: 0, config })
    await playOn(page, 1)
    for (const [track, folder] of [
      ['audioTrack', 'audio'],
      ['subtitleTrack', 'subtitles'],
    ] as const) {
      stream.revokeTokens()
      await page.evaluate((name) => {
        Object.assign(Reflect.get(window, 'hls'), { [name]: 1 })
      }, track)
      const path = `/${folder}/index.m3u8?other`
      await expect.poll(() => origin.requests.map((request) => request.path)).toContain(path)
      await playOn(page, 2)
    }
    expect(refused(stream).length).toBeGreaterThanOrEqual(2)
    expect(await renewals(page)).toBe(3)
    expect(await trouble(page)).toEqual([])
  })

  it('need no getToken when the source brings its token', async () => {
    const origin = opened(await serveFolder(sampleStream))
    const stream = opened(await protectStream(origin.origin, { carrier: ['player'] }))
    const page = await openPage()
    const session = { getToken: undefined }
    const source = `${stream.url}?hdnts=${mintFor(stream)()}&a=~=/*`
    await playWithPlugin(page, source, mintFor(stream), { level: 0, session })
    await playOn(page, 2)
    expect(refused(stream)).toEqual([])
    expect(await told(page)).toEqual([])
    expect(await trouble(page)).toEqual([])
  })

  it('follow a redirection of playlists, and what hls.js takes for their URLs holds no token', async () => {
    const origin = opened(await serveFolder(sampleStream))
    const stream = opened(await protectStream(origin.origin, { carrier: ['player'] }))
    const front = opened(
      await startFront(stream.origin, {
        interfere(target) {
          const [, name, query] = /^\/entry\/(.*)\?(.*)$/.exec(target) ?? []
          if (name !== undefined) {
            return { status: 302, location: `/vod/${name}?edge=7~=/*&${query}` }
          }
          if (!target.startsWith('/vod/v360/index.m3u8?hdntl')) return null
          return { status: 302, location: target.replace('?', '?level=1&') }
        },
      }),
    )
    const page = await openPage()
    await playWithPlugin(page, `${front.origin}/entry/index.m3u8`, mintFor(stream), { level: 0 })
    await playOn(page, 1)
    const urls = await page.evaluate(() => {
      const { levels, url }: InstanceType<typeof window.Hls> = Reflect.get(window, 'hls')
      return [
        url,
        levels[0]?.url[0],
        levels[0]?.details?.url,
        levels[0]?.details?.fragments[0]?.url,
      ]
    })
    expect(urls).toEqual([
      `${front.origin}/entry/index.m3u8`,
      `${front.origin}/vod/v360/index.m3u8`,
      `${front.origin}/vod/v360/index.m3u8?level=1`,
      `${front.origin}/vod/v360/segment-01.m4s`,
    ])
    expect(refused(stream)).toEqual([])
    expect(await trouble(page)).toEqual([])
  })

  it('leave data: and blob: URLs alone', async () => {
    const key = readFileSync(join(sampleStream, 'v540/key-1.bin')).toString('base64')
    const withKey = (text: string) =>
      text.replace('key-1.bin', `data:application/octet-stream;base64,${key}`)
    const origin = opened(await serveFolder(sampleStream, { '/v540/index.m3u8': withKey }))
    const stream = opened(await protectStream(origin.origin, { carrier: ['player'] }))
    const page = await openPage()
    const source = await page.evaluate((base) => {
      const lines = [
        '#EXTM3U',
        '#EXT-X-STREAM-INF:BANDWIDTH=534000,CODECS="avc1.64001F",RESOLUTION=960x540',
        `${base}/vod/v540/index.m3u8`,
      ]
      return URL.createObjectURL(new Blob([lines.join('\n')]))
    }, stream.origin)
    const session = { origins: [stream.origin] }
    await playWithPlugin(page, source, mintFor(stream), { session })
    await playOn(page, 1)
    expect(stream.requests().map(({ path }) => path)).toContain('/vod/v540/segment-01.m4s')
    expect(await trouble(page)).toEqual([])
  })

  it('may name the token in a playlist that asks for it by QUERYPARAM', async () => {
    const define = (text: string) =>
      text
        .replace('#EXT-X-VERSION:7', '#EXT-X-VERSION:11\n#EXT-X-DEFINE:QUERYPARAM="hdnts"')
        .replaceAll('.m4s', '.m4s?seen={$hdnts}')
    const origin = opened(await serveFolder(sampleStream, { '/v360/index.m3u8': define }))
    // Without sessions each request carries the access token.
    const rule = { session: undefined } as object
    const stream = opened(await protectStream(origin.origin, {}, rule))
    const page = await openPage()
    const session = { keepTokenInResponseUrl: true }
    await playWithPlugin(page, stream.url, mintFor(stream), { level: 0, session })
    await playOn(page, 1)
    const segments = origin.requests.filter(({ path }) => path.startsWith('/v360/segment-01'))
    expect(segments.map(({ path }) => path)).toEqual([
      expect.stringMatching(/^\/v360\/segment-01\.m4s\?seen=exp=\d+~acl=[^&]*~hmac=[0-9a-f]{64}$/),
    ])
    expect(await trouble(page)).toEqual([])
  })

  it('of the RELOAD-URI of content steering keep what the server wrote there', async () => {
    const manifest = {
      VERSION: 1,
      TTL: 1,
      'RELOAD-URI': 'steering.json?signed=~=/*!%2f&hdntl=from-the-server',
      'PATHWAY-PRIORITY': ['.'],
    }
    const origin = opened(
      await serveFolder(sampleStream, {
        '/index.m3u8': (text) =>
          text.replace('#EXT-X-MEDIA', '#EXT-X-CONTENT-STEERING:SERVER-URI="steering.json"\n$&'),
        '/steering.json': JSON.stringify(manifest),
      }),
    )
    const stream = opened(await protectStream(origin.origin, { carrier: ['player'] }))
    const page = await openPage()
    const targets: string[] = []
    page.on('request', (request) => targets.push(request.url().slice(stream.origin.length)))
    await playWithPlugin(page, stream.url, mintFor(stream), { level: 0 })
    const steering = () => targets.filter((target) => target.startsWith('/vod/steering.json'))
    await expect.poll(() => steering().length).toBeGreaterThanOrEqual(3)
    // hls.js' parameters are its own; the token of the session takes the place of the one in the URI.
    expect(steering()[1]).toMatch(
      /^\/vod\/steering\.json\?signed=~=\/\*!%2f&(_HLS_\w+=[^&]*&)+hdntl=exp=\d+~[^&]*$/,
    )
    expect(refused(stream)).toEqual([])
    expect(await trouble(page)).toEqual([])
  })
})
