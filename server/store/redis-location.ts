import { resolve } from 'node:path'
import { OptionError } from '../../shared/codes.ts'

export interface RedisHost {
  readonly host: string
  readonly port: number
}

/** A Redis, its sentinels, or the first nodes of a cluster. */
export interface RedisLocation {
  readonly kind: 'redis' | 'sentinel' | 'cluster'
  /** One for `redis`, one or more otherwise. */
  readonly hosts: readonly RedisHost[]
  readonly tls: { readonly caFile: string | null } | null
  readonly username: string | null
  readonly password: string | null
  readonly database: number
  /** What the sentinels call the master; '' otherwise. */
  readonly master: string
  readonly sentinelUsername: string | null
  readonly sentinelPassword: string | null
  /** In front of every key. */
  readonly prefix: string
  /** Replicas that must have a marker before the answer; 0: none. */
  readonly wait: number
  readonly waitMs: number
}

const parameters = ['prefix', 'wait', 'waitMs', 'ca', 'sentinelUsername', 'sentinelPassword']
const form =
  /^redis(?<tls>s)?(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<user>[^/?#]*)@)?(?<hosts>[^/?#@]*)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?$/

function fail(message: string): never {
  throw new OptionError([{ path: 'store', message }])
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return fail(`${what} is not properly percent-encoded`)
  }
}

function readHost(text: string, defaultPort: number): RedisHost {
  const parts =
    /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<name>[0-9A-Za-z._-]+))(?::(?<port>\d{1,5}))?$/.exec(
      text,
    )?.groups
  const host = parts?.v6 ?? parts?.name
  const port = parts?.port === undefined ? defaultPort : Number(parts.port)
  if (host === undefined || port < 1 || port > 65_535) {
    return fail('each Redis host must be HOST or HOST:PORT, IPv6 addresses in brackets')
  }
  return { host, port }
}

function readNumber(text: string | null, name: string, most: number, otherwise: number): number {
  if (text === null || text === '') return otherwise
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
  return value <= most ? value : fail(`${name} must be a whole number, at most ${most}`)
}

function readUser(text: string | undefined): Pick<RedisLocation, 'username' | 'password'> {
  if (text === undefined) return { username: null, password: null }
  const colon = text.indexOf(':')
  const name = decode(colon < 0 ? text : text.slice(0, colon), 'the user name')
  const password = colon < 0 ? '' : decode(text.slice(colon + 1), 'the password')
  return { username: name === '' ? null : name, password: password === '' ? null : password }
}

function readPath(kind: RedisLocation['kind'], path: string): { master: string; database: number } {
  const parts = path.split('/').slice(1)
  if (kind === 'sentinel') {
    const [master = '', database = '', ...rest] = parts
    if (master === '' || rest.length > 0) fail('after the sentinels comes /MASTER or /MASTER/DB')
    return {
      master: decode(master, 'the name of the master'),
      database: readNumber(database, 'the database', 1023, 0),
    }
  }
  const [database = '', ...rest] = parts
  if (rest.length > 0) fail('after the host comes /DB and nothing more')
  if (kind === 'cluster' && database !== '') fail('a cluster has no databases to choose from')
  return { master: '', database: readNumber(database, 'the database', 1023, 0) }
}

function readQuery(text: string): URLSearchParams {
  const query = new URLSearchParams(text)
  for (const name of query.keys()) {
    if (!parameters.includes(name))
      fail(`knows no parameter ${name}; there are ${parameters.join(', ')}`)
    if (query.getAll(name).length > 1) fail(`names ${name} more than once`)
  }
  return query
}

/**
 * Reads a location that begins with `redis`; see `parseStoreLocation` for the forms.
 *
 * @throws {OptionError} naming `store`, and never a password
 */
export function parseRedisLocation(text: string, baseDirectory: string): RedisLocation {
  const parts = form.exec(text)?.groups
  if (parts === undefined) return fail('is not a Redis URL; escape @ / ? # in names and passwords')
  const kind = (parts.kind ?? 'redis') as RedisLocation['kind']
  const hosts = (parts.hosts ?? '')
    .split(',')
    .map((host) => readHost(host, kind === 'sentinel' ? 26_379 : 6379))
  if (kind === 'redis' && hosts.length > 1) {
    fail('names several hosts: use redis+sentinel:// or redis+cluster://')
  }
  const query = readQuery(parts.query ?? '')
  const wait = readNumber(query.get('wait'), 'wait', 100, 0)
  if (wait > 0 && kind === 'cluster') fail('wait cannot be used with a cluster')
  const prefix = query.get('prefix') ?? 'playgate'
  if (!/^[A-Za-z0-9_.:-]{1,64}$/.test(prefix)) fail('prefix must be 1 to 64 of A-Z a-z 0-9 _ . : -')
  const ca = query.get('ca')
  if (ca !== null && parts.tls === undefined) fail('ca needs rediss')
  return {
    kind,
    hosts,
    tls: parts.tls === undefined ? null : { caFile: ca ? resolve(baseDirectory, ca) : null },
    ...readUser(parts.user),
    ...readPath(kind, parts.path ?? ''),
    sentinelUsername: query.get('sentinelUsername'),
    sentinelPassword: query.get('sentinelPassword'),
    prefix,
    wait,
    waitMs: readNumber(query.get('waitMs'), 'waitMs', 10_000, 100),
  }
}
