import { describe, expect, it } from 'vitest'
import { ectoken } from '../../../server/token/index.ts'
import { type StageOptions, sessionTokenOf, startGate } from '../../stage/start-gate.ts'

const phrase = 'a pass phrase that nobody guesses, 7 times over'
const backup = 'the pass phrase of last year, 7 times over as well'
const playlist = '/vod/film/index.m3u8'
const segment = '/vod/film/low/1.m4s'

const keys = { portal: { primary: phrase, transition: backup } }

function startEctoken({ access, configuration, ...rest }: StageOptions = {}) {
  return startGate({
    ...rest,
    access: { format: 'ectoken', key: 'portal', ...access },
    configuration: { keys, ...configuration },
  })
}

type Params = Parameters<typeof ectoken.seal>[0]
const seal = (params: Params, key = phrase) => ectoken.seal(params, { key })
const film = { ec_url_allow: '/vod/film/' }

describe('an ectoken opens a session', () => {
  it('as the bare query string, and its session plays on without it', async () => {
    const stage = await startEctoken()
    const opened = await stage.ask(`${playlist}?${seal(film)}`)
    expect(opened.status).toBe(200)
    expect(opened.text).toContain('low/index.m3u8?hdntl=')
    const token = sessionTokenOf(opened)
    expect((await stage.ask(`${segment}?hdntl=${token}`)).text).toBe('segment one')
    expect(stage.origin.requests.every(({ path }) => !path.includes('?'))).toBe(true)
  })

  it.each(['primary', 'backup'])('of the %s key', async (which) => {
    const stage = await startEctoken()
    const token = seal(film, which === 'primary' ? phrase : backup)
    expect((await stage.ask(`${playlist}?${token}`)).status).toBe(200)
    stage.gate.reload({
      keys: { portal: { primary: backup } },
      rules: [
        {
          match: { paths: ['/vod/*'] },
          stripPrefix: '/vod',
          origin: stage.origin.url,
          access: { format: 'ectoken', key: 'portal' },
        },
      ],
    })
    const again = await stage.ask(`${playlist}?${token}`)
    expect(again.status).toBe(which === 'primary' ? 403 : 200)
  })

  it('under a parameter of its own, where a bare one is none', async () => {
    const stage = await startEctoken({ access: { parameter: 'ticket' } })
    const token = seal(film)
    expect((await stage.ask(`${playlist}?a=1&ticket=${token}`)).status).toBe(200)
    expect((await stage.ask(playlist, { headers: { ticket: token } })).status).toBe(200)
    expect((await stage.ask(playlist, { headers: { Cookie: `ticket=${token}` } })).status).toBe(200)
    expect((await stage.ask(`${playlist}?${token}`)).problem.reason).toBe('token-missing')
  })

  it.each([
    ['beside other parameters', (token: string) => `a=1&${token}&b=2`],
    ['with the = that some HTTP stacks add', (token: string) => `${token}=`],
    ['twice the same', (token: string) => `${token}&${token}`],
    ['before another bare part', (token: string) => `${token}&v2`],
  ])('bare: %s', async (_what, query) => {
    const stage = await startEctoken()
    expect((await stage.ask(`${playlist}?${query(seal(film))}`)).status).toBe(200)
    expect(stage.origin.requests[0]?.path).not.toContain(seal(film).slice(0, 4))
  })

  it('not when two different ones stand bare: nobody knows which is meant', async () => {
    const stage = await startEctoken()
    const [one, other] = [seal(film), seal(film)]
    for (const query of [`${one}&${other}`, `${one}=&${other}`, `${one}&a=1&${other}=`]) {
      const answer = await stage.ask(`${playlist}?${query}`)
      expect([answer.status, answer.problem.reason]).toEqual([400, 'bad-request'])
    }
    expect(stage.origin.requests).toEqual([])
  })

  it('is given to the first rule that takes it, whatever the order of its formats', async () => {
    const edgeauth = { format: 'edgeauth' as const, key: 'vod' }
    const stage = await startEctoken({
      rule: { access: [edgeauth, { format: 'ectoken', key: 'portal' }] },
      configuration: { keys: { ...keys, vod: { primary: 'ab12cd34ef56'.repeat(4) } } },
    })
    expect((await stage.ask(`${playlist}?${seal(film)}`)).status).toBe(200)
    expect((await stage.ask(`${playlist}?hdnts=${stage.mint()}`)).status).toBe(200)
    // A bare part that keeps caches apart is no token, and hides none.
    expect((await stage.ask(`${playlist}?v2&hdnts=${stage.mint()}`)).status).toBe(200)
  })
})

/** Demands, the request that meets them, and one that does not. */
type Asked = { path?: string; headers?: Record<string, string> }
const restrictions: [Params, Asked, Asked][] = [
  [film, {}, { path: '/vod/other/index.m3u8' }],
  [
    { ec_ref_allow: 'www.example.com/watch' },
    from('www.example.com/watch/7'),
    from('www.example.com/'),
  ],
  [{ ec_ref_allow: '*.example.com' }, from('a.example.com'), from('example.com')],
  [{ ec_ref_allow: 'missing' }, {}, from('example.com')],
  [{ ec_ref_deny: 'evil.example' }, from('good.example'), from('evil.example')],
  [{ ec_host_allow: 'video.example.com' }, to('video.example.com'), to('example.com')],
  [{ ec_host_deny: '*.evil.example' }, to('evil.example'), to('a.evil.example')],
  [{ ec_proto_allow: 'https' }, over('https'), over('http')],
  [{ ec_proto_deny: 'http' }, over('https'), over('http')],
  [{ ec_clientip: '198.51.100.0/24' }, by('198.51.100.9'), by('198.51.101.9')],
  [{ ec_clientip: '2001:db8::/32' }, by('2001:db8:0:0::7'), by('2001:db9::7')],
  [{ ec_country_deny: 'US', ec_url_allow: '/vod/film/' }, {}, { path: '/vod/other/index.m3u8' }],
]

function from(page: string): Asked {
  return { headers: { Referer: `https://${page}` } }
}
function to(host: string): Asked {
  return { headers: { 'X-Forwarded-Host': host } }
}
function over(scheme: string): Asked {
  return { headers: { 'X-Forwarded-Proto': scheme } }
}
function by(address: string): Asked {
  return { headers: { 'X-Forwarded-For': address } }
}

describe('what an ectoken demands', () => {
  const geoip = { header: 'CF-IPCountry' }
  const knowingCountries = { configuration: { trustedProxies: ['127.0.0.1'], geoip } }

  it.each(restrictions)(
    '%j is asked of the token, and of each request of its session',
    async (params, good, bad) => {
      const stage = await startEctoken(knowingCountries)
      const token = seal(params)
      const ask = ({ path = playlist, headers = {} }: Asked, query: string) =>
        stage.ask(`${path}?${query}`, { headers })
      expect((await ask(bad, token)).problem.reason).toBe('token-refused')
      const opened = await ask(good, token)
      expect(opened.status).toBe(200)
      const session = `hdntl=${sessionTokenOf(opened)}`
      expect((await ask({ ...good, path: segment }, session)).status).toBe(200)
      const path = bad.path ?? segment
      expect((await ask({ ...bad, path }, session)).problem.reason).toBe('token-refused')
    },
  )

  it('a deny list counts only where there is no allow list', async () => {
    const stage = await startEctoken()
    const token = seal({ ec_ref_allow: 'a.example', ec_ref_deny: 'a.example' })
    const answer = await stage.ask(`${playlist}?${token}`, from('a.example'))
    expect(answer.status).toBe(200)
  })

  it('a country that is not known: allowed to nobody, denied to nobody unless the rule says so', async () => {
    const status = async (params: Params, access = {}) => {
      const stage = await startEctoken({ access, ...knowingCountries })
      return (await stage.ask(`${playlist}?${seal(params)}`)).status
    }
    expect(await status({ ec_country_allow: 'DE' })).toBe(403)
    expect(await status({ ec_country_deny: 'DE' })).toBe(200)
    expect(await status({ ec_country_deny: 'DE' }, { denyUnknownCountry: true })).toBe(403)
  })

  it.each([
    ['no geoip', {}],
    ['a header of proxies that there are not', { geoip: { header: 'CF-IPCountry' } }],
  ])('countries are met by nobody where there is %s', async (_what, configuration) => {
    const stage = await startEctoken({ configuration })
    const from = { headers: { 'CF-IPCountry': 'CH' } }
    for (const params of [{ ec_country_deny: 'US' }, { ec_country_allow: 'CH' }]) {
      const answer = await stage.ask(`${playlist}?${seal(params)}`, from)
      expect(answer.problem.reason).toBe('token-refused')
      expect(stage.log.at(-1)).toContain('geoip is missing')
    }
    expect(stage.origin.requests).toEqual([])
  })

  it('countries stop a session when geoip goes away', async () => {
    const stage = await startEctoken(knowingCountries)
    const opened = await stage.ask(`${playlist}?${seal({ ec_country_deny: 'US' })}`)
    const link = `${segment}?hdntl=${sessionTokenOf(opened)}`
    expect((await stage.ask(link)).status).toBe(200)
    const reload = (more: object) =>
      stage.gate.reload({
        keys,
        ...more,
        rules: [
          {
            match: { paths: ['/vod/*'] },
            stripPrefix: '/vod',
            origin: stage.origin.url,
            access: { format: 'ectoken', key: 'portal' },
            session: {},
          },
        ],
      })
    reload(knowingCountries.configuration)
    expect((await stage.ask(link)).status).toBe(200)
    reload({})
    expect((await stage.ask(link)).problem.reason).toBe('token-refused')
    expect(stage.log.at(-1)).toContain('of its access token: ec_country_allow or ec_country_deny')
  })

  it.each([
    ['a country that there is not', 'ec_url_allow=/vod/&ec_country_deny=UK'],
    ['an unknown name', 'ec_url_allow=/vod/&ec-proto-deny=http'],
    ['a name twice', 'ec_url_allow=/vod/&ec_url_allow=/'],
    ['an end that is none', 'ec_expire=soon&ec_url_allow=/'],
    ['an end in milliseconds', 'ec_expire=1767225600000&ec_url_allow=/'],
    ['an empty value', 'ec_url_allow='],
    ['nothing but the filler of older versions', 'ec_secure=1'],
  ])('%s is met by nobody', async (_what, text) => {
    const stage = await startEctoken(knowingCountries)
    const answer = await stage.ask(`${playlist}?${ectoken.seal(text, { key: phrase })}`)
    expect(answer.problem.reason).toBe('token-refused')
    expect(stage.origin.requests).toEqual([])
  })

  it('nothing at all is enough only where the rule takes that', async () => {
    const token = ectoken.seal('ec_secure=1', { key: phrase })
    const stage = await startEctoken({ access: { allowUnrestricted: true } })
    expect((await stage.ask(`${playlist}?${token}`)).status).toBe(200)
  })

  it('its end counts to the second, and is told as such', async () => {
    const stage = await startEctoken()
    const token = seal({ ec_expire: stage.clock.nowSeconds() + 60 })
    stage.clock.advance(60_000)
    expect((await stage.ask(`${playlist}?${token}`)).status).toBe(200)
    stage.clock.advance(1000)
    expect((await stage.ask(`${playlist}?${token}`)).problem.reason).toBe('token-expired')
  })

  it('a life beyond the maximum of the rule is refused, and so is one without an end', async () => {
    const stage = await startEctoken({ access: { maxLifetimeSeconds: 600 } })
    const now = stage.clock.nowSeconds()
    const status = async (params: Params) => (await stage.ask(`${playlist}?${seal(params)}`)).status
    expect(await status({ ec_expire: now + 600 })).toBe(200)
    expect(await status({ ec_expire: now + 601 })).toBe(403)
    expect(await status(film)).toBe(403)
  })
})

describe('the case of URLs', () => {
  const loud = '/VOD/Film/Index.m3u8'
  const stageWith = (ignoreCase: boolean) =>
    startEctoken({
      access: { ignoreCase },
      rule: { match: { paths: ['/vod/*', '/VOD/*'] }, stripPrefix: '' },
      routes: { [loud]: (_request, response) => void response.end('#EXTM3U\n#EXTINF:4,\n1.ts\n') },
    })

  it('counts by default', async () => {
    const stage = await stageWith(false)
    expect((await stage.ask(`${loud}?${seal(film)}`)).status).toBe(403)
  })

  it('does not count for paths and pages where the rule says so, nor in the session', async () => {
    const stage = await stageWith(true)
    const token = seal({ ...film, ec_ref_allow: 'a.example/Watch' })
    const page = from('a.example/wATCH/1')
    const opened = await stage.ask(`${loud}?${token}`, page)
    expect(opened.status).toBe(200)
    const session = sessionTokenOf(opened)
    // Let in by the gate, and not there at the origin.
    expect((await stage.ask(`/VOD/Film/1.ts?hdntl=${session}`, page)).status).toBe(404)
    expect((await stage.ask(`/VOD/Film/1.ts?hdntl=${session}`)).status).toBe(403)
  })
})
