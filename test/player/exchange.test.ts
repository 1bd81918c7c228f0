import { afterEach, describe, expect, it, vi } from 'vitest'
import type { SessionOptions } from '../../player/types.ts'
import { holdClock, issue, last, play, settled } from './playing.ts'
import { manifestRequest, origin, requestOf } from './requests.ts'
import { recordEvents } from './token-issuer.ts'

holdClock()
afterEach(() => {
  vi.unstubAllGlobals()
})

interface Asked {
  readonly url: string
  readonly init: RequestInit
}

/** A session endpoint that gives these answers, one after the other, and the last one again and again. */
function answerWith(...answers: Response[]): Asked[] {
  const asked: Asked[] = []
  vi.stubGlobal('fetch', async (url: string | URL, init: RequestInit) => {
    asked.push({ url: String(url), init })
    const answer = answers.length > 1 ? answers.shift() : answers[0]?.clone()
    if (answer === undefined) throw new TypeError('fetch failed')
    return answer
  })
  return asked
}

const renewed = () =>
  Response.json({ token: 'session-2', parameter: 'pass', expiresInSeconds: 600, sessionId: 's' })

/** A page that plays: the session token was learnt from the playlist. */
function opened(options: SessionOptions = {}) {
  const player = play({ getToken: issue(), ...options })
  return {
    ...player,
    start: async () => {
      player.ask({ ...requestOf('manifest', `${origin}/vod/film%20one/index.m3u8?x=1`, 'text') })
      await settled()
      last(player.made).succeed({}, { 'Playgate-Session': 'token="session-1", parameter="pass"' })
    },
  }
}

describe('a fresh access token', () => {
  it('prolongs the session that the server opened', async () => {
    const asked = answerWith(renewed())
    const { start, session, ask, made } = opened()
    await start()
    await session.renew()
    expect(asked).toHaveLength(1)
    expect(asked[0]?.url).toBe(`${origin}/_playgate/session`)
    expect(asked[0]?.init).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      redirect: 'error',
    })
    // Cookies of the page's own origin go along by default (Fetch section 5.4), those of others do not.
    expect(asked[0]?.init).not.toHaveProperty('credentials')
    expect(JSON.parse(String(asked[0]?.init.body))).toEqual({
      accessToken: 'token-2',
      path: '/vod/film%20one/index.m3u8',
      sessionToken: 'session-1',
    })
    expect(session.expiresIn).toBe(600)
    ask(requestOf('level', `${origin}/vod/v.m3u8?pass=session-1`))
    expect(last(made).url).toBe(`${origin}/vod/v.m3u8?pass=session-2`)
  })

  it('prolongs it again and again', async () => {
    const asked = answerWith(renewed())
    const { start, session } = opened()
    await start()
    await session.renew()
    await session.renew()
    expect(JSON.parse(String(asked[1]?.init.body))).toMatchObject({ sessionToken: 'session-2' })
  })

  it('does so after a refusal, too, and the request never knows', async () => {
    answerWith(renewed())
    const { start, ask, made } = opened()
    await start()
    const { heard } = ask()
    last(made).fail(403, { reason: 'token-expired', renew: true })
    await settled()
    expect(last(made).url).toBe(`${requestOf().url}?pass=session-2`)
    last(made).succeed()
    expect(heard).toEqual(['success'])
  })

  it('takes the cookies of the gate along when the session is in one', async () => {
    const asked = answerWith(renewed())
    const { start, session } = opened({ transport: 'cookie' })
    await start()
    await session.renew()
    expect(asked[0]?.init.credentials).toBe('include')
  })

  it.each([
    ['another path', '/sessions', `${origin}/sessions`],
    ['another host', 'https://gate.test/renew', 'https://gate.test/renew'],
  ])('goes to %s when the page says so', async (_, exchange, url) => {
    const asked = answerWith(renewed())
    const { start, session } = opened({ exchange })
    await start()
    await session.renew()
    expect(asked[0]?.url).toBe(url)
  })

  it('is used as it is when the page wants no exchange', async () => {
    const asked = answerWith(renewed())
    const { start, session, ask, made } = opened({ exchange: false })
    await start()
    await session.renew()
    expect(asked).toEqual([])
    ask(requestOf('level', `${origin}/vod/v.m3u8?pass=session-1`))
    expect(last(made).url).toBe(`${origin}/vod/v.m3u8?hdnts=token-2`)
  })

  it('is used as it is as long as there is no session', async () => {
    const asked = answerWith(renewed())
    const { session } = play({ getToken: issue(), origins: [origin] })
    await session.get()
    await session.renew()
    expect(asked).toEqual([])
  })
})

it('a session token from getToken needs no exchange', async () => {
  const asked = answerWith(renewed())
  const token = 'exp=2000000000~acl=/*~data=hdntl~hmac=0a'
  const { start, session } = opened({ getToken: async () => token })
  await start()
  expect(await session.renew()).toMatchObject({ token, parameter: 'hdntl' })
  expect(asked).toEqual([])
})

it('the session is prolonged where redirects led to when it began', async () => {
  const asked = answerWith(renewed())
  const edge = 'https://edge.test'
  const { session, ask, made } = play({ getToken: issue(), origins: [origin, edge] })
  ask(manifestRequest(`${origin}/entry/index.m3u8`))
  await settled()
  const header = { 'Playgate-Session': 'token="session-1", parameter="pass"' }
  last(made).succeed({ url: `${edge}/vod/index.m3u8?hdnts=token-1` }, header)
  // A later one comes with what was prolonged, which may be no playlist.
  ask(requestOf('steering-manifest', `${edge}/vod/steering.json`, 'json'))
  last(made).succeed({}, header)
  await session.renew()
  expect(asked[0]?.url).toBe(`${edge}/_playgate/session`)
  expect(JSON.parse(String(asked[0]?.init.body))).toMatchObject({ path: '/vod/index.m3u8' })
})

describe('an exchange', () => {
  it('brings nothing of a strange answer into an event', async () => {
    const secret = 'exp=1~acl=/*~hmac=00'
    const strange = JSON.parse(`{"token":"a b","secret":"${secret}","__proto__":{"status":403}}`)
    answerWith(Response.json(strange, { status: 418 }), Response.json(strange, { status: 418 }))
    const { start, session, told } = opened()
    await start()
    session.renew().catch(() => undefined)
    await settled()
    const [, detail] = told.find(([name]) => name === 'error') ?? []
    const { error } = detail as { error: Error }
    expect(error).toBeInstanceOf(Error)
    expect(JSON.stringify([error.message, ...Object.entries(error)])).not.toContain('hmac')
    expect(session.state).not.toBe('denied')
  })

  it('that is refused once is tried again with another access token, and what it brings is used', async () => {
    const refused = Response.json({ reason: 'token-refused', renew: true }, { status: 403 })
    const asked = answerWith(refused, renewed())
    const { start, session, names } = opened()
    await start()
    const coming = session.renew()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await coming).toMatchObject({ token: 'session-2' })
    expect(asked.map(({ init }) => JSON.parse(String(init.body)).accessToken)).toEqual([
      'token-2',
      'token-3',
    ])
    expect(names()).not.toContain('denied')
  })

  it('that is refused once is no final no for having failed before', async () => {
    const asked = answerWith(
      new Response('out of order', { status: 503 }),
      Response.json({ reason: 'token-expired', renew: true }, { status: 403 }),
      renewed(),
    )
    let calls = 0
    const { start, session, names } = opened({
      getToken: async () => {
        calls += 1
        if (calls === 2) throw new TypeError('fetch failed')
        return `token-${calls}`
      },
    })
    await start()
    const coming = session.renew()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await coming).toMatchObject({ token: 'session-2' })
    expect(asked).toHaveLength(3)
    expect(names()).not.toContain('denied')
  })

  it('that is refused twice in a row is a final no', async () => {
    const refused = () => Response.json({ reason: 'token-refused', renew: true }, { status: 403 })
    const asked = answerWith(refused(), refused(), renewed())
    const { start, session, told } = opened()
    await start()
    const failed = session.renew().catch((error: { code?: number }) => error.code)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await failed).toBe(403)
    expect(asked).toHaveLength(2)
    expect(told.at(-1)).toEqual(['denied', { status: 403, reason: 'token-refused' }])
  })

  it('that is refused with renew: false is a final no at once', async () => {
    const asked = answerWith(
      Response.json(
        { reason: 'session-limit', renew: false, sessions: [], endRight: 'r' },
        { status: 403 },
      ),
    )
    const { start, session, told } = opened()
    await start()
    await expect(session.renew()).rejects.toMatchObject({ code: 403 })
    await settled()
    expect(asked).toHaveLength(1)
    expect(told.at(-1)).toEqual([
      'denied',
      { status: 403, reason: 'session-limit', sessions: [], endRight: 'r' },
    ])
  })

  it.each([
    [
      'is out of order',
      Response.json({ reason: 'store-unavailable', renew: false }, { status: 503 }),
    ],
    ['answers no JSON', new Response('<html>', { status: 200 })],
    ['answers no token', Response.json({})],
    ['cannot be reached', undefined],
  ])('that %s is tried again', async (_, answer) => {
    const getToken = issue()
    answerWith(...(answer ? [answer] : []))
    const { start, session } = opened({ getToken })
    const told = recordEvents(session)
    await start()
    const coming = session.renew()
    await settled()
    expect(told.at(-1)?.[0]).toBe('error')
    expect(JSON.stringify(told)).not.toMatch(/token-\d|session-\d/)
    const asked = answerWith(renewed())
    await vi.advanceTimersByTimeAsync(250)
    expect(await coming).toMatchObject({ token: 'session-2' })
    expect(JSON.parse(String(asked[0]?.init.body))).toMatchObject({ accessToken: 'token-3' })
  })

  it('that hangs is over at the deadline, its request aborted', async () => {
    let signal: AbortSignal | null | undefined
    vi.stubGlobal('fetch', (_: URL, init: RequestInit) => {
      signal = init.signal
      return new Promise(() => {})
    })
    const { start, session } = opened()
    await start()
    const failed = session.renew().catch((error: Error) => error.message)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await failed).toBe('late token')
    expect(signal?.aborted).toBe(true)
  })
})

describe('noes of the endpoint', () => {
  const no = () => Response.json({ reason: 'token-refused', renew: true }, { status: 403 })
  const shortLived = { 'Playgate-Session': 'token="session-1", parameter="pass", expires-in=90' }

  it('to questions asked side by side are one piece of bad luck', async () => {
    vi.stubGlobal('fetch', async (_: unknown, { signal }: RequestInit) => {
      signal?.throwIfAborted()
      return Date.now() < 1e12 + 90_100 ? no() : renewed()
    })
    const answers: ((token: string) => void)[] = []
    const getToken = () => new Promise<string>((resolve) => answers.push(resolve))
    const { ask, made, session } = play({ getToken })
    ask({ ...requestOf('manifest', `${origin}/vod/film/index.m3u8`, 'text') })
    await settled()
    answers[0]?.('access-1')
    await settled()
    last(made).succeed({}, shortLived)
    await vi.advanceTimersByTimeAsync(85_000)
    ask()
    await vi.advanceTimersByTimeAsync(5_000)
    ask()
    await settled()
    expect(answers).toHaveLength(3)
    answers[1]?.('access-2')
    answers[2]?.('access-3')
    await vi.advanceTimersByTimeAsync(2_000)
    for (const answer of answers.slice(3)) answer('access-4')
    await settled()
    expect(await session.get()).toMatchObject({ token: 'session-2' })
  })
})
