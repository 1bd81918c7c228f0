import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { type Configuration, createPlaygate, OptionError } from '../../../server/index.ts'
import { sessionTokenOf, startGate, testKey } from '../../stage/start-gate.ts'

const playlist = '/vod/film/index.m3u8'
const segment = '/vod/film/low/1.m4s'
/** CC0; swisscom and a cloud provider have been where they are for long. */
const database = createRequire(import.meta.url).resolve(
  '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb',
)
const swiss = '195.186.1.111'
const german = '194.25.0.60'

type Restrict = Configuration['rules'][number]['restrict']

/** A gate whose every request comes through a proxy that says for whom. */
function startRestricted(restrict: Restrict, configuration: Partial<Configuration> = {}) {
  return startGate({
    rule: { restrict },
    configuration: { trustedProxies: ['127.0.0.1'], ...configuration },
  })
}

const from = (address: string, more: Record<string, string> = {}) => ({
  headers: { 'X-Forwarded-For': address, ...more },
})

describe('restrict.countries', () => {
  const geoip = { database }

  it('lets in from the countries of its list, by database, and refuses everybody else', async () => {
    const stage = await startRestricted({ countries: { allow: ['CH'] } }, { geoip })
    const link = `${playlist}?hdnts=${stage.mint()}`
    expect((await stage.ask(link, from(swiss))).status).toBe(200)
    expect((await stage.ask(link, from(`::ffff:${swiss}`))).status).toBe(200)
    for (const address of [german, '10.0.0.1', '::1']) {
      const refused = await stage.ask(link, from(address))
      expect([address, refused.status, refused.problem]).toEqual([
        address,
        403,
        expect.objectContaining({ reason: 'policy-refused', renew: false }),
      ])
      expect(refused.headers.get('cache-control')).toBe('no-store')
    }
    expect(stage.origin.requests.filter(({ path }) => path.includes('hdnts'))).toEqual([])
  })

  it('is judged under a session as well, wherever its viewer goes', async () => {
    const stage = await startRestricted({ countries: { deny: ['DE'] } }, { geoip })
    const opened = await stage.ask(`${playlist}?hdnts=${stage.mint()}`, from(swiss))
    const link = `${segment}?hdntl=${sessionTokenOf(opened)}`
    expect((await stage.ask(link, from(swiss))).status).toBe(200)
    expect((await stage.ask(link, from(german))).problem.reason).toBe('policy-refused')
  })

  it.each([
    [false, 403],
    [true, 200],
  ])(
    'a deny list with allowUnknown: %s answers %i to whom nobody knows',
    async (allowUnknown, status) => {
      const stage = await startRestricted({ countries: { deny: ['DE'], allowUnknown } }, { geoip })
      const link = `${playlist}?hdnts=${stage.mint()}`
      expect((await stage.ask(link, from('10.0.0.1'))).status).toBe(status)
    },
  )

  it('believes the header of a trusted proxy, and nobody else’s (threat T23)', async () => {
    const restrict = { countries: { allow: ['CH'] } }
    const header = { geoip: { header: 'CF-IPCountry' } }
    const trusting = await startRestricted(restrict, header)
    const link = `${playlist}?hdnts=${trusting.mint()}`
    const says = (country: string) => from('203.0.113.7', { 'CF-IPCountry': country })
    expect((await trusting.ask(link, says('CH'))).status).toBe(200)
    for (const country of ['DE', 'XX', 'T1', '', 'CHE', 'ch,de']) {
      expect([country, (await trusting.ask(link, says(country))).status]).toEqual([country, 403])
    }
    const direct = await startRestricted(restrict, { ...header, trustedProxies: [] })
    const own = `${playlist}?hdnts=${direct.mint()}`
    expect((await direct.ask(own, { headers: { 'CF-IPCountry': 'CH' } })).status).toBe(403)
  })

  it('a header of proxies that there are not stops the start where everybody would pass', () => {
    const geoip = { header: 'CF-IPCountry' }
    const raw = configurationWith({ countries: { deny: ['DE'], allowUnknown: true } })
    expect(messageOf({ ...raw, geoip, trustedProxies: [] })).toContain(
      'rules[0].restrict.countries: would let everybody in',
    )
    expect(messageOf({ ...raw, geoip, trustedProxies: ['10.0.0.1'] })).toBe('taken')
  })

  it.each([
    [{ database: './none.mmdb' }, 'geoip.database'],
    [{ database: import.meta.filename }, 'geoip.database'],
    [undefined, 'rules[0].restrict.countries: needs geoip'],
    [{ header: 'a b' }, 'geoip'],
    [{}, 'geoip'],
    [{ database, header: 'X' }, 'geoip'],
  ])('geoip %j stops the start and names %s', (given, place) => {
    const raw = configurationWith({ countries: { allow: ['CH'] } })
    expect(() =>
      createPlaygate({ ...raw, ...(given && { geoip: given }) } as Configuration),
    ).toThrow(OptionError)
    expect(messageOf({ ...raw, ...(given && { geoip: given }) })).toContain(place)
  })
})

describe('restrict', () => {
  it.each<[Restrict, Record<string, string>, Record<string, string>]>([
    [
      { referrers: { allow: ['site.example', '*.site.example'] } },
      { Referer: 'https://www.site.example/watch' },
      { Referer: 'https://www.site.example.evil.example/' },
    ],
    [{ referrers: { allow: ['site.example'] } }, { Referer: 'https://site.example/' }, {}],
    [{ referrers: { deny: ['evil.example'] } }, {}, { Referer: 'http://evil.example/x' }],
    [
      { hosts: { allow: ['video.example'] } },
      { 'X-Forwarded-Host': 'video.example' },
      { 'X-Forwarded-Host': 'evil.example' },
    ],
    [
      { protocols: { allow: ['https'] } },
      { 'X-Forwarded-Proto': 'https' },
      { 'X-Forwarded-Proto': 'http' },
    ],
    [
      { addresses: { allow: ['203.0.113.0/24', '2001:db8::/32'] } },
      { 'X-Forwarded-For': '::ffff:203.0.113.255' },
      { 'X-Forwarded-For': '203.0.114.0' },
    ],
    [
      { addresses: { allow: ['203.0.113.0/24', '2001:db8::/32'], deny: ['203.0.113.7'] } },
      { 'X-Forwarded-For': '203.0.113.8' },
      // The left-most hop is what the client wrote.
      { 'X-Forwarded-For': '203.0.113.8, 203.0.113.7' },
    ],
  ])('%j lets %j in, and not %j', async (restrict, good, bad) => {
    const stage = await startRestricted(restrict)
    const link = `${playlist}?hdnts=${stage.mint()}`
    expect((await stage.ask(link, { headers: good })).status).toBe(200)
    const refused = await stage.ask(link, { headers: bad })
    expect([refused.status, refused.problem.reason]).toEqual([403, 'policy-refused'])
    expect(refused.headers.get('playgate-session')).toBeNull()
  })

  it('comes after the token: who brings none is told that', async () => {
    const stage = await startRestricted({ hosts: { allow: ['video.example'] } })
    expect((await stage.ask(playlist)).problem.reason).toBe('token-missing')
  })

  it('is asked of a session that is opened without a request for its playlist', async () => {
    const stage = await startRestricted({ hosts: { allow: ['video.example'] } })
    const refused = await stage.ask('/_playgate/session', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ accessToken: stage.mint(), path: playlist }),
    })
    expect([refused.status, refused.problem.reason]).toEqual([403, 'policy-refused'])
  })

  it('lists each check in the explanation, and in the log of mode log', async () => {
    const restrict = {
      hosts: { allow: ['video.example'] },
      protocols: { allow: ['http'] },
    }
    const stage = await startGate({ rule: { restrict, mode: 'log' } })
    const link = `${playlist}?hdnts=${stage.mint()}`
    const { checks, answer } = await stage.gate.explain({ url: `http://other.example${link}` })
    expect(checks.map(({ check, outcome }) => `${outcome} ${check}`)).toEqual([
      'passed request-target',
      'passed rule',
      'skipped session-token',
      'passed access-token edgeauth in query',
      'failed restrict.hosts',
      'passed restrict.protocols',
    ])
    expect(answer.reason).toBe('policy-refused')
    expect((await stage.ask(link)).status).toBe(200)
    const line = stage.log.map((text) => JSON.parse(text)).find((one) => one.wouldRefuse)
    expect(line).toMatchObject({ wouldRefuse: 'policy-refused', outcome: 'open' })
    expect(line.checks.slice(-2)).toEqual(checks.slice(-2))
    expect(JSON.stringify(line)).not.toContain('hmac')
  })

  it.each([
    [{ countries: { allow: ['Switzerland'] } }, 'countries.allow[0]'],
    [{ countries: { allow: ['CH', 'ZZ'] } }, 'countries.allow[1]'],
    [{ addresses: { deny: ['10.0.0.0/33'] } }, 'addresses.deny[0]'],
    [{ addresses: { allow: ['211.37'] } }, 'addresses.allow[0]'],
    [{ addresses: { allow: ['010.0.0.1'] } }, 'addresses.allow[0]'],
    [{ referrers: { allow: ['https://a.example'] } }, 'referrers.allow[0]'],
    [{ hosts: { allow: ['*'] } }, 'hosts.allow[0]'],
    [{ protocols: { allow: ['ftp'] } }, 'protocols.allow[0]'],
    [{ pages: { allow: ['a'] } }, 'pages'],
    [{ hosts: ['a.example'] }, 'hosts'],
  ])('%j stops the start and names %s', (restrict, place) => {
    expect(messageOf(configurationWith(restrict as Restrict))).toContain(
      `rules[0].restrict.${place}`,
    )
  })

  it('does not stand beside open: true', () => {
    const rules = [{ origin: 'http://o.example', open: true, restrict: {} }]
    expect(messageOf({ rules })).toContain('rules[0].restrict')
  })
})

function configurationWith(restrict: Restrict): Configuration {
  return {
    keys: { vod: { primary: testKey } },
    rules: [{ origin: 'http://o.example', access: { format: 'edgeauth', key: 'vod' }, restrict }],
  }
}

function messageOf(configuration: unknown): string {
  try {
    createPlaygate(configuration as Configuration)
    return 'taken'
  } catch (error) {
    return String(error)
  }
}
