import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStore } from '../../../server/store/create-store.ts'
import type { SessionRecord } from '../../../server/store/session-store.ts'
import { createClock } from '../../stage/clock.ts'
import { useClosing } from '../../stage/closing.ts'
import { idsOf, latestFirst, tokenRecord } from './token-records.ts'

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

const openFor3 = (location: string) =>
  closing(
    createStore(location, {
      now: clock.now,
      baseDirectory: folder,
      timeoutMs: 10_000,
      maxMarkers: 3,
    }),
  )

// Redis has no bound of its own: one that is full refuses, see redis-sessions.test.ts and redis-tokens.test.ts.
const bounded = ['memory:', 'lmdb:store']

describe.each(bounded)('places of a full %s', (location) => {
  it('are looked at all the same', async () => {
    const store = openFor3(location)
    const claim = (number: number) => ({
      subject: `subject-${number}`,
      sessionId: idOf(number),
      device: 'tv',
      idleSeconds: 60,
      max: 1,
      onLimit: 'deny' as const,
      isNew: true,
    })
    await store.claimPlaces([1, 2, 3].map(claim))
    await expect(store.claimPlaces([claim(4)])).rejects.toMatchObject({ status: 503 })
    expect(await store.peekPlace(claim(4))).toEqual({ kind: 'counted', ended: [] })
    const other = { ...claim(4), subject: 'subject-1', device: 'phone' }
    expect(await store.peekPlace(other)).toEqual({ kind: 'full', others: [idOf(1)] })
  })
})

describe.each(bounded)('news of sessions, told to a full %s', (location) => {
  const open = () => openFor3(location)
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

describe.each(bounded)('tokens, added to a full %s', (location) => {
  const timed = (seconds: number) =>
    tokenRecord({ kind: 'timed', endsAtMs: clock.now() + seconds * 1000 })
  const full = { code: 'ERR_STORE_UNAVAILABLE', message: 'store: full: 3 tokens are kept' }

  it('are refused, and none that is alive is forgotten', async () => {
    const store = openFor3(location)
    const kept = [tokenRecord(), timed(60), tokenRecord()]
    for (const token of kept) await store.addToken(token)
    const more = [tokenRecord(), timed(60)]
    for (const token of more) {
      await expect(store.addToken(token)).rejects.toMatchObject(full)
      expect(await store.findToken(token.id)).toBeNull()
    }
    expect(idsOf((await store.listTokens({ limit: 9 })).tokens)).toEqual(latestFirst(kept))
  })

  it('are no trouble when they are known, or have ended already, and are used as ever', async () => {
    const store = openFor3(location)
    const kept = [tokenRecord(), timed(60), tokenRecord()]
    for (const token of [...kept, ...kept, timed(-1)]) await store.addToken(token)
    await store.noteTokenUses(kept.map(({ id }) => ({ id, usedAtMs: 5 })))
    const { tokens } = await store.listTokens({ limit: 9 })
    expect(tokens.map(({ usedAtMs }) => usedAtMs)).toEqual([5, 5, 5])
  })

  it('find room when others have ended, or were removed', async () => {
    const store = openFor3(location)
    const [lasting, brief, long] = [tokenRecord(), timed(60), timed(600)] as const
    for (const token of [lasting, brief, long]) await store.addToken(token)
    clock.advance(60_000)
    const later = timed(600)
    await store.addToken(later)
    await expect(store.addToken(tokenRecord())).rejects.toMatchObject(full)
    await store.removeTokens([long.id])
    const last = tokenRecord()
    await store.addToken(last)
    await expect(store.addToken(tokenRecord())).rejects.toMatchObject(full)
    const { tokens } = await store.listTokens({ limit: 9 })
    expect(idsOf(tokens)).toEqual(latestFirst([lasting, later, last]))
  })
})
