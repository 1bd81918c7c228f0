import { afterEach, describe, expect, it, vi } from 'vitest'
import { exchangeToken } from '../../player/exchange-token.ts'
import { createSession } from '../../player/session.ts'
import { startGate } from '../stage/start-gate.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

const film = '/vod/film/index.m3u8'

describe('exchangeToken', () => {
  it('begins a session, and prolongs it under the same id', async () => {
    const { url, mint, clock, ask } = await startGate()
    const source = url + film
    const first = await exchangeToken({ accessToken: mint(), source })
    expect(first).toMatchObject({ parameter: 'hdntl', expiresInSeconds: expect.any(Number) })
    clock.advance(5_000)
    const { token: sessionToken } = first
    const next = await exchangeToken({ accessToken: mint(), source, sessionToken })
    expect(next.token).not.toBe(first.token)
    expect(next.sessionId).toBe(first.sessionId)
    const headers = { 'User-Agent': 'node' }
    expect((await ask(`/vod/film/low/1.m4s?hdntl=${next.token}`, { headers })).status).toBe(200)
  })

  it('makes all of getToken, so that no URL ever holds the access token', async () => {
    const { url, mint, clock } = await startGate()
    const ids: string[] = []
    const session = createSession({
      getToken: async ({ previous, signal }) => {
        const answer = await exchangeToken({
          accessToken: mint(),
          source: url + film,
          sessionToken: previous,
          signal,
        })
        ids.push(answer.sessionId)
        return answer
      },
    })
    expect(await session.get()).toMatchObject({ parameter: 'hdntl', isSession: true })
    expect(session.expiresIn).toBeGreaterThan(0)
    expect(session.expiresIn).not.toBe(Infinity)
    clock.advance(5_000)
    await session.renew()
    expect(ids).toHaveLength(2)
    expect(new Set(ids).size).toBe(1)
  })

  it('throws what the gate says to a refusal, which ends a session of the player', async () => {
    const { url, mint } = await startGate()
    const accessToken = mint({ path: '/vod/other/*' })
    const getToken = () => exchangeToken({ accessToken, source: url + film })
    await expect(getToken()).rejects.toMatchObject({ status: 403, reason: 'token-refused' })
    const session = createSession({ getToken })
    const denied = vi.fn()
    session.on('denied', denied)
    await expect(session.get()).rejects.toMatchObject({ code: 403 })
    expect(denied).toHaveBeenCalledWith({ status: 403, reason: 'token-refused' })
  })

  it.each([
    ['of a stranger', { secret: 'exp=1~hmac=0a', message: 'x', stack: 'y' }],
    ['that is no object', 'exp=1~hmac=0a'],
  ])('takes over nothing else of an answer %s', async (_, body) => {
    vi.stubGlobal('fetch', async () => Response.json(body, { status: 500 }))
    const error = await exchangeToken({ accessToken: 'a', source: 'https://gate.test/x' }).catch(
      (thrown) => thrown,
    )
    expect(error.message).toBe('no session')
    expect(error).toMatchObject({ status: 500 })
    expect(JSON.stringify([error.message, error.stack, ...Object.values(error)])).not.toMatch(
      /hmac|y"/,
    )
  })

  it('resolves the source against the page, and the endpoint against the source', async () => {
    vi.stubGlobal('document', { baseURI: 'https://page.test/watch/' })
    const fetched = vi.fn(async () => Response.json({ token: 't' }))
    vi.stubGlobal('fetch', fetched)
    const exchange = { accessToken: 'a', source: '../vod/a.m3u8?hdnts=a' }
    await exchangeToken(exchange)
    await exchangeToken({ ...exchange, endpoint: '/gate/renew', credentials: 'include' })
    const body = JSON.stringify({ accessToken: 'a', path: '/vod/a.m3u8' })
    const init = { method: 'POST', redirect: 'error', body }
    expect(fetched.mock.calls).toEqual([
      [new URL('https://page.test/_playgate/session'), expect.objectContaining(init)],
      [
        new URL('https://page.test/gate/renew'),
        expect.objectContaining({ ...init, credentials: 'include' }),
      ],
    ])
  })
})
