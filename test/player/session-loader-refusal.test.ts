import { describe, expect, it, vi } from 'vitest'
import { createSession } from '../../player/session.ts'
import { holdClock, issue, last, play, settled } from './playing.ts'
import { origin, requestOf } from './requests.ts'

holdClock()

describe('a refusal', () => {
  it('of a burst of requests is one renewal', async () => {
    const getToken = issue()
    const { made, ask } = play({ getToken, origins: [origin] })
    const burst = Array.from({ length: 5 }, () => ask())
    await settled()
    const first = made.slice(-5)
    getToken.mockClear()
    for (const loader of first) loader.fail(403)
    await settled()
    expect(getToken).toHaveBeenCalledOnce()
    const second = made.slice(-5)
    expect(new Set(second.map(({ url }) => url)).size).toBe(1)
    for (const loader of second) loader.succeed()
    expect(burst.map(({ heard }) => heard)).toEqual(Array(5).fill(['success']))
  })

  it('of an old token that comes late needs no renewal', async () => {
    const getToken = issue()
    const { made, ask, session } = play({ getToken, origins: [origin] })
    const { heard } = ask()
    await settled()
    await session.renew()
    expect(getToken).toHaveBeenCalledTimes(2)
    last(made).fail(403, { reason: 'session-ended', renew: false })
    await settled()
    expect(last(made).url).toBe(`${requestOf().url}?hdnts=token-2`)
    last(made).succeed()
    expect(getToken).toHaveBeenCalledTimes(2)
    expect(heard).toEqual(['success'])
  })

  it('of one request among players that share a session renews for all of them', async () => {
    const session = createSession({ getToken: issue(), origins: [origin] })
    const one = play(session)
    const two = play(session)
    one.ask()
    two.ask()
    await settled()
    last(one.made).fail(403)
    await settled()
    last(two.made).fail(403)
    await settled()
    expect(last(one.made).url).toBe(last(two.made).url)
    expect(last(two.made).url).toBe(`${requestOf().url}?hdnts=token-2`)
  })

  it.each([
    ['401', [401, 403], 401],
    ['410, when the page says so', [410], 410],
  ])('may be %s', async (_, renewOn, status) => {
    const { made, ask } = play({ getToken: issue(), origins: [origin], renewOn })
    const { heard } = ask()
    await settled()
    last(made).fail(status)
    await settled()
    last(made).succeed()
    expect(heard).toEqual(['success'])
  })

  it.each([0, 404, 410, 500, 503])('is not %i', async (status) => {
    const getToken = issue()
    const { made, ask } = play({ getToken, origins: [origin] })
    const { heard, onError, context } = ask()
    await settled()
    last(made).fail(status)
    expect(heard).toEqual(['error'])
    expect(onError.mock.calls[0]?.slice(0, 2)).toEqual([{ code: status, text: 'no' }, context])
    expect(getToken).toHaveBeenCalledOnce()
  })

  it('of a fresh token is final, and hls.js gets the answer as it was', async () => {
    const { made, ask, session, told } = play({ getToken: issue(), origins: [origin] })
    const { heard, onError, context } = ask()
    await settled()
    last(made).fail(403)
    await settled()
    last(made).fail(403, { reason: 'token-refused', renew: true })
    await settled()
    expect(heard).toEqual(['error'])
    expect(onError.mock.calls[0]?.[0]).toEqual({ code: 403, text: 'no' })
    expect(onError.mock.calls[0]?.[1]).toBe(context)
    expect(session.state).toBe('denied')
    expect(told.at(-1)).toEqual(['denied', { status: 403, reason: 'token-refused' }])
  })

  it('for ever costs one renewal, and every later request fails at once without being sent', async () => {
    const getToken = issue()
    const { made, ask } = play({ getToken, origins: [origin] })
    ask()
    await settled()
    last(made).fail(403)
    await settled()
    last(made).fail(403)
    await settled()
    const count = made.length
    const later = Array.from({ length: 100 }, () => ask())
    await settled()
    expect(later.map(({ heard }) => heard)).toEqual(Array(100).fill(['error']))
    expect(later[0]?.onError.mock.calls[0]?.[0]).toMatchObject({ code: 403 })
    expect(made.slice(count).every(({ context }) => context === null)).toBe(true)
    expect(getToken).toHaveBeenCalledTimes(2)
  })

  it('with renew: false is final at once', async () => {
    const getToken = issue()
    const { made, ask, told } = play({ getToken, origins: [origin] })
    const { heard } = ask()
    await settled()
    last(made).fail(403, { reason: 'session-limit', renew: false })
    await settled()
    expect(getToken).toHaveBeenCalledOnce()
    expect(heard).toEqual(['error'])
    expect(told.at(-1)).toEqual(['denied', { status: 403, reason: 'session-limit' }])
  })

  it('tells the page of a session that was ended', async () => {
    const { made, ask, told } = play({ getToken: issue(), origins: [origin] })
    ask()
    await settled()
    last(made).fail(403, { reason: 'session-ended', renew: false })
    await settled()
    expect(told.at(-1)).toEqual(['denied', { status: 403, reason: 'session-ended' }])
  })

  it('hands the page the other sessions and the right to end one, and nothing else', async () => {
    const { made, ask, told } = play({ getToken: issue(), origins: [origin] })
    ask()
    await settled()
    const sessions = [{ sessionId: 'a', path: '/vod/film/index.m3u8' }]
    const problem = { reason: 'session-limit', renew: false, sessions, endRight: 'r', token: 't' }
    last(made).fail(403, problem)
    await settled()
    const detail = { status: 403, reason: 'session-limit', sessions, endRight: 'r' }
    expect(told.at(-1)).toEqual(['denied', detail])
  })

  it.each([
    ['an array buffer', (text: string) => ({ response: new TextEncoder().encode(text).buffer })],
    ['a fetch answer', (text: string) => new Response(text, { status: 403 })],
  ])('is read from %s, too', async (_, details) => {
    const { made, ask, session } = play({ getToken: issue(), origins: [origin] })
    ask()
    await settled()
    const inner = last(made)
    const problem = details(JSON.stringify({ reason: 'session-ended', renew: false }))
    const error = { code: 403, text: 'no' }
    inner.callbacks?.onError(error, requestOf(), problem as Response, inner.stats)
    await settled()
    expect(session.state).toBe('denied')
  })

  it('leaves the body of a fetch answer for others to read', async () => {
    const { made, ask } = play({ origins: [origin] })
    const { onError } = ask()
    const inner = last(made)
    const details = new Response('{"reason":"session-ended"}', { status: 403 })
    inner.callbacks?.onError({ code: 403, text: 'no' }, requestOf(), details, inner.stats)
    await settled()
    expect(onError.mock.calls[0]?.[2]).toBe(details)
    expect(await details.text()).toBe('{"reason":"session-ended"}')
  })

  it('whose body never ends is acted upon all the same', async () => {
    const { made, ask } = play({ getToken: issue(), origins: [origin], timeoutMs: 2_000 })
    ask()
    await settled()
    const inner = last(made)
    const details = new Response(new ReadableStream(), { status: 403 })
    inner.callbacks?.onError({ code: 403, text: 'no' }, requestOf(), details, inner.stats)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(last(made).url).toBe(`${requestOf().url}?hdnts=token-2`)
  })

  it('whose body was read already, or cannot be read, is acted upon all the same', async () => {
    const { made, ask } = play({ getToken: issue(), origins: [origin] })
    ask()
    await settled()
    const inner = last(made)
    const details = new Response('{}', { status: 403 })
    await details.text()
    inner.callbacks?.onError({ code: 403, text: 'no' }, requestOf(), details, inner.stats)
    await settled()
    expect(last(made).url).toBe(`${requestOf().url}?hdnts=token-2`)
  })

  it('without getToken is passed on and final', async () => {
    const { made, ask, open, session } = play()
    open()
    const { heard } = ask()
    last(made).fail(403)
    await settled()
    expect(heard).toEqual(['error'])
    expect(session.state).toBe('denied')
  })

  it('without getToken is tried again when a newer token has come meanwhile', async () => {
    const { made, ask, open } = play()
    open()
    const { heard } = ask()
    const early = last(made)
    await vi.advanceTimersByTimeAsync(10)
    open({ token: 'session-2', parameter: 'hdntl', expiresInSeconds: 3600 })
    early.fail(403)
    await settled()
    expect(last(made).url).toBe(`${requestOf().url}?hdntl=session-2`)
    last(made).succeed()
    expect(heard).toEqual(['success'])
  })

  it('that comes after the final one is passed on as it was, and nothing is renewed', async () => {
    const getToken = issue()
    const { made, ask, names } = play({ getToken, origins: [origin] })
    ask()
    const { heard, onError } = ask()
    await settled()
    const [first, second] = made
    first?.fail(403, { reason: 'session-ended', renew: false })
    await settled()
    second?.fail(403, { reason: 'token-expired', renew: true })
    await settled()
    expect(heard).toEqual(['error'])
    expect(onError.mock.calls[0]?.[0]).toEqual({ code: 403, text: 'no' })
    expect(getToken).toHaveBeenCalledOnce()
    expect(names().filter((name) => name === 'denied' || name === 'renewing')).toEqual([
      'renewing',
      'denied',
    ])
  })

  it('of one object only, while others go well with the fresh token, ends nothing', async () => {
    const { made, ask, session } = play({ getToken: issue(), origins: [origin] })
    const bad = ask()
    await settled()
    last(made).fail(403)
    await settled()
    const retry = last(made)
    ask()
    last(made).succeed()
    retry.fail(403)
    await settled()
    expect(bad.heard).toEqual(['error'])
    expect(session.state).toBe('ready')
  })

  it('meets a renewal that does not come in time: a timeout for hls.js, which may try again', async () => {
    const getToken = vi.fn(() => new Promise<string>(() => {}))
    getToken.mockResolvedValueOnce('token-1')
    const { made, ask } = play({ getToken, origins: [origin] })
    const { heard } = ask()
    await settled()
    last(made).fail(403)
    await vi.advanceTimersByTimeAsync(9_999)
    expect(heard).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(heard).toEqual(['timeout'])
  })
})
