import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { judgeOptions } from '../../../server/options/judge-options.ts'
import { exchange, type RawResponse } from '../../stage/raw-socket.ts'
import { docBlock } from '../../stage/read-blocks.ts'
import { type StagedGate, testKey } from '../../stage/start-gate.ts'
import { type Asker, ask, askerNamed, secret, startAskedGate } from './asking.ts'

const page = 'forward-authorization.md'

/** A block of the page, with a secret of this test. */
const block = (info: string): string =>
  docBlock(page, info).replaceAll('REPLACE-WITH-THE-SECRET', secret)

/** Sends what that server sends, to the place that the documentation tells it. */
function askAt(stage: StagedGate, asker: Asker, address: string, target: string) {
  const { pathname, search, host } = new URL(address)
  expect(host).toBe('127.0.0.1:8080')
  return ask(stage, asker, { target, secret: null }, (bytes) =>
    bytes.replace(/^(\w+) \S+/, `$1 ${pathname}${search}`),
  )
}

const film = '/vod/film/index.m3u8'
const startVod = () => startAskedGate({ session: { carrier: ['cookie'] }, rule: {} })

describe('the configurations of Playgate', () => {
  it.each(['playgate.yaml', 'media-servers.yaml'])('%s is a good one', (name) => {
    const environment = { VOD_KEY: testKey, LIVE_KEY: testKey, PLAYGATE_ASKER: secret }
    const text = docBlock(page, `yaml ${name}`).replace('/srv/media', import.meta.dirname)
    const options = judgeOptions(parse(text), { environment, baseDirectory: import.meta.dirname })
    expect(options.authorize?.isSecret(secret)).toBe(true)
  })
})

describe('the secret', () => {
  const text = readFileSync(
    join(import.meta.dirname, '../../../shared/docs/forward-authorization.md'),
    'utf8',
  )
  const blocks = [...text.matchAll(/^```(\S+ \S+)\n(.*?)^```$/gms)].map(([, info = '']) => info)

  it.each(blocks)('stands in %s as its place, or comes from the environment', (info) => {
    const plain = docBlock(page, info).replaceAll('env:PLAYGATE_ASKER', '')
    expect(plain).not.toContain('PLAYGATE_ASKER')
  })

  it('is said to belong where its place stands', () => {
    const [sentence] = text.split('REPLACE-WITH-THE-SECRET')
    expect(sentence).toMatch(/write the secret where `$/)
  })
})

describe('the configuration of Traefik', () => {
  const { middlewares, routers } = parse(block('yaml traefik.yaml')).http
  const { forwardAuth } = middlewares.playgate

  it('asks where it is answered, and passes on the cookie that it is given', async () => {
    const stage = await startVod()
    const asked = (target: string) =>
      askAt(stage, askerNamed('traefik'), forwardAuth.address, target)
    const opened = await asked(`${film}?hdnts=${stage.mint()}`)
    expect(opened.status).toBe(204)
    const name = opened.header('set-cookie')?.split('=')[0]
    expect(forwardAuth.addAuthCookiesToResponse).toContain(name)
    expect(forwardAuth.addAuthCookiesToResponse).toContain(`__Host-${name}`)
    expect((await asked(film)).status).toBe(403)
  })

  it('sends media to GET and HEAD alone, and all else to Playgate', () => {
    expect(routers.media.rule).toBe(
      `${routers.others.rule} && (Method(\`GET\`) || Method(\`HEAD\`))`,
    )
    expect([routers.media.service, routers.others.service]).toEqual(['media', 'playgate'])
    expect(routers.media.priority).toBeGreaterThan(routers.others.priority)
  })

  it('has no media router without the question, and believes no viewer', () => {
    expect(forwardAuth.trustForwardHeader).toBe(false)
    expect(routers.media.middlewares).toEqual(['playgate'])
    expect(routers.playlists.priority).toBeGreaterThan(routers.media.priority)
  })
})

describe('the configuration of Envoy', () => {
  const { http_filters, route_config } = parse(block('yaml envoy.yaml'))
  const [filter, router] = http_filters
  const config = filter.typed_config
  const service = config.http_service

  interface Pattern {
    readonly exact?: string
    readonly prefix?: string
  }
  const lets = (patterns: readonly Pattern[], name: string): boolean =>
    patterns.some(({ exact, prefix }) =>
      exact === undefined ? name.startsWith(prefix ?? '\n') : exact === name,
    )

  /** What Envoy makes of a viewer's request: these headers, the listed ones, and those it adds. */
  function askAsEnvoy(stage: StagedGate, target: string, viewer: Record<string, string>) {
    const always = ['host', 'content-length', 'authorization']
    const passed = Object.entries(viewer).filter(
      ([name]) => always.includes(name) || lets(config.allowed_headers.patterns, name),
    )
    const added = service.authorization_request.headers_to_add as { key: string; value: string }[]
    const lines = [
      `GET ${service.path_prefix}${target} HTTP/1.1`,
      'content-length: 0',
      ...passed.map(([name, value]) => `${name}: ${value}`),
      ...added.map(({ key, value }) => `${key}: ${value}`),
    ]
    return exchange(stage, `${lines.join('\r\n')}\r\n\r\n`)
  }

  const viewer = {
    host: 'video.example.com',
    'user-agent': 'Viewer/1.0',
    'x-forwarded-for': '192.0.2.7',
    'x-forwarded-proto': 'https',
    'x-playback-session-id': '0A1B',
    accept: '*/*',
  }

  it('brings what a session is opened and continued by, and hands its cookie on', async () => {
    const stage = await startVod()
    const opened: RawResponse = await askAsEnvoy(stage, `${film}?hdnts=${stage.mint()}`, viewer)
    expect(opened.status).toBe(200)
    const onSuccess = service.authorization_response.allowed_client_headers_on_success.patterns
    for (const name of ['set-cookie', 'playgate-session', 'access-control-allow-origin']) {
      expect(lets(onSuccess, name)).toBe(true)
    }
    const cookie = opened.header('set-cookie')?.split(';')[0] ?? ''
    const segment = '/vod/film/low/1.m4s'
    expect((await askAsEnvoy(stage, segment, { ...viewer, cookie })).status).toBe(200)
    const thief = { ...viewer, cookie, 'x-playback-session-id': '0A1C' }
    expect((await askAsEnvoy(stage, segment, thief)).status).toBe(403)
    expect((await askAsEnvoy(stage, segment, viewer)).status).toBe(403)
  })

  it('sends media to GET and HEAD alone, never unasked, and all else to Playgate', () => {
    const [media, others, ...further] = route_config.virtual_hosts[0].routes
    expect(further).toEqual([])
    const [{ name, string_match }] = media.match.headers
    expect(name).toBe(':method')
    const isMedia = new RegExp(`^(?:${string_match.safe_regex.regex})$`)
    const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'get', 'GETX', '']
    expect(methods.filter((method) => isMedia.test(method))).toEqual(['GET', 'HEAD'])
    expect(media.route).toEqual({ cluster: 'media' })
    expect(media.typed_per_filter_config).toBeUndefined()
    expect(others).toMatchObject({
      match: { prefix: media.match.prefix },
      route: { cluster: service.server_uri.cluster },
    })
  })

  it('lets nobody in while Playgate is away, and asks before it routes', () => {
    expect(config.failure_mode_allow).toBe(false)
    expect(router.name).toBe('envoy.filters.http.router')
  })
})

describe('the configuration of a media server', () => {
  const addressIn = (text: string): string => /https?:\/\/[^\s;<"]+/.exec(text)?.[0] ?? ''

  it.each([
    ['mediamtx', 'yaml mediamtx.yml', 204],
    ['srs', 'nginx srs.conf', 200],
    ['nginx-rtmp', 'nginx rtmp.conf', 204],
  ])('%s asks where it is answered', async (name, info, status) => {
    const stage = await startAskedGate()
    const target = `/live/show?hdnts=${stage.mint({ path: '/live/show*' })}`
    const address = addressIn(block(info))
    expect((await askAt(stage, askerNamed(name), address, target)).status).toBe(status)
    const guessed = address.replace(secret, 'guess')
    const refused = await askAt(stage, askerNamed(name), guessed, target)
    expect([refused.status, refused.body.toString()]).not.toEqual([
      status,
      expect.stringMatching(/^$|"code":0/),
    ])
  })

  it('ome asks where it is answered, and signs with the secret', async () => {
    const stage = await startAskedGate()
    const xml = block('xml ome.xml')
    expect(new URL(addressIn(xml)).pathname).toBe('/_playgate/authorize/ome')
    expect(xml).toContain(`<SecretKey>${secret}</SecretKey>`)
    const target = `/live/show?hdnts=${stage.mint({ path: '/live/show*' })}`
    const response = await ask(stage, askerNamed('ome'), { target })
    expect(JSON.parse(response.body.toString())).toEqual({ allowed: true })
  })
})
