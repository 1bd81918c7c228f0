import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStore } from '../../../server/store/create-store.ts'
import { readFact } from '../../../server/store/lmdb-facts.ts'
import { openLmdbFile } from '../../../server/store/lmdb-file.ts'
import { MemoryStore } from '../../../server/store/memory.ts'
import type { PlaceClaim, Revocation, SessionRecord } from '../../../server/store/session-store.ts'
import { createClock } from '../../stage/clock.ts'
import { useClosing } from '../../stage/closing.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'playgate-lmdb-'))
})
afterEach(() => rmSync(folder, { recursive: true }))
const closing = useClosing()

const clock = createClock()
const open = (more: { maxMarkers?: number } = {}) =>
  closing(
    createStore('lmdb:store', {
      now: clock.now,
      baseDirectory: folder,
      timeoutMs: 10_000,
      ...more,
    }),
  )

const idOf = (number: number): string => number.toString(16).padStart(40, '0')

const session = (number: number, more: Partial<SessionRecord> = {}): SessionRecord => ({
  id: idOf(number),
  subject: `user-${number % 3}`,
  rule: 'films',
  path: '/vod/film/index.m3u8',
  client: '192.0.2.7',
  userAgent: 'Viewer/1.0',
  openedAtMs: clock.now(),
  seenAtMs: clock.now(),
  endsAtMs: clock.now() + 60_000,
  requests: 1,
  ...more,
})

const revocation = (number: number, more: Partial<Revocation> = {}): Revocation => ({
  kind: 'session',
  value: idOf(number),
  beforeMs: clock.now(),
  untilMs: clock.now() + 60_000,
  ...more,
})

const claim = (number: number, more: Partial<PlaceClaim> = {}): PlaceClaim => ({
  subject: `subject-${number}`,
  sessionId: idOf(number),
  device: 'tv',
  idleSeconds: 60,
  max: 2,
  onLimit: 'deny',
  isNew: true,
  ...more,
})

const some = <Result>(count: number, make: (number: number) => Result): Result[] =>
  Array.from({ length: count }, (_, number) => make(number))

/** What is in the tables; fails where they do not agree with each other. */
async function census() {
  const file = openLmdbFile(join(folder, 'store'), 2 ** 26)
  const count = (name: 'sessions' | 'places' | 'revocations'): number => file[name].getCount()
  const sessions = [...file.sessions.getRange()].map(({ value }) => JSON.parse(value.toString()))
  const places = [...file.places.getRange()].map(({ value }) => JSON.parse(value.toString()))
  const weight = places.reduce((sum, entries) => sum + Math.max(1, entries.length), 0)
  expect(file.sessionEnds.getCount()).toBe(count('sessions'))
  expect(file.subjectSessions.getCount()).toBe(sessions.filter((row) => row[4] !== null).length)
  expect(readFact(file.facts, 'sessions')).toBe(count('sessions'))
  expect(file.placeEnds.getCount()).toBe(count('places'))
  expect(readFact(file.facts, 'places')).toBe(weight)
  expect(file.revocationKeys.getCount()).toBe(count('revocations'))
  expect(file.revocationEnds.getCount()).toBe(count('revocations'))
  expect(readFact(file.facts, 'revocations')).toBe(count('revocations'))
  const found = {
    sessions: count('sessions'),
    places: count('places'),
    revocations: count('revocations'),
  }
  await file.root.close()
  return found
}

describe('the sessions of an LMDB store', () => {
  it('are there after a restart, and so are revocations, their cursor, and places', async () => {
    const before = open()
    await before.noteSessions(some(50, session))
    await before.revoke([revocation(1)])
    const { cursor } = await before.revocationsSince(null)
    await before.revoke([revocation(2)])
    await before.claimPlaces([claim(7, { max: 1 })])
    const page = await before.listSessions({ limit: 10 })
    await before.close()
    const after = open()
    expect(await after.listSessions({ limit: 10 })).toEqual(page)
    expect(await after.findSession(idOf(9))).toEqual(session(9))
    expect((await after.revocationsSince(cursor)).entries).toEqual([revocation(2)])
    const other = claim(7, { sessionId: idOf(8), device: 'phone', max: 1 })
    expect(await after.claimPlaces([other])).toEqual([{ kind: 'full', others: [idOf(7)] }])
  })

  it('have a cursor that no other directory knows, and none that was here before', async () => {
    const before = open()
    await before.revoke([revocation(1), revocation(2)])
    const { cursor } = await before.revocationsSince(null)
    await before.close()
    rmSync(join(folder, 'store'), { recursive: true })
    const after = open()
    await after.revoke([revocation(3), revocation(4)])
    expect((await after.revocationsSince(cursor)).entries).toHaveLength(2)
  })

  it.each(['.', '.1', 'x.1', 'EPOCH.', 'EPOCH.-1', 'EPOCH.0.5', 'EPOCH.1e3', 'EPOCH.99'])(
    'take the cursor %s for that of somebody who knows nothing',
    async (text) => {
      const store = open()
      await store.revoke([revocation(1), revocation(2)])
      const { cursor } = await store.revocationsSince(null)
      const told = text.replace('EPOCH', cursor.split('.')[0] ?? '')
      expect(await store.revocationsSince(told)).toEqual({
        entries: [revocation(1), revocation(2)],
        cursor,
        more: false,
      })
    },
  )

  it('are told nothing anew by a revocation that was told before', async () => {
    const store = open()
    await store.revoke([revocation(1)])
    const { cursor } = await store.revocationsSince(null)
    await store.revoke([revocation(1), revocation(1, { beforeMs: clock.now() - 1 })])
    expect(await store.revocationsSince(cursor)).toEqual({ entries: [], cursor, more: false })
  })

  it('cost next to nothing to ask for news of, when there is none', async () => {
    const store = open()
    await store.revoke(some(5000, revocation))
    const { cursor } = await store.revocationsSince(null)
    const start = performance.now()
    for (let times = 0; times < 2000; times++) await store.revocationsSince(cursor)
    // Some microseconds each; to read all of them would take a thousand times as long.
    expect((performance.now() - start) / 2000).toBeLessThan(0.5)
  })

  describe('when there is no room for more', () => {
    const full = { code: 'ERR_STORE_UNAVAILABLE', message: expect.stringMatching(/^store: full: /) }

    it('are kept, go on, and come back when others have ended', async () => {
      const store = open({ maxMarkers: 100 })
      expect(await store.noteSessions(some(120, session))).toBe(20)
      expect((await store.listSessions({ limit: 1000 })).sessions).toHaveLength(100)
      await store.noteSessions([session(5, { requests: 2 })])
      expect(await store.findSession(idOf(5))).toMatchObject({ requests: 3 })
      expect(await store.noteSessions([session(200), session(6)])).toBe(1)
      expect(await store.findSession(idOf(6))).toMatchObject({ requests: 2 })
      clock.advance(60_000)
      await store.noteSessions([session(200)])
      expect((await store.listSessions({ limit: 1000 })).sessions).toEqual([session(200)])
      expect(await census()).toMatchObject({ sessions: 93 })
    })

    it('refuse further revocations, but not wider ones, until some have ended', async () => {
      const store = open({ maxMarkers: 100 })
      await store.revoke(some(100, revocation))
      await expect(store.revoke([revocation(200)])).rejects.toMatchObject(full)
      await store.revoke([revocation(5, { untilMs: clock.now() + 90_000 })])
      expect((await store.revocationsSince(null)).entries).toHaveLength(100)
      clock.advance(60_000)
      await store.revoke([revocation(200)])
      const { entries } = await store.revocationsSince(null)
      expect(entries.map(({ value }) => value)).toEqual([idOf(5), idOf(200)])
    })

    it('refuse further places, and none that is taken, until some are idle', async () => {
      const store = open({ maxMarkers: 100 })
      await store.claimPlaces(some(100, claim))
      await expect(store.claimPlaces([claim(200)])).rejects.toMatchObject(full)
      const second = claim(0, { sessionId: idOf(300), device: 'phone' })
      await expect(store.claimPlaces([second])).rejects.toMatchObject(full)
      const counted = { kind: 'counted', ended: [] }
      expect(await store.claimPlaces([claim(0)])).toEqual([counted])
      await store.leavePlace('subject-0', idOf(0))
      expect(await store.claimPlaces([second])).toEqual([counted])
      clock.advance(60_000)
      expect(await store.claimPlaces([claim(200)])).toEqual([counted])
    })
  })

  it('leave nothing behind when they have ended', async () => {
    const store = open()
    const round = async (number: number): Promise<number> => {
      const numbers = some(400, (index) => 400 * number + index)
      await store.noteSessions(numbers.map((each) => session(each)))
      await store.revoke(numbers.map((each) => revocation(each)))
      await store.claimPlaces(numbers.map((each) => claim(each)))
      clock.advance(60_000)
      return statSync(join(folder, 'store/data.mdb')).size
    }
    for (let number = 0; number < 4; number++) await round(number)
    const early = await round(4)
    for (let number = 5; number < 15; number++) await round(number)
    expect(await round(15)).toBeLessThanOrEqual(early * 1.5)
    for (let times = 0; times < 60; times++) {
      await store.noteSessions([session(10_000 + times)])
      await store.revoke([revocation(10_000 + times)])
      clock.advance(60_000)
    }
    for (let times = 0; times < 250; times++) await store.claimPlaces([claim(0)])
    expect(await census()).toEqual({ sessions: 1, places: 1, revocations: 1 })
  })

  it('keep the places of a subject that goes on, however often it is looked at', async () => {
    const store = open()
    await store.claimPlaces([claim(1, { max: 1 })])
    for (let minute = 0; minute < 30; minute++) {
      clock.advance(59_000)
      await store.claimPlaces([claim(1, { max: 1, isNew: false }), claim(100 + minute)])
    }
    const other = claim(1, { sessionId: idOf(2), device: 'phone', max: 1 })
    expect(await store.claimPlaces([other])).toEqual([{ kind: 'full', others: [idOf(1)] }])
    expect((await census()).places).toBeLessThan(10)
  })

  it('keep the places of the longer idle time, where two rules tell two', async () => {
    const store = open()
    const brief = claim(1, { sessionId: idOf(2), idleSeconds: 30 })
    await store.claimPlaces([brief, claim(1, { idleSeconds: 3600 })])
    clock.advance(1_800_000)
    for (let number = 10; number < 20; number++) await store.claimPlaces([claim(number)])
    const other = claim(1, { sessionId: idOf(3), device: 'pc', idleSeconds: 30, max: 1 })
    expect(await store.claimPlaces([other])).toEqual([{ kind: 'full', others: [idOf(1)] }])
    clock.advance(1_800_000)
    for (let number = 20; number < 40; number++) await store.claimPlaces([claim(number)])
    // The ten are gone, as is the one that was kept for an hour.
    expect((await census()).places).toBe(20)
  })

  it.each([
    ['no subject', { subject: '' }],
    ['a long subject', { subject: 'x'.repeat(65) }],
    ['a subject beyond ASCII', { subject: 'ä' }],
    ['no idle time', { idleSeconds: 0 }],
    ['an idle time that is none', { idleSeconds: Number.NaN }],
    ['an idle time of more than a day', { idleSeconds: 86_401 }],
  ])('take a claim with %s for a mistake of its caller, and no other', async (_, wrong) => {
    const store = open()
    const right = store.claimPlaces([claim(1)])
    await expect(store.claimPlaces([claim(2), claim(3, wrong)])).rejects.toThrow(RangeError)
    expect(await right).toHaveLength(1)
  })

  it('are found behind thousands that have ended, with turns for others in between', async () => {
    const store = open()
    await store.noteSessions([session(0, { endsAtMs: clock.now() + 600_000, subject: 'user-1' })])
    await store.noteSessions(some(7000, (number) => session(number + 1, { subject: 'user-1' })))
    clock.advance(60_000)
    let turns = 0
    let isOver = false
    const count = (): void => {
      turns++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    for (const query of [{ limit: 5 }, { limit: 5, subject: 'user-1' }]) {
      turns = 0
      const { sessions, next } = await store.listSessions(query)
      expect([sessions.map(({ id }) => id), next]).toEqual([[idOf(0)], null])
      expect(turns).toBeGreaterThanOrEqual(3)
    }
    isOver = true
    // The file goes away in the middle: the list must not touch it any more.
    const refusal = { code: 'ERR_STORE_UNAVAILABLE', message: 'store: closed' }
    const listing = expect(store.listSessions({ limit: 5 })).rejects.toMatchObject(refusal)
    await store.close()
    await listing
    await expect(store.findSession(idOf(0))).rejects.toMatchObject(refusal)
  })

  it('may be of any size that is allowed', async () => {
    const store = open()
    const wide = { path: '\u0001'.repeat(1024), userAgent: '\u0001'.repeat(256) }
    const told = some(300, (number) => session(number, { ...wide, subject: '\ud800'.repeat(256) }))
    await store.noteSessions(told)
    const page = await store.listSessions({ subject: '\ud800'.repeat(256), limit: 1000 })
    expect(page.sessions).toEqual(told.reverse())
  })

  it('answer every sequence as the memory store does', async () => {
    const number = fc.integer({ min: 0, max: 5 })
    const life = fc.constantFrom(1000, 5000, 60_000)
    const step = fc.oneof(
      fc.record({ note: fc.array(fc.tuple(number, life), { maxLength: 6 }) }),
      fc.record({ revoke: fc.array(fc.tuple(number, life), { maxLength: 4 }) }),
      fc.record({ claim: fc.array(fc.tuple(number, number), { maxLength: 4 }) }),
      fc.record({ leave: fc.tuple(number, number) }),
      fc.record({ pass: fc.constantFrom(900, 5000, 70_000) }),
      fc.record({ list: fc.option(number), limit: fc.integer({ min: 1, max: 4 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const real = open()
        const model = new MemoryStore({ now: clock.now, maxMarkers: 1000 })
        const both = [real, model]
        for (const one of steps) {
          if ('pass' in one) clock.advance(one.pass)
          else if ('note' in one) {
            const told = one.note.map(([id, lifeMs]) =>
              session(id, {
                endsAtMs: clock.now() + lifeMs,
                subject: id === 0 ? null : `user-${id % 2}`,
              }),
            )
            for (const store of both) await store.noteSessions(told)
          } else if ('revoke' in one) {
            const told = one.revoke.map(([id, lifeMs]) =>
              revocation(id, { untilMs: clock.now() + lifeMs }),
            )
            for (const store of both) await store.revoke(told)
          } else if ('claim' in one) {
            const told = one.claim.map(([who, id]) => claim(who, { sessionId: idOf(id) }))
            const expected = await model.claimPlaces(told)
            expect(await real.claimPlaces(told)).toEqual(expected)
          } else if ('leave' in one) {
            const [who, id] = one.leave
            for (const store of both) await store.leavePlace(`subject-${who}`, idOf(id))
          } else {
            const { list, limit } = one
            const query = { limit, ...(list !== null && { subject: `user-${list % 2}` }) }
            expect(await real.listSessions(query)).toEqual(await model.listSessions(query))
          }
          for (const id of some(6, idOf)) {
            expect(await real.findSession(id)).toEqual(await model.findSession(id))
          }
          const sorted = async (store: typeof real): Promise<Revocation[]> =>
            [...(await store.revocationsSince(null)).entries].sort((one, other) =>
              one.value < other.value ? -1 : 1,
            )
          expect(await sorted(real)).toEqual(await sorted(model))
        }
        await census()
        await real.close()
        rmSync(join(folder, 'store'), { recursive: true })
      }),
      { numRuns: 40 },
    )
  }, 60_000)
})
