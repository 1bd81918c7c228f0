import type { HlsConfig } from 'hls.js'
import { describe, expect, it } from 'vitest'
import { withSession } from '../../player/hls.ts'
import { createSession } from '../../player/session.ts'
import { holdClock, issue, last, play, settled } from './playing.ts'
import { manifestRequest, origin, requestOf } from './requests.ts'
import { scriptLoaders } from './scripted-loader.ts'

holdClock()

describe('withSession', () => {
  it('puts itself around the loader of the page and keeps all else', () => {
    const page = scriptLoaders()
    const stock = scriptLoaders()
    const given = { loader: page.Base, debug: true, maxBufferLength: 5 }
    const config = withSession(
      { DefaultConfig: { loader: stock.Base } as HlsConfig },
      createSession(),
      given,
    )
    expect(config).toEqual({ ...given, loader: config.loader })
    expect(given.loader).toBe(page.Base)
    if (config.loader) new config.loader({} as HlsConfig)
    expect([page.made.length, stock.made.length]).toEqual([1, 0])
  })

  it('may become the default configuration without calling itself', () => {
    const { made, Base } = scriptLoaders()
    const hls = { DefaultConfig: { loader: Base } as HlsConfig }
    hls.DefaultConfig = withSession(hls, createSession(), hls.DefaultConfig) as HlsConfig
    new hls.DefaultConfig.loader(hls.DefaultConfig)
    expect(made).toHaveLength(1)
  })
})

describe('events', () => {
  it('hold no token, in no transport', async () => {
    for (const transport of ['query', 'header', 'path', 'cookie'] as const) {
      const { made, ask, open, told } = play({ getToken: issue(), origins: [origin], transport })
      ask(manifestRequest(`${origin}/hdnts=token-1/vod/film/index.m3u8?hdnts=token-0`))
      await settled()
      last(made).fail(403)
      await settled()
      last(made).succeed({}, { 'Playgate-Session': 'token="token-9", parameter="hdntl"' })
      open()
      ask(requestOf('level', `${origin}/hdntl=token-9/vod/film/v.m3u8?x=token-8`, 'text'))
      await settled()
      last(made).fail(403, { reason: 'token-9', renew: false })
      await settled()
      expect(told.map(([name]) => name)).toEqual(
        expect.arrayContaining(['held', 'renewing', 'renewed', 'rejected', 'recovered', 'denied']),
      )
      expect(JSON.stringify(told)).not.toMatch(/token-\d/)
    }
  })

  it('tell the kind of request and its plain URL', async () => {
    const { made, ask, told } = play({ getToken: issue(), origins: [origin] })
    ask(requestOf('key', `${origin}/k?x=1#f`))
    await settled()
    last(made).fail(401)
    await settled()
    expect(told).toContainEqual(['held', { type: 'key', url: `${origin}/k`, status: 0 }])
    expect(told).toContainEqual(['rejected', { type: 'key', url: `${origin}/k`, status: 401 }])
  })
})
