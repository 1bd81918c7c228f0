import { describe, expect, it } from 'vitest'
import { ectoken } from '../../../server/token/index.ts'
import { reply, replyPlaylist } from '../../stage/fake-origin.ts'
import { type StagedGate, startGate, testKey } from '../../stage/start-gate.ts'

/** Every kind of URI that a playlist may name, and files of types that are no media. */
const routes = {
  '/a/index.m3u8': replyPlaylist(`#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="audio/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"
low/index.m3u8?v2
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="low/index.m3u8?iframes=1#top"
`),
  '/a/audio/index.m3u8': replyPlaylist('#EXTM3U\n#EXTINF:4,\n/vod/a/audio/1.aac\n'),
  '/a/low/index.m3u8': replyPlaylist(`#EXTM3U
#EXT-X-MAP:URI="init.mp4"
#EXT-X-KEY:METHOD=AES-128,URI="keys/1.bin?a=1&b=%2f"
#EXTINF:4,
1.m4s
#EXTINF:4,
https://cdn.foreign.example/2.m4s
`),
  '/a/audio/1.aac': reply(200, { 'content-type': 'audio/aac' }, 'sound'),
  '/a/low/init.mp4': reply(200, { 'content-type': 'video/mp4' }, 'init'),
  '/a/low/keys/1.bin': reply(200, { 'content-type': 'application/octet-stream' }, 'key'),
  '/a/low/1.m4s': reply(200, { 'content-type': 'video/iso.segment' }, 'segment'),
  '/a/poster.jpg': reply(200, { 'content-type': 'image/jpeg' }, 'picture'),
  '/a/subtitles.vtt': reply(200, { 'content-type': 'text/vtt' }, 'WEBVTT'),
  '/a/book.pdf': reply(200, { 'content-type': 'application/pdf' }, 'book'),
  '/a/steering.json': reply(
    200,
    { 'content-type': 'application/json' },
    '{"VERSION":1,"TTL":300,"RELOAD-URI":"steering.json?x=1","PATHWAY-PRIORITY":["a"]}',
  ),
}

const phrase = 'a pass phrase that nobody guesses, 7 times over'
type Mint = (stage: StagedGate) => Promise<string>
const kept: Mint = async ({ gate }) => (await gate.tokens.mint({ format: 'managed' })).token
const formats: [string, object, Mint][] = [
  [
    'edgeauth',
    { format: 'edgeauth', key: 'vod' },
    async (stage) => `hdnts=${stage.mint({ path: '/vod/*' })}`,
  ],
  [
    'bare ectoken',
    { format: 'ectoken', key: 'portal' },
    async () => ectoken.seal({ ec_url_allow: '/vod/a/' }, { key: phrase }),
  ],
  [
    'named ectoken',
    { format: 'ectoken', key: 'portal', parameter: 'ticket' },
    async () => `ticket=${ectoken.seal({ ec_url_allow: '/vod/a/' }, { key: phrase })}`,
  ],
  [
    'timed',
    { format: 'timed', key: 'vod' },
    async ({ gate }) => `token=${gate.mint({ ttlSeconds: 60 })}`,
  ],
  ['managed', { format: 'managed' }, async (stage) => `token=${await kept(stage)}`],
]

function start(access: object) {
  return startGate({
    access: { ...access },
    session: null,
    routes,
    configuration: { keys: { vod: { primary: testKey }, portal: { primary: phrase } } },
  })
}

/** Every URI that a document names, as a client resolves it. */
function urisIn(text: string, base: URL): URL[] {
  const attributes = [...text.matchAll(/URI"?[:=]"([^"]+)"/g)].map(([, uri]) => uri ?? '')
  const lines = text.split('\n').filter((line) => line !== '' && !/^[#{]/.test(line))
  return [...attributes, ...lines].map((uri) => new URL(uri, base))
}

describe.each(formats)('a rule without sessions, and its %s token', (_format, access, mint) => {
  it('leads from the playlist to everything that it names, one URI after the other', async () => {
    const stage = await start(access)
    const query = await mint(stage)
    const waiting = [new URL(`/vod/a/index.m3u8?${query}`, stage.url)]
    const seen = new Map<string, string>()
    for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
      if (url.origin !== stage.url || seen.has(url.pathname + url.search)) continue
      const answer = await stage.ask(url.pathname + url.search)
      expect([url.href, answer.status]).toEqual([url.href, 200])
      seen.set(url.pathname + url.search, answer.text)
      if (url.pathname.endsWith('.m3u8')) waiting.push(...urisIn(answer.text, url))
    }
    expect(new Set([...seen.keys()].map((target) => target.split('?')[0]))).toEqual(
      new Set([
        ...['/vod/a/index.m3u8', '/vod/a/audio/index.m3u8', '/vod/a/low/index.m3u8'],
        ...[
          '/vod/a/audio/1.aac',
          '/vod/a/low/init.mp4',
          '/vod/a/low/keys/1.bin',
          '/vod/a/low/1.m4s',
        ],
      ]),
    )
    // The origin saw every other byte of each query, and nothing of the token.
    const asked = stage.origin.requests.map(({ path }) => path)
    expect(asked).toContain('/a/low/keys/1.bin?a=1&b=%2f')
    expect(asked).toContain('/a/low/index.m3u8?v2')
    const text = query.split('=').at(-1) ?? query
    for (const { path, rawHeaders } of stage.origin.requests) {
      expect(path + rawHeaders.join()).not.toContain(text.slice(0, 20))
    }
    // Nor does a foreign host.
    expect([...seen.values()].join()).toContain('\nhttps://cdn.foreign.example/2.m4s\n')
  })

  it.each(['poster.jpg', 'subtitles.vtt', 'book.pdf', 'low/1.m4s'])(
    'opens %s, and only with the token',
    async (name) => {
      const stage = await start(access)
      const answer = await stage.ask(`/vod/a/${name}?${await mint(stage)}`)
      expect(answer.status).toBe(200)
      expect(answer.headers.get('cache-control')).toMatch(/private/)
      const missing = await stage.ask(`/vod/a/${name}`)
      expect([missing.status, missing.problem.reason]).toEqual([403, 'token-missing'])
      expect((await stage.ask(`/vod/a/none.txt?${await mint(stage)}`)).status).toBe(404)
    },
  )

  it('stands in the URIs of JSON documents too', async () => {
    const stage = await start(access)
    const query = await mint(stage)
    const answer = await stage.ask(`/vod/a/steering.json?${query}`)
    const [uri = new URL(stage.url)] = urisIn(
      answer.text,
      new URL('/vod/a/steering.json', stage.url),
    )
    expect(uri.searchParams.get('x')).toBe('1')
    expect((await stage.ask(uri.pathname + uri.search)).status).toBe(200)
  })

  it('goes on where the origin redirects to', async () => {
    const stage = await start(access)
    stage.origin.route('/a/old.m3u8', reply(302, { location: '/a/index.m3u8?x=1' }))
    const query = await mint(stage)
    const answer = await stage.ask(`/vod/a/old.m3u8?${query}`)
    expect(answer.status).toBe(302)
    expect((await stage.ask(answer.headers.get('location') ?? '')).status).toBe(200)
  })

  it('opens nothing with one character changed, dropped or doubled', async () => {
    const stage = await start(access)
    const query = await mint(stage)
    const end = query.length - 2
    for (const changed of [
      query.slice(0, end) + (query[end] === 'A' ? 'B' : 'A') + query.slice(end + 1),
      query.slice(0, end) + query.slice(end + 1),
      query.slice(0, end) + query[end] + query.slice(end),
    ]) {
      const answer = await stage.ask(`/vod/a/poster.jpg?${changed}`)
      expect([answer.status, answer.problem.reason]).toEqual([403, 'token-refused'])
    }
    expect(stage.origin.requests).toEqual([])
  })
})
