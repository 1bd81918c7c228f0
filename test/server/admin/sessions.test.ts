import { describe, expect, it } from 'vitest'
import type { SessionList, SessionView } from '../../../server/index.ts'
import type { StagedGate } from '../../stage/start-gate.ts'
import { askAdmin, playlist, startAdminGate, startPlayback } from './ask-admin.ts'

async function list(stage: StagedGate, query = ''): Promise<SessionList> {
  const answer = await askAdmin(stage, 'GET', `/sessions${query}`)
  expect(answer.status).toBe(200)
  return JSON.parse(answer.text)
}

/** Waits until the store has heard of so many sessions: what runs is told to it once a second. */
async function listed(stage: StagedGate, count: number): Promise<readonly SessionView[]> {
  await expect.poll(async () => (await list(stage)).sessions.length).toBe(count)
  return (await list(stage)).sessions
}

describe('GET /_playgate/admin/sessions', () => {
  it('shows who plays what, from where, since when', async () => {
    const stage = await startAdminGate()
    const { sessionId, goOn } = await startPlayback(stage, { subject: 'viewer-17' })
    await goOn()
    await listed(stage, 1)
    stage.clock.advance(5_000)
    await goOn()
    const { sessions, next } = await list(stage)
    expect(next).toBeNull()
    expect(sessions).toEqual([
      {
        sessionId,
        state: 'active',
        subject: 'viewer-17',
        rule: 'film',
        path: playlist,
        client: '127.0.0.1',
        userAgent: 'Viewer/1.0',
        openedAt: '2026-01-01T00:00:00.000Z',
        seenAt: '2026-01-01T00:00:05.000Z',
        endsAt: '2026-01-01T00:05:12.000Z',
        requests: 3,
        parent: null,
      },
    ])
    const one = await askAdmin(stage, 'GET', `/sessions/${sessionId}`)
    expect([one.status, JSON.parse(one.text)]).toEqual([200, sessions[0]])
    expect(one.headers.get('cache-control')).toBe('no-store')
  })

  it('filters by everything that a row shows', async () => {
    const stage = await startAdminGate()
    const { sessionId } = await startPlayback(stage, { subject: 'a' })
    await startPlayback(stage, { subject: 'b' })
    await listed(stage, 2)
    const counts: Record<string, number> = {}
    for (const query of [
      ...['subject=a', 'subject=nobody', 'rule=film', 'rule=other', 'client=127.0.0.1'],
      ...['client=::ffff:127.0.0.1', 'client=127.0.0.2', 'path=/vod/fi', 'path=/film'],
      ...['state=active', 'state=idle', 'state=ended', 'state=all', 'subject=a&rule=film&path=/'],
    ]) {
      counts[query] = (await list(stage, `?${query}`)).sessions.length
    }
    expect(counts).toEqual({
      'subject=a': 1,
      'subject=nobody': 0,
      'rule=film': 2,
      'rule=other': 0,
      'client=127.0.0.1': 2,
      'client=::ffff:127.0.0.1': 2,
      'client=127.0.0.2': 0,
      'path=/vod/fi': 2,
      'path=/film': 0,
      'state=active': 2,
      'state=idle': 0,
      'state=ended': 0,
      'state=all': 2,
      'subject=a&rule=film&path=/': 1,
    })
    await askAdmin(stage, 'DELETE', `/sessions/${sessionId}`)
    stage.clock.advance(60_000)
    const states = (await list(stage, '?state=all')).sessions.map(({ subject, state }) => [
      subject,
      state,
    ])
    expect(states.sort()).toEqual([
      ['a', 'ended'],
      ['b', 'idle'],
    ])
  })

  it('goes through pages without missing or repeating one', async () => {
    const stage = await startAdminGate()
    for (let count = 0; count < 5; count++) await startPlayback(stage, { subject: `v${count}` })
    const all = await listed(stage, 5)
    const seen: string[] = []
    let cursor = ''
    do {
      const page = await list(stage, `?limit=2${cursor}`)
      expect(page.sessions.length).toBeLessThanOrEqual(2)
      seen.push(...page.sessions.map(({ sessionId }) => sessionId))
      cursor = page.next === null ? '' : `&cursor=${encodeURIComponent(page.next)}`
    } while (cursor !== '')
    expect(seen).toEqual(all.map(({ sessionId }) => sessionId))
  })

  it.each([
    ['?subjekt=a', 'query: subjekt is no parameter here'],
    ['?hdnts=exp=1~hmac=0123456789abcdef', 'query: hdnts is no parameter here'],
    ['?exp=1~hmac=0123456789abcdef', 'query: exp is no parameter here'],
    ['?0123456789abcdef', 'query: an unknown parameter'],
    ['?__proto__=1', 'query: __proto__ is no parameter here'],
    ['?subject=a&subject=b', 'query subject: given more than once'],
    ['?subject=', 'query subject: '],
    ['?limit=0', 'query limit: '],
    ['?limit=1001', 'query limit: '],
    ['?limit=1e2', 'query limit: not a whole number'],
    ['?state=dead', 'query state: '],
    ['?cursor=nonsense!', 'cursor'],
  ])('refuses %s and names what is wrong', async (query, detail) => {
    const stage = await startAdminGate()
    const answer = await askAdmin(stage, 'GET', `/sessions${query}`)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text)).toMatchObject({
      reason: 'bad-request',
      detail: expect.stringContaining(detail),
    })
    expect(answer.text + stage.log.join()).not.toContain('0123456789abcdef')
  })

  it('does not find what is not there', async () => {
    const stage = await startAdminGate()
    const answer = await askAdmin(stage, 'GET', `/sessions/${'0'.repeat(40)}`)
    expect([answer.status, answer.problem.status]).toEqual([404, 404])
    expect((await askAdmin(stage, 'GET', '/sessions/%20')).status).toBe(400)
    expect((await askAdmin(stage, 'GET', '/sessions/')).status).toBe(404)
  })
})

describe('DELETE /_playgate/admin/sessions/{sessionId}', () => {
  it('ends a session, says whether it was known, and does no harm a second time', async () => {
    const stage = await startAdminGate()
    const { sessionId, goOn } = await startPlayback(stage)
    const other = await startPlayback(stage, { subject: 'other' })
    await listed(stage, 2)
    expect((await goOn()).status).toBe(200)
    for (let times = 0; times < 2; times++) {
      const answer = await askAdmin(stage, 'DELETE', `/sessions/${sessionId}`)
      expect([answer.status, JSON.parse(answer.text)]).toEqual([
        200,
        { sessionId, ended: true, known: true },
      ])
      expect((await goOn()).problem).toMatchObject({ reason: 'session-ended', renew: false })
    }
    expect((await other.goOn()).status).toBe(200)
    const unknown = await askAdmin(stage, 'DELETE', `/sessions/${'0'.repeat(40)}`)
    expect(JSON.parse(unknown.text)).toMatchObject({ ended: true, known: false })
    const changes = stage.log.filter((line) => line.includes('"event":"admin"'))
    expect(changes).toHaveLength(3)
    expect(JSON.parse(changes[0] ?? '')).toMatchObject({
      level: 'info',
      operation: 'endSession',
      client: '127.0.0.1',
      sessionId,
      outcome: 'done',
    })
  })
})

describe('POST /_playgate/admin/sessions/end', () => {
  it.each([
    ['a subject', () => ({ subject: 'a' })],
    ['an access token', (accessToken: string) => ({ accessToken })],
    ['a key', () => ({ key: 'vod' })],
    ['all', () => ({ all: true })],
  ] as const)('ends by %s', async (what, selector) => {
    const stage = await startAdminGate()
    const mine = await startPlayback(stage, { subject: 'a' })
    stage.clock.advance(1)
    const other = await startPlayback(stage, { subject: 'b' })
    await listed(stage, 2)
    const answer = await askAdmin(stage, 'POST', '/sessions/end', selector(mine.accessToken))
    const hitsAll = what === 'a key' || what === 'all'
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      200,
      { ended: hitsAll ? 2 : 1, more: false },
    ])
    expect((await mine.goOn()).problem.reason).toBe('session-ended')
    expect((await other.goOn()).status).toBe(hitsAll ? 403 : 200)
    expect(stage.log.join()).not.toContain(mine.accessToken)
    const again = await askAdmin(stage, 'POST', '/sessions/end', selector(mine.accessToken))
    expect(JSON.parse(again.text)).toEqual({ ended: 0, more: false })
  })

  it('spares what was opened later', async () => {
    const stage = await startAdminGate()
    const early = await startPlayback(stage, { subject: 'a' })
    stage.clock.advance(10_000)
    const late = await startPlayback(stage, { subject: 'a' })
    await listed(stage, 2)
    const openedBefore = '2026-01-01T01:00:05+01:00'
    const answer = await askAdmin(stage, 'POST', '/sessions/end', { subject: 'a', openedBefore })
    expect(JSON.parse(answer.text)).toEqual({ ended: 1, more: false })
    expect([(await early.goOn()).status, (await late.goOn()).status]).toEqual([403, 200])
  })

  it.each([
    [{}, 'exactly one of'],
    [{ subject: 'a', all: true }, 'exactly one of'],
    [{ all: false }, 'body all'],
    [{ subject: '' }, 'body subject'],
    [{ subject: 7 }, 'body subject'],
    [{ key: 'vodd' }, 'body key: no rule takes access tokens of a key of that name (there: vod)'],
    [{ accessToken: 'exp=1~acl=/*~hmac=0123456789abcdef' }, 'accessToken: no rule takes it'],
    [{ all: true, openedBefore: 'yesterday' }, 'body openedBefore'],
    [{ all: true, openedBefore: -1 }, 'body openedBefore'],
    [{ all: true, force: true }, 'unknown member'],
    [[], 'body'],
  ])('takes %j for a mistake, and ends nothing', async (body, detail) => {
    const stage = await startAdminGate()
    const { goOn } = await startPlayback(stage, { subject: 'a' })
    const answer = await askAdmin(stage, 'POST', '/sessions/end', body)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text).detail).toContain(detail)
    expect((await goOn()).status).toBe(200)
    expect(stage.log.join()).not.toContain('0123456789abcdef')
  })
})

describe('DELETE /_playgate/admin/sessions', () => {
  it('ends the sessions of a subject', async () => {
    const stage = await startAdminGate()
    const mine = await startPlayback(stage, { subject: 'a' })
    const other = await startPlayback(stage, { subject: 'b' })
    await listed(stage, 2)
    const answer = await askAdmin(stage, 'DELETE', '/sessions?subject=a')
    expect([answer.status, JSON.parse(answer.text)]).toEqual([200, { ended: 1, more: false }])
    expect([(await mine.goOn()).status, (await other.goOn()).status]).toEqual([403, 200])
  })

  it.each(['', '?subject=', '?all=true', '?subject=a&subject=b', '?subject=a&state=all'])(
    'never takes %j for "all"',
    async (query) => {
      const stage = await startAdminGate()
      const { goOn } = await startPlayback(stage, { subject: 'a' })
      expect((await askAdmin(stage, 'DELETE', `/sessions${query}`)).status).toBe(400)
      expect((await goOn()).status).toBe(200)
    },
  )
})
