import { describe, expect, it } from 'vitest'
import { timed } from '../../../server/token/index.ts'
import { type StageOptions, sessionTokenOf, startGate, testKey } from '../../stage/start-gate.ts'
import { askAdmin, startAdminGate } from '../admin/ask-admin.ts'

const playlist = '/vod/film/index.m3u8'
const segment = '/vod/film/low/1.m4s'

const access = { format: 'timed' }
const start = (options: StageOptions = {}) =>
  startGate({ ...options, access: { ...access, ...options.access } })
const behindProxy = { configuration: { trustedProxies: ['127.0.0.1'] } }
const from = (address: string) => ({ 'X-Forwarded-For': address })

describe('a timed token', () => {
  it('opens a session, which plays on without it', async () => {
    const stage = await start()
    const token = stage.gate.mint({ ttlSeconds: 60 })
    const opened = await stage.ask(`${playlist}?token=${token}`)
    expect(opened.text).toContain('low/index.m3u8?hdntl=')
    const session = sessionTokenOf(opened)
    stage.clock.advance(61_000)
    expect((await stage.ask(`${playlist}?token=${token}`)).problem.reason).toBe('token-expired')
    expect((await stage.ask(`${segment}?hdntl=${session}`)).status).toBe(200)
    expect(stage.origin.requests.map(({ path }) => path).join()).not.toContain('token')
  })

  it('is the same whoever makes it: the gate, the library of tokens, the admin API', async () => {
    const stage = await startAdminGate({ access })
    const made = [
      stage.gate.mint({ ttlSeconds: 60 }),
      (await stage.gate.tokens.mint({ ttlSeconds: 60 })).token,
      timed.mint({ lifeSeconds: 60, now: stage.clock.nowSeconds() }, { key: testKey }),
      JSON.parse((await askAdmin(stage, 'POST', '/tokens', { ttlSeconds: 60 })).text).token,
      JSON.parse((await askAdmin(stage, 'POST', '/tokens/timed', { lifeSeconds: 60 })).text).token,
    ]
    for (const token of made) {
      expect(token).toMatch(/^pgt_[A-Za-z0-9_-]+$/)
      expect((await stage.ask(`${playlist}?token=${token}`)).status).toBe(200)
      expect(timed.verify(token, { keys: [testKey], now: stage.clock.nowSeconds() }).valid).toBe(
        true,
      )
    }
    expect(new Set(made).size).toBe(made.length)
  })

  it.each([
    [59, false],
    [60, true],
    [604_800, true],
    [604_801, false],
    [60.5, false],
  ])('lives for 60 s to a week: %d s is made: %s', async (seconds, isMade) => {
    const stage = await startAdminGate({ access })
    const byAdmin = await askAdmin(stage, 'POST', '/tokens/timed', { lifeSeconds: seconds })
    expect(byAdmin.status).toBe(isMade ? 201 : 400)
    if (!isMade) {
      expect(() => stage.gate.mint({ ttlSeconds: seconds })).toThrow(/^ttlSeconds: /)
      expect(JSON.parse(byAdmin.text).detail).toContain('lifeSeconds')
      return
    }
    const token = stage.gate.mint({ ttlSeconds: seconds })
    stage.clock.advance(seconds * 1000)
    expect((await stage.ask(`${playlist}?token=${token}`)).status).toBe(200)
    stage.clock.advance(1000)
    expect((await stage.ask(`${playlist}?token=${token}`)).problem.reason).toBe('token-expired')
  })

  it.each<[string, string[], string[]]>([
    ['198.51.100.7', ['198.51.100.7', '::ffff:198.51.100.7'], ['198.51.100.70', '198.51.100.6']],
    ['211.37.', ['211.37.0.0', '211.37.255.255'], ['211.36.255.255', '211.38.0.0', '211.3.7.0']],
    ['10.', ['10.255.255.255'], ['11.0.0.0', '100.0.0.1']],
    ['211.37.8.', ['211.37.8.0'], ['211.37.80.1', '211.37.9.0']],
    ['198.51.100.0/30', ['198.51.100.3'], ['198.51.100.4']],
    ['2001:db8::/32', ['2001:db8:ffff::1'], ['2001:db9::1', '198.51.100.1']],
  ])('for %s is good from there alone, and so is its session', async (ip, good, bad) => {
    const stage = await start(behindProxy)
    const token = stage.gate.mint({ ttlSeconds: 60, ip })
    const ask = (path: string, query: string, address: string) =>
      stage.ask(`${path}?${query}`, { headers: from(address) })
    for (const address of bad) {
      expect((await ask(playlist, `token=${token}`, address)).problem.reason).toBe('token-refused')
    }
    for (const address of good) {
      const session = sessionTokenOf(await ask(playlist, `token=${token}`, address))
      for (const other of good) {
        expect((await ask(segment, `hdntl=${session}`, other)).status).toBe(200)
      }
      for (const other of bad) {
        expect((await ask(segment, `hdntl=${session}`, other)).problem.reason).toBe('token-refused')
      }
    }
  })

  it.each([
    ['https://example.com/watch', 200],
    ['http://www.example.com:8080/', 200],
    ['https://EXAMPLE.com', 200],
    ['https://evilexample.com/', 403],
    ['https://example.com.evil.net/', 403],
    ['https://example.com@evil.net/', 403],
    ['https://evil.net/example.com', 403],
    ['example.com', 403],
    ['', 403],
    [undefined, 403],
  ])('for the pages of example.com is asked from %j: %d', async (referer, status) => {
    const stage = await start()
    const token = stage.gate.mint({ ttlSeconds: 60, referrer: 'Example.com' })
    const headers = referer === undefined ? {} : { Referer: referer }
    const answer = await stage.ask(`${playlist}?token=${token}`, { headers })
    expect(answer.status).toBe(status)
    const page = { headers: { Referer: 'https://example.com/' } }
    const session = sessionTokenOf(await stage.ask(`${playlist}?token=${token}`, page))
    expect((await stage.ask(`${segment}?hdntl=${session}`, { headers })).status).toBe(status)
  })

  it.each([
    [{ ttlSeconds: 60, ip: '211.3' }, /^ip: must be an address/],
    [{ ttlSeconds: 60, ip: '10.0.0.1/33' }, /^ip: must be an address/],
    [{ ttlSeconds: 60, ip: '010.' }, /^ip: must be an address/],
    [{ ttlSeconds: 60, referrer: 'https://example.com' }, /^referrer: must be a domain/],
    [{ ttlSeconds: 60, referrer: 'a b' }, /^referrer: must be a domain/],
    [{ ttlSeconds: 60, subject: 'u7' }, /^subject: a token of format timed has no place for it/],
    [{ ttlSeconds: 60, path: '/vod/*' }, /^path: a token of format timed has no place for it/],
    [{ ttlSeconds: 60, payload: 'x' }, /^payload: /],
    [{ ttlSeconds: 60, params: { ec_host_allow: 'a' } }, /^params: /],
    [{}, /^ttlSeconds: /],
  ])('is not made from %j', async (options, message) => {
    const stage = await start()
    expect(() => stage.gate.mint(options)).toThrow(message)
    await expect(stage.gate.tokens.mint(options)).rejects.toThrow(message)
  })

  it('made by a machine whose clock is ahead is taken for five minutes of lead, and no more', async () => {
    const stage = await start()
    const made = (lead: number) =>
      timed.mint({ lifeSeconds: 60, now: stage.clock.nowSeconds() + lead }, { key: testKey })
    expect((await stage.ask(`${playlist}?token=${made(300)}`)).status).toBe(200)
    expect((await stage.ask(`${playlist}?token=${made(301)}`)).problem.reason).toBe('token-refused')
  })
})

describe('timed tokens of a key', () => {
  it('are revoked all at once, with what they opened; those that come later are good', async () => {
    const stage = await start()
    const token = stage.gate.mint({ ttlSeconds: 600 })
    const session = sessionTokenOf(await stage.ask(`${playlist}?token=${token}`))
    await stage.gate.tokens.revoke({ timedOfKey: 'vod' })
    expect((await stage.ask(`${playlist}?token=${token}`)).problem.reason).toBe('token-refused')
    expect((await stage.ask(`${segment}?hdntl=${session}`)).problem.reason).toBe('session-ended')
    expect(stage.log.join()).toContain('revoked with all tokens of its kind that were made before')
    stage.clock.advance(1000)
    const later = stage.gate.mint({ ttlSeconds: 600 })
    const opened = await stage.ask(`${playlist}?token=${later}`)
    expect((await stage.ask(`${segment}?hdntl=${sessionTokenOf(opened)}`)).status).toBe(200)
  })

  it('stay revoked for as long as they would have been good', async () => {
    const stage = await start()
    const token = stage.gate.mint({ ttlSeconds: 604_800 })
    await stage.gate.tokens.revoke({ timedOfKey: 'vod' })
    for (let day = 0; day < 7; day++) {
      expect((await stage.ask(`${playlist}?token=${token}`)).status).toBe(403)
      stage.clock.advance(86_400_000 - 1000)
      await stage.gate.tokens.list()
    }
  })

  it('are revoked apart from EdgeAuth tokens and sessions of the same key', async () => {
    const stage = await start({
      rule: {
        access: [
          { format: 'edgeauth', key: 'vod' },
          { format: 'timed', key: 'vod' },
        ],
      },
    })
    const session = sessionTokenOf(await stage.ask(`${playlist}?hdnts=${stage.mint()}`))
    await stage.gate.tokens.revoke({ timedOfKey: 'vod' })
    expect((await stage.ask(`${segment}?hdntl=${session}`)).status).toBe(200)
  })

  it('are not revoked with the sessions of their key, which end', async () => {
    const stage = await start()
    const token = stage.gate.mint({ ttlSeconds: 600 })
    const session = sessionTokenOf(await stage.ask(`${playlist}?token=${token}`))
    expect(await stage.gate.sessions.endAll({ key: 'vod' })).toEqual({ ended: 1, more: false })
    expect((await stage.ask(`${segment}?hdntl=${session}`)).problem.reason).toBe('session-ended')
    expect((await stage.ask(`${playlist}?token=${token}`)).status).toBe(200)
  })

  it('of a mistyped key are not said to be revoked', async () => {
    const stage = await startAdminGate({ access })
    await expect(stage.gate.tokens.revoke({ timedOfKey: 'vdo' })).rejects.toThrow(
      'timedOfKey: no rule seals timed tokens with it (there: vod)',
    )
    const answer = await askAdmin(stage, 'POST', '/tokens/revoke', { timedOfKey: 'vdo' })
    expect([answer.status, JSON.parse(answer.text).detail]).toEqual([
      400,
      expect.stringContaining('timedOfKey'),
    ])
  })

  it('cannot be revoked one by one', async () => {
    const stage = await start()
    const { token, id } = await stage.gate.tokens.mint({ ttlSeconds: 60 })
    expect(id).toBeNull()
    await expect(stage.gate.tokens.revoke({ tokens: [token] })).rejects.toThrow(/^tokens: neither/)
    expect((await stage.ask(`${playlist}?token=${token}`)).status).toBe(200)
  })
})

describe.each([
  ['revocable: true', { format: 'timed', revocable: true }, undefined],
  ['no key to seal with', { format: 'timed', key: undefined }, {}],
])('timed tokens under %s', (_what, keptAccess, keys) => {
  const startKept = () =>
    startGate({
      access: keptAccess,
      ...(keys !== undefined && { session: null, configuration: { keys } }),
    })
  const minting = { ttlSeconds: 60, subject: 'u7' }

  it('are kept, and end to the second', async () => {
    const stage = await startKept()
    expect(() => stage.gate.mint(minting)).toThrow(
      'format: timed tokens of film are kept in the store',
    )
    const { token, id, expiresAt } = await stage.gate.tokens.mint(minting)
    expect(token).toMatch(/^pgr_[A-Za-z0-9_-]{43}$/)
    expect(expiresAt).toBe(stage.clock.nowSeconds() + 60)
    expect((await stage.gate.tokens.list()).tokens).toMatchObject([
      { id, format: 'timed', name: 'u7' },
    ])
    stage.clock.advance(59_000)
    await expect.poll(async () => (await stage.ask(`${playlist}?token=${token}`)).status).toBe(200)
    stage.clock.advance(1000)
    expect((await stage.ask(`${playlist}?token=${token}`)).problem.reason).toBe('token-expired')
    expect((await stage.gate.tokens.list()).tokens).toEqual([])
  })

  it('are revoked one by one', async () => {
    const stage = await startKept()
    const [one, other] = [
      await stage.gate.tokens.mint(minting),
      await stage.gate.tokens.mint(minting),
    ]
    expect(await stage.gate.tokens.revoke({ tokens: [one.token] })).toBe(1)
    expect((await stage.ask(`${playlist}?token=${one.token}`)).problem.reason).toBe('token-refused')
    expect((await stage.ask(`${playlist}?token=${other.token}`)).status).toBe(200)
  })

  it('live for 60 s to a week as well', async () => {
    const stage = await startKept()
    for (const ttlSeconds of [59, 604_801]) {
      await expect(stage.gate.tokens.mint({ ...minting, ttlSeconds })).rejects.toThrow(
        /^ttlSeconds: /,
      )
    }
  })
})
