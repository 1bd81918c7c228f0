import { OptionError } from '../../shared/codes.ts'
import { LmdbStore } from './lmdb.ts'
import { parseStoreLocation } from './location.ts'
import { MemoryStore } from './memory.ts'
import { RedisStore } from './redis.ts'
import type { Store } from './store.ts'

export interface StoreOptions {
  /** The clock, in milliseconds since 1970. */
  now(): number
  /** What relative paths start from. */
  readonly baseDirectory: string
  /** Told of lost connections and of settings that endanger single use. @default nobody */
  readonly warn?: (message: string) => void
  /** How long a call may take before it is refused. @default 1000 */
  readonly timeoutMs?: number
  /**
   * Live markers, and likewise sessions, revocations and tokens, that `memory:` and `lmdb:` hold at most; beyond them new ones
   * are refused. @default 1000000
   */
  readonly maxMarkers?: number
  /** For tests of `redis://`, whose own clock counts: milliseconds to be added to it. @default 0 */
  readonly redisClockOffsetMs?: () => number
}

/**
 * Opens the store that the option `store` names; see `parseStoreLocation` for the forms. An LMDB directory is
 * made if it is not there; a Redis is connected to in the background, and need not be there yet.
 *
 * @throws {OptionError} for a location that makes no sense, and for a directory or file that cannot be used
 */
export function createStore(location: string, options: StoreOptions): Store {
  const { baseDirectory, warn = () => {}, timeoutMs = 1000, maxMarkers = 1_000_000 } = options
  const now = (): number => Math.floor(options.now())
  const parsed = parseStoreLocation(location, baseDirectory)
  switch (parsed.kind) {
    case 'memory':
      return new MemoryStore({ now, maxMarkers })
    case 'lmdb':
      return new LmdbStore({ directory: parsed.directory, now, maxMarkers, timeoutMs })
    default:
      if (parsed.wait > 0 && parsed.waitMs >= timeoutMs) {
        const message = `waitMs must be less than the ${timeoutMs} ms that a call may take`
        throw new OptionError([{ path: 'store', message }])
      }
      return new RedisStore({
        location: parsed,
        timeoutMs,
        warn,
        clockOffsetMs: options.redisClockOffsetMs ?? (() => 0),
      })
  }
}
