import { resolve } from 'node:path'
import { OptionError } from '../../shared/codes.ts'
import { parseRedisLocation, type RedisLocation } from './redis-location.ts'

/** Where a store is, as the option `store` says it. */
export type StoreLocation =
  | { readonly kind: 'memory' }
  /** An absolute path. */
  | { readonly kind: 'lmdb'; readonly directory: string }
  | RedisLocation

/**
 * Reads the option `store`, and touches nothing: neither disk nor network.
 *
 * | location | what |
 * |---|---|
 * | `memory:` | one process |
 * | `lmdb:DIRECTORY` | one machine; the directory may be relative |
 * | `redis://[USER:PASSWORD@]HOST[:6379][/DB]` | one Redis |
 * | `redis+sentinel://[USER:PASSWORD@]HOST[:26379],…/MASTER[/DB]` | the master that the sentinels name |
 * | `redis+cluster://[USER:PASSWORD@]HOST[:6379],…` | a cluster |
 * | `rediss…` in place of `redis…` | the same over TLS, certificates checked |
 *
 * Redis locations take `?prefix=` (of keys, `playgate`), `wait=` and `waitMs=` (replicas that must have a
 * marker before `first` is answered, and for how long to wait, 100; not with a cluster), `ca=` (file of
 * certificates to trust instead of the system's), `sentinelUsername=` and `sentinelPassword=`.
 *
 * @param baseDirectory what relative paths start from
 * @throws {OptionError} naming `store`, and never a password
 */
export function parseStoreLocation(text: string, baseDirectory: string): StoreLocation {
  if (text === 'memory:') return { kind: 'memory' }
  if (text.startsWith('lmdb:')) {
    const directory = text.slice('lmdb:'.length)
    if (directory === '') fail('lmdb: names no directory')
    if (directory.includes('\0')) fail('lmdb: names no possible directory')
    return { kind: 'lmdb', directory: resolve(baseDirectory, directory) }
  }
  if (/^rediss?(?:\+(?:sentinel|cluster))?:\/\//.test(text)) {
    return parseRedisLocation(text, baseDirectory)
  }
  return fail(
    'must be memory:, lmdb:DIRECTORY, or begin with redis://, redis+sentinel:// or redis+cluster:// (rediss for TLS)',
  )
}

function fail(message: string): never {
  throw new OptionError([{ path: 'store', message }])
}
