import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { createPlaygate, type Explanation } from '../../../server/index.ts'
import { ectoken, timed } from '../../../server/token/index.ts'
import { otherKey, type StagedGate, startGate, testKey } from '../../stage/start-gate.ts'
import { adminToken, askAdmin } from '../admin/ask-admin.ts'

const playlist = '/vod/film/index.m3u8'
const phrase = 'a pass phrase that nobody guesses, 7 times over'

const database = createRequire(import.meta.url).resolve(
  '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb',
)
/** The country of nobody who asks here is known. */
const geoip = { geoip: { database } }

function start(
  session: object | null = {},
  access?: readonly object[],
  more: object = geoip,
): Promise<StagedGate> {
  return startGate({
    session,
    rule: {
      access: (access ?? [
        { format: 'edgeauth', key: 'vod' },
        { format: 'ectoken', key: 'portal' },
        { format: 'timed', key: 'vod' },
        { format: 'managed' },
      ]) as never,
    },
    configuration: {
      admin: { token: adminToken },
      keys: { vod: { primary: testKey }, portal: { primary: phrase } },
      ...more,
    },
  })
}

/** What the library says; the admin API has to say the same, and the request has to be answered so. */
async function explained(
  stage: StagedGate,
  target: string,
  headers: Record<string, string> = {},
): Promise<Explanation> {
  const asked = { url: target, headers: { 'user-agent': 'Viewer/1.0', ...headers } }
  const explanation = await stage.gate.explain(asked)
  const byAdmin = await askAdmin(stage, 'POST', '/explain', asked)
  expect(JSON.parse(byAdmin.text)).toEqual(explanation)
  const real = await stage.ask(target, { headers })
  const { status, reason } = explanation.answer
  expect([target, real.status, real.problem.reason ?? null]).toEqual([
    target,
    status ?? 200,
    reason,
  ])
  return explanation
}

const checksOf = ({ checks }: Explanation) =>
  checks.slice(2).map(({ check, outcome, detail }) => `${outcome} ${check}: ${detail}`)

describe('explain', () => {
  it('names each way in that was tried, in the order of the rule, with what was found', async () => {
    const stage = await start()
    const now = stage.clock.nowSeconds()
    const ec = ectoken.seal({ ec_url_allow: '/vod/other/' }, { key: phrase })
    const revoked = `pgm_${'A'.repeat(43)}`
    const all = await explained(stage, `${playlist}?${ec}&hdnts=exp=1&token=${revoked}`)
    expect(checksOf(all)).toEqual([
      'skipped session-token: none in the request',
      'failed access-token edgeauth in query: malformed',
      'failed access-token ectoken in query: ec_url_allow: does not cover this path',
      'failed access-token timed in query: no timed token by its form',
      'failed access-token managed in query: unknown: never made, revoked, or ended',
    ])
    expect(all.answer).toMatchObject({ outcome: 'refused', reason: 'token-refused', renew: true })
    const good = timed.mint({ lifeSeconds: 60, now, clientIp: '127.0.0.' }, { key: testKey })
    expect(checksOf(await explained(stage, `${playlist}?token=${good}`)).at(-1)).toBe(
      'passed access-token timed in query: good until 2026-01-01T00:01:00.000Z, from 127.0.0., primary key',
    )
  })

  it.each<[string, string, string, Record<string, string>]>([
    ['ec_expire=1767225599', 'token-expired', 'ec_expire: expired', {}],
    [
      'ec_ref_allow=a.example',
      'token-refused',
      'ec_ref_allow or ec_ref_deny: not from this page',
      { Referer: 'https://b.example/' },
    ],
    ['ec_clientip=10.0.0.1', 'token-refused', 'ec_clientip: made for another address', {}],
    [
      'ec_host_allow=a.example',
      'token-refused',
      'ec_host_allow or ec_host_deny: not for this host',
      {},
    ],
    [
      'ec_proto_allow=https',
      'token-refused',
      'ec_proto_allow or ec_proto_deny: not over this protocol',
      {},
    ],
    [
      'ec_country_allow=DE',
      'token-refused',
      'ec_country_allow or ec_country_deny: not in this country',
      {},
    ],
    [
      'ec_url_allow=/vod/&x=1',
      'token-refused',
      'opened, and holds no list of known parameters',
      {},
    ],
    [
      'ec_secure=1',
      'token-refused',
      'demands nothing, so it would open everything for ever (allowUnrestricted)',
      {},
    ],
  ])('says which demand of an ectoken was not met: %s', async (text, reason, detail, headers) => {
    const stage = await start()
    const { answer } = await explained(
      stage,
      `${playlist}?${ectoken.seal(text, { key: phrase })}`,
      headers,
    )
    expect([answer.reason, answer.detail]).toEqual([reason, detail])
  })

  it.each(['ec_country_deny=DE', 'ec_country_allow=DE'])(
    'says of %s that there is no geoip to judge it by',
    async (text) => {
      const stage = await start({}, undefined, {})
      const link = `${playlist}?${ectoken.seal(text, { key: phrase })}`
      const { answer } = await explained(stage, link)
      expect([answer.reason, answer.detail]).toEqual([
        'token-refused',
        expect.stringMatching(/not known here, because geoip is missing/),
      ])
    },
  )

  it('says of a session what its access token asked', async () => {
    const stage = await start()
    const token = ectoken.seal({ ec_ref_allow: 'a.example' }, { key: phrase })
    const opened = await stage.ask(`${playlist}?${token}`, {
      headers: { Referer: 'https://a.example/' },
    })
    const [, session] = /hdntl=(\S+)/.exec(opened.text) ?? []
    const { answer } = await explained(stage, `/vod/film/low/1.m4s?hdntl=${session}`)
    expect(answer.detail).toBe(
      'of its access token: ec_ref_allow or ec_ref_deny: not from this page',
    )
  })

  it.each(['managed', 'timed'] as const)('knows what was revoked: %s', async (format) => {
    const stage = await start(null)
    const { token } = await stage.gate.tokens.mint({
      format,
      ...(format === 'timed' && { ttlSeconds: 600 }),
    })
    expect((await explained(stage, `${playlist}?token=${token}`)).answer.outcome).toBe('access')
    const selector = format === 'timed' ? { timedOfKey: 'vod' } : { tokens: [token] }
    await stage.gate.tokens.revoke(selector)
    const { answer } = await explained(stage, `${playlist}?token=${token}`)
    expect([answer.reason, answer.renew]).toEqual(['token-refused', true])
    expect(answer.detail).toMatch(/revoked/)
  })

  it('names every place in which a token could have been', async () => {
    const stage = await start()
    const { answer } = await explained(stage, playlist)
    expect(answer).toMatchObject({
      reason: 'token-missing',
      detail: 'no hdnts or bare token in the query or token in the request',
    })
    const elsewhere = timed.mint({ lifeSeconds: 60 }, { key: otherKey })
    expect((await explained(stage, `${playlist}?${elsewhere}`)).answer.reason).toBe('token-refused')
  })

  it('does not choose between two tokens either', async () => {
    const stage = await start()
    const [one, other] = ['/vod/', '/vod/'].map((prefix) =>
      ectoken.seal({ ec_url_allow: prefix }, { key: phrase }),
    )
    const { answer, checks } = await explained(stage, `${playlist}?${one}&${other}`)
    expect(answer).toMatchObject({ status: 400, reason: 'bad-request' })
    expect(checks.at(-1)).toEqual({
      check: 'token-location',
      outcome: 'failed',
      detail: 'a bare token stands twice in the query, with different values',
    })
  })

  it('waits for what the store has to tell at the start', async () => {
    const gate = createPlaygate({
      rules: [{ origin: 'https://origin.example', access: { format: 'managed' } }],
    })
    const { answer } = await gate.explain({ url: `/x?token=pgm_${'A'.repeat(43)}` })
    expect(answer.reason).toBe('token-refused')
    await gate.close()
  })

  it('holds no token', async () => {
    const stage = await start()
    const tokens = [
      ectoken.seal({ ec_url_allow: '/x/' }, { key: phrase }),
      timed.mint({ lifeSeconds: 60 }, { key: otherKey }),
      `pgm_${'A'.repeat(43)}`,
    ]
    for (const token of tokens) {
      for (const query of [token, `token=${token}`]) {
        expect(JSON.stringify(await explained(stage, `${playlist}?${query}`))).not.toContain(token)
      }
    }
  })
})
