import { describe, expect, it } from 'vitest'
import { useClosing } from '../../stage/closing.ts'
import { type StagedGate, startGate, testKey } from '../../stage/start-gate.ts'
import { startRedis } from '../../stage/start-redis.ts'
import { describeWith } from '../../stage/tools.ts'

const opened = useClosing()

/** Films take timed tokens, events managed ones of their own realm, and clips both, and EdgeAuth tokens too. */
async function start(store = 'memory:', startMs?: number): Promise<StagedGate> {
  const staged = await startGate({
    configuration: { store },
    ...(startMs !== undefined && { startMs }),
  })
  const origin = staged.origin.url
  const edgeauth = { format: 'edgeauth' as const, key: 'vod' }
  const timed = { format: 'timed' as const, key: 'vod' }
  staged.gate.reload({
    keys: { vod: { primary: testKey } },
    store,
    rules: [
      { name: 'films', match: { hosts: ['films.example'] }, origin, access: timed },
      {
        name: 'events',
        match: { hosts: ['events.example'], paths: ['/live/*'] },
        origin,
        access: { format: 'managed', realm: 'events' },
        session: { key: 'vod' },
      },
      {
        name: 'clips',
        match: { paths: ['/clips/*'] },
        origin,
        access: [edgeauth, timed, { format: 'managed' }],
      },
      { name: 'site', match: { paths: ['/site/*'] }, origin, access: edgeauth },
      { name: 'open', origin, open: true },
    ],
  })
  await staged.gate.ready()
  return staged
}

let tried = 0
/** Tokens that nobody made and nobody tried before, more than one address may try in a minute. */
async function tryOut(stage: StagedGate, more: Record<string, string> = {}, headers = {}) {
  for (let count = 0; count < 70; count++) {
    const token = `pgm_${String(tried++).padStart(42, '0')}A`
    await ask(stage, { token, ...more }, headers)
  }
}

/** Nothing but events, on a gate that is known to somebody. */
function reload(stage: StagedGate, more: object): void {
  stage.gate.reload({
    ...{ keys: { vod: { primary: testKey } }, ...more },
    rules: [
      {
        ...{ name: 'events', origin: stage.origin.url, session: { key: 'vod' } },
        access: { format: 'managed', realm: 'events' },
      },
    ],
  })
}

function ask(stage: StagedGate, asked: Record<string, string>, headers = {}) {
  return stage.ask(`/_playgate/validate?${new URLSearchParams(asked)}`, { headers })
}

describe('GET /_playgate/validate', () => {
  it('counts what is tried out with whoever tries it, not with the viewer whom he names', async () => {
    const stage = await start()
    const { token } = await stage.gate.tokens.mint({ rule: 'events' })
    const clientIp = '198.51.100.7'
    for (let count = 0; count < 70; count++) {
      await ask(stage, { token: `pgm_${String(count).padStart(42, '0')}A`, clientIp })
    }
    stage.gate.reload({
      ...{ keys: { vod: { primary: testKey } }, trustedProxies: ['127.0.0.1'] },
      rules: [
        {
          ...{ name: 'events', origin: stage.origin.url, session: { key: 'vod' } },
          access: { format: 'managed', realm: 'events' },
        },
      ],
    })
    const headers = { 'X-Forwarded-For': clientIp }
    expect((await stage.ask(`/film/index.m3u8?token=${token}`, { headers })).status).toBe(200)
  })

  it('counts what is tried out with the viewer told of, where the caller may be believed', async () => {
    const stage = await start()
    const { token } = await stage.gate.tokens.mint({ rule: 'events' })
    await tryOut(stage, { clientIp: '198.51.100.7' })
    const refused = await ask(stage, { token, clientIp: '198.51.100.7' })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '60'])
    expect(refused.problem).toEqual({
      ...{ type: 'about:blank', title: 'Service Unavailable', status: 503 },
      ...{ reason: 'store-unavailable', renew: false },
      detail: 'too many unknown tokens from one address',
    })
    expect(JSON.parse(stage.log.at(-1) ?? '')).toMatchObject({
      ...{ level: 'warn', event: 'validate', client: '198.51.100.7', reason: 'too-many-unknown' },
      detail: expect.stringContaining('not looked up: too many unknown tokens'),
    })
    const { text } = await stage.ask('/_playgate/metrics')
    expect(text).toContain('{rule="events",outcome="refused",reason="too-many-unknown"} 11')
    expect(text).not.toContain('store-unavailable')
    // Another viewer of the same CDN.
    expect((await ask(stage, { token, clientIp: '198.51.100.8' })).status).toBe(200)
  })

  it('counts it with a caller that has no secret, where there is one', async () => {
    const stage = await start()
    const secret = 'a-secret-of-asking-0123456789'
    reload(stage, { authorize: { secret } })
    const fresh = () => stage.gate.tokens.mint({ rule: 'events' })
    const status = async (more: Record<string, string>, headers = {}) =>
      (await ask(stage, { token: (await fresh()).token, ...more }, headers)).status
    await tryOut(stage, { clientIp: '198.51.100.7' }, { 'X-Playgate-Secret': secret })
    await tryOut(stage, { clientIp: '198.51.100.8', secret })
    expect(await status({ clientIp: '198.51.100.8' })).toBe(200)
    await tryOut(stage, { clientIp: '198.51.100.9' }, { 'X-Playgate-Secret': `${secret}x` })
    expect(await status({ clientIp: '198.51.100.10' })).toBe(503)
    expect(await status({ clientIp: '198.51.100.10', secret: 'x' })).toBe(503)
    const header = { 'X-Playgate-Secret': secret }
    expect(await status({ clientIp: '198.51.100.7' }, header)).toBe(503)
    expect(await status({ clientIp: '198.51.100.8' }, header)).toBe(503)
    expect(await status({ clientIp: '198.51.100.9' }, header)).toBe(200)
    expect(await status({ clientIp: '198.51.100.10', secret })).toBe(200)
    expect(stage.log.join()).not.toContain(secret)
  })

  it('counts it with the stranger behind a trusted proxy, not with the viewer whom he names', async () => {
    const stage = await start()
    reload(stage, { trustedProxies: ['127.0.0.1'] })
    const { token } = await stage.gate.tokens.mint({ rule: 'events' })
    const clientIp = '198.51.100.7'
    await tryOut(stage, { clientIp }, { 'X-Forwarded-For': '203.0.113.66' })
    expect((await ask(stage, { token, clientIp })).status).toBe(200)
  })

  it('counts it with a proxy on this machine that is trusted by nobody', async () => {
    const stage = await start()
    const { token } = await stage.gate.tokens.mint({ rule: 'events' })
    const proxied = { 'X-Forwarded-For': '203.0.113.66' }
    await tryOut(stage, { clientIp: '198.51.100.7' }, proxied)
    const { status } = await ask(stage, { token, clientIp: '198.51.100.8' }, proxied)
    expect(status).toBe(503)
  })

  it('says 200 to a good timed or managed token, and opens nothing', async () => {
    const stage = await start()
    const managed = await stage.gate.tokens.mint({ rule: 'events' })
    const timed = await stage.gate.tokens.mint({ rule: 'films', ttlSeconds: 60 })
    for (const { token } of [managed, timed]) {
      const answer = await ask(stage, { token })
      expect([answer.status, JSON.parse(answer.text)]).toEqual([200, { valid: true }])
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.headers.get('playgate-session')).toBeNull()
    }
    expect(stage.origin.requests).toEqual([])
    expect((await stage.gate.sessions.list({ state: 'all' })).sessions).toEqual([])
    expect(stage.log.join()).not.toContain(managed.token)
  })

  it('says 403 to one that has ended, was revoked, or was never made', async () => {
    const stage = await start()
    const { token } = await stage.gate.tokens.mint({ rule: 'events' })
    await stage.gate.tokens.revoke({ tokens: [token] })
    const timed = stage.gate.mint({ rule: 'films', ttlSeconds: 60 })
    stage.clock.advance(61_000)
    // The store has to be heard again, after so long a time.
    await expect.poll(async () => (await ask(stage, { token })).status).toBe(403)
    for (const text of [token, timed, `pgm_${'A'.repeat(43)}`, `${timed}x`, 'rubbish', 'é']) {
      const answer = await ask(stage, { token: text })
      expect([text, answer.status]).toEqual([text, 403])
      expect(answer.headers.get('cache-control')).toBe('no-store')
    }
    expect((await ask(stage, { token: timed })).problem.reason).toBe('token-expired')
  })

  it('judges by what it is told of the viewer, else by the caller', async () => {
    const stage = await start()
    const mint = (options: object) => stage.gate.mint({ rule: 'films', ttlSeconds: 60, ...options })
    const narrow = mint({ ip: '211.37.', referrer: 'example.com' })
    const good = { token: narrow, clientIp: '211.37.9.9', referrer: 'https://www.example.com/a?b' }
    const status = async (change: object, headers = {}) =>
      (await ask(stage, { ...good, ...change } as Record<string, string>, headers)).status
    expect(await status({})).toBe(200)
    expect(await status({ clientIp: '::ffff:211.37.1.1' })).toBe(200)
    expect(await status({ clientIp: '211.38.0.1' })).toBe(403)
    expect(await status({ referrer: 'https://example.com.evil.net/' })).toBe(403)
    expect(await status({ referrer: '' })).toBe(403)
    const byCaller = { token: mint({ ip: '127.0.0.1', referrer: 'example.com' }) }
    expect((await ask(stage, byCaller)).status).toBe(403)
    const page = { Referer: 'https://example.com/' }
    expect((await ask(stage, byCaller, page)).status).toBe(200)
    // What it was told of counts, and not what the caller forwards.
    const forwarded = { 'X-Forwarded-For': '211.37.9.9' }
    expect((await ask(stage, { token: mint({ ip: '211.37.' }) }, forwarded)).status).toBe(403)
  })

  it('judges by the rule of the URL, where one is told', async () => {
    const stage = await start()
    const events = (await stage.gate.tokens.mint({ rule: 'events' })).token
    const clips = (await stage.gate.tokens.mint({ rule: 'clips', format: 'managed' })).token
    const status = async (token: string, sourceUrl: string) =>
      (await ask(stage, { token, sourceUrl })).status
    expect(await status(events, 'https://events.example/live/1.m3u8')).toBe(200)
    expect(await status(events, 'HTTP://Events.Example:8080/live/1.m3u8?a=b')).toBe(200)
    expect(await status(events, 'https://events.example/clips/1.m3u8')).toBe(403)
    expect(await status(events, 'https://films.example/live/1.m3u8')).toBe(403)
    expect(await status(clips, '/clips/1.m3u8')).toBe(200)
    expect(await status(clips, '/site/1.m3u8')).toBe(403)
    expect(await status(clips, '/elsewhere')).toBe(403)
  })

  it('judges no format that it is not for', async () => {
    const stage = await start()
    const edgeauth = stage.gate.mint({
      rule: 'clips',
      format: 'edgeauth',
      path: '/clips/*',
      ttlSeconds: 60,
    })
    expect((await ask(stage, { token: edgeauth, sourceUrl: '/clips/1.m3u8' })).status).toBe(403)
  })

  it('tells when a token was used', async () => {
    const stage = await start()
    const { token } = await stage.gate.tokens.mint({ rule: 'events' })
    await ask(stage, { token })
    await expect
      .poll(async () => (await stage.gate.tokens.list()).tokens[0]?.usedAt)
      .toBe('2026-01-01T00:00:00.000Z')
  })

  it.each<[string, string]>([
    ['', 'token is missing'],
    ['token=', 'token is missing'],
    ['token', 'token is missing'],
    ['token=a&token=b', 'token stands twice'],
    ['token=a&token=a', 'token stands twice'],
    ['token=a&%74oken=b', 'token stands twice'],
    ['token=a&clientIp=10.0.0.1&clientIp=10.0.0.2', 'clientIp stands twice'],
    ['token=a&referrer=a&referrer=b', 'referrer stands twice'],
    ['token=a&cdnAccountName=a&cdnAccountName=b', 'cdnAccountName stands twice'],
    ['token=a&secret=a&secret=b', 'secret stands twice'],
    ['token=a&clientIp=localhost', 'clientIp is no address'],
    ['token=a&clientIp=010.0.0.1', 'clientIp is no address'],
    ['token=a&clientIp=', 'clientIp is no address'],
    ['token=%ff', 'token is not percent-encoded UTF-8'],
    ['token=a&sourceUrl=ftp://films.example/x', 'sourceUrl is no http(s) URL'],
    ['token=a&sourceUrl=http://user@films.example/x', 'sourceUrl is no http(s) URL'],
    ['token=a&sourceUrl=rubbish', 'sourceUrl is no http(s) URL'],
    ['token=a&sourceUrl=/a/../b', 'dot segment'],
    ['token=a&sourceUrl=http://films.example//x', 'empty segment'],
  ])('says 400 to ?%s', async (query, detail) => {
    const stage = await start()
    const answer = await stage.ask(`/_playgate/validate?${query}`)
    expect(answer.status).toBe(400)
    expect(answer.text).toContain(detail)
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it.each(['POST', 'PUT', 'DELETE'])('takes no %s', async (method) => {
    const stage = await start()
    const { token } = await stage.gate.tokens.mint({ rule: 'events' })
    const answer = await stage.ask(`/_playgate/validate?token=${token}`, { method })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'HEAD, GET'])
  })
})

describeWith(['redis-server'], 'GET /_playgate/validate while the store is silent', () => {
  it('says 503, whichever rule comes first, and goes on with sealed tokens', async () => {
    const redis = opened(await startRedis())
    const stage = await start(redis.url, Date.now())
    const { token } = await stage.gate.tokens.mint({ rule: 'events' })
    const timed = stage.gate.mint({ rule: 'films', ttlSeconds: 60 })
    expect((await ask(stage, { token })).status).toBe(200)
    redis.pause()
    stage.clock.advance(3000)
    const answer = await ask(stage, { token })
    expect([answer.status, answer.problem.reason]).toEqual([503, 'store-unavailable'])
    expect((await ask(stage, { token: timed })).status).toBe(200)
    redis.resume()
  })
})
