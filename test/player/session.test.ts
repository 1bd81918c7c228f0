import { describe, expect, it, vi } from 'vitest'
import { createSession } from '../../player/session.ts'
import type { Session, SessionOptions } from '../../player/types.ts'
import { holdClock, play, settled } from './playing.ts'
import { origin } from './requests.ts'
import { issueTokens, recordEvents } from './token-issuer.ts'

holdClock()

describe('options', () => {
  it.each([
    ['an unknown option', { renewahead: 0.5 }, 'unknown option renewahead'],
    ['an unknown transport', { transport: 'quarry' }, 'unknown transport'],
    ['a transport that only contains a known one', { transport: 'query2' }, 'unknown transport'],
  ])('throws for %s', (_, options, message) => {
    expect(() => createSession(options as SessionOptions)).toThrow(new TypeError(message))
  })

  it('throws for an origin that is no URL', () => {
    expect(() => createSession({ origins: ['video.test'] })).toThrow(TypeError)
  })
})

describe('the first token', () => {
  it('is asked for when a request needs it, not before', async () => {
    const { asked, getToken } = issueTokens()
    const session = createSession({ getToken })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toEqual([])
    expect(session.state).toBe('idle')
    expect(session.expiresIn).toBeNull()

    expect(await session.get()).toMatchObject({ token: 'token-1', parameter: 'hdnts' })
    expect(asked).toEqual([{ reason: 'start', previous: null, signal: expect.any(AbortSignal) }])
    expect(session.state).toBe('ready')
  })

  it('is asked for once, however many wait', async () => {
    const { asked, getToken } = issueTokens()
    const session = createSession({ getToken })
    const all = await Promise.all(Array.from({ length: 100 }, () => session.get()))
    expect(asked).toHaveLength(1)
    expect(new Set(all.map((credential) => credential?.token))).toEqual(new Set(['token-1']))
  })

  it('is null without getToken', async () => {
    const session = createSession()
    expect(await session.get()).toBeNull()
    expect(await session.renew()).toBeNull()
  })

  it('may ask the session itself from within getToken without asking twice', async () => {
    let calls = 0
    const session: Session = createSession({
      getToken: async () => {
        calls += 1
        session.get().catch(() => {})
        return 'token'
      },
    })
    await session.get()
    expect(calls).toBe(1)
  })

  it.each([
    ['hdnts for a plain token', 'token', {}, 'hdnts'],
    ['hdntl for a session token', 'exp=2000000000~acl=/*~data=hdntl~hmac=0a', {}, 'hdntl'],
    [
      'hdntl for a session token with an id',
      'exp=2000000000~acl=/*~data=hdntl,id=7~hmac=0a',
      {},
      'hdntl',
    ],
    ['hdnts for other data', 'exp=2000000000~acl=/*~data=hdntlike~hmac=0a', {}, 'hdnts'],
    [
      'the name in the options',
      'exp=2000000000~acl=/*~data=hdntl~hmac=0a',
      { parameter: 'pass' },
      'pass',
    ],
    [
      'the name in the answer before that',
      { token: 'token', parameter: 'mine' },
      { parameter: 'pass' },
      'mine',
    ],
  ])('goes by the name %s', async (_, answer, options, parameter) => {
    const session = createSession({ getToken: async () => answer, ...options })
    expect(await session.get()).toMatchObject({ parameter })
  })
})

describe('denial', () => {
  async function denied() {
    const { asked, getToken } = issueTokens()
    let no = true
    const session = createSession({
      getToken: async (request) => {
        if (no) throw Object.assign(new Error('no'), { status: 403 })
        return getToken(request)
      },
    })
    await session.get().catch(() => {})
    return { asked, session, allow: () => (no = false) }
  }

  it('ends when the page asks again', async () => {
    const { asked, session, allow } = await denied()
    allow()
    await expect(session.get()).rejects.toMatchObject({ code: 403 })
    expect(await session.renew()).toMatchObject({ token: 'token-1' })
    expect(asked[0]?.reason).toBe('manual')
    expect(session.state).toBe('ready')
    expect(await session.get()).toMatchObject({ token: 'token-1' })
  })

  it('is told once, and passes on no text of the server but a plain reason', async () => {
    const session = createSession({
      getToken: async () => {
        throw Object.assign(new Error('no'), { status: 403, reason: 'bad token exp=1~hmac=0a' })
      },
    })
    const told = recordEvents(session)
    await session.get().catch(() => {})
    await session.get().catch(() => {})
    await settled()
    expect(told.filter(([name]) => name === 'denied')).toEqual([
      ['denied', { status: 403, reason: undefined }],
    ])
  })

  it.each([{}, { reason: null }, { reason: 403 }, { reason: {} }])(
    'has no reason when none was given (%j)',
    async (said) => {
      const session = createSession({
        getToken: async () => {
          throw Object.assign(new Error('no'), { status: 403, ...said })
        },
      })
      const told = recordEvents(session)
      await session.get().catch(() => {})
      await settled()
      expect(told.at(-1)).toEqual(['denied', { status: 403, reason: undefined }])
    },
  )
})

describe('listeners', () => {
  it('hear nothing any more after they left', async () => {
    const { getToken } = issueTokens()
    const session = createSession({ getToken })
    const heard: string[] = []
    const leave = session.on('renewed', () => heard.push('first'))
    session.on('renewed', () => heard.push('second'))
    leave()
    await session.get()
    await settled()
    expect(heard).toEqual(['second'])
  })

  it('that throw stop neither the session nor each other', async () => {
    const thrown: unknown[] = []
    vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => {
      Promise.resolve()
        .then(task)
        .catch((error: unknown) => thrown.push(error))
    })
    const { getToken } = issueTokens()
    const session = createSession({ getToken })
    const heard = vi.fn()
    session.on('renewing', () => {
      throw new Error('mistake of the page')
    })
    session.on('renewing', heard)
    expect(await session.get()).toMatchObject({ token: 'token-1' })
    expect(heard).toHaveBeenCalledOnce()
    expect(thrown).toEqual([new Error('mistake of the page')])
  })
})

describe('destroy', () => {
  it('forgets the token, tells nothing more, and lets no request go out', async () => {
    const { getToken } = issueTokens()
    const session = createSession({ getToken })
    const told = recordEvents(session)
    await session.get()
    await settled()
    const before = told.length
    session.destroy()
    expect(session.state).toBe('destroyed')
    expect(session.expiresIn).toBeNull()
    await expect(session.get()).rejects.toMatchObject({ code: 403 })
    await expect(session.renew()).rejects.toMatchObject({ code: 403 })
    expect(session.state).toBe('destroyed')
    expect(told).toHaveLength(before)
  })

  it('takes back what was not told yet', async () => {
    const { getToken } = issueTokens()
    const { ask, told, session } = play({ getToken, origins: [origin] })
    ask()
    session.destroy()
    await settled()
    expect(told).toEqual([])
  })

  it('drops a token, or a denial, that comes later', async () => {
    for (const end of [
      (done: (token: string) => void, _: (error: Error) => void) => done('token'),
      (_: (token: string) => void, fail: (error: Error) => void) =>
        fail(Object.assign(new Error('no'), { status: 403 })),
    ]) {
      let finish = () => {}
      const session = createSession({
        getToken: () =>
          new Promise((resolve, reject) => {
            finish = () => end(resolve, reject)
          }),
      })
      const failed = session.get().catch((error: { code?: number }) => error.code)
      await settled()
      session.destroy()
      finish()
      expect(await failed).toBe(403)
      expect(session.state).toBe('destroyed')
      expect(session.expiresIn).toBeNull()
    }
  })
})
