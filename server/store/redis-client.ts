import { readFileSync } from 'node:fs'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { OptionError } from '../../shared/codes.ts'
import type { RedisLocation } from './redis-location.ts'

export type RedisClient = Redis | Cluster

/** One key, one script, one decision: no other command can come in between. */
const spendScript = `
local keep, grace, binding = ARGV[1], ARGV[2], ARGV[3]
local stored = redis.call('GET', KEYS[1])
if not stored then
  redis.call('SET', KEYS[1], keep .. ':' .. grace .. ':' .. binding, 'NX', 'PX', keep)
  return 'first'
end
local keptFor, graceFor, spentBy = string.match(stored, '^(%d+):(%d+):(.*)$')
local left = redis.call('PTTL', KEYS[1])
if not keptFor or left < 0 or spentBy ~= binding then return 'spent' end
if keptFor - left >= math.min(tonumber(graceFor), tonumber(grace)) then return 'spent' end
if ARGV[4] == '1' then redis.call('SET', KEYS[1], stored, 'KEEPTTL') end
return 'repeat'
`

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
    // A master that became a replica.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } as const satisfies RedisOptions
  const scripts = { playgateSpend: { lua: spendScript, numberOfKeys: 1 } }
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

/**
 * Runs the script.
 *
 * `mustReplicate`: a repeat, too, writes its marker, unchanged and with its end, so that the offset which `WAIT`
 * asks for is never older than the marker.
 */
export async function runSpendScript(
  client: RedisClient,
  key: string,
  attempt: { keepMs: number; graceMs: number; binding: string; mustReplicate: boolean },
): Promise<unknown> {
  const { keepMs, graceMs, binding, mustReplicate } = attempt
  const run: unknown = Reflect.get(client, 'playgateSpend')
  if (typeof run !== 'function') throw new TypeError('the client lacks its script')
  return run.call(client, key, keepMs, graceMs, binding, mustReplicate ? 1 : 0)
}
