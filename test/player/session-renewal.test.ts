import { describe, expect, it, vi } from 'vitest'
import { createSession } from '../../player/session.ts'
import { holdClock, settled } from './playing.ts'
import { issueTokens, recordEvents } from './token-issuer.ts'

holdClock()

describe('renewal', () => {
  it('happens in the background for a token that ends soon, while requests go on with it', async () => {
    const { asked, getToken } = issueTokens(90)
    const session = createSession({ getToken })
    await session.get()

    await vi.advanceTimersByTimeAsync(59_000)
    expect(session.port.take()).toMatchObject({ token: 'token-1' })
    await settled()
    expect(asked).toHaveLength(1)

    await vi.advanceTimersByTimeAsync(2_000)
    expect(session.port.take()).toMatchObject({ token: 'token-1' })
    expect(session.port.take()).toMatchObject({ token: 'token-1' })
    expect(session.state).toBe('renewing')
    await settled()
    expect(asked.map(({ reason, previous }) => [reason, previous])).toEqual([
      ['start', null],
      ['ahead', 'token-1'],
    ])
    expect(session.port.take()).toMatchObject({ token: 'token-2' })
  })

  it('comes up to a quarter later by chance, for each session its own', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    const { asked, getToken } = issueTokens(90)
    const session = createSession({ getToken })
    await session.get()
    await vi.advanceTimersByTimeAsync(66_000)
    session.port.take()
    await settled()
    expect(asked).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(2_000)
    session.port.take()
    await settled()
    expect(asked).toHaveLength(2)
  })

  it('is never ahead when renewAhead is 0', async () => {
    const { asked, getToken } = issueTokens(90)
    const session = createSession({ getToken, renewAhead: 0 })
    await session.get()
    await vi.advanceTimersByTimeAsync(89_999)
    session.port.take()
    await settled()
    expect(asked).toHaveLength(1)
  })

  it('makes requests wait for a token that has ended', async () => {
    const { asked, getToken } = issueTokens(90)
    const session = createSession({ getToken })
    await session.get()
    await vi.advanceTimersByTimeAsync(90_000)
    expect(session.port.take()).toBeInstanceOf(Promise)
    expect(await session.get()).toMatchObject({ token: 'token-2' })
    expect(asked[1]?.reason).toBe('expired')
  })

  it('counts the life from when the token was asked for', async () => {
    const session = createSession({
      getToken: () =>
        new Promise((resolve) => setTimeout(() => resolve({ token: 't', expiresIn: 60 }), 5_000)),
    })
    const coming = session.get()
    await vi.advanceTimersByTimeAsync(5_000)
    await coming
    expect(session.expiresIn).toBe(55)
  })

  it.each([
    ['the machine slept, and only the wall clock ran on', 100_000, 0],
    ['the steady clock ran on while the wall clock was set back', -3_600_000, 100_000],
    ['both ran on', 100_000, 100_000],
  ])('is due when %s', async (_, wall, steady) => {
    const { asked, getToken } = issueTokens(90)
    const session = createSession({ getToken })
    await session.get()
    await vi.advanceTimersByTimeAsync(steady)
    vi.setSystemTime(1e12 + wall)
    await session.get()
    expect(asked.map(({ reason }) => reason)).toEqual(['start', 'expired'])
  })

  it('is on time with a wall clock that is hours off', async () => {
    vi.setSystemTime(1e12 - 7 * 3_600_000)
    const { asked, getToken } = issueTokens(90)
    const session = createSession({ getToken })
    for (let second = 0; second < 600; second += 5) {
      await session.get()
      await vi.advanceTimersByTimeAsync(5_000)
    }
    expect(asked.length).toBeGreaterThanOrEqual(9)
    expect(asked.length).toBeLessThanOrEqual(10)
    expect(asked.slice(1).every(({ reason }) => reason === 'ahead')).toBe(true)
  })

  it.each([
    ['believes the exp field of a token without expiresIn', 60, 60],
    ['does not believe an exp field in the past, as the clock may be wrong', -60, Infinity],
    [
      'nor one that is all but over, lest such a clock has a token asked for at each request',
      3,
      Infinity,
    ],
  ])('%s', async (_, offset, life) => {
    const session = createSession({ getToken: async () => `exp=${1e9 + offset}~acl=/*~hmac=0a` })
    await session.get()
    expect(session.expiresIn).toBe(life)
  })

  it('prefers expiresIn to the exp field', async () => {
    const token = `exp=${1e9 + 60}~acl=/*~hmac=0a`
    const session = createSession({ getToken: async () => ({ token, expiresIn: 30 }) })
    await session.get()
    expect(session.expiresIn).toBe(30)
  })

  it('is not needed for a token whose life is not known', async () => {
    const { asked, getToken } = issueTokens()
    const session = createSession({ getToken })
    await session.get()
    await vi.advanceTimersByTimeAsync(1e9)
    expect(session.port.take()).toMatchObject({ token: 'token-1' })
    await settled()
    expect(asked).toHaveLength(1)
    expect(session.expiresIn).toBe(Infinity)
  })

  it('can be asked for, and joins one in progress', async () => {
    const { asked, getToken } = issueTokens()
    const session = createSession({ getToken })
    await session.get()
    const [one, two] = await Promise.all([session.renew(), session.renew()])
    expect(one).toMatchObject({ token: 'token-2' })
    expect(two).toBe(one)
    expect(asked.map(({ reason }) => reason)).toEqual(['start', 'manual'])
  })

  it('never happens on its own', async () => {
    const { asked, getToken } = issueTokens(90)
    const session = createSession({ getToken })
    await session.get()
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(asked).toHaveLength(1)
    expect(session.expiresIn).toBeLessThan(0)
  })

  it('that comes late replaces no newer token, and is used when there is none', async () => {
    const answers: ((token: string) => void)[] = []
    const session = createSession({
      timeoutMs: 1_000,
      getToken: () => new Promise((resolve) => answers.push(resolve)),
    })
    const told = recordEvents(session)
    for (let flights = 0; flights < 2; flights += 1) {
      session.get().catch(() => {})
      await vi.advanceTimersByTimeAsync(1_000)
    }
    answers[1]?.('newer')
    await settled()
    expect(session.port.take()).toMatchObject({ token: 'newer' })
    answers[0]?.('older')
    await settled()
    expect(session.port.take()).toMatchObject({ token: 'newer' })
    expect(told.map(([name]) => name)).toEqual([
      'renewing',
      'error',
      'renewing',
      'error',
      'renewed',
    ])
  })

  it('is tried ever less often, from one to the next, until it succeeds', async () => {
    const times: number[] = []
    let down = true
    const session = createSession({
      getToken: async () => {
        times.push(Date.now() - 1e12)
        if (down) throw new Error('offline')
        return { token: 'token', expiresIn: 1 }
      },
    })
    const ask = async () => {
      session.get().catch(() => {})
      await vi.advanceTimersByTimeAsync(1_000)
    }
    for (let second = 0; second < 60; second += 1) await ask()
    expect(times.filter((time) => time < 10_000)).toHaveLength(6)
    // Two at most for each wait of ten seconds that follows.
    expect(times.filter((time) => time >= 10_000).length).toBeLessThanOrEqual(10)
    down = false
    for (let second = 0; second < 12; second += 1) await ask()
    expect(session.state).toBe('ready')
    down = true
    times.length = 0
    for (let second = 0; second < 10; second += 1) await ask()
    expect(times.length).toBeGreaterThanOrEqual(5)
  })

  it('that ran ahead and failed is followed by another one for those who had to wait', async () => {
    const { asked, getToken } = issueTokens(90)
    let hangs = false
    const session = createSession({
      getToken: async (request) => {
        const answer = await getToken(request)
        return hangs ? new Promise<never>(() => {}) : answer
      },
    })
    const told = recordEvents(session)
    await session.get()
    await vi.advanceTimersByTimeAsync(85_000)
    hangs = true
    expect(session.port.take()).toMatchObject({ token: 'token-1' })
    await vi.advanceTimersByTimeAsync(6_000)
    const waiting = [session.get(), session.get()]
    hangs = false
    // The deadline of the one that ran ahead.
    await vi.advanceTimersByTimeAsync(4_000)
    for (const credential of await Promise.all(waiting)) {
      expect(credential).toMatchObject({ token: 'token-3' })
    }
    expect(asked.map(({ reason }) => reason)).toEqual(['start', 'ahead', 'expired'])
    expect(told.map(([name]) => name)).not.toContain('error')
  })
})
