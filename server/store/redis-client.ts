import { readFileSync } from 'node:fs'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { OptionError } from '../../shared/codes.ts'
import type { RedisLocation } from './redis-location.ts'
import { redisScripts, type ScriptName } from './redis-scripts.ts'

export type RedisClient = Redis | Cluster

/** Of the methods that scripts are called by: those of the client itself have other names. */
const methodPrefix = 'playgate_'

function readCertificates(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    const message = `ca: ${error instanceof Error ? error.message : String(error)}`
    throw new OptionError([{ path: 'store', message }])
  }
}

function tlsOf({ tls }: RedisLocation): NonNullable<RedisOptions['tls']> | null {
  if (tls === null) return null
  return tls.caFile === null ? {} : { ca: readCertificates(tls.caFile) }
}

/**
 * A client that fails instead of waiting: it holds no command back while there is no connection, sends none
 * again after one was lost (a decision that was made but not heard would answer `spent` to its winner), and
 * connects anew by itself for as long as it is not closed.
 *
 * @throws {OptionError} when the file of certificates cannot be read
 */
export function createRedisClient(location: RedisLocation, timeoutMs: number): RedisClient {
  const { kind, hosts, username, password, database } = location
  const tls = tlsOf(location)
  const retry = (times: number): number => Math.min(50 * times, 1000)
  const shared = {
    protocol: 2,
    ...(username !== null && { username }),
    ...(password !== null && { password }),
    ...(tls !== null && { tls }),
    connectionName: 'playgate',
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    // A server that hangs keeps its connections open: without this, they would be believed in for ever.
    socketTimeout: 2 * timeoutMs,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A master that became a replica; older ones say so of a script in the middle of the message.
    reconnectOnError: (error: Error) => /\bREADONLY /.test(error.message),
  } as const satisfies RedisOptions
  // The number of keys is the first argument of each call.
  const scripts = Object.fromEntries(
    Object.entries(redisScripts).map(([name, lua]) => [`${methodPrefix}${name}`, { lua }]),
  )
  const [first] = hosts
  if (kind === 'cluster') {
    return new Cluster([...hosts], {
      scripts,
      redisOptions: shared,
      enableOfflineQueue: false,
      clusterRetryStrategy: retry,
      slotsRefreshTimeout: timeoutMs,
    })
  }
  const single = {
    ...shared,
    scripts,
    db: database,
    enableOfflineQueue: false,
    retryStrategy: retry,
  } satisfies RedisOptions
  if (kind === 'redis') return new Redis({ ...single, ...first })
  return new Redis({
    ...single,
    sentinels: [...hosts],
    name: location.master,
    sentinelRetryStrategy: retry,
    ...(tls !== null && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
    ...(location.sentinelUsername !== null && { sentinelUsername: location.sentinelUsername }),
    ...(location.sentinelPassword !== null && { sentinelPassword: location.sentinelPassword }),
  })
}

/** Runs a script, whose keys are all in one slot. */
export async function runScript(
  client: RedisClient,
  name: ScriptName,
  keys: readonly string[],
  words: readonly (string | number)[],
): Promise<unknown> {
  const run: unknown = Reflect.get(client, `${methodPrefix}${name}`)
  if (typeof run !== 'function') throw new TypeError('the client lacks its script')
  return run.call(client, keys.length, ...keys, ...words)
}

/** What the masters do when they are full, as far as they say it. */
export async function evictionPolicies(client: RedisClient): Promise<readonly string[]> {
  const nodes = client instanceof Cluster ? client.nodes('master') : [client]
  const policies: string[] = []
  for (const node of nodes) {
    try {
      const policy = /^maxmemory_policy:(\S+)/m.exec(await node.info('memory'))?.[1]
      if (policy !== undefined) policies.push(policy)
    } catch {
      // The connection is gone again, or INFO is not allowed: the next one is asked.
    }
  }
  return policies
}
