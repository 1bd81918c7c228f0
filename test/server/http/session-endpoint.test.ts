import { describe, expect, it } from 'vitest'
import { type StagedGate, startGate } from '../../stage/start-gate.ts'

const path = '/vod/film/index.m3u8'
const json = { 'Content-Type': 'application/json' }

function post(stage: StagedGate, body: unknown, headers: Record<string, string> = json) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return stage.ask('/_playgate/session', { method: 'POST', headers, body: text })
}

describe('POST /_playgate/session', () => {
  it('exchanges an access token for a session token', async () => {
    const stage = await startGate()
    const answer = await post(stage, { accessToken: stage.mint(), path })
    const session = JSON.parse(answer.text)
    expect(answer.status).toBe(200)
    expect(session).toEqual({
      token: expect.stringContaining(`~id=${session.sessionId}~data=hdntl~`),
      parameter: 'hdntl',
      expiresInSeconds: 312,
      sessionId: expect.stringMatching(/^[0-9a-f]{40}$/),
      carrier: 'query',
    })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const played = await stage.ask(`/vod/film/low/1.m4s?hdntl=${session.token}`)
    expect(played.status).toBe(200)
  })

  it('asks the origin for the very playlist, its query too', async () => {
    const stage = await startGate({
      routes: {
        '/film/by-query.m3u8': (request, response) => {
          const found = request.url?.endsWith('?version=2')
          response.writeHead(found ? 200 : 404, { 'Content-Type': 'application/vnd.apple.mpegurl' })
          response.end(found ? '#EXTM3U\n#EXTINF:9,\na.ts\n#EXT-X-ENDLIST\n' : '')
        },
      },
    })
    const asked = (target: string) => post(stage, { accessToken: stage.mint(), path: target })
    const found = await asked('/vod/film/by-query.m3u8?version=2&hdnts=x&CMCD=y')
    expect(JSON.parse(found.text)).toMatchObject({ expiresInSeconds: 309 })
    const missing = await asked('/vod/film/by-query.m3u8')
    expect([missing.status, missing.problem.status]).toEqual([404, 404])
  })

  it('logs and counts what it refuses, and tells a caller what was wrong with the body', async () => {
    const stage = await startGate()
    const answer = await post(stage, { accessToken: 'x', path, admin: true })
    expect(JSON.parse(answer.text)).toMatchObject({ detail: 'body: an unknown member, admin' })
    await post(stage, { accessToken: stage.mint({ path: '/vod/other/*' }), path })
    expect(stage.log.filter((line) => line.includes('"level":"warn"'))).toHaveLength(2)
    const { text } = await stage.ask('/_playgate/metrics')
    expect(text).toContain('{rule="film",outcome="refused",reason="token-refused"} 1')
    expect(text).toContain('{rule="none",outcome="refused",reason="bad-request"} 1')
  })

  it('keeps the session id when a session is renewed', async () => {
    const stage = await startGate()
    const first = JSON.parse((await post(stage, { accessToken: stage.mint(), path })).text)
    stage.clock.advance(100_000)
    const sessionToken = first.token
    const next = JSON.parse(
      (await post(stage, { accessToken: stage.mint(), path, sessionToken })).text,
    )
    expect(next.sessionId).toBe(first.sessionId)
    expect(next.token).not.toBe(first.token)
  })

  it('begins a new session when the old token is no good', async () => {
    const stage = await startGate()
    const first = JSON.parse((await post(stage, { accessToken: stage.mint(), path })).text)
    const sessionToken = `${first.token.slice(0, -4)}0000`
    const next = JSON.parse(
      (await post(stage, { accessToken: stage.mint(), path, sessionToken })).text,
    )
    expect(next.sessionId).not.toBe(first.sessionId)
  })

  it('counts the Origin of a page on the same host for nothing, as its GET requests do not send it', async () => {
    const stage = await startGate()
    const headers = { ...json, Origin: stage.url }
    const session = JSON.parse(
      (await post(stage, { accessToken: stage.mint(), path }, headers)).text,
    )
    expect((await stage.ask(`/vod/film/low/1.m4s?hdntl=${session.token}`)).status).toBe(200)
  })

  it('refuses what the playlist itself would refuse', async () => {
    const stage = await startGate()
    const answer = await post(stage, { accessToken: stage.mint({ path: '/vod/other/*' }), path })
    expect([answer.status, answer.problem]).toEqual([
      403,
      {
        type: 'about:blank',
        title: 'Forbidden',
        status: 403,
        reason: 'token-refused',
        renew: true,
      },
    ])
    expect(stage.origin.requests).toEqual([])
  })

  it.each([
    ['a form', 'accessToken=x', { 'Content-Type': 'application/x-www-form-urlencoded' }, 400],
    ['text', '{}', { 'Content-Type': 'text/plain' }, 400],
    ['broken JSON', '{', json, 400],
    ['no token', { path }, json, 400],
    ['an unknown member', { accessToken: 'x', path, admin: true }, json, 400],
    ['a path outside every rule', { accessToken: 'x', path: '/elsewhere' }, json, 400],
    [
      'a URL for a path',
      { accessToken: 'x', path: 'http://evil.example/vod/film/index.m3u8' },
      json,
      400,
    ],
    ['a body beyond bounds', `{"accessToken":"${'x'.repeat(20_000)}"}`, json, 413],
  ])('answers %s with a bad request', async (_what, body, headers, status) => {
    const stage = await startGate()
    const answer = await post(stage, body, headers as Record<string, string>)
    expect([answer.status, answer.problem.reason]).toEqual([status, 'bad-request'])
    expect(stage.origin.requests).toEqual([])
  })

  it('answers with the status that the rule has for the reason, and never redirects', async () => {
    const location = 'https://www.example.com/login'
    const refused = async (denial: object) => {
      const stage = await startGate({ rule: { denial: { location, ...denial } } })
      const { status, headers, problem } = await post(stage, { accessToken: 'x', path })
      expect(headers.get('location')).toBeNull()
      expect(problem).toMatchObject({ reason: 'token-refused', renew: true, status })
      return [status, headers.get('www-authenticate')]
    }
    expect(await refused({ status: 302 })).toEqual([403, null])
    expect(await refused({ status: 404, byReason: { 'token-refused': 307 } })).toEqual([403, null])
    expect(await refused({ status: 404 })).toEqual([404, null])
    expect(await refused({ status: 302, byReason: { 'token-refused': 401 } })).toEqual([
      401,
      'Bearer',
    ])
  })

  it('does not redirect either when a limit refuses in the end', async () => {
    const location = 'https://www.example.com/login'
    const stage = await startGate({
      rule: { denial: { status: 302, location } },
      session: { maxConcurrent: 1 },
    })
    const askAs = (device: string) => {
      const headers = { ...json, 'User-Agent': device }
      return post(stage, { accessToken: stage.mint({ subject: 'u7' }), path }, headers)
    }
    expect((await askAs('tv')).status).toBe(200)
    stage.clock.advance(1)
    const { status, headers, text } = await askAs('phone')
    expect([status, headers.get('location')]).toEqual([403, null])
    const { reason, endRight } = JSON.parse(text)
    expect(reason).toBe('session-limit')
    const sessionId = '0'.repeat(40)
    const ended = await stage.ask('/_playgate/session/end', {
      ...{ method: 'POST', headers: json },
      body: JSON.stringify({ endRight: `${endRight}x`, sessionId }),
    })
    expect([ended.status, ended.headers.get('location')]).toEqual([403, null])
  })

  it('answers a preflight without a token', async () => {
    const stage = await startGate()
    const answer = await stage.ask('/_playgate/session', {
      method: 'OPTIONS',
      headers: {
        Origin: 'https://www.example.com',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type',
      },
    })
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    expect(answer.headers.get('access-control-allow-methods')).toContain('POST')
    expect(answer.headers.get('access-control-allow-headers')).toContain('Content-Type')
  })
})

describe('the other endpoints of ours', () => {
  it('tell health and readiness', async () => {
    const stage = await startGate()
    expect(JSON.parse((await stage.ask('/_playgate/health')).text)).toEqual({ status: 'ok' })
    const ready = await stage.ask('/_playgate/ready')
    expect([ready.status, JSON.parse(ready.text)]).toEqual([
      200,
      { status: 'ready', origins: { film: 'ok' }, store: 'ok' },
    ])
    await stage.origin.close()
    // Origins are asked once a second, however often somebody asks us.
    expect((await stage.ask('/_playgate/ready')).status).toBe(200)
    stage.clock.advance(1_000)
    expect((await stage.ask('/_playgate/ready')).status).toBe(503)
  })

  it('count requests by rule, outcome and reason', async () => {
    const stage = await startGate()
    await stage.ask('/vod/film/index.m3u8')
    await stage.ask(`/vod/film/index.m3u8?hdnts=${stage.mint()}`)
    const { text } = await stage.ask('/_playgate/metrics')
    expect(text).toContain(
      'playgate_requests_total{rule="film",outcome="refused",reason="token-missing"} 1',
    )
    expect(text).toContain('playgate_sessions_opened_total{rule="film"} 1')
  })

  it.each([
    ['GET', '/_playgate/nothing', 404],
    ['GET', '/_playgate/Health', 404],
    ['GET', '/_playgate/health/', 404],
    ['DELETE', '/_playgate/health', 405],
    ['GET', '/_playgate/session', 405],
  ])('%s %s is %i', async (method, target, status) => {
    const stage = await startGate()
    const answer = await stage.ask(target, { method })
    expect([answer.status, answer.problem.status]).toEqual([status, status])
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })
})
