import Koa from 'koa'
import { describe, expect, it } from 'vitest'
import { listen } from '../../server/app.ts'
import { createPlaygate, OptionError } from '../../server/index.ts'
import { deferred } from '../stage/deferred.ts'
import {
  media,
  multivariant,
  otherKey,
  sessionTokenOf,
  startGate,
  testKey,
} from '../stage/start-gate.ts'

const path = '/vod/film/index.m3u8'

describe('createPlaygate in a site’s own Koa app', () => {
  it('serves its rules and leaves the rest to the site', async () => {
    const { origin } = await startGate()
    const gate = createPlaygate({
      keys: { vod: { primary: testKey } },
      rules: [
        {
          match: { paths: ['/film/*'] },
          origin: origin.url,
          access: { format: 'edgeauth', key: 'vod' },
          session: {},
        },
      ],
    })
    const app = new Koa()
    app.use(gate.middleware())
    app.use((ctx) => {
      if (ctx.path === '/fails') ctx.throw(418)
      ctx.body = 'the site'
    })
    const server = await listen(app.callback(), { host: '127.0.0.1', port: 0 })
    const token = gate.mint({ path: '/film/*', ttlSeconds: 60 })
    expect(await (await fetch(`${server.url}/`)).text()).toBe('the site')
    expect((await fetch(`${server.url}/fails`)).status).toBe(418)
    // However the site spells its own paths; not so where a spelling may lead to what a rule protects.
    expect(await (await fetch(`${server.url}/wiki//AC%2fDC`)).text()).toBe('the site')
    expect((await fetch(`${server.url}//film/index.m3u8`)).status).toBe(400)
    expect((await fetch(`${server.url}/film/index.m3u8`)).status).toBe(403)
    const played = await fetch(`${server.url}/film/index.m3u8?hdnts=${token}`)
    expect(await played.text()).toContain('low/index.m3u8?hdntl=')
    await server.close(0)
    await gate.close()
  })
})

describe('reload', () => {
  const configuration = (url: string, primary: string, transition?: string) => ({
    keys: { vod: { primary, ...(transition && { transition }) } },
    rules: [
      {
        name: 'film',
        match: { paths: ['/vod/*'] },
        stripPrefix: '/vod',
        origin: url,
        access: { format: 'edgeauth' as const, key: 'vod' },
        session: {},
      },
    ],
  })

  it('rotates keys in the middle of a playback without a refusal, and ends tokens of a retired key', async () => {
    const { ask, gate, mint, origin } = await startGate()
    const oldAccess = mint()
    const oldSession = sessionTokenOf(await ask(`${path}?hdnts=${oldAccess}`))
    const segment = `/vod/film/low/1.m4s?hdntl=${oldSession}`

    gate.reload(configuration(origin.url, otherKey, testKey))
    expect((await ask(segment)).status).toBe(200)
    expect((await ask(`${path}?hdnts=${oldAccess}`)).status).toBe(200)
    expect((await ask(`${path}?hdnts=${mint()}`)).status).toBe(200)

    gate.reload(configuration(origin.url, otherKey))
    expect((await ask(segment)).problem.reason).toBe('token-refused')
    expect((await ask(`${path}?hdnts=${oldAccess}`)).problem.reason).toBe('token-refused')
  })

  it('lets a request under way finish with what it began with', async () => {
    const stage = await startGate()
    const { promise: held, resolve: release } = deferred()
    stage.origin.route('/film/index.m3u8', async (_request, response) => {
      await held
      response.setHeader('Content-Type', 'application/vnd.apple.mpegurl').end(multivariant)
    })
    const answer = stage.ask(`${path}?hdnts=${stage.mint()}`)
    await stage.origin.arrival(0)
    stage.gate.reload(configuration(stage.origin.url, otherKey))
    release()
    // The media playlists, which tell the session's length, were asked for after the reload.
    expect((await answer).headers.get('playgate-session')).toContain('expires-in=312')
  })

  it('keeps the old configuration when the new one is bad', async () => {
    const { ask, gate, mint, origin } = await startGate()
    expect(() => gate.reload(configuration(origin.url, 'bad'))).toThrow(OptionError)
    expect((await ask(`${path}?hdnts=${mint()}`)).status).toBe(200)
  })
})

describe('explain', () => {
  it('agrees with what a request gets, for good and bad ones', async () => {
    const { ask, gate, mint } = await startGate()
    const token = mint()
    const opened = await ask(`${path}?hdnts=${token}`)
    const session = sessionTokenOf(opened)
    const targets = [
      path,
      `${path}?hdnts=${token}`,
      `${path}?hdnts=${token}x`,
      `/vod/film/low/1.m4s?hdntl=${session}`,
      `/vod/film/low/1.m4s?hdnts=${token}`,
      '/vod/film;x/index.m3u8',
      `/vod/other/index.m3u8?hdntl=${session}`,
      '/vod//b',
      '/none',
    ]
    for (const target of targets) {
      const headers = { 'user-agent': 'Viewer/1.0' }
      const { answer } = await gate.explain({ url: target, headers })
      const real = await ask(target)
      expect([target, answer.status ?? 200, answer.reason]).toEqual([
        target,
        real.status,
        real.problem.reason ?? null,
      ])
    }
  })
})

it('answers compressed where the client takes gzip', async () => {
  const long =
    multivariant +
    Array.from({ length: 50 }, (_, index) => `#EXT-X-STREAM-INF:BANDWIDTH=1\n${index}.m3u8\n`).join(
      '',
    )
  const { ask, mint } = await startGate({
    routes: {
      '/film/index.m3u8': (_request, response) =>
        void response.setHeader('Content-Type', 'application/vnd.apple.mpegurl').end(long),
    },
  })
  const answer = await ask(`${path}?hdnts=${mint()}`, { headers: { 'Accept-Encoding': 'gzip' } })
  expect(answer.headers.get('content-encoding')).toBe('gzip')
  expect(answer.headers.get('vary')).toContain('Accept-Encoding')
  expect(answer.text.match(/hdntl=/g)).toHaveLength(52)
  expect(media.includes('hdntl')).toBe(false)
})
