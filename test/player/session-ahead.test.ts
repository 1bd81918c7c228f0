import { describe, expect, it, vi } from 'vitest'
import type { TokenRequest } from '../../player/types.ts'
import { holdClock, last, play, settled } from './playing.ts'
import { origin, requestOf } from './requests.ts'

holdClock()

interface Answer {
  readonly resolve: (answer: { token: string; expiresIn: number }) => void
  readonly reject: (error: Error) => void
}

/** A session with a token of 90 seconds that is being renewed ahead; each answer is given by hand. */
async function runAhead() {
  const asked: TokenRequest[] = []
  const answers: Answer[] = []
  const getToken = (request: TokenRequest) => {
    asked.push(request)
    return new Promise<{ token: string; expiresIn: number }>((resolve, reject) => {
      answers.push({ resolve, reject })
    })
  }
  const give = async (call: number) => {
    answers[call]?.resolve({ token: `token-${call}`, expiresIn: 90 })
    await settled()
  }
  const player = play({ getToken, origins: [origin] })
  player.ask()
  await settled()
  await give(0)
  last(player.made).succeed()
  await vi.advanceTimersByTimeAsync(85_000)
  const early = player.ask()
  await settled()
  expect(asked.map(({ reason }) => reason)).toEqual(['start', 'ahead'])
  await vi.advanceTimersByTimeAsync(1_000)
  const refuse = async () => {
    last(player.made).fail(403, { reason: 'token-refused', renew: true })
    await settled()
  }
  const sent = () => last(player.made).url.split('=')[1]
  return { ...player, early, asked, answers, give, refuse, sent }
}

describe('a renewal that runs ahead', () => {
  it('and hangs holds nobody up when the token has ended', async () => {
    const { ask, asked, give, sent, names } = await runAhead()
    await vi.advanceTimersByTimeAsync(4_000)
    const requests = [ask(), ask()]
    await settled()
    expect(asked.map(({ reason }) => reason)).toEqual(['start', 'ahead', 'expired'])
    expect(asked[1]?.signal.aborted).toBe(false)
    await give(2)
    expect(sent()).toBe('token-2')
    expect(asked[1]?.signal.aborted).toBe(true)
    expect(requests.flatMap(({ heard }) => heard)).toEqual([])
    expect(names()).not.toContain('error')
  })

  it('and answers when the token has ended serves those who wait, though they asked beside it', async () => {
    const { ask, asked, give, sent, names, session } = await runAhead()
    await vi.advanceTimersByTimeAsync(4_000)
    const requests = [ask(), ask()]
    await settled()
    const before = names().length
    await give(1)
    expect(sent()).toBe('token-1')
    expect(names().slice(before)).toEqual(['renewed'])
    expect(session.state).toBe('ready')
    expect(asked[2]?.signal.aborted).toBe(true)
    // Too late, but newer.
    await give(2)
    expect(await session.get()).toMatchObject({ token: 'token-2' })
    expect(requests.flatMap(({ heard }) => heard)).toEqual([])
    expect(asked).toHaveLength(3)
  })

  it('leaves those who asked beside it all their time', async () => {
    const { ask, asked, give, sent, names } = await runAhead()
    // Five seconds before the end of the token it was asked for.
    await vi.advanceTimersByTimeAsync(4_000)
    const { heard } = ask()
    await vi.advanceTimersByTimeAsync(9_900)
    expect(heard).toEqual([])
    expect(names()).not.toContain('error')
    await give(2)
    expect(sent()).toBe('token-2')
    expect(asked).toHaveLength(3)
  })

  it('and fails has a second try beside those of who asked later, and no more once one is answered', async () => {
    const { ask, asked, answers, give } = await runAhead()
    await vi.advanceTimersByTimeAsync(4_000)
    ask()
    await settled()
    answers[1]?.reject(new Error('out of order'))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(asked.map(({ reason }) => reason)).toEqual(['start', 'ahead', 'expired', 'ahead'])
    await give(2)
    answers[3]?.reject(new Error('aborted'))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toHaveLength(4)
  })

  it('and answers just when a request asks beside it lets it ask for nothing', async () => {
    const { ask, answers, names, asked } = await runAhead()
    await vi.advanceTimersByTimeAsync(4_000)
    answers[1]?.resolve({ token: 'token-1', expiresIn: 90 })
    ask()
    await settled()
    expect(asked).toHaveLength(2)
    expect(names().filter((name) => name === 'renewing')).toHaveLength(2)
    expect(names().at(-1)).toBe('renewed')
  })

  it('and fails beside one that is answered makes the pauses of later ones no longer', async () => {
    const { ask, asked, answers, give, session } = await runAhead()
    await vi.advanceTimersByTimeAsync(4_000)
    ask()
    await settled()
    answers[1]?.reject(new Error('out of order'))
    await settled()
    await give(2)
    await vi.advanceTimersByTimeAsync(5_000)
    session.renew().catch(() => {})
    await settled()
    answers[3]?.reject(new Error('out of order'))
    await vi.advanceTimersByTimeAsync(249)
    expect(asked).toHaveLength(4)
    await vi.advanceTimersByTimeAsync(1)
    expect(asked).toHaveLength(5)
  })

  it('and is there with others when the session is destroyed ends with them', async () => {
    const { ask, asked, answers, session, told } = await runAhead()
    await vi.advanceTimersByTimeAsync(4_000)
    const { heard } = ask()
    await settled()
    const before = told.length
    session.destroy()
    await settled()
    expect(heard).toEqual(['error'])
    expect(asked.slice(1).map(({ signal }) => signal.aborted)).toEqual([true, true])
    for (const { reject } of answers) reject(new Error('aborted'))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toHaveLength(3)
    expect(told).toHaveLength(before)
  })

  it('is not what a refused request is tried again with: its token is as old as the refused one', async () => {
    const { early, refuse, asked, give, sent, made, session, told } = await runAhead()
    await refuse()
    expect(asked.map(({ reason }) => reason)).toEqual(['start', 'ahead', 'rejected'])
    expect(asked[1]?.signal.aborted).toBe(true)
    await give(2)
    expect(sent()).toBe('token-2')
    last(made).succeed()
    await settled()
    expect(early.heard).toEqual(['success'])
    expect(session.state).toBe('ready')
    expect(told.map(([name]) => name)).not.toContain('denied')
  })

  it('serves who asks meanwhile when it answers all the same, and replaces no newer token', async () => {
    for (const order of [
      [1, 2],
      [2, 1],
    ] as const) {
      const { refuse, give, session } = await runAhead()
      await refuse()
      await give(order[0])
      expect(await session.get()).toMatchObject({ token: `token-${order[0]}` })
      await give(order[1])
      expect(await session.get()).toMatchObject({ token: 'token-2' })
    }
  })

  it('has no say any more once it was overtaken', async () => {
    const { refuse, answers, give, session } = await runAhead()
    await refuse()
    answers[1]?.reject(Object.assign(new Error('no'), { status: 403 }))
    await settled()
    expect(session.state).toBe('renewing')
    await give(2)
    expect(session.state).toBe('ready')
  })

  it('is overtaken by one for all of a burst of refusals', async () => {
    const { ask, asked, made, give, early } = await runAhead()
    const others = [ask(), ask()]
    for (const loader of made.slice(-3)) loader.fail(403)
    await settled()
    await give(2)
    expect(asked).toHaveLength(3)
    for (const loader of made.slice(-3)) {
      expect(loader.url).toBe(`${requestOf().url}?hdnts=token-2`)
      loader.succeed()
    }
    expect([early, ...others].map(({ heard }) => heard)).toEqual(Array(3).fill(['success']))
  })

  it('is not what the page gets that asks for a new token now', async () => {
    const { session, asked, give } = await runAhead()
    const coming = session.renew()
    await settled()
    expect(asked[2]?.reason).toBe('manual')
    await give(2)
    expect(await coming).toMatchObject({ token: 'token-2' })
  })

  it('leaves a fresh token that is refused final', async () => {
    const { refuse, give, session, early } = await runAhead()
    await refuse()
    await give(2)
    await refuse()
    expect(early.heard).toEqual(['error'])
    expect(session.state).toBe('denied')
  })

  it('never ends a renewal that others wait for', async () => {
    const { session, ask, asked, give } = await runAhead()
    const coming = session.renew()
    await settled()
    ask()
    ask()
    await settled()
    expect(asked).toHaveLength(3)
    await give(2)
    expect(await coming).toMatchObject({ token: 'token-2' })
  })
})
