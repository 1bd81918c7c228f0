import { describe, expect, it, vi } from 'vitest'
import { createSession } from '../../player/session.ts'
import type { SessionOptions } from '../../player/types.ts'
import { holdClock } from './playing.ts'
import { recordEvents } from './token-issuer.ts'

holdClock()

type PromiseRejecter = (error: Error) => void

describe('a getToken in trouble', () => {
  it('is called again with growing pauses until it succeeds', async () => {
    const times: number[] = []
    const session = createSession({
      getToken: async () => {
        times.push(Date.now() - 1e12)
        if (times.length < 4) throw new Error('offline')
        return 'token'
      },
    })
    const told = recordEvents(session)
    const coming = session.get()
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await coming).toMatchObject({ token: 'token' })
    expect(times).toEqual([0, 250, 750, 1_750])
    expect(told.map(([name]) => name)).toEqual(['renewing', 'error', 'error', 'error', 'renewed'])
  })

  it('is called again after a hundred seconds at the latest, half of that more or less', async () => {
    const times: number[] = []
    const session = createSession({
      timeoutMs: 10_000_000,
      getToken: async () => {
        times.push(Date.now())
        throw new Error('offline')
      },
    })
    session.get().catch(() => {})
    const lastPause = async (random: number) => {
      vi.mocked(Math.random).mockReturnValue(random)
      await vi.advanceTimersByTimeAsync(1_000_000)
      const [before = 0, last = 0] = times.slice(-2)
      return last - before
    }
    expect(await lastPause(0)).toBe(50_000)
    expect(await lastPause(0.5)).toBe(100_000)
    expect(await lastPause(0.999)).toBeCloseTo(149_900)
  })

  it('may ask the session when its signal is aborted: nothing is asked for ever, and no wait has no end', async () => {
    let calls = 0
    let nested: Promise<unknown> | undefined
    const session = createSession({
      getToken: async ({ signal, reason }) => {
        calls += 1
        if (calls === 1) return { token: 'token', expiresIn: 90 }
        if (calls === 2) {
          signal.addEventListener('abort', () => {
            nested = session.get().then(() => session.renew())
          })
          return new Promise<never>(() => {})
        }
        if (reason === 'ahead') throw new Error('offline')
        return { token: 'token-2', expiresIn: 90 }
      },
    })
    await session.get()
    await vi.advanceTimersByTimeAsync(85_000)
    await session.get()
    await vi.advanceTimersByTimeAsync(0)
    expect(calls).toBe(2)
    await session.renew()
    const ended = vi.fn()
    nested?.then(ended, ended)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(ended).toHaveBeenCalled()
    session.destroy()
    const before = calls
    await vi.advanceTimersByTimeAsync(600_000)
    expect(calls).toBe(before)
  })

  it('is called a few times only, and the wait ends at the deadline', async () => {
    let calls = 0
    const session = createSession({
      getToken: async () => {
        calls += 1
        throw new Error('offline')
      },
    })
    const failed = session.get().catch((error: Error) => error.message)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await failed).toBe('late token')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(calls).toBe(6)
    expect(session.state).toBe('idle')
  })

  it('may hang: the wait ends, its signal is aborted, and the next request asks anew', async () => {
    const signals: AbortSignal[] = []
    const session = createSession({
      timeoutMs: 3_000,
      getToken: ({ signal }) => {
        signals.push(signal)
        return signals.length === 1 ? new Promise(() => {}) : Promise.resolve('token')
      },
    })
    const failed = session.get().catch((error: Error & { code?: number }) => error)
    await vi.advanceTimersByTimeAsync(2_999)
    expect(signals[0]?.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await failed).toMatchObject({ message: 'late token' })
    expect((await failed) as { code?: number }).not.toHaveProperty('code')
    expect(signals[0]?.aborted).toBe(true)
    expect(await session.get()).toMatchObject({ token: 'token' })
  })

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['an empty text', ''],
    ['an object without a token', { error: 'login' }],
    ['a token that is an object', { token: {} }],
    ['a token with a blank', 'a b'],
    ['a token that would bring a second parameter', 'a&admin=1'],
    ['a token with a fragment', 'a#b'],
    ['a token with a line break', 'a\r\nb'],
    ['a token beyond ASCII', 'té'],
    ['an ended token', { token: 'a', expiresIn: 0 }],
    ['a token that ended long ago', { token: 'a', expiresIn: -5 }],
    ['a life that is no number', { token: 'a', expiresIn: 'soon' }],
  ])('that gives %s has failed', async (_, answer) => {
    const session = createSession({
      getToken: (async () => answer) as unknown as NonNullable<SessionOptions['getToken']>,
      timeoutMs: 100,
    })
    const told = recordEvents(session)
    const failed = session.get().catch((error: Error) => error.message)
    await vi.advanceTimersByTimeAsync(100)
    expect(await failed).toBe('late token')
    expect(told).toEqual([
      ['renewing', { reason: 'start' }],
      ['error', { error: new Error('bad token') }],
      ['error', { error: new Error('late token') }],
    ])
  })

  it.each([401, 403])(
    'that throws an error with status %s has said no for good',
    async (status) => {
      let calls = 0
      const session = createSession({
        getToken: async () => {
          calls += 1
          throw Object.assign(new Error('no'), { status, reason: 'session-limit' })
        },
      })
      const told = recordEvents(session)
      await expect(session.get()).rejects.toMatchObject({ code: 403 })
      await expect(session.get()).rejects.toMatchObject({ code: 403 })
      expect(calls).toBe(1)
      expect(session.state).toBe('denied')
      expect(told).toEqual([
        ['renewing', { reason: 'start' }],
        ['denied', { status, reason: 'session-limit' }],
      ])
    },
  )

  it('that says no when nobody waits any more has said nothing', async () => {
    const answers: PromiseRejecter[] = []
    const session = createSession({
      timeoutMs: 1_000,
      getToken: () =>
        answers.length === 0
          ? new Promise((_, reject) => answers.push(reject))
          : Promise.resolve('token'),
    })
    const told = recordEvents(session)
    session.get().catch(() => {})
    await vi.advanceTimersByTimeAsync(1_000)
    await session.get()
    answers[0]?.(Object.assign(new Error('no'), { status: 403 }))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(session.state).toBe('ready')
    expect(told.map(([name]) => name)).toEqual(['renewing', 'error', 'renewing', 'renewed'])
  })

  it('that throws at once is no different from one that rejects', async () => {
    let calls = 0
    const session = createSession({
      getToken: () => {
        calls += 1
        if (calls === 1) throw new Error('no fetch')
        return Promise.resolve('token')
      },
    })
    const coming = session.get()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await coming).toMatchObject({ token: 'token' })
  })

  it('fails in the background without a rejection that nobody handles', async () => {
    let fail = false
    const session = createSession({
      getToken: async () => {
        if (fail) throw new Error('offline')
        return { token: 'token', expiresIn: 90 }
      },
    })
    await session.get()
    fail = true
    await vi.advanceTimersByTimeAsync(70_000)
    expect(session.port.take()).toMatchObject({ token: 'token' })
    await vi.advanceTimersByTimeAsync(15_000)
    expect(session.state).toBe('ready')
  })
})
