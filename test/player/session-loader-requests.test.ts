import type { HlsConfig } from 'hls.js'
import { describe, expect, it, vi } from 'vitest'
import { withSession } from '../../player/hls.ts'
import { createSession } from '../../player/session.ts'
import { formatPlaygateSession } from '../../shared/playgate-session.ts'
import { holdClock, issue, last, play, settled } from './playing.ts'
import { manifestRequest, origin, requestKinds, requestOf } from './requests.ts'
import { scriptLoaders } from './scripted-loader.ts'

holdClock()

describe('each kind of request', () => {
  it.each(requestKinds)('%s carries the token', async (kind, responseType) => {
    const { made, ask, open } = play()
    open()
    const { context } = ask(requestOf(kind, `${origin}/vod/x?_HLS_msn=3&a=~=/*`, responseType))
    expect(last(made).url).toBe(`${origin}/vod/x?_HLS_msn=3&a=~=/*&hdntl=session-1`)
    expect(context.url).toBe(`${origin}/vod/x?_HLS_msn=3&a=~=/*`)
  })

  it.each(requestKinds)(
    '%s is recovered from a refusal without a word to hls.js',
    async (kind, responseType) => {
      const { made, ask, names } = play({ getToken: issue(), origins: [origin] })
      const { heard, onSuccess, context } = ask(requestOf(kind, `${origin}/vod/x`, responseType))
      await settled()
      expect(last(made).url).toBe(`${origin}/vod/x?hdnts=token-1`)
      last(made).fail(403)
      await settled()
      expect(made).toHaveLength(2)
      expect(last(made).url).toBe(`${origin}/vod/x?hdnts=token-2`)
      last(made).succeed()
      await settled()
      expect(heard).toEqual(['success'])
      expect(onSuccess.mock.calls[0]?.[2]).toBe(context)
      expect(names()).toEqual([
        'held',
        'renewing',
        'renewed',
        'rejected',
        'renewing',
        'renewed',
        'recovered',
      ])
    },
  )

  it('goes out in the same tick when there is a token', () => {
    const { made, ask, open } = play()
    open()
    ask()
    expect(made).toHaveLength(2)
    expect(last(made).url).toBe(`${origin}/vod/film/s1.m4s?hdntl=session-1`)
  })
})

describe('where tokens go', () => {
  const foreign = [
    'https://ads.test/vod/x',
    'http://video.test/vod/x',
    'https://video.test:8443/vod/x',
    'https://video.test./vod/x',
    'https://video.test.evil.test/x',
    'https://video.test@evil.test/x',
    'https:\\\\evil.test\\x',
    'data:application/vnd.apple.mpegurl,%23EXTM3U',
    'blob:https://video.test/7d0e',
    'skd://video.test/key',
    'not a URL',
  ]

  it.each(foreign)('not to %s', async (url) => {
    for (const transport of ['query', 'header', 'path', 'cookie'] as const) {
      const { made, ask } = play({ getToken: issue(), origins: [origin], transport })
      ask()
      await settled()
      last(made).succeed()
      const { context, heard } = ask(requestOf('key', url))
      expect(last(made).context).toBe(context)
      last(made).fail(403)
      expect(heard).toEqual(['error'])
    }
  })

  it.each([
    'https://video.test/x',
    'HTTPS://VIDEO.TEST/x',
    'https://video.test:443/x',
    'https://cdn.test:8443/x',
  ])('but to %s', async (url) => {
    const { made, ask } = play({
      getToken: issue(),
      origins: ['https://video.test', 'https://cdn.test:8443/'],
    })
    ask(requestOf('key', url))
    await settled()
    expect(last(made).url).toMatch(/\/x\?hdnts=token-1$/)
  })

  it('to the origin of the first source, when the page named none', async () => {
    const { made, ask } = play({ getToken: issue() })
    ask(requestOf('level', 'https://video.test/early'))
    expect(last(made).url).toBe('https://video.test/early')
    ask(manifestRequest())
    await settled()
    ask(manifestRequest('https://ads.test/asset.m3u8'))
    expect(last(made).url).toBe('https://ads.test/asset.m3u8')
    ask()
    expect(last(made).url).toBe(`${origin}/vod/film/s1.m4s?hdnts=token-1`)
  })

  it.each(['data:application/vnd.apple.mpegurl,%23EXTM3U', 'blob:https://video.test/7d0e'])(
    'nowhere, when the source is %s',
    async (source) => {
      const { made, ask } = play({ getToken: issue() })
      ask(manifestRequest(source))
      ask(manifestRequest())
      ask()
      await settled()
      expect(made.map(({ url }) => url)).toEqual([source, manifestRequest().url, requestOf().url])
    },
  )

  it('is judged by where the answer came from, too', async () => {
    const { made, ask, session } = play({ origins: [origin] })
    const { onSuccess } = ask(manifestRequest())
    const header = formatPlaygateSession({ token: 'planted', parameter: 'hdntl' })
    last(made).succeed({ url: 'https://evil.test/x?hdntl=1' }, { 'Playgate-Session': header })
    expect(session.expiresIn).toBeNull()
    expect(onSuccess.mock.calls[0]?.[0]).toMatchObject({ url: 'https://evil.test/x?hdntl=1' })
  })
})

describe('the URL of a playlist', () => {
  it('is told to hls.js without our token, wherever a redirect led', async () => {
    const { made, ask, open } = play()
    open()
    const { onSuccess } = ask(manifestRequest())
    last(made).succeed({ url: `${origin}/cdn/index.m3u8?hdntl=session-1&edge=7~=` })
    expect(onSuccess.mock.calls[0]?.[0]).toMatchObject({ url: `${origin}/cdn/index.m3u8?edge=7~=` })
  })

  it('keeps the token when the page wants that', async () => {
    const { made, ask, open } = play({ keepTokenInResponseUrl: true })
    open()
    const { onSuccess } = ask(manifestRequest())
    last(made).succeed()
    expect(onSuccess.mock.calls[0]?.[0]).toMatchObject({
      url: `${manifestRequest().url}?hdntl=session-1`,
    })
  })

  it('stays as it is as long as the plugin has put nothing in', async () => {
    const { made, ask } = play()
    const { onSuccess } = ask(manifestRequest(`${origin}/a.m3u8?hdnts=access`))
    last(made).succeed()
    expect(onSuccess.mock.calls[0]?.[0]).toMatchObject({ url: `${origin}/a.m3u8?hdnts=access` })
  })

  it('may be missing, as some loaders of pages leave it', () => {
    vi.stubGlobal('document', { baseURI: `${origin}/watch` })
    const { made, ask, open } = play()
    open()
    const { onSuccess } = ask(manifestRequest())
    last(made).succeed({ url: undefined as unknown as string })
    expect(onSuccess.mock.calls[0]?.[0]).toHaveProperty('url', undefined)
    vi.unstubAllGlobals()
  })
})

describe('the other transports', () => {
  it('header: the token is a header beside those of others', async () => {
    const { made, ask } = play({ getToken: issue(), transport: 'header' })
    ask({ ...manifestRequest(), headers: { 'CMCD-Session': 'sid="x"' } })
    await settled()
    expect(last(made).url).toBe(manifestRequest().url)
    expect(last(made).headers).toEqual({ 'CMCD-Session': 'sid="x"', hdnts: 'token-1' })
  })

  it('path: the session token stands in front, and hls.js never sees it', async () => {
    const { made, ask, open } = play({ transport: 'path' })
    open()
    const { onSuccess } = ask(manifestRequest())
    expect(last(made).url).toBe(`${origin}/hdntl=session-1/vod/film/index.m3u8`)
    last(made).succeed()
    expect(onSuccess.mock.calls[0]?.[0]).toMatchObject({ url: manifestRequest().url })
    ask(requestOf('media-fragment', `${origin}/hdntl=session-1/vod/film/s1.m4s`))
    expect(last(made).url).toBe(`${origin}/hdntl=session-1/vod/film/s1.m4s`)
  })

  it('cookie: own requests are made with credentials, others are not, and the setups of the page still count', async () => {
    const { made, Base } = scriptLoaders()
    const setUp = vi.fn()
    const session = createSession({ transport: 'cookie', origins: [origin] })
    const config = withSession({ DefaultConfig: { loader: Base } as HlsConfig }, session, {
      xhrSetup: setUp,
    })
    const playerConfig = { ...config, debug: true } as HlsConfig
    if (config.loader) new config.loader(playerConfig)
    const inner = last(made).config
    expect(inner.debug).toBe(true)
    playerConfig.debug = false
    expect(inner.debug).toBe(false)

    const own = { withCredentials: false } as XMLHttpRequest
    const other = { withCredentials: false } as XMLHttpRequest
    const self = {} as never
    inner.xhrSetup?.call(self, own, `${origin}/x`, requestOf())
    inner.xhrSetup?.call(self, other, 'https://ads.test/x', requestOf())
    expect([own.withCredentials, other.withCredentials]).toEqual([true, false])
    expect(setUp.mock.contexts).toEqual([self, self])
    expect(setUp.mock.calls[0]).toEqual([own, `${origin}/x`, requestOf()])

    const ownRequest = await inner.fetchSetup?.(requestOf(), { credentials: 'same-origin' })
    const otherRequest = await inner.fetchSetup?.(requestOf('key', 'https://ads.test/x'), {
      credentials: 'same-origin',
    })
    expect([ownRequest?.credentials, otherRequest?.credentials]).toEqual(['include', 'same-origin'])

    playerConfig.fetchSetup = vi.fn((context, init) => new Request(`${context.url}?mine`, init))
    const mine = await inner.fetchSetup?.(requestOf(), { credentials: 'same-origin' })
    expect([mine?.url, mine?.credentials]).toEqual([`${requestOf().url}?mine`, 'include'])
  })

  it('cookie: no token of a session is in any URL', () => {
    const { made, ask, open } = play({ transport: 'cookie' })
    open()
    ask(requestOf('level', `${origin}/vod/film/v.m3u8?hdnts=access`))
    expect(last(made).url).toBe(`${origin}/vod/film/v.m3u8`)
  })
})
