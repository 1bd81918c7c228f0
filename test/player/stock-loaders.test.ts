import './browser-globals.ts'
import type { IncomingHttpHeaders } from 'node:http'
import type { HlsConfig, Loader, LoaderCallbacks, LoaderContext } from 'hls.js'
import { FetchLoader, XhrLoader } from 'hls.js'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { withSession } from '../../player/hls.ts'
import { createSession } from '../../player/session.ts'
import type { Session, SessionOptions } from '../../player/types.ts'
import { formatPlaygateSession } from '../../shared/playgate-session.ts'
import { type LoopbackServer, listenOnLoopback } from '../stage/loopback.ts'
import { FakeXhr } from './fake-xhr.ts'
import { configuration, requestOf } from './requests.ts'

type LoaderClass = HlsConfig['loader']

const stock: readonly (readonly [string, LoaderClass])[] = [
  ['XhrLoader', XhrLoader as LoaderClass],
  ['FetchLoader', FetchLoader as unknown as LoaderClass],
]

interface Seen {
  readonly target: string
  readonly headers: IncomingHttpHeaders
}

let server: LoopbackServer
let seen: Seen[] = []
let valid = 'session-1'

beforeAll(async () => {
  vi.stubGlobal('XMLHttpRequest', FakeXhr)
  server = await listenOnLoopback(({ url: target = '', headers }, response) => {
    seen.push({ target, headers })
    const { pathname, searchParams } = new URL(target, 'http://gate.test')
    if (pathname === '/never') return
    if (pathname === '/missing') response.writeHead(404).end('gone')
    else if (pathname === '/moved')
      response
        .writeHead(302, { location: `/vod/x?hdntl=${searchParams.get('hdntl')}&edge=7` })
        .end()
    else if (pathname === '/open') {
      const opened = { token: 'session-1', parameter: 'hdntl', expiresInSeconds: 60 }
      response.setHeader('Playgate-Session', formatPlaygateSession(opened))
      response.end('#EXTM3U')
    } else if (
      pathname === '/vod/x' &&
      ![searchParams.get('hdntl'), headers.hdntl].includes(valid)
    ) {
      response.writeHead(403, { 'content-type': 'application/problem+json' })
      response.end(
        JSON.stringify({ reason: 'token-expired', renew: searchParams.get('final') === null }),
      )
    } else {
      response.writeHead(200, { age: '4', 'content-type': 'text/plain' }).end('{"body":1}')
    }
  })
})

afterAll(async () => {
  await server.close()
  vi.unstubAllGlobals()
})

beforeEach(() => {
  seen = []
  valid = 'session-1'
})

const sessions: Session[] = []

afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy()
})

function wrap(
  Base: LoaderClass,
  options: SessionOptions = {},
): { Loader: LoaderClass; session: Session } {
  const session = createSession({ origins: [server.origin], timeoutMs: 500, ...options })
  sessions.push(session)
  const { loader } = withSession({ DefaultConfig: { loader: Base } as HlsConfig }, session)
  if (loader === undefined) throw new Error('no loader')
  return { Loader: loader, session }
}

interface Word {
  readonly word: string
  readonly args: readonly unknown[]
}

/** Loads, and resolves with the first final word and all that was said until then. */
function load(
  loader: Loader<LoaderContext>,
  context: LoaderContext,
  maxMs?: number,
): Promise<Word[]> {
  return new Promise((resolve) => {
    const words: Word[] = []
    const say =
      (word: string) =>
      (...args: unknown[]) => {
        words.push({ word, args })
        if (word !== 'progress') resolve(words)
      }
    const callbacks = {
      onSuccess: say('success'),
      onError: say('error'),
      onTimeout: say('timeout'),
      onAbort: say('abort'),
      onProgress: say('progress'),
    }
    loader.load(context, configuration(maxMs), callbacks as LoaderCallbacks<LoaderContext>)
  })
}

const at = (path: string, responseType = 'text') =>
  requestOf('level', server.origin + path, responseType)
const config = {} as HlsConfig

describe.each(stock)('around %s of hls.js', (_, Base) => {
  it.each([
    ['text', '/vod/y', undefined],
    ['arraybuffer', '/vod/y', undefined],
    ['json', '/vod/y', undefined],
    ['text', '/missing', undefined],
    ['text', '/never', 30],
  ])('says the same as without a session (%s, %s)', async (responseType, path, maxMs) => {
    const context = at(path, responseType)
    const plain = new Base(config)
    const ours = new (wrap(Base).Loader)(config)
    const [expected, heard] = await Promise.all([
      load(plain, context, maxMs),
      load(ours, context, maxMs),
    ])
    const shape = ({ word, args }: Word) => [
      word,
      args.map((arg) => (arg === context ? 'context' : typeof arg)),
    ]
    expect(heard.map(shape)).toEqual(expected.map(shape))
    if (expected.at(-1)?.word === 'success') {
      expect(heard.at(-1)?.args[0]).toEqual(expected.at(-1)?.args[0])
    }
    expect(ours.context).toBe(context)
    expect(ours.getCacheAge?.()).toBe(plain.getCacheAge?.())
    expect(ours.getResponseHeader?.('age')).toBe(plain.getResponseHeader?.('age'))
    const { loading, ...counts } = ours.stats
    const { loading: __, ...plainCounts } = plain.stats
    expect({ ...counts, bwEstimate: 0 }).toEqual({ ...plainCounts, bwEstimate: 0 })
    expect(loading.start).toBeGreaterThan(0)
  })

  it('answers an abort while the request is on its way', async () => {
    const loader = new (wrap(Base).Loader)(config)
    const coming = load(loader, at('/never'))
    loader.abort()
    const [said] = await coming
    expect(said?.word).toBe('abort')
    expect(loader.stats.aborted).toBe(true)
  })

  it('is silent after destroy', async () => {
    const { Loader } = wrap(Base)
    const loader = new Loader(config)
    const said = vi.fn()
    load(loader, at('/vod/y')).then(said)
    loader.destroy()
    await load(new Loader(config), at('/vod/y'))
    expect(said).not.toHaveBeenCalled()
  })

  it('learns the session token, and strips it from URLs wherever a redirect led', async () => {
    const { Loader } = wrap(Base)
    await load(new Loader(config), at('/open?hdnts=access'))
    const words = await load(new Loader(config), at('/moved?hdnts=access&a=~=/*'))
    expect(seen.map(({ target }) => target)).toEqual([
      '/open?hdnts=access',
      '/moved?a=~=/*&hdntl=session-1',
      '/vod/x?hdntl=session-1&edge=7',
    ])
    expect(words.at(-1)?.args[0]).toMatchObject({ url: `${server.origin}/vod/x?edge=7` })
  })

  it.each(['query', 'header'] as const)('recovers from a refusal (%s)', async (transport) => {
    valid = 'fresh'
    const tokens = ['stale', 'fresh']
    const getToken = async () => ({ token: tokens.shift() ?? 'none', parameter: 'hdntl' })
    const { Loader } = wrap(Base, { getToken, transport })
    const loader = new Loader(config)
    const { stats } = loader
    const context = { ...at('/vod/x', 'arraybuffer'), rangeStart: 2, rangeEnd: 5 }
    const words = await load(loader, context)
    expect(words.at(-1)?.word).toBe('success')
    expect(words.at(-1)?.args[2]).toBe(context)
    expect(seen).toHaveLength(2)
    expect(seen.map(({ headers }) => headers.range)).toEqual(['bytes=2-4', 'bytes=2-4'])
    expect(loader.stats).toBe(stats)
    expect(stats).toMatchObject({ aborted: false, retry: 0, loaded: 10, total: 10 })
    expect(loader.getCacheAge?.()).toBe(4)
  })

  it('recovers once only, and the refusal is passed on as it was', async () => {
    const getToken = vi.fn(async () => ({ token: 'stale', parameter: 'hdntl' }))
    const { Loader, session } = wrap(Base, { getToken })
    const words = await load(new Loader(config), at('/vod/x'))
    expect(words).toHaveLength(1)
    expect(words[0]?.args[0]).toMatchObject({ code: 403, text: 'Forbidden' })
    expect(words[0]?.args[2]).toMatchObject({ status: 403 })
    expect(seen).toHaveLength(2)
    expect(getToken).toHaveBeenCalledTimes(2)
    expect(session.state).toBe('denied')
  })

  it.each(['text', 'arraybuffer'])(
    'reads in the refusal that a renewal would not help (%s)',
    async (responseType) => {
      const getToken = vi.fn(async () => ({ token: 'stale', parameter: 'hdntl' }))
      const { Loader, session } = wrap(Base, { getToken })
      await load(new Loader(config), at('/vod/x?final', responseType))
      expect(getToken).toHaveBeenCalledOnce()
      expect(session.state).toBe('denied')
    },
  )
})
