import { describe, expect, it } from 'vitest'
import { type StagedGate, sessionTokenOf, startGate, testKey } from '../../stage/start-gate.ts'

const path = '/vod/film/index.m3u8'
const segment = '/vod/film/low/1.m4s'
const json = { 'Content-Type': 'application/json' }
const limited = (more: object = {}) => ({ session: { maxConcurrent: 2, ...more } })

/** A device of the viewer: tries to open, and plays on. */
function device(stage: StagedGate, name: string, subject = 'u7') {
  const headers = { 'User-Agent': name }
  let token = ''
  return {
    headers,
    async open() {
      stage.clock.advance(1)
      const answer = await stage.ask(`${path}?hdnts=${stage.mint({ subject })}`, { headers })
      if (answer.status === 200) token = sessionTokenOf(answer)
      return answer
    },
    play: () => stage.ask(`${segment}?hdntl=${token}`, { headers }),
    get token() {
      return token
    },
  }
}

const end = (stage: StagedGate, body: object) =>
  stage.ask('/_playgate/session/end', { method: 'POST', headers: json, body: JSON.stringify(body) })

const outcome = (answer: { status: number; problem: { reason?: string } }) =>
  answer.status === 200 ? 200 : answer.problem.reason

describe('maxConcurrent with onLimit: deny', () => {
  it('lets so many streams of a subject play, and of any other', async () => {
    const stage = await startGate(limited())
    const [tv, phone, tablet] = ['tv', 'phone', 'tablet'].map((name) => device(stage, name))
    expect(outcome((await tv?.open()) as never)).toBe(200)
    expect(outcome((await phone?.open()) as never)).toBe(200)
    const denied = await tablet?.open()
    expect([denied?.status, denied?.problem]).toMatchObject([
      403,
      { reason: 'session-limit', renew: false, maxConcurrent: 2 },
    ])
    expect(denied?.headers.get('playgate-session')).toBeNull()
    expect(outcome(await device(stage, 'tablet', 'u8').open())).toBe(200)
    expect(outcome((await tv?.play()) as never)).toBe(200)
  })

  it('names the others, and brings the right to end one of them, once', async () => {
    const stage = await startGate(limited())
    const [tv, phone, tablet] = ['tv', 'phone', 'tablet'].map((name) => device(stage, name))
    await tv?.open()
    await phone?.open()
    const { sessions, endRight } = JSON.parse((await tablet?.open())?.text ?? '')
    expect(sessions).toEqual([
      expect.objectContaining({ path, userAgent: 'tv', openedAt: expect.any(String) }),
      expect.objectContaining({ path, userAgent: 'phone', seenAt: expect.any(String) }),
    ])
    const [{ sessionId }, other] = sessions
    const answer = await end(stage, { endRight, sessionId })
    expect([answer.status, JSON.parse(answer.text)]).toEqual([200, { ended: sessionId }])
    expect(outcome((await tv?.play()) as never)).toBe('session-ended')
    expect(outcome((await phone?.play()) as never)).toBe(200)
    expect(outcome((await tablet?.open()) as never)).toBe(200)
    expect(outcome(await end(stage, { endRight, sessionId: other.sessionId }))).toBe(
      'token-refused',
    )
    expect(outcome((await phone?.play()) as never)).toBe(200)
  })

  it.each([
    ['a forged right', (body: Body) => ({ ...body, endRight: body.endRight.replace(/.$/, 'x') })],
    ['a session that it does not name', (body: Body) => ({ ...body, sessionId: '0'.repeat(40) })],
    ['no right', (body: Body) => ({ sessionId: body.sessionId })],
    ['more than is asked', (body: Body) => ({ ...body, all: true })],
  ])('ends nothing for %s', async (_what, change) => {
    const stage = await startGate(limited({ maxConcurrent: 1 }))
    const tv = device(stage, 'tv')
    await tv.open()
    const { sessions, endRight } = JSON.parse((await device(stage, 'phone').open()).text)
    const body = { endRight, sessionId: sessions[0].sessionId }
    expect((await end(stage, change(body))).status).toBeGreaterThanOrEqual(400)
    expect(outcome(await tv.play())).toBe(200)
    // And the right is still there.
    expect((await end(stage, body)).status).toBe(200)
  })

  it('ends nothing when the right is too old', async () => {
    const stage = await startGate(limited({ maxConcurrent: 1 }))
    const tv = device(stage, 'tv')
    await tv.open()
    const { sessions, endRight } = JSON.parse((await device(stage, 'phone').open()).text)
    stage.clock.advance(300_000)
    expect(outcome(await end(stage, { endRight, sessionId: sessions[0].sessionId }))).toBe(
      'token-refused',
    )
    expect(outcome(await tv.play())).toBe(200)
  })

  it('does not lock a viewer out who reloads or changes channels', async () => {
    const stage = await startGate(limited({ maxConcurrent: 1 }))
    const tv = device(stage, 'tv')
    for (let zap = 0; zap < 20; zap++) {
      expect(outcome(await tv.open())).toBe(200)
      expect(outcome(await tv.play())).toBe(200)
    }
    expect(outcome(await device(stage, 'phone').open())).toBe('session-limit')
  })

  it('refuses the tab that was there before when another one of the same browser took its place', async () => {
    const stage = await startGate(limited({ maxConcurrent: 1 }))
    const [one, two] = [device(stage, 'browser'), device(stage, 'browser')]
    await one.open()
    expect(outcome(await two.open())).toBe(200)
    stage.clock.advance(10_000)
    await one.play()
    // The first request told the store so; the next hears of it.
    await expect.poll(async () => outcome(await one.play())).toBe('session-limit')
    expect(outcome(await two.play())).toBe(200)
  })

  it('counts no session that was idle, and has it find a place when it comes back', async () => {
    const stage = await startGate(limited({ maxConcurrent: 1, idleSeconds: 60 }))
    const [tv, phone] = [device(stage, 'tv'), device(stage, 'phone')]
    await tv.open()
    stage.clock.advance(59_000)
    expect(outcome(await phone.open())).toBe('session-limit')
    stage.clock.advance(1000)
    expect(outcome(await phone.open())).toBe(200)
    const back = await tv.play()
    expect(outcome(back)).toBe('session-limit')
    expect(JSON.parse(back.text).sessions).toHaveLength(1)
    stage.clock.advance(60_000)
    expect(outcome(await tv.play())).toBe(200)
  })

  it('keeps the place of a session that is renewed', async () => {
    const stage = await startGate(limited({ maxConcurrent: 1 }))
    const tv = device(stage, 'tv')
    await tv.open()
    const renewed = await stage.ask('/_playgate/session', {
      method: 'POST',
      headers: { ...json, ...tv.headers },
      body: JSON.stringify({
        accessToken: stage.mint({ subject: 'u7' }),
        path,
        sessionToken: tv.token,
      }),
    })
    expect(renewed.status).toBe(200)
    expect(outcome(await tv.play())).toBe(200)
    expect(outcome(await device(stage, 'phone').open())).toBe('session-limit')
  })

  it('spends no single-use token on a refusal, and takes no place for a spent one', async () => {
    const stage = await startGate({ ...limited({ maxConcurrent: 1 }), access: { singleUse: true } })
    const once = stage.mint({ subject: 'u7' })
    const ask = (name: string) =>
      stage.ask(`${path}?hdnts=${once}`, { headers: { 'User-Agent': name } })
    const tv = device(stage, 'tv')
    await tv.open()
    expect(outcome(await ask('phone'))).toBe('session-limit')
    stage.clock.advance(60_000)
    expect(outcome(await ask('phone'))).toBe(200)
    stage.clock.advance(60_000)
    expect(outcome(await ask('tablet'))).toBe('token-refused')
    expect(outcome(await tv.open())).toBe(200)
  })

  it('tells a token that was used before nothing of the others', async () => {
    const stage = await startGate({ ...limited({ maxConcurrent: 1 }), access: { singleUse: true } })
    const once = `${path}?hdnts=${stage.mint({ subject: 'u7' })}`
    await stage.ask(once, { headers: { 'User-Agent': 'tv' } })
    const stolen = await stage.ask(once, { headers: { 'User-Agent': 'thief' } })
    expect(outcome(stolen)).toBe('token-refused')
    expect(stolen.text).not.toContain('sessions')
  })

  it('lets a session go on after a pause when the one that took its place was ended', async () => {
    const stage = await startGate(limited({ maxConcurrent: 1 }))
    const [tv, phone] = [device(stage, 'tv'), device(stage, 'phone')]
    await tv.open()
    stage.clock.advance(61_000)
    await phone.open()
    const [newest] = (await stage.gate.sessions.list()).sessions
    await stage.gate.sessions.end(newest?.sessionId ?? '')
    expect(outcome(await tv.play())).toBe(200)
  })

  it('names fifty sessions at most, with a right that can be used', async () => {
    const stage = await startGate(limited({ maxConcurrent: 80 }))
    for (let count = 0; count < 80; count++) await device(stage, `device ${count}`).open()
    const { sessions, endRight } = JSON.parse((await device(stage, 'one more').open()).text)
    expect(sessions).toHaveLength(50)
    const answer = await end(stage, { endRight, sessionId: sessions[49].sessionId })
    expect(answer.status).toBe(200)
  })

  it('ends the same session again with the same right, when the answer was lost', async () => {
    const stage = await startGate(limited({ maxConcurrent: 1 }))
    await device(stage, 'tv').open()
    const { sessions, endRight } = JSON.parse((await device(stage, 'phone').open()).text)
    const body = { endRight, sessionId: sessions[0].sessionId }
    for (let count = 0; count < 3; count++) expect((await end(stage, body)).status).toBe(200)
  })

  it.each(['50%+bob', 'u%37', '100%', 'a%zz+b', 'a/b'])(
    'knows %j for one subject, from its opening to its end',
    async (subject) => {
      const stage = await startGate(limited({ maxConcurrent: 1 }))
      const tv = device(stage, 'tv', subject)
      expect(outcome(await tv.open())).toBe(200)
      expect((await stage.gate.sessions.list({ subject })).sessions).toHaveLength(1)
      expect(outcome(await device(stage, 'phone', subject).open())).toBe('session-limit')
      stage.clock.advance(20_000)
      expect(outcome(await tv.play())).toBe(200)
      expect(outcome(await device(stage, 'phone', subject).open())).toBe('session-limit')
      expect(await stage.gate.sessions.endAll({ subject })).toEqual({ ended: 1, more: false })
      expect(outcome(await tv.play())).toBe('session-ended')
    },
  )

  it('frees the place of a session that somebody ended', async () => {
    const stage = await startGate(limited({ maxConcurrent: 1 }))
    const [tv, phone] = [device(stage, 'tv'), device(stage, 'phone')]
    await tv.open()
    await stage.gate.sessions.endAll({ subject: 'u7' })
    expect(outcome(await phone.open())).toBe(200)
  })

  it('needs to know whose streams it counts', async () => {
    const stage = await startGate(limited())
    expect(() => stage.mint()).toThrow(/subject: film counts streams/)
    const unlimited = await startGate({ session: {} })
    const answer = await stage.ask(`${path}?hdnts=${unlimited.mint()}`)
    expect(outcome(answer)).toBe('token-refused')
    expect(stage.log.join('')).toContain('names no subject')
  })

  it('answers with the status that the rule wants', async () => {
    const stage = await startGate({
      ...limited({ maxConcurrent: 1 }),
      rule: { denial: { byReason: { 'session-limit': 409 } } },
    })
    await device(stage, 'tv').open()
    expect((await device(stage, 'phone').open()).status).toBe(409)
  })

  it('lets through in mode log, and says so', async () => {
    const stage = await startGate({ ...limited({ maxConcurrent: 1 }), rule: { mode: 'log' } })
    await device(stage, 'tv').open()
    const phone = device(stage, 'phone')
    expect(outcome(await phone.open())).toBe(200)
    expect(JSON.parse(stage.log.at(-1) ?? '')).toMatchObject({
      event: 'request',
      outcome: 'opened',
      wouldRefuse: 'session-limit',
      detail: '1 streams of its subject are playing (session.maxConcurrent)',
    })
    expect(outcome(await phone.play())).toBe(200)
  })

  it('is exact for 60 devices that open at the same time', async () => {
    const stage = await startGate(limited({ maxConcurrent: 3 }))
    const devices = Array.from({ length: 60 }, (_, index) => device(stage, `device ${index}`))
    const answers = await Promise.all(devices.map((one) => one.open()))
    const outcomes = answers.map(outcome)
    expect(outcomes.filter((one) => one === 200)).toHaveLength(3)
    expect(outcomes.filter((one) => one === 'session-limit')).toHaveLength(57)
  })
})

interface Body {
  readonly endRight: string
  readonly sessionId: string
}

describe('maxConcurrent with onLimit: end-oldest', () => {
  it('ends the session that was opened first', async () => {
    const stage = await startGate(limited({ onLimit: 'end-oldest' }))
    const [tv, phone, tablet] = ['tv', 'phone', 'tablet'].map((name) => device(stage, name))
    for (const one of [tv, phone, tablet]) expect(outcome((await one?.open()) as never)).toBe(200)
    expect(outcome((await tv?.play()) as never)).toBe('session-ended')
    expect(outcome((await phone?.play()) as never)).toBe(200)
    expect(outcome((await tablet?.play()) as never)).toBe(200)
    const listed = (await stage.gate.sessions.list({ state: 'ended' })).sessions
    expect(listed.map(({ userAgent }) => userAgent)).toEqual(['tv'])
  })

  it('ends nothing for a token that was used before', async () => {
    const stage = await startGate({
      ...limited({ maxConcurrent: 1, onLimit: 'end-oldest' }),
      access: { singleUse: true },
    })
    const once = `${path}?hdnts=${stage.mint({ subject: 'u7' })}`
    const headers = { 'User-Agent': 'tv' }
    const token = sessionTokenOf(await stage.ask(once, { headers }))
    const stolen = await stage.ask(once, { headers: { 'User-Agent': 'thief' } })
    expect(outcome(stolen)).toBe('token-refused')
    expect(outcome(await stage.ask(`${segment}?hdntl=${token}`, { headers }))).toBe(200)
  })

  it('ends nothing for a rule that is on trial', async () => {
    const stage = await startGate(limited({ maxConcurrent: 1, onLimit: 'end-oldest' }))
    const tv = device(stage, 'tv')
    await tv.open()
    const access = { format: 'edgeauth' as const, key: 'vod' }
    const rule = { stripPrefix: '/vod', origin: stage.origin.url, access }
    const session = { maxConcurrent: 1, onLimit: 'end-oldest' as const }
    stage.gate.reload({
      keys: { vod: { primary: testKey } },
      rules: [
        { ...rule, name: 'trial', mode: 'log', match: { paths: ['/vod/other/*'] }, session },
        { ...rule, name: 'film', match: { paths: ['/vod/*'] }, session },
      ],
    })
    for (const name of ['phone', 'tablet']) {
      const token = stage.mint({ subject: 'u7', path: '/vod/other/*' })
      const headers = { 'User-Agent': name }
      const answer = await stage.ask(`/vod/other/index.m3u8?hdnts=${token}`, { headers })
      expect(answer.status).toBe(200)
    }
    expect(JSON.parse(stage.log.at(-1) ?? '').wouldRefuse).toBe('session-limit')
    expect(outcome(await tv.play())).toBe(200)
  })

  it('has a session that had to make room find a place like any other, after ten minutes', async () => {
    const stage = await startGate(limited({ maxConcurrent: 1, onLimit: 'end-oldest' }))
    const [tv, phone] = [device(stage, 'tv'), device(stage, 'phone')]
    await tv.open()
    await phone.open()
    stage.clock.advance(290_000)
    expect(outcome(await phone.play())).toBe(200)
    expect(outcome(await tv.play())).toBe('session-ended')
  })

  it('leaves the television alone while a phone changes channels', async () => {
    const stage = await startGate(limited({ onLimit: 'end-oldest' }))
    const [tv, phone] = [device(stage, 'tv'), device(stage, 'phone')]
    await tv.open()
    for (let zap = 0; zap < 10; zap++) expect(outcome(await phone.open())).toBe(200)
    expect(outcome(await tv.play())).toBe(200)
  })
})

describe('while the store does not answer', () => {
  const away = { store: 'redis://127.0.0.1:1/0' }

  it('a rule with a limit opens nothing', async () => {
    const stage = await startGate({ ...limited(), configuration: away })
    const answer = await device(stage, 'tv').open()
    expect([answer.status, answer.problem.reason]).toEqual([503, 'store-unavailable'])
    expect(answer.headers.get('retry-after')).toBe('1')
  })

  it('a rule that needs nothing of it opens sessions, and they play', async () => {
    const stage = await startGate({ configuration: away })
    const tv = device(stage, 'tv')
    expect(outcome(await tv.open())).toBe(200)
    expect(outcome(await tv.play())).toBe(200)
    const { text } = await stage.ask('/_playgate/metrics')
    expect(text).toContain('playgate_store_up 0')
    expect(text).toMatch(/playgate_store_failures_total\{operation="revocationsSince"\} [1-9]/)
    expect((await stage.ask('/_playgate/ready')).status).toBe(503)
    await expect(stage.gate.sessions.list()).rejects.toMatchObject({ status: 503 })
  })
})
