import { describe, expect, it } from 'vitest'
import { SessionTracker } from '../../../server/session/session-tracker.ts'
import type { Counting, SessionFacts } from '../../../server/session/tracked-session.ts'
import { MemoryStore } from '../../../server/store/memory.ts'
import type { SessionStore } from '../../../server/store/session-store.ts'
import { StoreUnavailable } from '../../../server/store/store.ts'
import { createClock } from '../../stage/clock.ts'

const rule = {}
const id = (number: number): string => number.toString(16).padStart(40, '0')

function stage() {
  const clock = createClock()
  const memory = new MemoryStore({ now: clock.now, maxMarkers: 1_000_000 })
  const calls: (keyof SessionStore)[] = []
  const failures: unknown[] = []
  const ended: string[] = []
  const state = { isDown: false, over: [] as string[] }
  // Every call is counted, and fails while the store is down.
  const store = new Proxy(memory, {
    get(target, name: keyof SessionStore) {
      return async (...args: unknown[]) => {
        calls.push(name)
        if (state.isDown) throw new StoreUnavailable('away')
        return (target[name] as (...args: unknown[]) => unknown).apply(target, args)
      }
    },
  })
  const open = (): SessionTracker =>
    new SessionTracker({
      store,
      now: clock.now,
      onEnded: async (ids) => void ended.push(...ids),
      onFailure: (error) => failures.push(error),
      freeEnded: async (counting, _subject, others) => {
        const over = others.filter((one) => state.over.includes(one))
        for (const one of over) await memory.leavePlace(counting.subject, one)
        return over.length > 0
      },
    })
  const facts = (number: number, more: Partial<SessionFacts> = {}): SessionFacts => ({
    id: id(number),
    subject: 'u7',
    rule: 'films',
    path: '/vod/a.m3u8',
    client: '192.0.2.1',
    userAgent: 'Viewer',
    openedAtMs: clock.now(),
    endsAtMs: clock.now() + 3_600_000,
    ...more,
  })
  const counting = (device: string, more: Partial<Counting> = {}): Counting => ({
    subject: 'u7',
    device,
    idleSeconds: 60,
    max: 1,
    onLimit: 'deny',
    ...more,
  })
  const ask = (tracker: SessionTracker, number: number, count: Counting | null = null) =>
    tracker.admit(rule, id(number), facts(number).endsAtMs, () => ({
      facts: facts(number),
      counting: count,
    }))
  return { clock, memory, calls, failures, ended, state, open, facts, counting, ask }
}

const admitted = { kind: 'admitted' }

describe('sessions of a rule without a limit', () => {
  it('cost the store nothing at a request, and one call in a while for all of them', async () => {
    const { calls, open, ask, memory, clock } = stage()
    const tracker = open()
    for (let round = 0; round < 50; round++) {
      for (let number = 0; number < 20; number++) expect(ask(tracker, number)).toEqual(admitted)
    }
    expect(calls).toEqual([])
    await tracker.flush()
    expect(calls).toEqual(['noteSessions'])
    expect(await memory.findSession(id(7))).toMatchObject({ requests: 50, seenAtMs: clock.now() })
    await tracker.flush()
    expect(calls).toHaveLength(1)
  })

  it('go on while the store is away, which then hears of every request', async () => {
    const { state, failures, open, ask, memory } = stage()
    const tracker = open()
    state.isDown = true
    for (let round = 0; round < 3; round++) {
      expect(ask(tracker, 1)).toEqual(admitted)
      await tracker.flush()
    }
    expect(failures).toHaveLength(3)
    expect(tracker.backlog).toBe(1)
    state.isDown = false
    await tracker.flush()
    expect(await memory.findSession(id(1))).toMatchObject({ requests: 3 })
    expect(tracker.backlog).toBe(0)
  })

  it('are known again to a store that lost them', async () => {
    const { open, ask, clock, facts } = stage()
    const tracker = open()
    tracker.opened(rule, facts(1, { path: '/vod/film.m3u8' }), null)
    await tracker.flush()
    const empty = new MemoryStore({ now: clock.now, maxMarkers: 10 })
    const other = new SessionTracker({
      store: empty,
      now: clock.now,
      onEnded: async () => undefined,
      onFailure: () => undefined,
      freeEnded: async () => false,
    })
    ask(other, 1)
    await other.flush()
    expect(await empty.findSession(id(1))).toMatchObject({ subject: 'u7', requests: 1 })
  })

  it('take turns when there are very many, and none is silent for long', async () => {
    const { clock, open, ask, memory } = stage()
    const tracker = open()
    const all = 5_000
    const everybodyAsks = () => {
      for (let number = 0; number < all; number++) ask(tracker, number)
    }
    for (let second = 0; second < 40; second++) {
      everybodyAsks()
      await tracker.flush()
      clock.advance(1000)
    }
    for (let number = 0; number < all; number += 50) {
      const record = await memory.findSession(id(number))
      expect(clock.now() - (record?.seenAtMs ?? 0)).toBeLessThanOrEqual(17_000)
    }
    expect(tracker.activeWithin(60_000)).toBe(all)
  })
})

describe('what a process has to tell', () => {
  it('is all told at the end', async () => {
    const { open, ask, memory } = stage()
    const tracker = open()
    for (let number = 0; number < 5_000; number++) ask(tracker, number)
    await tracker.flush()
    for (let number = 0; number < 5_000; number++) ask(tracker, number)
    await tracker.flush()
    expect(tracker.backlog).toBe(4_000)
    await tracker.flushAll()
    expect(tracker.backlog).toBe(0)
    expect(await memory.findSession(id(4_999))).toMatchObject({ requests: 2 })
  })

  it('is told about the others, when some of it is not taken', async () => {
    const { clock, memory, facts } = stage()
    let calls = 0
    const tracker = new SessionTracker({
      store: new Proxy(memory, {
        get: (target, name: keyof MemoryStore) =>
          name === 'noteSessions'
            ? async (sightings: never) => {
                if (++calls === 1) throw new StoreUnavailable('away')
                return target.noteSessions(sightings)
              }
            : target[name],
      }),
      now: clock.now,
      onEnded: async () => undefined,
      onFailure: () => undefined,
      freeEnded: async () => false,
    })
    for (let number = 0; number < 3_000; number++) tracker.opened(rule, facts(number), null)
    clock.advance(20_000)
    await tracker.flush()
    expect(tracker.backlog).toBe(1_000)
    await tracker.flush()
    expect(tracker.backlog).toBe(0)
  })

  it('is no more than what is known, and nothing of what has ended', async () => {
    const { state, clock, open, ask, facts } = stage()
    const tracker = open()
    state.isDown = true
    for (let number = 0; number < 100_500; number++) ask(tracker, number)
    expect(tracker.backlog).toBe(100_000)
    clock.advance(3_600_000)
    tracker.opened(rule, facts(1_000_000), null)
    await tracker.flush()
    expect(tracker.backlog).toBe(1)
  })

  it('is not what another edge made up', async () => {
    const { calls, open, facts } = stage()
    const tracker = open()
    tracker.opened(rule, facts(1, { id: 'edge-session-1' }), null)
    await tracker.flush()
    expect(calls).toEqual([])
  })

  it('counts no request twice when a store has no room for new sessions', async () => {
    const { clock, facts } = stage()
    const small = new MemoryStore({ now: clock.now, maxMarkers: 1 })
    const tracker = new SessionTracker({
      store: small,
      now: clock.now,
      onEnded: async () => undefined,
      onFailure: () => undefined,
      freeEnded: async () => false,
    })
    for (let number = 0; number < 3; number++) tracker.opened(rule, facts(number), null)
    for (let second = 0; second < 20; second++) {
      await tracker.flush()
      clock.advance(1000)
    }
    expect(await small.findSession(id(0))).toMatchObject({ requests: 1 })
  })
})

describe('sessions of a rule with a limit', () => {
  it('are counted with one call, and refused when there is no place', async () => {
    const { calls, open, counting } = stage()
    const tracker = open()
    expect(await tracker.claim(id(1), 'u7', counting('tv'), true)).toEqual(admitted)
    expect(await tracker.claim(id(2), 'u7', counting('phone'), true)).toEqual({
      kind: 'full',
      others: [id(1)],
    })
    expect(calls).toEqual(['claimPlaces', 'claimPlaces'])
  })

  it('once counted, wait for the store no more, and keep their place by playing', async () => {
    const { calls, clock, open, facts, counting, ask } = stage()
    const tracker = open()
    await tracker.claim(id(1), 'u7', counting('tv'), true)
    tracker.opened(rule, facts(1), counting('tv'))
    for (let second = 0; second < 200; second++) {
      expect(ask(tracker, 1, counting('tv'))).toEqual(admitted)
      await tracker.flush()
      clock.advance(1000)
    }
    expect(await tracker.claim(id(2), 'u7', counting('phone'), true)).toMatchObject({
      kind: 'full',
    })
    // Every ten seconds.
    expect(calls.filter((name) => name === 'claimPlaces').length).toBeLessThan(23)
  })

  it('on another process wait once, and are counted there as well', async () => {
    const { calls, open, facts, counting, ask } = stage()
    const [one, other] = [open(), open()]
    await one.claim(id(1), 'u7', counting('tv'), true)
    one.opened(rule, facts(1), counting('tv'))
    const first = ask(other, 1, counting('tv'))
    expect(first).toBeInstanceOf(Promise)
    // Whatever the player asks for meanwhile waits for the same answer, and is counted as a request of its own.
    const second = ask(other, 1, counting('tv'))
    expect(await Promise.all([first, second])).toEqual([admitted, admitted])
    expect(calls.filter((name) => name === 'claimPlaces')).toHaveLength(2)
    expect(other.untoldOf(id(1)).requests).toBe(2)
    expect(ask(other, 1, counting('tv'))).toEqual(admitted)
  })

  it('that come back from a pause have to find a place', async () => {
    const { clock, open, facts, counting, ask } = stage()
    const tracker = open()
    await tracker.claim(id(1), 'u7', counting('tv'), true)
    tracker.opened(rule, facts(1), counting('tv'))
    clock.advance(61_000)
    expect(await tracker.claim(id(2), 'u7', counting('phone'), true)).toEqual(admitted)
    tracker.opened(rule, facts(2), counting('phone'))
    const full = { kind: 'full', others: [id(2)] }
    expect(await ask(tracker, 1, counting('tv'))).toEqual(full)
    // For a second the answer is known.
    expect(ask(tracker, 1, counting('tv'))).toEqual(full)
    clock.advance(61_000)
    expect(await ask(tracker, 1, counting('tv'))).toEqual(admitted)
  })

  it('whose place went to another on the same device hear so within seconds', async () => {
    const { clock, open, facts, counting, ask } = stage()
    const [one, other] = [open(), open()]
    await one.claim(id(1), 'u7', counting('tv'), true)
    one.opened(rule, facts(1), counting('tv'))
    expect(await other.claim(id(2), 'u7', counting('tv'), true)).toEqual(admitted)
    clock.advance(10_000)
    expect(ask(one, 1, counting('tv'))).toEqual(admitted)
    await one.flush()
    expect(ask(one, 1, counting('tv'))).toEqual({ kind: 'full', others: [id(2)] })
  })

  it('that had to make room are ended', async () => {
    const { clock, ended, open, facts, counting, ask } = stage()
    const tracker = open()
    const ending = (device: string) => counting(device, { onLimit: 'end-oldest' })
    await tracker.claim(id(1), 'u7', ending('tv'), true)
    tracker.opened(rule, facts(1), ending('tv'))
    expect(await tracker.claim(id(2), 'u7', ending('phone'), true)).toEqual(admitted)
    expect(ended).toEqual([id(1)])
    clock.advance(10_000)
    for (let second = 0; second < 5; second++) {
      ask(tracker, 1, ending('tv'))
      await tracker.flush()
    }
    // Said once more, and not every second.
    expect(ended).toEqual([id(1), id(1)])
  })

  it('give their place back when those that would have to go cannot be ended', async () => {
    const { memory, clock, open, facts, counting } = stage()
    const tracker = open()
    const ending = (device: string) => counting(device, { onLimit: 'end-oldest' })
    await tracker.claim(id(1), 'u7', ending('tv'), true)
    tracker.opened(rule, facts(1), ending('tv'))
    const failing = new SessionTracker({
      store: memory,
      now: clock.now,
      onEnded: async () => {
        throw new StoreUnavailable('full')
      },
      onFailure: () => undefined,
      freeEnded: async () => false,
    })
    await expect(failing.claim(id(2), 'u7', ending('phone'), true)).rejects.toThrow('full')
    expect(await tracker.claim(id(3), 'u7', counting('tablet'), true)).toEqual(admitted)
  })

  it('find a place that belongs to a session which somebody ended', async () => {
    const { state, clock, open, facts, counting, ask } = stage()
    const tracker = open()
    await tracker.claim(id(1), 'u7', counting('tv'), true)
    tracker.opened(rule, facts(1), counting('tv'))
    clock.advance(61_000)
    await tracker.claim(id(2), 'u7', counting('phone'), true)
    state.over = [id(2)]
    expect(await ask(tracker, 1, counting('tv'))).toEqual(admitted)
  })

  it('that stopped long ago take no place when the store is back', async () => {
    const { state, clock, open, facts, counting, ask } = stage()
    const tracker = open()
    await tracker.claim(id(1), 'u7', counting('tv'), true)
    tracker.opened(rule, facts(1), counting('tv'))
    clock.advance(10_000)
    state.isDown = true
    ask(tracker, 1, counting('tv'))
    await tracker.flush()
    clock.advance(3_000_000)
    state.isDown = false
    await tracker.flush()
    expect(await tracker.claim(id(2), 'u7', counting('phone'), true)).toEqual(admitted)
  })

  it('are refused as often as they ask, when a new rule says that they cannot be counted', async () => {
    const { open, facts } = stage()
    const tracker = open()
    tracker.opened(rule, facts(1), null)
    const changed = {}
    const refuse = () =>
      tracker.admit(changed, id(1), 0, () => {
        throw new Error('no subject')
      })
    for (let count = 0; count < 3; count++) expect(refuse).toThrow('no subject')
  })

  it('are refused at opening while the store is away, and go on when they run', async () => {
    const { state, clock, calls, open, facts, counting, ask } = stage()
    const tracker = open()
    await tracker.claim(id(1), 'u7', counting('tv'), true)
    tracker.opened(rule, facts(1), counting('tv'))
    state.isDown = true
    await expect(tracker.claim(id(2), 'u7', counting('tv'), true)).rejects.toThrow(StoreUnavailable)
    clock.advance(120_000)
    const before = calls.length
    expect(await ask(tracker, 1, counting('tv'))).toEqual(admitted)
    // Nobody waits for a store that is away, more than once a second.
    for (let count = 0; count < 100; count++) await ask(tracker, 1, counting('tv'))
    expect(calls.length).toBe(before + 1)
  })

  it('are counted by the new limit after a reload', async () => {
    const { open, facts, counting, ask } = stage()
    const tracker = open()
    const two = { max: 2 }
    for (const number of [1, 2]) {
      await tracker.claim(id(number), 'u7', counting(`d${number}`, two), true)
      tracker.opened(rule, facts(number), counting(`d${number}`, two))
    }
    const changed = tracker.admit({}, id(1), 0, () => ({
      facts: facts(1),
      counting: counting('d1', { max: 1 }),
    }))
    // It is counted, and the limit is for those that come.
    expect(await changed).toEqual(admitted)
    expect(await tracker.claim(id(3), 'u7', counting('d3'), true)).toMatchObject({ kind: 'full' })
    expect(ask(tracker, 2, counting('d2', two))).toEqual(admitted)
  })
})
