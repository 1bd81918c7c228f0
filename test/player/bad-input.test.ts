import { describe, expect, it, vi } from 'vitest'
import { createSession } from '../../player/session.ts'
import type { SessionOptions, TokenRequest } from '../../player/types.ts'
import { holdClock, issue, last, play, settled } from './playing.ts'
import { origin, requestOf } from './requests.ts'

holdClock()

type GetToken = NonNullable<SessionOptions['getToken']>

/** A player that asks for one segment, and a `getToken` of the page that does that. */
function askWith(getToken: (request: TokenRequest) => unknown, options: SessionOptions = {}) {
  const player = play({ getToken: getToken as GetToken, origins: [origin], ...options })
  return { ...player, ...player.ask() }
}

/** What the server says to every token. */
async function refuseAll(made: ReturnType<typeof play>['made'], reason: string): Promise<void> {
  for (let tries = 0; tries < 2; tries += 1) {
    await settled()
    last(made).fail(403, { reason, renew: true })
  }
  await settled()
}

describe('a getToken', () => {
  it('that throws is told as an error, and asked again', async () => {
    const error = new Error('offline')
    const getToken = vi.fn(async () => 'token')
    getToken.mockRejectedValueOnce(error)
    const { told, made } = askWith(getToken)
    await settled()
    expect(told.at(-1)).toEqual(['error', { error }])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(told.at(-1)).toEqual(['renewed', { reason: 'start' }])
    expect(last(made).url).toBe(`${requestOf().url}?hdnts=token`)
  })

  it.each([
    ['heeds its signal', true],
    ['does not', false],
  ])('that hangs and %s is told as one error, and the request has timed out', async (_, heeds) => {
    const { told, heard } = askWith(
      ({ signal }) =>
        new Promise((_, reject) => {
          if (heeds) signal.addEventListener('abort', () => reject(signal.reason))
        }),
    )
    await vi.advanceTimersByTimeAsync(10_000)
    expect(told.filter(([name]) => name === 'error')).toEqual([
      ['error', { error: new Error('late token') }],
    ])
    expect(heard).toEqual(['timeout'])
  })

  it.each([
    ['rubbish', { login: '/please' }],
    ['a page of HTML', '<!doctype html>\n<title>Sign in</title>'],
    ['an expired token', { token: 'token', expiresIn: 0 }],
  ])('that gives %s is told as an error, and nothing of it is sent', async (_, answer) => {
    const { told, made } = askWith(async () => answer)
    await settled()
    expect(told.at(-1)).toEqual(['error', { error: new Error('bad token') }])
    expect(made.every(({ context }) => context === null)).toBe(true)
  })

  it.each([
    ['an expired token that does not say so', 'exp=1~acl=/*~hmac=0a', 'token-expired'],
    ['a token for other paths', 'exp=1999999999~acl=/other/*~hmac=0a', 'token-refused'],
  ])('that gives %s is denied after one renewal', async (_, token, reason) => {
    const getToken = vi.fn(async () => token)
    const { made, names, told, heard, onError, ask } = askWith(getToken)
    await refuseAll(made, reason)
    expect(names()).toEqual([
      'held',
      'renewing',
      'renewed',
      'rejected',
      'renewing',
      'renewed',
      'rejected',
      'denied',
    ])
    expect(told.at(-1)).toEqual(['denied', { status: 403, reason }])
    expect(getToken).toHaveBeenCalledTimes(2)
    expect(heard).toEqual(['error'])
    expect(onError.mock.calls[0]?.[0]).toMatchObject({ code: 403 })
    // All else stops, too.
    const later = ask()
    await settled()
    expect(later.heard).toEqual(['error'])
    expect(made.filter(({ context }) => context !== null)).toHaveLength(2)
  })
})

describe('a page that destroys in the middle of a renewal', () => {
  function renewing() {
    let give = (_: string) => {}
    let signal: AbortSignal | undefined
    const getToken = (request: TokenRequest) => {
      signal = request.signal
      return new Promise((resolve) => (give = resolve))
    }
    const player = askWith(getToken)
    return { ...player, give: (token: string) => give(token), aborted: () => signal?.aborted }
  }

  it('the player: hears nothing, and the session goes on with the token', async () => {
    const { loader, session, made, heard, names, give, aborted } = renewing()
    await settled()
    loader.destroy()
    expect(aborted()).toBe(false)
    give('token')
    await settled()
    expect(heard).toEqual([])
    expect(made.every(({ context }) => context === null)).toBe(true)
    expect(names()).toEqual(['held', 'renewing', 'renewed'])
    expect(session.state).toBe('ready')
  })

  it('the session: whoever waits is refused at once, and no event follows', async () => {
    const { session, made, heard, names, give, aborted } = renewing()
    await settled()
    const before = names()
    session.destroy()
    await settled()
    expect(heard).toEqual(['error'])
    expect(aborted()).toBe(true)
    give('token')
    await vi.advanceTimersByTimeAsync(20_000)
    expect(session.state).toBe('destroyed')
    expect(session.expiresIn).toBeNull()
    expect(names()).toEqual(before)
    expect(made.every(({ context }) => context === null)).toBe(true)
  })
})

describe('a final refusal in the middle of a renewal', () => {
  it('ends it, and whoever waits is refused at once', async () => {
    let signal: AbortSignal | undefined
    const getToken = vi.fn(async ({ signal: given }: TokenRequest): Promise<string> => {
      signal = given
      return 'token-1'
    })
    const player = play({ getToken, origins: [origin] })
    const first = player.ask()
    await settled()
    getToken.mockImplementation(({ signal: given }) => {
      signal = given
      return new Promise(() => {})
    })
    const renewal = player.session.renew().catch((error: { code?: number }) => error.code)
    await settled()
    last(player.made).fail(403, { reason: 'session-ended', renew: false })
    await settled()
    expect(await renewal).toBe(403)
    expect(signal?.aborted).toBe(true)
    expect(first.heard).toEqual(['error'])
    expect(player.told.at(-1)).toEqual(['denied', { status: 403, reason: 'session-ended' }])
  })
})

describe('two players with one session', () => {
  it('share one renewal, and both go on', async () => {
    const getToken = issue()
    const session = createSession({ getToken, origins: [origin] })
    const players = [play(session), play(session)]
    const asked = players.map(({ ask }) => ask())
    await settled()
    expect(getToken).toHaveBeenCalledOnce()
    for (const { made } of players) last(made).fail(403)
    await settled()
    expect(getToken).toHaveBeenCalledTimes(2)
    for (const { made } of players) last(made).succeed()
    await settled()
    expect(asked.map(({ heard }) => heard)).toEqual([['success'], ['success']])
    const told = ['held', 'held', 'renewing', 'renewed', 'rejected', 'rejected', 'renewing']
    for (const { names } of players) {
      expect(names()).toEqual([...told, 'renewed', 'recovered', 'recovered'])
    }
  })

  it('are both told of the final refusal, once each', async () => {
    const session = createSession({ getToken: issue(), origins: [origin] })
    const players = [play(session), play(session)]
    players[0]?.ask()
    await settled()
    last(players[0]?.made ?? []).fail(403, { reason: 'session-ended', renew: false })
    await settled()
    for (const { told } of players) {
      expect(told.filter(([name]) => name === 'denied')).toEqual([
        ['denied', { status: 403, reason: 'session-ended' }],
      ])
    }
    const other = players[1]?.ask()
    await settled()
    expect(other?.heard).toEqual(['error'])
  })

  it('are independent when one is destroyed', async () => {
    const session = createSession({ getToken: issue(), origins: [origin] })
    const [one, two] = [play(session), play(session)]
    const gone = one.ask()
    const staying = two.ask()
    gone.loader.destroy()
    await settled()
    last(two.made).succeed()
    expect([gone.heard, staying.heard]).toEqual([[], ['success']])
  })
})
