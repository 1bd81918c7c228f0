import { describe, expect, it } from 'vitest'
import { edgeauth } from '../../../server/token/index.ts'
import { deferred } from '../../stage/deferred.ts'
import {
  otherKey,
  type StagedGate,
  sessionTokenOf,
  startGate,
  testKey,
} from '../../stage/start-gate.ts'

const path = '/vod/film/index.m3u8'
const segment = '/vod/film/low/1.m4s'
const json = { 'Content-Type': 'application/json' }

async function openSession(stage: StagedGate, options: Parameters<StagedGate['mint']>[0] = {}) {
  const accessToken = stage.mint(options)
  const token = sessionTokenOf(await stage.ask(`${path}?hdnts=${accessToken}`))
  const [{ sessionId } = { sessionId: '' }] = (await stage.gate.sessions.list()).sessions
  // The next one is opened later, and so comes first in the list.
  stage.clock.advance(1)
  return { accessToken, token, sessionId, play: () => stage.ask(`${segment}?hdntl=${token}`) }
}

const renew = (stage: StagedGate, body: object) =>
  stage.ask('/_playgate/session', {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ path, ...body }),
  })

describe('sessions', () => {
  it('are listed as they run: who, what, where, since when, how many requests', async () => {
    const stage = await startGate()
    const openedAt = new Date(stage.clock.now()).toISOString()
    const { play, sessionId } = await openSession(stage, { subject: 'u7' })
    stage.clock.advance(10_000)
    for (let count = 0; count < 4; count++) expect((await play()).status).toBe(200)
    expect(await stage.gate.sessions.get(sessionId)).toEqual({
      sessionId,
      state: 'active',
      subject: 'u7',
      rule: 'film',
      path,
      client: '127.0.0.1',
      userAgent: 'Viewer/1.0',
      openedAt,
      seenAt: new Date(stage.clock.now()).toISOString(),
      endsAt: new Date(Date.parse(openedAt) + 312_000).toISOString(),
      requests: 5,
      parent: null,
    })
    stage.clock.advance(60_000)
    expect(await stage.gate.sessions.get(sessionId)).toMatchObject({ state: 'idle' })
    stage.clock.advance(312_000)
    expect(await stage.gate.sessions.get(sessionId)).toBeNull()
    expect(await stage.gate.sessions.list()).toEqual({ sessions: [], next: null })
  })

  it('are listed by subject, rule, client, path and state, page by page', async () => {
    const stage = await startGate()
    const { sessions } = stage.gate
    const ids: string[] = []
    for (const subject of ['u1', 'u2', 'u1', 'u3']) {
      ids.unshift((await openSession(stage, { subject })).sessionId)
    }
    const listed = async (filter: Parameters<typeof sessions.list>[0]) =>
      (await sessions.list(filter)).sessions.map(({ sessionId }) => ids.indexOf(sessionId))
    expect(await listed({})).toEqual([0, 1, 2, 3])
    expect(await listed({ subject: 'u1' })).toEqual([1, 3])
    expect(await listed({ rule: 'film', client: '127.0.0.1', path: '/vod/fi' })).toHaveLength(4)
    expect(await listed({ rule: 'other' })).toEqual([])
    expect(await listed({ client: '127.0.0.2' })).toEqual([])
    expect(await listed({ path: '/vod/other' })).toEqual([])
    const first = await sessions.list({ limit: 3 })
    expect(first.sessions).toHaveLength(3)
    expect(await listed({ limit: 3, cursor: first.next ?? '' })).toEqual([3])
    await sessions.end(ids[2] ?? '')
    expect(await listed({})).toEqual([0, 1, 3])
    expect(await listed({ state: 'ended' })).toEqual([2])
    expect(await listed({ state: 'all' })).toEqual([0, 1, 2, 3])
    for (const wrong of [{ limit: 0 }, { limit: 1001 }, { cursor: 'x' }]) {
      await expect(sessions.list(wrong)).rejects.toThrow(RangeError)
    }
  })

  it('end one at a time: at once, for good, and no other with it', async () => {
    const stage = await startGate()
    const [mine, other] = [await openSession(stage), await openSession(stage)]
    expect(await stage.gate.sessions.end(mine.sessionId)).toBe(true)
    const before = stage.origin.requests.length
    const refused = await mine.play()
    expect([refused.status, refused.problem.reason, refused.problem.renew]).toEqual([
      403,
      'session-ended',
      false,
    ])
    expect(refused.headers.get('cache-control')).toBe('no-store')
    expect(stage.origin.requests).toHaveLength(before)
    expect((await other.play()).status).toBe(200)
    // Not by a renewal either, with an access token as fresh as may be.
    const renewed = await renew(stage, { accessToken: stage.mint(), sessionToken: mine.token })
    expect([renewed.status, renewed.problem.reason]).toEqual([403, 'session-ended'])
    expect((await renew(stage, { accessToken: stage.mint() })).status).toBe(200)
    expect(stage.log.join('')).toContain('this session was ended')
    const line = stage.log.find((text) => text.includes('"reason":"session-ended"')) ?? '{}'
    expect(JSON.parse(line)).toMatchObject({ sessionId: mine.sessionId })
    expect(await stage.gate.sessions.end('nonsense')).toBe(false)
  })

  it('end in every carrier; a cookie falls back to a good access token as published', async () => {
    const stage = await startGate({
      session: { carrier: ['cookie'] },
      rule: { cors: { origins: [] } },
    })
    const { token, sessionId } = await openSession(stage)
    await stage.gate.sessions.end(sessionId)
    const cookie = { headers: { Cookie: `hdntl=${token}` } }
    expect((await stage.ask(segment, cookie)).problem.reason).toBe('session-ended')
    const again = await stage.ask(`${path}?hdnts=${stage.mint()}`, cookie)
    expect(again.status).toBe(200)
    expect(sessionTokenOf(again)).not.toBe(token)
    for (const answer of [
      await stage.ask(`/hdntl=${token}${segment}`),
      await stage.ask(segment, { headers: { hdntl: token } }),
      await stage.ask(`${segment}?hdntl=${token}&hdnts=${stage.mint()}`),
    ]) {
      expect([answer.status, answer.problem.reason]).toEqual([403, 'session-ended'])
    }
  })

  it('end all of a subject, and those opened afterwards go on', async () => {
    const stage = await startGate()
    const before = [
      await openSession(stage, { subject: 'u7' }),
      await openSession(stage, { subject: 'u7' }),
    ]
    const other = await openSession(stage, { subject: 'u8' })
    expect(await stage.gate.sessions.endAll({ subject: 'u7' })).toEqual({ ended: 2, more: false })
    stage.clock.advance(1)
    const after = await openSession(stage, { subject: 'u7' })
    for (const { play } of before) expect((await play()).problem.reason).toBe('session-ended')
    expect((await other.play()).status).toBe(200)
    expect((await after.play()).status).toBe(200)
    expect(await stage.gate.sessions.endAll({ subject: 'nobody' })).toEqual({
      ended: 0,
      more: false,
    })
  })

  it('end before a time: the password was changed', async () => {
    const stage = await startGate()
    const before = await openSession(stage, { subject: 'u7' })
    stage.clock.advance(5000)
    const openedBefore = new Date(stage.clock.now())
    const after = await openSession(stage, { subject: 'u7' })
    const count = await stage.gate.sessions.endAll({ subject: 'u7', openedBefore })
    expect(count).toEqual({ ended: 1, more: false })
    expect((await before.play()).problem.reason).toBe('session-ended')
    expect((await after.play()).status).toBe(200)
    // A time to come would end what is not open yet.
    await stage.gate.sessions.endAll({ all: true, openedBefore: stage.clock.now() + 60_000 })
    expect((await after.play()).problem.reason).toBe('session-ended')
    stage.clock.advance(1000)
    expect((await (await openSession(stage)).play()).status).toBe(200)
  })

  it('end all of an access token, which then opens nothing more', async () => {
    const stage = await startGate()
    const { accessToken, play } = await openSession(stage)
    const again = sessionTokenOf(await stage.ask(`${path}?hdnts=${accessToken}`))
    const other = await openSession(stage, { ttlSeconds: 299 })
    expect(await stage.gate.sessions.endAll({ accessToken })).toEqual({ ended: 2, more: false })
    expect((await play()).problem.reason).toBe('session-ended')
    expect((await stage.ask(`${segment}?hdntl=${again}`)).problem.reason).toBe('session-ended')
    expect((await other.play()).status).toBe(200)
    const refused = await stage.ask(`${path}?hdnts=${encodeURIComponent(accessToken)}`)
    expect([refused.status, refused.problem]).toMatchObject([
      403,
      { reason: 'token-refused', renew: true },
    ])
    // Long after its own end, too: what it opened may run for hours.
    const late = await openSession(stage, { ttlSeconds: 298 })
    stage.clock.advance(301_000)
    await stage.gate.sessions.endAll({ accessToken: late.accessToken })
    expect((await late.play()).problem.reason).toBe('session-ended')
  })

  it('end all of an access token for as long as any rule would take it', async () => {
    const stage = await startGate({ access: { maxLifetimeSeconds: 30 * 86_400 } })
    const accessToken = stage.mint({ ttlSeconds: 20 * 86_400 })
    await stage.gate.sessions.endAll({ accessToken })
    for (const days of [0, 3, 16]) {
      stage.clock.advance(days * 86_400_000)
      const answer = await stage.ask(`${path}?hdnts=${accessToken}`)
      expect([answer.status, answer.problem.reason]).toEqual([403, 'token-refused'])
    }
  })

  it('end all of an access token, those too that are opening meanwhile', async () => {
    const [arrived, held] = [deferred(), deferred()]
    const stage = await startGate({
      routes: {
        '/film/slow.m3u8': async (_request, response) => {
          arrived.resolve()
          await held.promise
          response.writeHead(200, { 'Content-Type': 'application/vnd.apple.mpegurl' })
          response.end('#EXTM3U\n#EXTINF:9,\na.ts\n#EXT-X-ENDLIST\n')
        },
      },
    })
    const accessToken = stage.mint()
    const opening = stage.ask(`/vod/film/slow.m3u8?hdnts=${accessToken}`)
    await arrived.promise
    await stage.gate.sessions.endAll({ accessToken })
    held.resolve()
    expect((await opening).problem.reason).toBe('token-refused')
  })

  it('end all of a subject of one key, and not of another site with a subject of that name', async () => {
    const stage = await startGate({
      configuration: { keys: { vod: { primary: testKey }, other: { primary: otherKey } } },
    })
    const mine = await openSession(stage, { subject: 'u7' })
    const { sessions } = stage.gate
    const none = { ended: 0, more: false }
    expect(await sessions.endAll({ subject: 'u7', key: 'other' })).toEqual(none)
    expect((await mine.play()).status).toBe(200)
    expect(await sessions.endAll({ subject: 'u7', key: 'vod' })).toEqual({ ...none, ended: 1 })
    expect((await mine.play()).problem.reason).toBe('session-ended')
  })

  it('end for subjects however long', async () => {
    const stage = await startGate()
    const subject = 'x'.repeat(300)
    const { play } = await openSession(stage, { subject })
    expect((await stage.gate.sessions.list({ subject })).sessions).toHaveLength(1)
    expect(await stage.gate.sessions.endAll({ subject })).toEqual({ ended: 1, more: false })
    expect((await play()).problem.reason).toBe('session-ended')
  })

  it('end all of a key, or simply all', async () => {
    const stage = await startGate()
    const mine = await openSession(stage)
    expect(await stage.gate.sessions.endAll({ key: 'live' })).toEqual({ ended: 0, more: false })
    expect((await mine.play()).status).toBe(200)
    expect(await stage.gate.sessions.endAll({ key: 'vod' })).toEqual({ ended: 1, more: false })
    expect((await mine.play()).problem.reason).toBe('session-ended')
    stage.clock.advance(1)
    const next = await openSession(stage)
    expect(await stage.gate.sessions.endAll({ all: true })).toEqual({ ended: 1, more: false })
    expect((await next.play()).problem.reason).toBe('session-ended')
  })

  it.each([
    ['nothing', {}],
    ['two things', { subject: 'a', all: true as const }],
    ['two others', { accessToken: 'a', key: 'vod' }],
    ['an access token that no rule takes', { accessToken: 'exp=1~acl=/*~hmac=00' }],
    ['no time', { all: true as const, openedBefore: 'yesterday' }],
    ['a time in seconds', { all: true as const, openedBefore: 1_795_652_234 }],
  ])('are not ended by %s', async (_what, selector) => {
    const stage = await startGate()
    const { play } = await openSession(stage)
    await expect(stage.gate.sessions.endAll(selector)).rejects.toThrow(TypeError)
    expect((await play()).status).toBe(200)
  })

  it('stay ended through a reload, and are explained', async () => {
    const stage = await startGate()
    const { token, sessionId } = await openSession(stage)
    await stage.gate.sessions.end(sessionId)
    const explanation = await stage.gate.explain({
      url: `${segment}?hdntl=${token}`,
      headers: { 'User-Agent': 'Viewer/1.0' },
    })
    expect(explanation.answer).toMatchObject({ outcome: 'refused', reason: 'session-ended' })
    expect(explanation.checks.at(-1)?.detail).toBe('this session was ended')
  })

  it('are let through in mode log, and the log says so', async () => {
    const stage = await startGate({ rule: { mode: 'log' } })
    const { play, sessionId } = await openSession(stage)
    await stage.gate.sessions.end(sessionId)
    expect((await play()).status).toBe(200)
    expect(stage.log.at(-1)).toContain('"wouldRefuse":"session-ended"')
  })

  it.each([{}, { maxConcurrent: 2 }])(
    'cost the store no word at a segment, with %j',
    async (session) => {
      const stage = await startGate({ session })
      const { play } = await openSession(stage, { subject: 'u7' })
      const calls = async () => {
        const { text } = await stage.ask('/_playgate/metrics')
        const counts = [
          ...text.matchAll(/playgate_store_seconds_count\{operation="(\w+)"\} (\d+)/g),
        ]
        return new Map(counts.map(([, name, count]) => [name, Number(count)]))
      }
      const before = await calls()
      const requests = 300
      for (let count = 0; count < requests; count++) await play()
      const after = await calls()
      // Nothing comes with the requests: what is told and asked comes with time.
      for (const [name, count] of after) {
        const perRequest = (count - (before.get(name) ?? 0)) / requests
        expect([name, perRequest < 0.2]).toEqual([name, true])
      }
      for (const name of ['claimPlaces', 'spend', 'isSpent', 'findSession']) {
        expect([name, after.get(name)]).toEqual([name, before.get(name)])
      }
    },
  )
})

describe('a renewal', () => {
  it('is no session of another key', async () => {
    const stage = await startGate({
      configuration: { keys: { vod: { primary: testKey }, other: { primary: otherKey } } },
      session: { key: 'vod' },
      rule: {
        access: [
          { format: 'edgeauth', key: 'vod' },
          { format: 'edgeauth', key: 'other', parameter: 'other' },
        ],
      },
    })
    const mine = await openSession(stage, { subject: 'u7' })
    const accessToken = edgeauth.mint({
      mode: 'acl',
      path: '/vod/film/*',
      key: otherKey,
      sessionId: 'u7',
      endTime: stage.clock.nowSeconds() + 60,
    })
    const answer = await renew(stage, { accessToken, sessionToken: mine.token })
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.text).sessionId).not.toBe(mine.sessionId)
  })

  it('of a session that another edge opened leaves the list of sessions alone', async () => {
    const stage = await startGate({ session: { key: 'vod', salt: 'fixed' } })
    const sessionToken = edgeauth.mint({
      mode: 'acl',
      path: '/vod/film/*',
      key: testKey,
      sessionId: 'edge-session-1',
      payload: 'hdntl',
      salt: 'fixed',
      endTime: stage.clock.nowSeconds() + 600,
    })
    const answer = await renew(stage, { accessToken: stage.mint(), sessionToken })
    expect(JSON.parse(answer.text).sessionId).toBe('edge-session-1')
    await openSession(stage)
    expect((await stage.gate.sessions.list()).sessions).toHaveLength(1)
    // It can be ended all the same.
    await stage.gate.sessions.end('edge-session-1')
    const played = await stage.ask(`${segment}?hdntl=${JSON.parse(answer.text).token}`)
    expect(played.problem.reason).toBe('session-ended')
  })

  it('goes on with a session whose token has ended, and not with one of another viewer', async () => {
    const stage = await startGate()
    const mine = await openSession(stage, { subject: 'u7' })
    stage.clock.advance(1_800_000)
    expect((await mine.play()).problem.reason).toBe('token-expired')
    const sessionToken = mine.token
    const renewed = await renew(stage, { accessToken: stage.mint({ subject: 'u7' }), sessionToken })
    expect(JSON.parse(renewed.text).sessionId).toBe(mine.sessionId)
    const others = [stage.mint({ subject: 'u8' }), stage.mint()]
    for (const accessToken of others) {
      const answer = await renew(stage, { accessToken, sessionToken })
      expect(JSON.parse(answer.text).sessionId).not.toBe(mine.sessionId)
    }
    stage.clock.advance(3_600_000)
    const late = await renew(stage, { accessToken: stage.mint({ subject: 'u7' }), sessionToken })
    expect(JSON.parse(late.text).sessionId).not.toBe(mine.sessionId)
  })
})
