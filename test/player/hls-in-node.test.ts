import './browser-globals.ts'
import type { IncomingHttpHeaders } from 'node:http'
import Hls, { type ErrorData, FetchLoader, type HlsConfig } from 'hls.js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  attachSession,
  createSession,
  type SessionOptions,
  withSession,
} from '../../player/index.ts'
import { formatPlaygateSession } from '../../shared/playgate-session.ts'
import { type LoopbackServer, listenOnLoopback } from '../stage/loopback.ts'

const multivariant = (ads: string) => `#EXTM3U
#EXT-X-CONTENT-STEERING:SERVER-URI="/steering.json"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",LANGUAGE="en",DEFAULT=YES,URI="audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1000,AUDIO="a"
video.m3u8?v=~=/*
#EXT-X-SESSION-DATA:DATA-ID="x",URI="${ads}/session-data.json"
`
const media = (ads: string) => `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-MAP:URI="init.mp4"
#EXT-X-KEY:METHOD=AES-128,URI="key.bin"
#EXTINF:4,
segment.ts
#EXT-X-KEY:METHOD=AES-128,URI="${ads}/key.bin"
#EXTINF:4,
${ads}/segment.ts
#EXT-X-ENDLIST
`

interface Seen {
  readonly target: string
  readonly headers: IncomingHttpHeaders
}

let gate: LoopbackServer
let ads: LoopbackServer
let seen: Seen[] = []
let seenByAds: Seen[] = []
/** What the gate takes; `null`: nothing at all. */
let valid: string | null = null
let players: Hls[] = []

beforeEach(async () => {
  seen = []
  seenByAds = []
  valid = 'session-1'
  ads = await listenOnLoopback(({ url: target = '', headers }, response) => {
    seenByAds.push({ target, headers })
    response.end('0123456789abcdef')
  })
  gate = await listenOnLoopback(({ url: target = '', headers }, response) => {
    seen.push({ target, headers })
    const url = new URL(target, 'http://gate.test')
    const { searchParams } = url
    const [, inPath] = /^\/hdntl=([^/]*)/.exec(url.pathname) ?? []
    const pathname = url.pathname.replace(/^\/hdntl=[^/]*/, '')
    const token = inPath ?? searchParams.get('hdntl') ?? headers.hdntl
    if (pathname === '/vod/index.m3u8' && searchParams.get('hdnts') === 'access') {
      const opened = { token: valid ?? 'none', parameter: 'hdntl', expiresInSeconds: 3600 }
      response.setHeader('Playgate-Session', formatPlaygateSession(opened))
      response.end(multivariant(ads.origin))
    } else if (token !== valid) {
      response.writeHead(403, { 'content-type': 'application/problem+json' })
      response.end('{"reason":"token-expired","renew":true}')
    } else if (pathname === '/vod/index.m3u8') response.end(multivariant(ads.origin))
    else if (pathname.endsWith('.m3u8')) response.end(media(ads.origin))
    else if (pathname.endsWith('.json'))
      response.end('{"VERSION":1,"TTL":300,"PATHWAY-PRIORITY":["."]}')
    else response.end('0123456789abcdef')
  })
})

afterEach(async () => {
  for (const hls of players.splice(0)) hls.destroy()
  players = []
  await Promise.all([gate.close(), ads.close()])
})

function play(query: string, options: SessionOptions = {}, config: Partial<HlsConfig> = {}) {
  const session = createSession(options)
  const hls = new Hls(
    withSession(Hls, session, {
      enableWorker: false,
      startFragPrefetch: true,
      loader: FetchLoader as unknown as HlsConfig['loader'],
      ...config,
    }),
  )
  players.push(hls)
  attachSession(hls, session)
  const errors: ErrorData[] = []
  hls.on(Hls.Events.ERROR, (_, data) => errors.push(data))
  hls.loadSource(`${gate.origin}/vod/index.m3u8${query}`)
  return { hls, session, errors }
}

const paths = () => new Set(seen.map(({ target }) => target.split('?')[0]))
const everything = [
  '/vod/index.m3u8',
  '/steering.json',
  '/vod/video.m3u8',
  '/vod/audio.m3u8',
  '/vod/init.mp4',
  '/vod/key.bin',
  '/vod/segment.ts',
]
const allAsked = () =>
  vi.waitFor(() => expect([...paths()].sort()).toEqual([...everything].sort()), { timeout: 10_000 })
const refusedErrors = (errors: ErrorData[]) =>
  errors.filter(({ response }) => response?.code === 403)

describe('hls.js with a session', () => {
  it('carries the token with every kind of request, learnt from the first answer', async () => {
    const { errors, hls } = play('?hdnts=access')
    await allAsked()
    const [first, ...others] = seen
    expect(first?.target).toBe('/vod/index.m3u8?hdnts=access')
    for (const { target } of others) expect(target).toMatch(/[?&]hdntl=session-1$/)
    expect(others.map(({ target }) => target)).toContain('/vod/video.m3u8?v=~=/*&hdntl=session-1')
    expect(refusedErrors(errors)).toEqual([])
    expect(hls.levels[0]?.url[0]).toBe(`${gate.origin}/vod/video.m3u8?v=~=/*`)
    expect(hls.levels[0]?.details?.url).toBe(`${gate.origin}/vod/video.m3u8?v=~=/*`)
  })

  it('recovers each of them when the token is revoked, and hears of nothing', async () => {
    let issued = 0
    const getToken = vi.fn(async () => {
      issued += 1
      valid = `token-${issued}`
      return { token: valid, parameter: 'hdntl' }
    })
    const { errors, hls, session } = play('', { getToken })
    // From here on nothing is right: whatever comes next is refused.
    hls.on(Hls.Events.MANIFEST_LOADED, () => (valid = 'revoked'))
    await allAsked()
    expect(getToken.mock.calls.length).toBe(2)
    expect(refusedErrors(errors)).toEqual([])
    expect(session.state).toBe('ready')
  })

  it('has one fatal error after a final refusal, and asks for nothing more', async () => {
    let issued = 0
    const getToken = vi.fn(async () => {
      issued += 1
      return { token: `session-${issued}`, parameter: 'hdntl' }
    })
    const { errors, hls, session } = play('', { getToken })
    hls.on(Hls.Events.MANIFEST_LOADED, () => (valid = null))
    await vi.waitFor(() => expect(session.state).toBe('denied'), { timeout: 10_000 })
    await vi.waitFor(() => expect(errors.some(({ fatal }) => fatal)).toBe(true))
    const count = seen.length
    await new Promise((resolve) => setImmediate(resolve))
    expect(errors.filter(({ fatal }) => fatal)).toEqual([
      expect.objectContaining({
        type: 'networkError',
        details: 'unknown',
        fatal: true,
        response: { url: '', code: 403 },
        error: new Error('playback refused: token-expired'),
      }),
    ])
    expect(seen.length).toBe(count)
    expect(getToken).toHaveBeenCalledTimes(2)
    for (const { error, url, response } of errors) {
      expect(JSON.stringify([error.message, url, response])).not.toMatch(/session-\d/)
    }
  })

  it('hears of no refusal any more once it is destroyed or detached', async () => {
    const session = createSession({ getToken: async () => Promise.reject({ status: 403 }) })
    const hls = new Hls(withSession(Hls, session))
    const trigger = vi.spyOn(hls, 'trigger')
    attachSession(hls, session)()
    attachSession(hls, session)
    hls.destroy()
    trigger.mockClear()
    await expect(session.get()).rejects.toMatchObject({ code: 403 })
    expect(trigger).not.toHaveBeenCalled()
  })

  it('sends nothing of the session to other hosts', async () => {
    for (const transport of ['query', 'header', 'path'] as const) {
      const { hls, session } = play('?hdnts=access', { transport })
      await vi.waitFor(() => expect(hls.levels.length).toBe(1))
      const loader = new hls.config.loader(hls.config)
      await new Promise((resolve) => {
        loader.load(
          { url: `${ads.origin}/ad.m3u8`, type: 'manifest' as never, responseType: 'text' },
          {
            loadPolicy: hls.config.manifestLoadPolicy.default,
            maxRetry: 0,
            timeout: 5_000,
            retryDelay: 0,
            maxRetryDelay: 0,
          },
          { onSuccess: resolve, onError: resolve, onTimeout: resolve },
        )
      })
      expect(session.state).toBe('ready')
      hls.destroy()
    }
    expect(seenByAds.length).toBeGreaterThanOrEqual(3)
    expect(JSON.stringify(seenByAds)).not.toMatch(/session-1|hdntl|access/)
  })
})

describe('CMCD', () => {
  const cmcd = { sessionId: 'x', contentId: 'film' }

  it('in the query stands beside the token, which comes last', async () => {
    const { errors } = play('?hdnts=access', {}, { cmcd: { ...cmcd, useHeaders: false } })
    await allAsked()
    const segment = seen.find(({ target }) => target.startsWith('/vod/segment.ts'))
    expect(segment?.target).toMatch(/^\/vod\/segment\.ts\?CMCD=[^&]*&hdntl=session-1$/)
    // It is the CMCD controller that writes the query of the playlist anew, before the plugin sees it.
    const level = seen.find(({ target }) => target.startsWith('/vod/video.m3u8'))
    expect(level?.target).toMatch(/^\/vod\/video\.m3u8\?v=[^&]*&CMCD=[^&]*&hdntl=session-1$/)
    expect(refusedErrors(errors)).toEqual([])
  })

  it('in headers stands beside a token in a header', async () => {
    const { errors } = play(
      '?hdnts=access',
      { transport: 'header' },
      { cmcd: { ...cmcd, useHeaders: true } },
    )
    await allAsked()
    const segment = seen.find(({ target }) => target === '/vod/segment.ts')
    expect(segment?.headers).toMatchObject({
      hdntl: 'session-1',
      'cmcd-session': expect.stringContaining('sid="x"'),
    })
    expect(refusedErrors(errors)).toEqual([])
  })
})
