import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe } from 'vitest'
import { createStore } from '../../../server/store/create-store.ts'
import type { Store } from '../../../server/store/store.ts'
import { createClock } from '../../stage/clock.ts'
import { type RedisServer, startRedis } from '../../stage/start-redis.ts'
import { describeWith } from '../../stage/tools.ts'
import { startRedisCluster } from './redis-insight.ts'

/** A store under test, and a way to let its time pass. */
export interface Subject {
  readonly store: Store
  /** The same state through another door, as another process has it. */
  readonly other: Store
  /** What the store takes for the time; within a second. */
  nowMs(): number
  pass(seconds: number): Promise<void>
  close(): Promise<void>
}

/** Longer than a busy machine needs: how soon an answer must come is another test's business. */
const timeoutMs = 10_000

async function memory(): Promise<Subject> {
  const clock = createClock()
  const store = createStore('memory:', { now: clock.now, baseDirectory: '/', timeoutMs })
  return {
    store,
    other: store,
    nowMs: clock.now,
    pass: async (seconds) => clock.advance(seconds * 1000),
    close: () => store.close(),
  }
}

async function lmdb(): Promise<Subject> {
  const clock = createClock()
  const folder = mkdtempSync(join(tmpdir(), 'playgate-lmdb-'))
  const open = () => createStore('lmdb:store', { now: clock.now, baseDirectory: folder, timeoutMs })
  const [store, other] = [open(), open()]
  return {
    store,
    other,
    nowMs: clock.now,
    pass: async (seconds) => clock.advance(seconds * 1000),
    async close() {
      await store.close()
      await other.close()
      rmSync(folder, { recursive: true })
    },
  }
}

async function redis(server: RedisServer, scheme = 'redis'): Promise<Subject> {
  const location = `${scheme}://127.0.0.1:${server.port}`
  const admin = new Redis(server.port, '127.0.0.1')
  // Our own clock is of no account, and that of Redis cannot be turned: it is told how much has passed.
  let passedMs = 0
  const open = () =>
    createStore(location, {
      now: () => 0,
      baseDirectory: '/',
      timeoutMs,
      redisClockOffsetMs: () => passedMs,
    })
  const [store, other] = [open(), open()]
  return {
    store,
    other,
    nowMs: () => Date.now() + passedMs,
    async pass(seconds) {
      passedMs += seconds * 1000
      // What lives for minutes does not notice a moment.
      if (seconds < 1) return
      const keys = await admin.keys('*')
      const lives = await Promise.all(keys.map((key) => admin.pttl(key)))
      await Promise.all(
        keys.map((key, index) => {
          const left = (lives[index] ?? 0) - seconds * 1000
          return left > 0 ? admin.pexpire(key, left) : admin.del(key)
        }),
      )
    },
    async close() {
      await store.close()
      await other.close()
      admin.disconnect()
      await server.close()
    },
  }
}

/** Runs a contract against every store there is. */
export function describeStores(contract: (open: () => Promise<Subject>) => void): void {
  describe('memory:', () => contract(memory))
  describe('lmdb:', () => contract(lmdb))
  describeWith(['redis-server'], 'redis://', () => contract(async () => redis(await startRedis())))
  describeWith(['redis-server'], 'redis+cluster://', () =>
    contract(async () => redis(await startRedisCluster(), 'redis+cluster')),
  )
}
