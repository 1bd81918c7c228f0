import { Redis } from 'ioredis'
import { expect, vi } from 'vitest'
import { freePort, type RedisServer, startRedis } from '../../stage/start-redis.ts'

/** A cluster of one node, which has all slots. */
export async function startRedisCluster(): Promise<RedisServer> {
  // A node that has met no other does not know its own address.
  const address = ['--cluster-announce-ip', '127.0.0.1']
  const bus = ['--cluster-port', String(await freePort())]
  const server = await startRedis({ settings: ['--cluster-enabled', 'yes', ...address, ...bus] })
  const admin = new Redis(server.port, '127.0.0.1')
  await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  // It waits two seconds before it takes writes.
  await vi.waitFor(
    async () => expect(await admin.call('CLUSTER', 'INFO')).toContain('cluster_state:ok'),
    { timeout: 15_000 },
  )
  admin.disconnect()
  return server
}

/** All keys, with what they hold. */
export async function contentsOf(admin: Redis): Promise<ReadonlyMap<string, string | undefined>> {
  const keys = (await admin.keys('*')).sort()
  const dumps = await Promise.all(keys.map((key) => admin.dumpBuffer(key)))
  return new Map(keys.map((key, index) => [key, dumps[index]?.toString('hex')]))
}

/** How long each key lives on, in milliseconds; negative for ever. */
export async function lives(admin: Redis): Promise<ReadonlyMap<string, number>> {
  const keys = await admin.keys('*')
  const left = await Promise.all(keys.map((key) => admin.pttl(key)))
  return new Map(keys.map((key, index) => [key, left[index] ?? 0]))
}

/** The server's clock cannot be turned: all keys are brought nearer to their ends. */
export async function letPass(admin: Redis, milliseconds: number): Promise<void> {
  const calls = [...(await lives(admin))].map(([key, left]) =>
    left > milliseconds ? admin.pexpire(key, left - milliseconds) : admin.del(key),
  )
  await Promise.all(calls)
}

export async function usedMemory(admin: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await admin.info('memory'))?.[1])
}
