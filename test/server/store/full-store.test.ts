import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStore } from '../../../server/store/create-store.ts'
import type { SessionRecord } from '../../../server/store/session-store.ts'
import { createClock } from '../../stage/clock.ts'
import { useClosing } from '../../stage/closing.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'playgate-full-'))
})
afterEach(() => rmSync(folder, { recursive: true }))
const closing = useClosing()

const clock = createClock()
const idOf = (number: number): string => number.toString(16).padStart(40, '0')

const news = (number: number, more: Partial<SessionRecord> = {}): SessionRecord => ({
  id: idOf(number),
  subject: null,
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

// Redis has no bound of its own for sessions: one that is full refuses, see redis-sessions.test.ts.
describe.each(['memory:', 'lmdb:store'])('news of sessions, told to a full %s', (location) => {
  const open = () =>
    closing(
      createStore(location, {
        now: clock.now,
        baseDirectory: folder,
        timeoutMs: 10_000,
        maxMarkers: 3,
      }),
    )
  type Opened = ReturnType<typeof open>
  const requestsOf = async (store: Opened, ...numbers: number[]) =>
    Promise.all(
      numbers.map(async (number) => (await store.findSession(idOf(number)))?.requests ?? null),
    )

  it('is kept of the sessions that are known, once, wherever they stand among new ones', async () => {
    const store = open()
    expect(await store.noteSessions([1, 2, 3].map((number) => news(number)))).toBe(0)
    const batch = [news(4), news(2, { requests: 5 }), news(6), news(3), news(7)]
    expect(await store.noteSessions(batch)).toBe(3)
    expect(await requestsOf(store, 1, 2, 3, 4, 6, 7)).toEqual([1, 6, 2, null, null, null])
  })

  it('is kept of as many new ones as there is room for, once', async () => {
    const store = open()
    const batch = [1, 2, 3, 4, 5].map((number) => news(number, { requests: 7 }))
    expect(await store.noteSessions(batch)).toBe(2)
    expect(await requestsOf(store, 1, 2, 3, 4, 5)).toEqual([7, 7, 7, null, null])
  })

  it('does not grow when those that found no room are told again, and again', async () => {
    const store = open()
    await store.noteSessions([1, 2, 3].map((number) => news(number)))
    // As they are told by whoever takes the answer for one: what was kept brings nothing twice.
    for (let round = 0; round < 5; round++) {
      const told = [1, 2, 3].map((number) => news(number, { requests: 0 }))
      expect(await store.noteSessions([news(4), ...told, news(5)])).toBe(2)
    }
    expect(await requestsOf(store, 1, 2, 3, 4, 5)).toEqual([1, 1, 1, null, null])
  })

  it('finds room when others have ended', async () => {
    const store = open()
    await store.noteSessions([1, 2, 3].map((number) => news(number)))
    expect(await store.noteSessions([news(4)])).toBe(1)
    clock.advance(30_000)
    await store.noteSessions([news(3)])
    clock.advance(30_000)
    expect(await store.noteSessions([4, 5, 6].map((number) => news(number)))).toBe(1)
    expect(await requestsOf(store, 1, 2, 3, 4, 5, 6)).toEqual([null, null, 2, 1, 1, null])
  })

  it('wants no room for one that has ended already', async () => {
    const store = open()
    await store.noteSessions([1, 2, 3].map((number) => news(number)))
    expect(await store.noteSessions([news(4, { endsAtMs: clock.now() })])).toBe(0)
  })
})
