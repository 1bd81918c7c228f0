import { describe, expect, it, onTestFinished } from 'vitest'
import { ectoken } from '../../../server/token/index.ts'
import { type FakeOrigin, startFakeOrigin } from '../../stage/fake-origin.ts'
import { type StageOptions, testKey } from '../../stage/start-gate.ts'
import { ask, askerNamed, askers, startAskedGate } from './asking.ts'

const phrase = 'a good pass phrase of some length'
const names = askers.map(({ name }) => name)
const allows = (name: string, { status, body }: { status: number; body: Buffer }): boolean =>
  status < 300 &&
  (!['srs', 'ome'].includes(name) || /"code":0|"allowed":true/.test(body.toString()))

describe('a bare ectoken', () => {
  it.each(names)('is found in what %s sends', async (name) => {
    const stage = await startAskedGate({
      access: { format: 'ectoken', parameter: '', key: 'phrase' },
      configuration: { keys: { phrase: { primary: phrase }, vod: { primary: testKey } } },
    })
    const expires = Math.floor(stage.clock.now() / 1000) + 300
    const token = ectoken.seal(`ec_expire=${expires}&ec_url_allow=/live/show`, { key: phrase })
    // MediaMTX reads the query and writes it anew: a bare name gets an equals sign.
    const rewritten = (bytes: string) =>
      name !== 'mediamtx'
        ? bytes
        : bytes
            .replace(`"query":"${token}"`, `"query":"${token}="`)
            .replace(/(?<=Content-Length: )\d+/, (length) => String(Number(length) + 1))
    const at = (path: string) =>
      ask(stage, askerNamed(name), { target: `${path}?${token}` }, rewritten)
    expect(allows(name, await at('/live/show'))).toBe(true)
    expect(allows(name, await at('/live/other'))).toBe(false)
  })

  // What a server passes on as the country's header may be the viewer's own.
  it.each(names)(
    'that denies countries is refused to %s, where a header would have to tell them',
    async (name) => {
      const stage = await startAskedGate({
        access: { format: 'ectoken', parameter: '', key: 'phrase' },
        configuration: {
          keys: { phrase: { primary: phrase }, vod: { primary: testKey } },
          geoip: { header: 'CF-IPCountry' },
          trustedProxies: ['127.0.0.1'],
        },
      })
      const expires = Math.floor(stage.clock.now() / 1000) + 300
      const asked = (demand: string) => {
        const token = ectoken.seal(`ec_expire=${expires}${demand}`, { key: phrase })
        return ask(stage, askerNamed(name), { target: `/live/show?${token}` })
      }
      expect(allows(name, await asked(''))).toBe(true)
      expect(allows(name, await asked('&ec_country_deny=CH'))).toBe(false)
    },
  )

  describe('as a bearer token or a password of MediaMTX', () => {
    const show = '/live/show'
    async function started() {
      const stage = await startAskedGate({
        access: { format: 'ectoken', parameter: '', key: 'phrase' },
        configuration: { keys: { phrase: { primary: phrase }, vod: { primary: testKey } } },
      })
      const expires = Math.floor(stage.clock.now() / 1000) + 300
      const sealed = (path: string) =>
        ectoken.seal(`ec_expire=${expires}&ec_url_allow=${path}`, { key: phrase })
      const asked = async (token: string, query = '') => {
        const target = query === '' ? show : `${show}?${query}`
        const response = await ask(stage, askerNamed('mediamtx'), { target }, (bytes) => {
          const [head = '', body = ''] = bytes.split('\r\n\r\n')
          const changed = body.replace('"token":""', `"token":${JSON.stringify(token)}`)
          const length = `Content-Length: ${Buffer.byteLength(changed)}`
          return `${head.replace(/Content-Length: \d+/, length)}\r\n\r\n${changed}`
        })
        return response.status
      }
      return { stage, sealed, asked }
    }

    it('is found, whatever else the query holds, and stands in no log', async () => {
      const { stage, sealed, asked } = await started()
      const good = sealed(show)
      for (const query of ['', 'a=1', 'v2=', 'a=1&b=2']) expect(await asked(good, query)).toBe(204)
      expect(await asked(sealed('/live/other'))).toBe(403)
      expect(await asked(good.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')))).toBe(403)
      expect(stage.log.join()).not.toContain(good)
    })

    it('does not stand in for the one in the query', async () => {
      const { sealed, asked } = await started()
      expect(await asked(sealed(show), `${sealed('/live/other')}=`)).toBe(403)
      expect(await asked(sealed('/live/other'), `${sealed(show)}=`)).toBe(204)
    })

    it.each(['', 'x', 'a&b=c', 'a#b', '%'])('is none with the text %j', async (text) => {
      const { asked } = await started()
      expect(await asked(text)).toBe(401)
    })
  })
})

describe('a site’s own server', () => {
  async function startSite(
    status: number,
    headers: Record<string, string> = {},
  ): Promise<FakeOrigin> {
    const site = await startFakeOrigin({
      '/auth': (_request, response) => void response.writeHead(status, headers).end(),
    })
    onTestFinished(() => site.close())
    return site
  }
  const startAsking = (site: FakeOrigin, options: StageOptions = {}) =>
    startAskedGate({
      ...options,
      rule: { match: { paths: ['/live/*'] }, stripPrefix: '', remoteAuth: 'site' },
      configuration: { remotes: { site: { url: `${site.url}/auth`, timeoutMs: 500, retries: 0 } } },
    })

  it.each([
    ['sessions', {}],
    ['none', null],
  ] as const)('is asked for every server, with %s in the rule', async (_what, session) => {
    const site = await startSite(403)
    const stage = await startAsking(site, { session })
    const media = names.filter(
      (name) => !['nginx', 'caddy', 'traefik', 'envoy', 'tencent'].includes(name),
    )
    for (const name of session === null ? names : media) {
      const before = site.requests.length
      const target = `/live/show?hdnts=${stage.mint({ path: '/live/show*' })}`
      const response = await ask(stage, askerNamed(name), { target })
      expect([name, allows(name, response)]).toEqual([name, false])
      expect(stage.log.at(-1)).toContain('"reason":"remote-refused"')
      expect(site.requests.length).toBe(before + 1)
    }
  })

  it('may set a limit, which nobody could keep where no session is handed on', async () => {
    const site = await startSite(200, { 'Playgate-Max-Concurrent': '1', 'Playgate-Subject': 'u7' })
    const stage = await startAsking(site, { session: {} })
    const target = `/live/show?hdnts=${stage.mint({ path: '/live/show*' })}`
    const response = await ask(stage, askerNamed('mediamtx'), { target })
    expect(response.status).toBe(403)
    expect(stage.log.at(-1)).toContain('the rule counts streams')
  })
})
