import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { describe, expect, it, vi } from 'vitest'
import { createStore } from '../../../server/store/create-store.ts'
import type { RunScript } from '../../../server/store/redis-call.ts'
import { runScript } from '../../../server/store/redis-client.ts'
import { RedisKeys } from '../../../server/store/redis-keys.ts'
import { redisScripts } from '../../../server/store/redis-scripts.ts'
import { RedisTokens } from '../../../server/store/redis-tokens.ts'
import type { Store } from '../../../server/store/store.ts'
import type { TokenRecord, TokenStore } from '../../../server/store/token-store.ts'
import { useClosing } from '../../stage/closing.ts'
import { type RedisServer, startRedis } from '../../stage/start-redis.ts'
import { describeWith } from '../../stage/tools.ts'
import { contentsOf, letPass, lives, startRedisCluster, usedMemory } from './redis-insight.ts'
import { everyToken, idsOf, latestFirst, tokenIdOf, tokenRecord } from './token-records.ts'

const refusal = { code: 'ERR_STORE_UNAVAILABLE', reason: 'store-unavailable', status: 503 }
const closing = useClosing()

function open(location: string, timeoutMs = 5000, offsetMs = () => 0): Store {
  const where = { now: () => 0, baseDirectory: '/', timeoutMs, redisClockOffsetMs: offsetMs }
  return closing(createStore(location, where))
}

function ask(server: RedisServer): Redis & { close(): Promise<void> } {
  const admin = new Redis(server.port, '127.0.0.1')
  return closing(Object.assign(admin, { close: async () => admin.disconnect() }))
}

const recovered = (store: Store): Promise<void> =>
  vi.waitFor(() => store.check(), { timeout: 15_000 })

const token = (more: Partial<TokenRecord> = {}): TokenRecord =>
  tokenRecord({ createdAtMs: Date.now(), ...more })
const timed = (more: Partial<TokenRecord> = {}): TokenRecord =>
  token({ kind: 'timed', endsAtMs: Date.now() + 600_000, ...more })
const some = (count: number, make: (index: number) => TokenRecord): TokenRecord[] =>
  Array.from({ length: count }, (_, index) => make(index))

async function addAll(store: Store, tokens: readonly TokenRecord[]): Promise<void> {
  await store.check()
  for (let from = 0; from < tokens.length; from += 500) {
    await Promise.all(tokens.slice(from, from + 500).map((each) => store.addToken(each)))
  }
}

const everything = { realm: 'films', createdBeforeMs: 2 ** 47 }

/** All that a store can be asked about tokens. */
const questions: readonly [name: string, ask: (store: TokenStore) => Promise<unknown>][] = [
  ['addToken', (store) => store.addToken(token({ name: 'somebody' }))],
  ['findToken', (store) => store.findToken(tokenIdOf('a'))],
  ['listTokens', (store) => store.listTokens({ limit: 10 })],
  ['listTokens of a name', (store) => store.listTokens({ limit: 10, name: 'somebody' })],
  ['removeTokens', (store) => store.removeTokens([tokenIdOf('a'), tokenIdOf('b')])],
  ['removeTokensOf', (store) => store.removeTokensOf(everything)],
  ['noteTokenUses', (store) => store.noteTokenUses([{ id: tokenIdOf('a'), usedAtMs: 5 }])],
]

async function expectRefusals(store: TokenStore): Promise<void> {
  const outcomes = await Promise.allSettled(questions.map(([, question]) => question(store)))
  for (const [index, outcome] of outcomes.entries()) {
    expect(outcome, questions[index]?.[0]).toMatchObject({ status: 'rejected', reason: refusal })
  }
}

async function expectAnswers(store: TokenStore): Promise<void> {
  await Promise.all(questions.map(([, question]) => question(store)))
}

describeWith(['redis-server'], 'tokens in Redis', () => {
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
      const [kept, gone] = [timed({ name: 'somebody' }), token({ name: 'somebody' })]
      await addAll(store, [kept, gone])
      await store.noteTokenUses([{ id: kept.id, usedAtMs: 7 }])
      await store.removeTokens([gone.id])
      await server.kill()
      await expectRefusals(store)
      await server.restart()
      await recovered(store)
      expect(await store.findToken(gone.id)).toBeNull()
      const used = [{ ...kept, usedAtMs: 7 }]
      expect(await everyToken(store, {})).toEqual(used)
      expect(await everyToken(store, { realm: 'films', name: 'somebody' })).toEqual(used)
    })

    it('are refused within their time when the server hangs, and kept again by themselves', async () => {
      const server = closing(await startRedis())
      const store = open(server.url, 200)
      await expectAnswers(store)
      server.pause()
      const startedMs = performance.now()
      await expectRefusals(store)
      // Ten times what they may take, for a busy machine.
      expect(performance.now() - startedMs).toBeLessThan(2000)
      server.resume()
      await recovered(store)
      await expectAnswers(store)
    })

    it('are refused when the server is full, and read and removed nevertheless', async () => {
      const server = closing(await startRedis({ settings: ['--maxmemory-policy', 'noeviction'] }))
      const store = open(server.url)
      const admin = ask(server)
      const told = token({ name: 'somebody' })
      await store.addToken(told)
      const before = await contentsOf(admin)
      await admin.config('SET', 'maxmemory', '1')
      await expect(store.addToken(token())).rejects.toMatchObject(refusal)
      const uses = [{ id: told.id, usedAtMs: 5 }]
      await expect(store.noteTokenUses(uses)).rejects.toMatchObject(refusal)
      expect(await store.findToken(told.id)).toEqual(told)
      expect(await everyToken(store, { name: 'somebody' })).toEqual([told])
      expect(await contentsOf(admin)).toEqual(before)
      expect(await store.removeTokens([told.id])).toBe(1)
      await admin.config('SET', 'maxmemory', '0')
      await expectAnswers(store)
    })

    it('are refused when the answers are nonsense, without naming anybody', async () => {
      const server = closing(await startRedis())
      const store = open(server.url)
      const admin = ask(server)
      const told = token({ name: 'Alice Example' })
      await store.addToken(told)
      const [record = ''] = await admin.keys(`*${told.id}`)
      await admin.setrange(record, 31, 'nonsense')
      const calls: readonly ((store: TokenStore) => Promise<unknown>)[] = [
        (one) => one.findToken(told.id),
        (one) => one.listTokens({ limit: 5 }),
        (one) => one.removeTokens([told.id]),
        (one) => one.removeTokensOf(everything),
      ]
      for (const call of calls) await expect(call(store)).rejects.toMatchObject(refusal)
      await admin.del(record)
      await store.addToken(told)
      const [index = ''] = await admin.keys('*:in:*')
      await admin.del(index)
      await admin.lpush(index, 'x')
      await admin.del(record)
      const error = await store.addToken(told).catch((reason: unknown) => reason)
      expect(error).toMatchObject(refusal)
      expect(inspect(error, { depth: 9 })).toMatch(/WRONGTYPE/)
      expect(inspect(error, { depth: 9 })).not.toMatch(/Alice/)
      // What could not be listed could not be revoked either.
      expect(await store.findToken(told.id)).toBeNull()
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
    const base = Date.now()
    const told = some(2500, (index) =>
      token({
        createdAtMs: base - ((index * 31) % 700),
        ...(index % 5 === 0 && { name: 'somebody' }),
      }),
    )
    await addAll(store, told)
    const mine = told.filter(({ name }) => name !== null)
    for (const limit of [37, 1000]) {
      expect(idsOf(await everyToken(store, {}, limit))).toEqual(latestFirst(told))
      expect(idsOf(await everyToken(store, { name: 'somebody' }, limit))).toEqual(latestFirst(mine))
    }
  })

  it('stay, when one is removed as it was before it was removed and came again', async () => {
    const server = closing(await startRedis())
    const store = open(server.url)
    const told = token({ name: 'somebody' })
    const again = { ...told, realm: 'series' }
    await store.addToken(told)
    // Another process comes in between the look at the record and its removal.
    const client = ask(server)
    for (const [name, lua] of Object.entries(redisScripts)) {
      client.defineCommand(`playgate_${name}`, { lua })
    }
    const run: RunScript = async (name, keys, words) => {
      if (name === 'removeTokens') {
        expect(await store.removeTokens([told.id])).toBe(1)
        await store.addToken(again)
      }
      return runScript(client, name, keys, [0, ...words])
    }
    expect(await new RedisTokens(run, new RedisKeys('playgate')).remove([told.id])).toBe(0)
    expect(await everyToken(store, { realm: 'series' })).toEqual([again])
    expect(await store.findToken(told.id)).toEqual(again)
  })

  it('leave nothing behind that has no end but what never ends, and are swept out', async () => {
    const server = closing(await startRedis())
    const admin = ask(server)
    let passedMs = 0
    const store = open(server.url, 10_000, () => passedMs)
    const lifeMs = 600_000
    const endsAtMs = Date.now() + lifeMs
    await addAll(
      store,
      some(1500, (index) => timed({ name: `user-${index % 200}`, endsAtMs })),
    )
    expect([...(await lives(admin)).values()].every((left) => left > 0 && left <= lifeMs)).toBe(
      true,
    )
    // These keep the lists of all, of the realm, and of one name, from ending as a whole.
    const lasting = some(200, () => token({ name: 'user-7' }))
    await addAll(store, lasting)
    passedMs = lifeMs
    await letPass(admin, lifeMs)
    const entries = async (): Promise<number> => {
      const sizes = (await admin.keys('*:in:*')).map((key) => admin.zcard(key))
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
    }
    expect(await entries()).toBeGreaterThan(4 * lasting.length + 2000)
    // What is swept is left to chance: many times as often as is needed as a rule.
    for (let round = 0; round < 100 && (await entries()) > 4 * lasting.length; round++) {
      const more = some(100, () => token({ name: 'user-7' }))
      await addAll(store, more)
      lasting.push(...more)
    }
    expect(await entries()).toBe(4 * lasting.length)
    expect(idsOf(await everyToken(store, {}))).toEqual(latestFirst(lasting))
    expect(await store.removeTokensOf(everything)).toBe(lasting.length)
    expect(await admin.dbsize()).toBe(0)
  }, 60_000)

  it('are swept out of small lists by the removal of one that does not end', async () => {
    const server = closing(await startRedis())
    const admin = ask(server)
    let passedMs = 0
    const store = open(server.url, 10_000, () => passedMs)
    // All of one shard.
    const inShard = (made: TokenRecord): TokenRecord => ({ ...made, id: `AA${made.id.slice(2)}` })
    const brief = some(3, () => inShard(timed({ name: 'somebody' })))
    const lasting = inShard(token({ name: 'somebody' }))
    await addAll(store, [...brief, lasting])
    passedMs = 600_000
    await letPass(admin, passedMs)
    expect((await admin.keys('*')).length).toBe(1 + 4)
    expect(await store.removeTokens([lasting.id])).toBe(1)
    expect(await admin.keys('*')).toEqual([])
  })

  it('are found behind any number that have ended and were not swept yet, in full pages', async () => {
    const server = closing(await startRedis())
    const store = open(server.url)
    const told = some(40, () => token({ name: 'somebody' }))
    await addAll(store, told)
    const admin = ask(server)
    const later = (Date.now() + 60_000).toString(36).padStart(10, '0')
    for (const index of await admin.keys('*:in:*')) {
      const ended = some(2500, () => token()).map(({ id }) => `${later}${id}0000000001`)
      await admin.zadd(index, ...ended.flatMap((member) => [0, member]))
    }
    for (const filter of [{}, { realm: 'films' }, { realm: 'films', name: 'somebody' }]) {
      const first = await store.listTokens({ ...filter, limit: 30 })
      expect(idsOf(first.tokens)).toEqual(latestFirst(told).slice(0, 30))
      expect(idsOf(await everyToken(store, filter, 30))).toEqual(latestFirst(told))
    }
  })

  it.each([
    ['without a name', 800, () => null],
    ['of a name of their own', 1500, (index: number) => `viewer-${index}@example.org`],
  ])('take little memory: %s, less than %i bytes each', async (_, most, nameOf) => {
    const server = closing(await startRedis())
    const store = open(server.url)
    const admin = ask(server)
    const before = await usedMemory(admin)
    const count = 4000
    await addAll(
      store,
      some(count, (index) => timed({ name: nameOf(index), clientIp: '2001:db8::/32' })),
    )
    expect(((await usedMemory(admin)) - before) / count).toBeLessThan(most)
  })

  it('have keys of one slot in each script, in a cluster, whatever viewers are called', async () => {
    const server = closing(await startRedisCluster())
    const admin = ask(server)
    const store = open(server.url.replace('redis:', 'redis+cluster:'))
    await recovered(store)
    const names = ['{', '}', '{}', '{x}y{z}', 'a\u0000b', 'ä', '*', '']
    const told = some(64, (index) =>
      token({ name: names[index % names.length] ?? '', realm: '{films}' }),
    )
    await addAll(store, told)
    for (const name of names) {
      expect(await everyToken(store, { name, realm: '{films}' }, 3)).toHaveLength(8)
    }
    await expectAnswers(store)
    const keys = await admin.keys('*')
    expect(keys.length).toBeGreaterThan(64 + 2 * names.length)
    for (const key of keys) {
      const tag = /^[^{}]*\{([^{}]+)\}[^{}]*$/.exec(key)?.[1] ?? 'no tag, or more than one'
      const slots = [key, tag].map((text) => admin.call('CLUSTER', 'KEYSLOT', text))
      const [slot, slotOfTag] = await Promise.all(slots)
      expect(slot, key).toBe(slotOfTag)
      expect(key).toMatch(/^playgate:[\x21-\x7e]+$/)
    }
  })

  it('wait for replicas where one is added or removed, and nowhere else', async () => {
    const server = closing(await startRedis({ settings: ['--repl-diskless-sync-delay', '0'] }))
    const told = token()
    await open(server.url).addToken(told)
    const store = open(`${server.url}?wait=1&waitMs=100`)
    await expect(store.addToken(token())).rejects.toMatchObject(refusal)
    await expect(store.removeTokens([told.id])).rejects.toMatchObject(refusal)
    // Nothing is left to be removed, and it is still not where it has to be.
    await expect(store.removeTokens([told.id])).rejects.toMatchObject(refusal)
    for (let times = 0; times < 2; times++) {
      await expect(store.removeTokensOf(everything)).rejects.toMatchObject(refusal)
    }
    expect(await everyToken(store, {})).toEqual([])
    await store.removeTokens([])
    await store.noteTokenUses([{ id: told.id, usedAtMs: 5 }])
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
    await vi.waitFor(() => store.addToken(told), { timeout: 15_000 })
    expect(await ask(replica).keys(`*${told.id}`)).toHaveLength(1)
    expect(await store.removeTokens([told.id])).toBe(1)
    expect(await ask(replica).keys(`*${told.id}`)).toEqual([])
  })
})
