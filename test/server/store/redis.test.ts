import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, it, vi } from 'vitest'
import { createStore } from '../../../server/store/create-store.ts'
import type { Store } from '../../../server/store/store.ts'
import { useClosing } from '../../stage/closing.ts'
import { type RedisServer, startRedis } from '../../stage/start-redis.ts'
import { describeWith } from '../../stage/tools.ts'
import { selfSigned } from '../origin/self-signed.ts'

const options = { keepSeconds: 60, binding: 'one', graceSeconds: 0 }
const refusal = { code: 'ERR_STORE_UNAVAILABLE', reason: 'store-unavailable', status: 503 }
const closing = useClosing()

function open(location: string, timeoutMs = 5000, baseDirectory = '/'): Store & { said: string[] } {
  const said: string[] = []
  const warn = (message: string): void => void said.push(message)
  const store = createStore(location, { now: () => 0, baseDirectory, warn, timeoutMs })
  return closing(Object.assign(store, { said }))
}

const recovered = (store: Store): Promise<void> =>
  vi.waitFor(() => store.check(), { timeout: 15_000 })

function ask(server: RedisServer): Redis & { close(): Promise<void> } {
  const admin = new Redis(server.port, '127.0.0.1')
  return closing(Object.assign(admin, { close: async () => admin.disconnect() }))
}

describeWith(['redis-server'], 'the Redis store', () => {
  it('refuses while there is no server, and works once there is one', async () => {
    const server = closing(await startRedis())
    await server.kill()
    const store = open(server.url)
    await expect(store.spend('a', options)).rejects.toMatchObject(refusal)
    await expect(store.check()).rejects.toMatchObject(refusal)
    await server.restart()
    await recovered(store)
    expect(await store.spend('a', options)).toBe('first')
  })

  it('refuses while the server is dead, spends nothing meanwhile, and recovers by itself', async () => {
    const server = closing(await startRedis({ isPersistent: true }))
    const store = open(server.url)
    expect(await store.spend('a', options)).toBe('first')
    await server.kill()
    for (const id of ['a', 'b', 'c']) {
      await expect(store.spend(id, options)).rejects.toMatchObject(refusal)
    }
    await server.restart()
    await recovered(store)
    expect(await store.spend('a', options)).toBe('spent')
    expect(await ask(server).keys('*')).toEqual(['playgate:spent:{a}'])
    expect(store.said).toHaveLength(1)
  })

  it('refuses within its time when the server hangs, and recovers by itself', async () => {
    const server = closing(await startRedis())
    const store = open(server.url, 200)
    expect(await store.spend('a', options)).toBe('first')
    server.pause()
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) => store.spend(`id-${index}`, options)),
    )
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
    await expect(store.check()).rejects.toMatchObject(refusal)
    server.resume()
    await recovered(store)
    expect(await store.spend('a', options)).toBe('spent')
  })

  it('refuses first uses when the server is full, and still knows what is spent', async () => {
    const settings = ['--maxmemory-policy', 'noeviction']
    const server = closing(await startRedis({ settings }))
    const store = open(server.url)
    const admin = ask(server)
    expect(await store.spend('a', options)).toBe('first')
    await admin.config('SET', 'maxmemory', '1')
    await expect(store.spend('b', options)).rejects.toMatchObject(refusal)
    expect(await store.spend('a', options)).toBe('spent')
    expect(await store.isSpent('a', options)).toBe(true)
    expect(await store.isSpent('b', options)).toBe(false)
    await admin.config('SET', 'maxmemory', '0')
    expect(await store.spend('b', options)).toBe('first')
    expect(store.said).toEqual([])
  })

  it('warns when the server may evict what must be kept', async () => {
    const server = closing(await startRedis({ settings: ['--maxmemory-policy', 'allkeys-lru'] }))
    const store = open(server.url)
    await store.check()
    await expect.poll(() => store.said.join()).toContain('maxmemory-policy is allkeys-lru')
    expect(store.said.join()).toMatch(/spent tokens and of ended sessions/)
  })

  it('gives each marker its end with the same command, and its key one size', async () => {
    const server = closing(await startRedis())
    const store = open(`${server.url}/2?prefix=site`)
    await store.spend('a', { ...options, keepSeconds: 0.5 + 59 })
    const admin = ask(server)
    await admin.select(2)
    expect(await admin.keys('*')).toEqual(['site:spent:{a}'])
    const left = await admin.pttl('site:spent:{a}')
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThanOrEqual(59_500)
  })

  it('takes a marker that somebody made eternal, or that is none of ours, as spent', async () => {
    const server = closing(await startRedis())
    const store = open(server.url)
    const admin = ask(server)
    const graced = { ...options, graceSeconds: 90 }
    await store.spend('a', graced)
    await admin.persist('playgate:spent:{a}')
    await admin.set('playgate:spent:{b}', 'nonsense')
    expect(await store.spend('a', graced)).toBe('spent')
    expect(await store.spend('b', graced)).toBe('spent')
    expect(await store.isSpent('a', graced)).toBe(true)
    expect(await store.isSpent('b', graced)).toBe(true)
    await admin.lpush('playgate:spent:{c}', 'x')
    await expect(store.spend('c', graced)).rejects.toMatchObject(refusal)
    await expect(store.isSpent('c', graced)).rejects.toMatchObject(refusal)
  })

  it('logs in, and is refused with a wrong password', async () => {
    const server = closing(await startRedis({ settings: ['--requirepass', 'open sesame'] }))
    const at = (password: string): string => server.url.replace('//', `//:${password}@`)
    expect(await open(at('open%20sesame')).spend('a', options)).toBe('first')
    const wrong = open(at('guess'))
    await expect(wrong.spend('b', options)).rejects.toMatchObject(refusal)
    expect(wrong.said.join()).not.toContain('guess')
  })

  it('speaks TLS, and believes no certificate it was not told to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'playgate-tls-'))
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    writeFileSync(key, selfSigned.key)
    writeFileSync(cert, selfSigned.cert)
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-auth-clients', 'no']
    const settings = ['--port', '0', '--tls-port', '%port%', ...files]
    const server = closing(await startRedis({ settings }))
    const url = server.url.replace('redis:', 'rediss:')
    expect(await open(`${url}?ca=cert.pem`, 5000, folder).spend('a', options)).toBe('first')
    await expect(open(url).spend('b', options)).rejects.toMatchObject(refusal)
    rmSync(folder, { recursive: true })
  })

  it('waits for replicas when told to, and refuses when too few have the marker', async () => {
    const server = closing(await startRedis({ settings: ['--repl-diskless-sync-delay', '0'] }))
    const store = open(`${server.url}?wait=1&waitMs=300`)
    const graced = { ...options, graceSeconds: 30 }
    await expect(store.spend('a', graced)).rejects.toMatchObject(refusal)
    // The retry by the same client is a repeat, and has to wait as well.
    await expect(store.spend('a', graced)).rejects.toMatchObject(refusal)
    const replicaOf = ['--replicaof', '127.0.0.1', String(server.port)]
    const replica = closing(await startRedis({ settings: replicaOf }))
    // Until the first copy is loaded and acknowledged, what WAIT counts says little.
    await vi.waitFor(
      async () => {
        const facts = await ask(server).info('replication')
        expect(facts).toMatch(/state=online,offset=[1-9]\d*,lag=[01]/)
      },
      { timeout: 15_000, interval: 250 },
    )
    await vi.waitFor(async () => expect(await store.spend('a', graced)).toBe('repeat'), {
      timeout: 15_000,
    })
    expect(await store.spend('b', graced)).toBe('first')
    expect(await ask(replica).exists('playgate:spent:{b}')).toBe(1)
    // A replica that hangs is connected still. A connection that wrote nothing must not take that for an answer.
    replica.pause()
    await expect(store.spend('c', graced)).rejects.toMatchObject(refusal)
    const other = open(`${server.url}?wait=1&waitMs=300`)
    await expect(other.spend('c', graced)).rejects.toMatchObject(refusal)
    replica.resume()
    await vi.waitFor(async () => expect(await other.spend('c', graced)).toBe('repeat'), {
      timeout: 15_000,
    })
  })

  it('finds the master through its sentinels, and the new one after a failover', async () => {
    const master = closing(await startRedis())
    const replicaOf = ['--replicaof', '127.0.0.1', String(master.port)]
    const replica = closing(await startRedis({ settings: replicaOf }))
    const sentinel = closing(await startSentinel(master.port))
    const store = open(`redis+sentinel://127.0.0.1:${sentinel.port}/main`)
    await recovered(store)
    const admin = ask(replica)
    await vi.waitFor(
      async () => {
        expect(await admin.info('replication')).toContain('master_link_status:up')
      },
      { timeout: 15_000 },
    )
    expect(await store.spend('a', options)).toBe('first')
    await vi.waitFor(async () => expect(await admin.exists('playgate:spent:{a}')).toBe(1))
    const ending = { kind: 'all', value: '*', beforeMs: 5, untilMs: 2 ** 47 } as const
    await store.revoke([ending])
    const { cursor } = await store.revocationsSince(null)
    const claim = {
      subject: 'u7',
      sessionId: '1'.repeat(40),
      device: 'tv',
      idleSeconds: 600,
      max: 1,
      onLimit: 'deny',
      isNew: true,
    } as const
    expect(await store.claimPlaces([claim])).toEqual([{ kind: 'counted', ended: [] }])
    await vi.waitFor(async () => expect(await admin.dbsize()).toBe(await ask(master).dbsize()))
    await master.kill()
    await expect(store.spend('b', options)).rejects.toMatchObject(refusal)
    await vi.waitFor(async () => expect(await store.spend('b', options)).toBe('first'), {
      timeout: 25_000,
    })
    expect(await store.spend('a', options)).toBe('spent')
    // What was ended stays so, whoever asks from where; and who has a place has it still.
    expect((await store.revocationsSince(null)).entries).toEqual([ending])
    expect((await store.revocationsSince(cursor)).entries).toEqual([])
    const other = { ...claim, sessionId: '2'.repeat(40), device: 'phone' }
    expect(await store.claimPlaces([other])).toEqual([{ kind: 'full', others: [claim.sessionId] }])
  }, 60_000)
})

/** A sentinel for one master, which it calls `main`. */
async function startSentinel(masterPort: number): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'playgate-sentinel-'))
  const file = join(folder, 'sentinel.conf')
  writeFileSync(
    file,
    [
      `sentinel monitor main 127.0.0.1 ${masterPort} 1`,
      'sentinel down-after-milliseconds main 500',
      'sentinel failover-timeout main 5000',
      '',
    ].join('\n'),
  )
  const server = await startRedis({ configuration: file })
  return {
    ...server,
    async close() {
      await server.close()
      rmSync(folder, { recursive: true })
    },
  }
}
