import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { describe, expect, it, vi } from 'vitest'
import { createStore } from '../../../server/store/create-store.ts'
import type {
  PlaceClaim,
  Revocation,
  SessionRecord,
  SessionStore,
} from '../../../server/store/session-store.ts'
import type { Store } from '../../../server/store/store.ts'
import { useClosing } from '../../stage/closing.ts'
import { type RedisServer, startRedis } from '../../stage/start-redis.ts'
import { describeWith } from '../../stage/tools.ts'
import { contentsOf, letPass, lives, startRedisCluster, usedMemory } from './redis-insight.ts'

const refusal = { code: 'ERR_STORE_UNAVAILABLE', reason: 'store-unavailable', status: 503 }
const closing = useClosing()

function open(location: string, timeoutMs = 5000): Store {
  return closing(createStore(location, { now: () => 0, baseDirectory: '/', timeoutMs }))
}

function ask(server: RedisServer): Redis & { close(): Promise<void> } {
  const admin = new Redis(server.port, '127.0.0.1')
  return closing(Object.assign(admin, { close: async () => admin.disconnect() }))
}

const recovered = (store: Store): Promise<void> =>
  vi.waitFor(() => store.check(), { timeout: 15_000 })

let serial = 0
/** An id like any: the time of opening, then digits of which the last are no more alike than the others. */
function idAt(openedAtMs: number): string {
  const mixed = Math.imul(++serial, 0x9e3779b1) >>> 0
  const rest = `${serial.toString(16).padStart(8, '0')}${mixed.toString(16).padStart(8, '0')}`
  return openedAtMs.toString(16).padStart(12, '0') + rest.padEnd(28, '7')
}

function session(more: Partial<SessionRecord> = {}): SessionRecord {
  const nowMs = Date.now()
  return {
    id: idAt(nowMs),
    subject: null,
    rule: 'films',
    path: '/vod/films/some-film-title/1080p/index.m3u8',
    client: '2001:db8:1234:5678:9abc:def0:1234:5678',
    userAgent:
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
    openedAtMs: nowMs,
    seenAtMs: nowMs,
    endsAtMs: nowMs + 3_600_000,
    requests: 1,
    ...more,
  }
}

const sessions = (count: number, more: (index: number) => Partial<SessionRecord> = () => ({})) =>
  Array.from({ length: count }, (_, index) => session(more(index)))

const entry = (value: string, more: Partial<Revocation> = {}): Revocation => ({
  kind: 'subject',
  value,
  beforeMs: Date.now(),
  untilMs: Date.now() + 3_600_000,
  ...more,
})

const claim = (more: Partial<PlaceClaim> = {}): PlaceClaim => ({
  subject: 'somebody',
  sessionId: idAt(Date.now()),
  device: 'tv',
  idleSeconds: 60,
  max: 2,
  onLimit: 'deny',
  isNew: true,
  ...more,
})

/** All that a store can be asked about sessions. */
const questions: readonly [name: string, ask: (store: SessionStore) => Promise<unknown>][] = [
  ['noteSessions', (store) => store.noteSessions(sessions(3, () => ({ subject: 'somebody' })))],
  ['findSession', (store) => store.findSession(idAt(1))],
  ['listSessions', (store) => store.listSessions({ limit: 10 })],
  ['listSessions of a subject', (store) => store.listSessions({ limit: 10, subject: 'somebody' })],
  ['revoke', (store) => store.revoke([entry('a')])],
  ['revocationsSince', (store) => store.revocationsSince(null)],
  ['claimPlaces', (store) => store.claimPlaces([claim(), claim({ subject: 'somebody-else' })])],
  ['peekPlace', (store) => store.peekPlace(claim())],
  ['leavePlace', (store) => store.leavePlace('somebody', idAt(1))],
]

async function expectRefusals(store: SessionStore): Promise<void> {
  const outcomes = await Promise.allSettled(questions.map(([, question]) => question(store)))
  for (const [index, outcome] of outcomes.entries()) {
    expect(outcome, questions[index]?.[0]).toMatchObject({ status: 'rejected', reason: refusal })
  }
}

async function expectAnswers(store: SessionStore): Promise<void> {
  await Promise.all(questions.map(([, question]) => question(store)))
}

const idsOf = (records: readonly SessionRecord[]): string[] => records.map(({ id }) => id)
const latestFirst = (records: readonly SessionRecord[]): string[] => idsOf(records).sort().reverse()

async function everyId(store: SessionStore, limit: number, subject?: string): Promise<string[]> {
  const ids: string[] = []
  let after: string | null | undefined
  while (after !== null) {
    const query = { limit, ...(after && { after }), ...(subject !== undefined && { subject }) }
    const page = await store.listSessions(query)
    ids.push(...idsOf(page.sessions))
    after = page.next
  }
  return ids
}

async function everyValue(store: SessionStore, from: string | null) {
  const values: string[] = []
  for (let cursor = from; ; ) {
    const news = await store.revocationsSince(cursor)
    values.push(...news.entries.map(({ value }) => value))
    cursor = news.cursor
    if (!news.more) return { values, cursor }
  }
}

describeWith(['redis-server'], 'sessions in Redis', () => {
  describe('when something fails', () => {
    it('are refused while there is no server, and kept once there is one', async () => {
      const server = closing(await startRedis())
      await server.kill()
      const store = open(server.url)
      await expectRefusals(store)
      await server.restart()
      await recovered(store)
      await expectAnswers(store)
    })

    it('are as they were after the server was killed, where it writes down what it does', async () => {
      const server = closing(await startRedis({ isPersistent: true }))
      const store = open(server.url)
      const told = session({ subject: 'somebody' })
      const place = claim({ max: 1 })
      await store.noteSessions([told])
      await store.revoke([entry('before')])
      await store.claimPlaces([place])
      const { cursor } = await everyValue(store, null)
      await server.kill()
      await expectRefusals(store)
      await server.restart()
      await recovered(store)
      expect(await store.findSession(told.id)).toEqual(told)
      expect(await everyId(store, 10)).toEqual([told.id])
      expect(await everyId(store, 10, 'somebody')).toEqual([told.id])
      expect(await store.claimPlaces([claim({ max: 1, device: 'phone' })])).toEqual([
        { kind: 'full', others: [place.sessionId] },
      ])
      expect(await everyValue(store, cursor)).toEqual({ values: [], cursor })
      await store.revoke([entry('after')])
      expect((await everyValue(store, cursor)).values).toEqual(['after'])
    })

    it('come back with their next requests when the server lost all, and so do revocations', async () => {
      const server = closing(await startRedis())
      const store = open(server.url)
      const told = session({ subject: 'somebody' })
      await store.noteSessions([told])
      await store.revoke([entry('one'), entry('two')])
      const { cursor } = await everyValue(store, null)
      await server.kill()
      await server.restart()
      await recovered(store)
      expect(await store.findSession(told.id)).toBeNull()
      await store.noteSessions([{ ...told, requests: 4 }])
      expect(await store.findSession(told.id)).toEqual({ ...told, requests: 4 })
      expect(await everyId(store, 10)).toEqual([told.id])
      expect(await everyId(store, 10, 'somebody')).toEqual([told.id])
      await store.revoke([entry('two')])
      const after = await everyValue(store, cursor)
      expect(after.values).toEqual(['two'])
      expect(after.cursor.split('.')[0]).not.toBe(cursor.split('.')[0])
    })

    it('hear of each revocation that follows, though the server fell back to an earlier state', async () => {
      const server = closing(await startRedis())
      const store = open(server.url)
      await store.revoke([entry('kept')])
      await ask(server).save()
      await store.revoke([entry('lost'), entry('lost-too')])
      const { cursor } = await everyValue(store, null)
      await server.kill()
      await server.restart()
      await recovered(store)
      expect((await everyValue(store, cursor)).values).toEqual(['kept'])
      // As many as were lost and more, before anybody asks: their numbers must not be those of the lost.
      const next = ['a', 'b', 'c', 'd']
      await store.revoke(next.map((value) => entry(value)))
      expect((await everyValue(store, cursor)).values).toEqual(next)
    })

    it('are refused within their time when the server hangs, and kept again by themselves', async () => {
      const server = closing(await startRedis())
      const store = open(server.url, 200)
      await expectAnswers(store)
      server.pause()
      await expectRefusals(store)
      server.resume()
      await recovered(store)
      await expectAnswers(store)
    })

    it('are refused when the server is full, and read nevertheless', async () => {
      const server = closing(await startRedis({ settings: ['--maxmemory-policy', 'noeviction'] }))
      const store = open(server.url)
      const admin = ask(server)
      const told = session({ subject: 'somebody' })
      const places = [claim({ sessionId: idAt(1) }), claim({ sessionId: idAt(2) })]
      await store.noteSessions([told])
      await store.revoke([entry('one')])
      await store.claimPlaces(places)
      const before = await contentsOf(admin)
      await admin.config('SET', 'maxmemory', '1')
      const writes = [
        store.noteSessions([session()]),
        store.noteSessions([{ ...told, endsAtMs: told.endsAtMs + 5000 }]),
        store.revoke([entry('two')]),
        // It would take the place of another: which must not be gone for nothing.
        store.claimPlaces([claim()]),
        store.claimPlaces([claim({ onLimit: 'end-oldest' })]),
      ]
      for (const write of writes) await expect(write).rejects.toMatchObject(refusal)
      expect(await store.findSession(told.id)).toEqual(told)
      expect(await everyId(store, 10, 'somebody')).toEqual([told.id])
      expect((await everyValue(store, null)).values).toEqual(['one'])
      expect(await contentsOf(admin)).toEqual(before)
      await admin.config('SET', 'maxmemory', '0')
      await expectAnswers(store)
    })

    it('are refused when the answers are nonsense, without naming viewers', async () => {
      const server = closing(await startRedis())
      const store = open(server.url)
      const admin = ask(server)
      const told = session({ subject: 'Alice Example' })
      await store.noteSessions([told])
      const [record = ''] = await admin.keys(`*${told.id}`)
      await admin.setrange(record, 46, 'nonsense')
      await expect(store.findSession(told.id)).rejects.toMatchObject(refusal)
      await admin.del(record)
      await admin.lpush(record, 'x')
      const error = await store.noteSessions([told]).catch((reason: unknown) => reason)
      expect(error).toMatchObject(refusal)
      expect(inspect(error, { depth: 9 })).toMatch(/WRONGTYPE/)
      expect(inspect(error, { depth: 9 })).not.toMatch(/Alice|some-film|2001:db8/)
    })

    it('are listed for their subject by later news, when they could not be at first', async () => {
      const server = closing(await startRedis())
      const store = open(server.url)
      const admin = ask(server)
      const told = session({ subject: 'somebody' })
      await store.noteSessions([session({ subject: 'somebody' })])
      const [index = ''] = await admin.keys('*of*')
      await admin.del(index)
      await admin.lpush(index, 'x')
      await expect(store.noteSessions([told])).rejects.toMatchObject(refusal)
      await admin.del(index)
      expect(await everyId(store, 10, 'somebody')).toEqual([])
      await open(server.url).noteSessions([{ ...told, requests: 1 }])
      expect(await everyId(store, 10, 'somebody')).toEqual([told.id])
    })

    it('are kept by a server that forgot its scripts', async () => {
      const server = closing(await startRedis())
      const store = open(server.url)
      await expectAnswers(store)
      await ask(server).script('FLUSH')
      await expectAnswers(store)
    })
  })

  it('are in pages that neither miss nor repeat one, whatever the size', async () => {
    const server = closing(await startRedis())
    const store = open(server.url)
    const told = sessions(2500, (index) => ({ subject: index % 5 === 0 ? 'somebody' : null }))
    await store.noteSessions(told)
    const mine = told.filter(({ subject }) => subject !== null)
    for (const limit of [37, 1000]) {
      expect(await everyId(store, limit)).toEqual(latestFirst(told))
      expect(await everyId(store, limit, 'somebody')).toEqual(latestFirst(mine))
    }
    const { sessions: page, next } = await store.listSessions({ limit: 500, subject: 'somebody' })
    expect([page.length, next]).toEqual([500, null])
  })

  it('are found behind any number that have ended and were not swept yet', async () => {
    const server = closing(await startRedis())
    const store = open(server.url)
    const told = sessions(40, () => ({ subject: 'somebody' }))
    await store.noteSessions(told)
    const admin = ask(server)
    for (const index of await admin.keys('*{s*index')) await addEnded(admin, index, 2500)
    for (const index of await admin.keys('*of*')) await addEnded(admin, index, 2500)
    for (const subject of [undefined, 'somebody']) {
      const first = await store.listSessions({ limit: 30, ...(subject && { subject }) })
      expect(idsOf(first.sessions)).toEqual(latestFirst(told).slice(0, 30))
      expect(await everyId(store, 30, subject)).toEqual(latestFirst(told))
    }
  })

  it('leave nothing behind that has no end, and are swept out while others go on', async () => {
    const server = closing(await startRedis())
    const admin = ask(server)
    let passedMs = 0
    const store = closing(
      createStore(server.url, {
        now: () => 0,
        baseDirectory: '/',
        timeoutMs: 10_000,
        redisClockOffsetMs: () => passedMs,
      }),
    )
    const lifeMs = 600_000
    const ends = { endsAtMs: Date.now() + lifeMs }
    await store.noteSessions(
      sessions(2000, (index) => ({ subject: `user-${index % 300}`, ...ends })),
    )
    await store.noteSessions(sessions(600, () => ({ subject: 'house', ...ends })))
    await store.revoke(
      Array.from({ length: 600 }, (_, index) => entry(`v${index}`, { untilMs: ends.endsAtMs })),
    )
    await store.claimPlaces([claim(), claim({ subject: 'other', onLimit: 'end-oldest', max: 1 })])
    expect([...(await lives(admin)).values()].every((left) => left > 0)).toBe(true)
    // These keep the indexes of all shards, and that of the house, from ending as a whole.
    const lasting = sessions(64, () => ({ subject: 'house' }))
    const goOn = async (): Promise<void> => {
      for (const one of lasting) Object.assign(one, { endsAtMs: one.endsAtMs + 1 })
      await store.noteSessions(lasting)
      await store.revoke([entry('lasting')])
    }
    await goOn()
    passedMs = lifeMs
    await letPass(admin, lifeMs)
    const indexes = await admin.keys('*{s*index')
    const houses = await admin.keys('*:of:*')
    expect(houses).toHaveLength(1)
    const leftOver = async (): Promise<number> => {
      const revoked = admin.hlen('playgate:{revocations}:entries')
      const listed = [...indexes, ...houses].map((key) => admin.zcard(key))
      const sizes = await Promise.all([revoked, ...listed])
      return sizes.reduce((sum, size) => sum + size) - (1 + 2 * lasting.length)
    }
    expect(await leftOver()).toBeGreaterThan(1000)
    // What is swept is left to chance: a hundred times as often as is needed as a rule.
    for (let round = 0; round < 2000 && (await leftOver()) > 0; round++) await goOn()
    expect(await leftOver()).toBe(0)
    // Their records, an index of each shard, that of the house, and what there is of revocations and places.
    expect(await admin.dbsize()).toBe(lasting.length + indexes.length + 1 + 4 + 2)
    expect(await everyId(store, 100)).toEqual(latestFirst(lasting))
    expect(await everyId(store, 100, 'house')).toEqual(latestFirst(lasting))
  }, 30_000)

  it('take away what is no place, as of another version, and count it not', async () => {
    const server = closing(await startRedis())
    const store = open(server.url)
    const admin = ask(server)
    const key = 'playgate:places:{somebody}'
    await admin.hset(key, idAt(1), `0${Date.now()}:tv`, idAt(2), 'nonsense')
    const asked = claim({ max: 1, idleSeconds: 90.0005 })
    expect(await store.claimPlaces([asked])).toEqual([{ kind: 'counted', ended: [] }])
    expect(await admin.hgetall(key)).toEqual({
      [asked.sessionId]: expect.stringMatching(/^0\d{13}:90001:tv$/),
    })
  })

  it.each([
    ['without a subject', 700, () => null],
    ['of a subject of their own', 1000, (index: number) => `viewer-${index}@example.org`],
  ])('take little memory: %s, less than %i bytes each', async (_, most, subjectOf) => {
    const server = closing(await startRedis())
    const store = open(server.url)
    const admin = ask(server)
    const before = await usedMemory(admin)
    const count = 4000
    await store.noteSessions(sessions(count, (index) => ({ subject: subjectOf(index) })))
    const keys = await admin.keys('*')
    const sizes = await Promise.all(keys.map((key) => admin.memory('USAGE', key, 'SAMPLES', 0)))
    const named = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
    expect(named / count).toBeLessThan(most)
    // With the table of keys and that of their ends, which have room for more.
    expect(((await usedMemory(admin)) - before) / count).toBeLessThan(most + 300)
  })

  it('are asked for once, unless they are new or last longer', async () => {
    const server = closing(await startRedis())
    const store = open(server.url)
    const admin = ask(server)
    const told = sessions(50, () => ({ subject: 'somebody' }))
    await store.noteSessions(told)
    await admin.config('RESETSTAT')
    await store.noteSessions(told)
    const calls = [...(await admin.info('commandstats')).matchAll(/cmdstat_(\w+):calls=(\d+)/g)]
    const counted = Object.fromEntries(calls.map(([, name, count]) => [name, Number(count)]))
    expect(counted).toMatchObject({ getrange: 50, setrange: 50 })
    expect(counted).not.toHaveProperty('set')
    expect(counted).not.toHaveProperty('zadd')
    expect(counted.evalsha).toBeLessThanOrEqual(16)
  })

  it('have keys of one slot in each script, in a cluster, whatever viewers are called', async () => {
    const server = closing(await startRedisCluster())
    const admin = ask(server)
    const store = open(server.url.replace('redis:', 'redis+cluster:'))
    await recovered(store)
    const names = ['{', '}', '{}', '{x}y{z}', 'a\u0000b', 'ä', '*', '']
    const told = sessions(64, (index) => ({ subject: names[index % names.length] ?? '' }))
    await store.noteSessions(told)
    for (const name of names) expect(await everyId(store, 3, name)).toHaveLength(8)
    await expectAnswers(store)
    const keys = await admin.keys('*')
    expect(keys.length).toBeGreaterThan(64 + 16 + names.length)
    for (const key of keys) {
      const tag = /^[^{}]*\{([^{}]+)\}[^{}]*$/.exec(key)?.[1] ?? 'no tag, or more than one'
      const slots = [key, tag].map((text) => admin.call('CLUSTER', 'KEYSLOT', text))
      const [slot, slotOfTag] = await Promise.all(slots)
      expect(slot, key).toBe(slotOfTag)
      expect(key).toMatch(/^playgate:[\x21-\x7e]+$/)
    }
    // A digest is visible text of whatever kind, as far as the contract goes.
    for (const subject of ['}{', '{}', '{', 'a}b{c']) {
      const [first, second] = [claim({ subject, max: 1 }), claim({ subject, max: 1, device: 'x' })]
      expect(await store.claimPlaces([first, second])).toEqual([
        { kind: 'counted', ended: [] },
        { kind: 'full', others: [first.sessionId] },
      ])
    }
  })

  it('wait for replicas where something is ended, and nowhere else', async () => {
    const server = closing(await startRedis({ settings: ['--repl-diskless-sync-delay', '0'] }))
    const store = open(`${server.url}?wait=1&waitMs=100`)
    await expect(store.revoke([entry('a')])).rejects.toMatchObject(refusal)
    await store.revoke([])
    await store.noteSessions([session()])
    await store.claimPlaces([claim()])
    const replicaOf = ['--replicaof', '127.0.0.1', String(server.port)]
    const replica = closing(await startRedis({ settings: replicaOf }))
    // Until the first copy is loaded and acknowledged, what WAIT counts says little.
    const admin = ask(server)
    await vi.waitFor(
      async () => {
        const facts = await admin.info('replication')
        expect(facts).toMatch(/state=online,offset=[1-9]\d*,lag=[01]/)
      },
      { timeout: 15_000, interval: 100 },
    )
    const ended = [entry('b')]
    await vi.waitFor(() => store.revoke(ended), { timeout: 15_000 })
    expect(await ask(replica).hexists('playgate:{revocations}:entries', 'subject:b')).toBe(1)
  })
})

/** Sessions that were opened last of all and have ended, in an index that still has them. */
async function addEnded(admin: Redis, index: string, count: number): Promise<void> {
  const later = Date.now() + 60_000
  const members = Array.from({ length: count }, (_, at) => `${idAt(later + at)}000000000000001`)
  await admin.zadd(index, ...members.flatMap((member) => [0, member]))
}
