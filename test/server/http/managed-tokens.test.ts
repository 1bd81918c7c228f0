import { describe, expect, it } from 'vitest'
import { OptionError } from '../../../server/index.ts'
import {
  type StagedGate,
  type StageOptions,
  sessionTokenOf,
  startGate,
} from '../../stage/start-gate.ts'

const playlist = '/vod/film/index.m3u8'
const segment = '/vod/film/low/1.m4s'

const start = (options: StageOptions = {}) =>
  startGate({ ...options, access: { format: 'managed', ...options.access } })

const make = async (stage: StagedGate, options: Parameters<StagedGate['mint']>[0] | object = {}) =>
  stage.gate.tokens.mint({ format: 'managed', ...options, path: undefined })

const open = (stage: StagedGate, token: string, headers = {}) =>
  stage.ask(`${playlist}?token=${token}`, { headers })

/** How often the store was asked. */
async function lookUps(stage: StagedGate): Promise<number> {
  const { text } = await stage.ask('/_playgate/metrics')
  return Number(/playgate_store_seconds_count\{operation="findToken"\} (\d+)/.exec(text)?.[1] ?? 0)
}

describe('a managed token', () => {
  it('has no end, and its text is kept nowhere', async () => {
    const stage = await start()
    const made = await make(stage, { subject: 'u7', ip: '127.0.0.', referrer: 'example.com' })
    expect(made).toMatchObject({ format: 'managed', parameter: 'token', expiresAt: null })
    expect(made.token).toMatch(/^pgm_[A-Za-z0-9_-]{43}$/)
    const page = { Referer: 'https://www.example.com/' }
    for (let year = 0; year < 3; year++) {
      await expect.poll(async () => (await open(stage, made.token, page)).status).toBe(200)
      stage.clock.advance(365 * 86_400_000)
    }
    const listed = await stage.gate.tokens.list()
    expect(listed.tokens).toMatchObject([
      {
        id: made.id,
        format: 'managed',
        realm: 'default',
        name: 'u7',
        ip: '127.0.0.',
        referrer: 'example.com',
        createdAt: '2026-01-01T00:00:00.000Z',
        endsAt: null,
      },
    ])
    expect(JSON.stringify(listed) + stage.log.join()).not.toContain(made.token)
  })

  it('gives its name to its sessions', async () => {
    const stage = await start({ session: { maxConcurrent: 1 } })
    const { token } = await make(stage, { subject: 'u7' })
    const session = sessionTokenOf(await open(stage, token))
    expect((await stage.gate.sessions.list({ subject: 'u7' })).sessions).toHaveLength(1)
    const other = await open(stage, token, { 'User-Agent': 'Other' })
    expect(other.problem.reason).toBe('session-limit')
    await stage.gate.sessions.endAll({ subject: 'u7' })
    expect((await stage.ask(`${segment}?hdntl=${session}`)).problem.reason).toBe('session-ended')
    expect((await open(stage, token)).status).toBe(200)
    await expect(make(stage)).rejects.toThrow('subject: film counts streams')
  })

  it.each([
    ['by its text', (made: { token: string }) => ({ tokens: [made.token] })],
    ['by its id', (made: { id: string | null }) => ({ tokens: [made.id ?? ''] })],
    ['by its name', () => ({ name: 'u7' })],
    ['with all of its realm', () => ({ all: true as const })],
  ])(
    'is revoked %s, here at once, and so are its sessions; others are not',
    async (_how, selector) => {
      const stage = await start()
      const made = await make(stage, { subject: 'u7' })
      const other = await make(stage, { subject: 'u8' })
      const session = sessionTokenOf(await open(stage, made.token))
      const otherSession = sessionTokenOf(await open(stage, other.token))
      const revokesAll = _how.includes('all')
      expect(await stage.gate.tokens.revoke(selector(made))).toBe(revokesAll ? 2 : 1)
      expect((await open(stage, made.token)).problem.reason).toBe('token-refused')
      expect((await stage.ask(`${segment}?hdntl=${session}`)).problem.reason).toBe('session-ended')
      const [token, status] = [otherSession, revokesAll ? 403 : 200]
      expect((await stage.ask(`${segment}?hdntl=${token}`)).status).toBe(status)
      expect((await open(stage, other.token)).status).toBe(status)
      expect(await stage.gate.tokens.revoke(selector(made))).toBe(0)
    },
  )

  it('that is made after all were revoked is good', async () => {
    const stage = await start()
    await make(stage)
    await stage.gate.tokens.revoke({ all: true })
    const { token } = await make(stage)
    expect((await open(stage, token)).status).toBe(200)
  })

  it.each<[string, object]>([
    ['nothing', {}],
    ['a name that is undefined', { name: undefined }],
    ['two things', { name: 'u7', tokens: [] }],
    ['no all', { all: false }],
    ['a realm that is misspelt', { all: true, relm: 'events' }],
    ['a name of the mint', { name: 'u7', subject: 'u7' }],
    ['what is no token', { tokens: ['pgm_short'] }],
    ['an EdgeAuth token', { tokens: ['exp=1~acl=/*~hmac=00'] }],
  ])('is not revoked by %s', async (_what, selector) => {
    const stage = await start()
    const { token } = await make(stage, { subject: 'u7' })
    await expect(stage.gate.tokens.revoke(selector)).rejects.toThrow(TypeError)
    expect((await open(stage, token)).status).toBe(200)
  })

  it.each([
    ['name', { name: 'u7' }, /^name: unknown option: here it is called subject$/],
    ['clientIp', { clientIp: '10.0.0.1' }, /^clientIp: unknown option: here it is called ip$/],
  ])(
    'is not made, and not kept, with %s, which would bind it to nobody',
    async (_name, options, message) => {
      const stage = await start()
      await expect(make(stage, options)).rejects.toThrow(message)
      expect((await stage.gate.tokens.list()).tokens).toEqual([])
    },
  )

  it('is not listed by a filter that there is none of', async () => {
    const { gate } = await start()
    const filter = { subject: 'u7' } as object
    await expect(gate.tokens.list(filter)).rejects.toThrow(OptionError)
    await expect(gate.tokens.list(filter)).rejects.toThrow(/^subject: .* called name$/)
    expect(await gate.tokens.list({ name: undefined })).toEqual({ tokens: [], next: null })
  })

  it.each([
    ['u7 with % and ~ and ,sid= in it'],
    ['%41%7e%2c'],
    ['zażółć gęślą jaźń 雪 🎬'],
    ['__proto__'],
    ['ec=iu.ec_clientip%3d1.1.1.1'],
    ['漢'.repeat(256)],
  ])('may be named %s: the session is of exactly that subject', async (subject) => {
    const stage = await start()
    const { token } = await make(stage, { subject })
    const session = sessionTokenOf(await open(stage, token))
    expect((await stage.ask(`${segment}?hdntl=${session}`)).status).toBe(200)
    const { sessions } = await stage.gate.sessions.list({ subject })
    expect(sessions).toMatchObject([{ subject }])
    expect((await stage.gate.tokens.list({ name: subject })).tokens).toMatchObject([
      { name: subject },
    ])
    expect(await stage.gate.tokens.revoke({ name: subject })).toBe(1)
    expect((await stage.ask(`${segment}?hdntl=${session}`)).problem.reason).toBe('session-ended')
  })

  it.each([
    ['', 'empty'],
    ['x'.repeat(257), 'too long'],
    ['a\r\nb', 'line breaks'],
    ['\0', 'NUL'],
    ['\ud800', 'half a surrogate pair'],
  ])('is not named %j: %s', async (subject) => {
    const stage = await start()
    await expect(make(stage, { subject })).rejects.toThrow(/^subject: 1 to 256 characters/)
    expect((await stage.gate.tokens.list()).tokens).toEqual([])
  })

  it('is not made with an end, for a path, or for an address that is none', async () => {
    const stage = await start()
    await expect(make(stage, { ttlSeconds: 60 })).rejects.toThrow(/^ttlSeconds: a token of format/)
    await expect(make(stage, { ip: '10.0.0' })).rejects.toThrow(/^ip: must be an address/)
    await expect(make(stage, { referrer: '*.a.b' })).rejects.toThrow(/^referrer: must be a domain/)
    await expect(stage.gate.tokens.mint({ path: '/vod/*' })).rejects.toThrow(/^path: /)
  })
})

describe('a realm', () => {
  it('has tokens of its own, which its rules take and no other does', async () => {
    const stage = await start({ access: { realm: 'films' } })
    const rule = (name: string, realm: string) => ({
      name,
      match: { paths: [`/${name}/*`] },
      stripPrefix: `/${name}`,
      origin: stage.origin.url,
      access: { format: 'managed' as const, realm },
    })
    stage.gate.reload({ rules: [rule('vod', 'films'), rule('live', 'events')] })
    const { token } = await stage.gate.tokens.mint({ rule: 'live' })
    const ask = (path: string) => stage.ask(`${path}?token=${token}`)
    expect((await ask('/live/film/index.m3u8')).status).toBe(200)
    expect((await ask(playlist)).problem.reason).toBe('token-refused')
    expect(stage.log.join()).toContain('made for the realm events, not films')
    expect(await stage.gate.tokens.revoke({ all: true })).toBe(0)
    expect(await stage.gate.tokens.revoke({ all: true, realm: 'films' })).toBe(0)
    expect((await ask('/live/film/index.m3u8')).status).toBe(200)
    expect(await stage.gate.tokens.revoke({ all: true, realm: 'events' })).toBe(1)
    expect((await ask('/live/film/index.m3u8')).status).toBe(403)
  })
})

describe('the store', () => {
  it('is asked for a token once, however often it is used', async () => {
    const stage = await start({ session: null })
    const { token } = await make(stage)
    const ask = () => stage.ask(`${segment}?token=${token}`)
    const answers = await Promise.all(Array.from({ length: 20 }, ask))
    for (let count = 0; count < 20; count++) answers.push(await ask())
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(await lookUps(stage)).toBe(1)
  })

  it('is told of the last use, to a minute', async () => {
    const stage = await start({ session: null })
    const { token, id } = await make(stage)
    const usedAt = async () => (await stage.gate.tokens.list()).tokens[0]?.usedAt
    expect(await usedAt()).toBeNull()
    stage.clock.advance(5000)
    await expect.poll(async () => (await stage.ask(`${segment}?token=${token}`)).status).toBe(200)
    await expect.poll(usedAt).toBe('2026-01-01T00:00:05.000Z')
    stage.clock.advance(59_000)
    await expect.poll(async () => (await stage.ask(`${segment}?token=${token}`)).status).toBe(200)
    stage.clock.advance(1000)
    await expect.poll(async () => (await stage.ask(`${segment}?token=${token}`)).status).toBe(200)
    await expect.poll(usedAt).toBe('2026-01-01T00:01:05.000Z')
    expect(await stage.gate.tokens.list()).toMatchObject({ tokens: [{ id }] })
  })

  it('is not told of a use that was refused', async () => {
    const stage = await start()
    const { token } = await make(stage, { ip: '198.51.100.1' })
    expect((await open(stage, token)).status).toBe(403)
    await stage.gate.close()
    expect(stage.log.join()).toContain('made for another address')
  })

  it('is not asked for more than sixty tokens a minute that one client makes up', async () => {
    const stage = await start({ configuration: { trustedProxies: ['127.0.0.1'] } })
    const { token } = await make(stage)
    const made = (count: number) => `pgm_${String(count).padStart(42, '0')}A`
    const ask = (text: string, address: string) => open(stage, text, { 'X-Forwarded-For': address })
    for (let count = 0; count < 80; count++) {
      const { reason } = (await ask(made(count), '198.51.100.1')).problem
      expect(reason).toBe(count < 60 ? 'token-refused' : 'store-unavailable')
    }
    expect(await lookUps(stage)).toBe(60)
    // Others are served, and what is not asked for is not taken for good.
    expect((await ask(token, '198.51.100.2')).status).toBe(200)
    expect((await ask(made(100), '198.51.100.1')).status).toBe(503)
    stage.clock.advance(61_000)
    await expect.poll(async () => (await ask(token, '198.51.100.1')).status).toBe(200)
  })

  it('and who asks for more is told why, and for how long: it is not the store that fails', async () => {
    const stage = await start()
    const made = (count: number) => `pgm_${String(count).padStart(42, '0')}A`
    for (let count = 0; count < 60; count++) await open(stage, made(count))
    const detail = 'too many unknown tokens from one address'
    const refused = await open(stage, made(60))
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '60'])
    expect(refused.problem).toMatchObject({ reason: 'store-unavailable', renew: false, detail })
    expect(JSON.parse(stage.log.at(-1) ?? '')).toMatchObject({
      ...{ level: 'warn', outcome: 'refused', reason: 'too-many-unknown' },
      detail: `not looked up: ${detail}, for 60 s no other is`,
    })
    const exchanged = await stage.ask('/_playgate/session', {
      ...{ method: 'POST', headers: { 'Content-Type': 'application/json' } },
      body: JSON.stringify({ accessToken: made(61), path: '/vod/film/index.m3u8' }),
    })
    const authorized = await stage.ask('/_playgate/authorize/caddy', {
      headers: {
        ...{ 'X-Forwarded-Method': 'GET', 'X-Forwarded-Proto': 'http', 'X-Forwarded-Host': 'a' },
        ...{ 'X-Forwarded-Uri': `/vod/film/index.m3u8?token=${made(62)}` },
        'X-Forwarded-For': '127.0.0.1',
      },
    })
    for (const { status, headers, problem } of [exchanged, authorized]) {
      expect([status, headers.get('retry-after')]).toEqual([503, '60'])
      expect(problem).toMatchObject({ reason: 'store-unavailable', renew: false, detail })
    }
    const { text } = await stage.ask('/_playgate/metrics')
    expect(text).toContain('{rule="film",outcome="refused",reason="too-many-unknown"} 3')
    expect(text).not.toContain('store-unavailable')
    expect(text).not.toContain('outcome="failed"')
  })
})
