import { describe, expect, it } from 'vitest'
import { adminPath, askAdmin, segment, startAdminGate, startPlayback } from './ask-admin.ts'

/** Port 1 is for a service that no machine runs any more. */
const nobodyThere = 'redis://127.0.0.1:1'

describe('GET /_playgate/admin/refusals', () => {
  it('shows the latest refusals with the check that refused, and no token', async () => {
    const stage = await startAdminGate()
    const { token, goOn, sessionId } = await startPlayback(stage)
    await stage.ask(segment)
    stage.clock.advance(1_000)
    await stage.ask(`${segment}?hdntl=${token}`, { headers: { 'User-Agent': 'Thief/1.0' } })
    await askAdmin(stage, 'DELETE', `/sessions/${sessionId}`)
    await goOn()
    const answer = await askAdmin(stage, 'GET', '/refusals')
    expect(answer.status).toBe(200)
    const { refusals } = JSON.parse(answer.text)
    const asked = { rule: 'film', method: 'GET', path: segment, client: '127.0.0.1', status: 403 }
    expect(refusals).toMatchObject([
      { ...asked, at: '2026-01-01T00:00:01.000Z', reason: 'session-ended' },
      {
        ...asked,
        reason: 'token-refused',
        detail: expect.stringContaining('the signature does not fit'),
      },
      { ...asked, at: '2026-01-01T00:00:00.000Z', reason: 'token-missing', sessionId: null },
    ])
    expect(answer.text).not.toMatch(/hmac=|exp=\d/)
  })

  it('shows no token that stood where nobody looks for one', async () => {
    const stage = await startAdminGate()
    const { token } = await startPlayback(stage)
    await stage.ask(`/vod/other=${token.replaceAll('/', '%20')}/1.m4s`)
    await stage.ask(`/vod/${token.replaceAll('/', '-')}`)
    const { text } = await askAdmin(stage, 'GET', '/refusals')
    expect(JSON.parse(text).refusals).toHaveLength(2)
    expect(text).toContain('[token]')
    expect(text).not.toMatch(/hmac/)
  })

  it('shows nothing of the admin’s own mistakes', async () => {
    const stage = await startAdminGate()
    await stage.ask(`${adminPath}/refusals`)
    await askAdmin(stage, 'GET', '/refusals?x=1')
    expect(JSON.parse((await askAdmin(stage, 'GET', '/refusals')).text)).toEqual({ refusals: [] })
  })
})

describe('GET /_playgate/admin/summary', () => {
  it('tells what goes on in a few figures', async () => {
    const stage = await startAdminGate()
    await startPlayback(stage, { subject: 'a' })
    const figures = async () => JSON.parse((await askAdmin(stage, 'GET', '/summary')).text)
    await expect.poll(async () => (await figures()).sessions.active).toBe(1)
    stage.clock.advance(60_000)
    await startPlayback(stage, { subject: 'b' })
    await expect.poll(async () => (await figures()).sessions.active).toBe(1)
    await stage.ask(segment)
    await expect.poll(async () => (await figures()).store.isUp).toBe(true)
    expect(await figures()).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      now: '2026-01-01T00:01:00.000Z',
      sessions: { active: 1, idle: 1, more: false },
      refusals: { lately: 1, minutes: 5, more: false },
      store: { kind: 'memory', isUp: true, silentSeconds: expect.any(Number) },
      rules: [{ name: 'film', mode: 'enforce', hosts: null, paths: ['/vod/*'], hasSessions: true }],
    })
    stage.clock.advance(301_000)
    expect((await figures()).refusals.lately).toBe(0)
  })

  it('goes on while the store does not answer, and names no password', async () => {
    const stage = await startAdminGate({
      configuration: { store: 'redis://:hunter2hunter2@127.0.0.1:1' },
    })
    const answer = await askAdmin(stage, 'GET', '/summary')
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.text)).toMatchObject({
      sessions: null,
      store: { kind: 'redis', isUp: false, silentSeconds: null },
    })
    expect(answer.text).not.toContain('hunter2')
  })
})

describe('a store that does not answer', () => {
  it.each([
    ['GET', '/sessions', undefined],
    ['GET', `/sessions/${'0'.repeat(40)}`, undefined],
    ['DELETE', `/sessions/${'0'.repeat(40)}`, undefined],
    ['DELETE', '/sessions?subject=a', undefined],
    ['POST', '/sessions/end', { all: true }],
  ])('makes %s %s a 503 that says so', async (method, path, body) => {
    const stage = await startAdminGate({
      configuration: { store: nobodyThere },
    })
    const answer = await askAdmin(stage, method, path, body)
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([503, 'no-store'])
    expect(answer.problem).toMatchObject({ reason: 'store-unavailable', renew: false })
    expect(answer.headers.get('retry-after')).toBe('1')
    if (method === 'GET') return
    const [line] = stage.log.filter((one) => one.includes('"event":"admin"'))
    expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 'warn', outcome: 'failed' })
  })
})
