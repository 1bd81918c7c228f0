import { realpathSync, statSync } from 'node:fs'
import { OptionError, type OptionProblem } from '../../shared/codes.ts'

/** How long an HTTP origin may take, in milliseconds. */
export interface OriginTimeouts {
  /** Until a connection stands, TLS included. @default 3000 */
  readonly connectMs?: number
  /** Until the header of an answer is complete, waiting for a free connection included. @default 10000 */
  readonly headersMs?: number
  /**
   * The same for a blocking playlist request (`_HLS_msn`), which an origin may hold for three target
   * durations (rfc8216bis section 6.2.5.2). Never less than `headersMs`. @default 30000
   */
  readonly blockingHeadersMs?: number
  /** Between two pieces of a body. A reader that pauses does not count against the origin. @default 30000 */
  readonly bodyIdleMs?: number
  /** From header to end for a body that is read whole (a playlist, a JSON document): stops an origin that drips. @default 30000 */
  readonly wholeBodyMs?: number
}

/** Where media comes from, and what may be spent on fetching it. */
export interface OriginOptions {
  /**
   * An `http:` or `https:` URL, its path the base of every request, without userinfo, query and fragment; or a
   * directory, relative to the working directory. Its symbolic links are resolved once, here.
   */
  readonly location: string
  /** The clock: milliseconds since 1970. */
  readonly now: () => number
  readonly timeouts?: OriginTimeouts
  /** Bytes of a playlist once decoded; a longer one is refused. Protects memory. @default 8388608 */
  readonly maxPlaylistBytes?: number
  /** Bytes of a compressed playlist as sent. Protects against bombs. @default 4194304 */
  readonly maxEncodedBytes?: number
  /** Lines of a playlist; one with more is refused. Protects the rewriting. @default 200000 */
  readonly maxPlaylistLines?: number
  /** Bytes of a JSON document that is still read whole, to be rewritten; a larger one is streamed as it is. @default 1048576 */
  readonly maxJsonBytes?: number
  /** Bytes of origin playlists kept in memory. 0 keeps none, then only simultaneous requests share a fetch. @default 67108864 */
  readonly playlistCacheBytes?: number
  /** Milliseconds for which a playlist without `EXT-X-ENDLIST` is fresh when the origin does not say. @default 1000 */
  readonly livePlaylistFreshMs?: number
  /** The same for a playlist with `EXT-X-ENDLIST`. @default 10000 */
  readonly endedPlaylistFreshMs?: number
  /** Upper limit for a playlist without `EXT-X-ENDLIST`, whatever the origin says: a stale one stalls players. @default 2000 */
  readonly maxLivePlaylistFreshMs?: number
  /** Connections to the origin at most. A viewer of a large object holds one. @default 1024 */
  readonly maxConnections?: number
  /**
   * May the origin have a loopback, private or link-local address? It was chosen by whoever configures the
   * server, hence yes; false guards a public host name against a resolver that lies. @default true
   */
  readonly allowPrivate?: boolean
  /** Certificates (PEM) to trust instead of the well-known authorities: for an origin with a private one. */
  readonly ca?: string
}

/** Options with every default filled in. */
export interface JudgedOptions {
  readonly place: OriginPlace
  readonly now: () => number
  readonly timeouts: Readonly<Required<OriginTimeouts>>
  readonly maxPlaylistBytes: number
  readonly maxEncodedBytes: number
  readonly maxPlaylistLines: number
  readonly maxJsonBytes: number
  readonly playlistCacheBytes: number
  readonly livePlaylistFreshMs: number
  readonly endedPlaylistFreshMs: number
  readonly maxLivePlaylistFreshMs: number
  readonly maxConnections: number
  readonly allowPrivate: boolean
  readonly ca?: string
}

export type OriginPlace = HttpPlace | { readonly kind: 'directory'; readonly root: string }

export interface HttpPlace {
  readonly kind: 'http'
  /** `scheme://host[:port]` */
  readonly origin: string
  /** Begins with `/` and does not end with it, or ''. */
  readonly basePath: string
}

const timeoutDefaults = {
  connectMs: 3_000,
  headersMs: 10_000,
  blockingHeadersMs: 30_000,
  bodyIdleMs: 30_000,
  wholeBodyMs: 30_000,
}

const defaults = {
  maxPlaylistBytes: 8 * 1024 * 1024,
  maxEncodedBytes: 4 * 1024 * 1024,
  maxPlaylistLines: 200_000,
  maxJsonBytes: 1024 * 1024,
  playlistCacheBytes: 64 * 1024 * 1024,
  livePlaylistFreshMs: 1_000,
  endedPlaylistFreshMs: 10_000,
  maxLivePlaylistFreshMs: 2_000,
  maxConnections: 1_024,
}

/** Those of the numbers for which 0 means something. */
const mayBeZero: ReadonlySet<string> = new Set([
  'maxJsonBytes',
  'playlistCacheBytes',
  'livePlaylistFreshMs',
  'endedPlaylistFreshMs',
  'maxLivePlaylistFreshMs',
])

const known: ReadonlySet<string> = new Set([
  ...Object.keys(defaults),
  ...['location', 'now', 'timeouts', 'allowPrivate', 'ca'],
])

/**
 * The options judged completely, defaults filled in.
 *
 * @throws {OptionError} (a `TypeError`) naming every mistake, a directory that does not exist among them
 */
export function judgeOptions(options: OriginOptions): JudgedOptions {
  const problems: OptionProblem[] = []
  for (const key of Object.keys(options)) {
    if (!known.has(key)) problems.push({ path: key, message: 'unknown option' })
  }
  const timeouts = judgeNumbers(timeoutDefaults, options.timeouts ?? {}, 'timeouts.', problems)
  for (const key of Object.keys(options.timeouts ?? {})) {
    if (!(key in timeoutDefaults)) {
      problems.push({ path: `timeouts.${key}`, message: 'unknown option' })
    }
  }
  const numbers = judgeNumbers(defaults, options, '', problems)
  if (typeof options.now !== 'function')
    problems.push({ path: 'now', message: 'a clock is needed' })
  if (!['boolean', 'undefined'].includes(typeof options.allowPrivate)) {
    problems.push({ path: 'allowPrivate', message: 'neither true nor false' })
  }
  const place = judgeLocation(options.location)
  if ('message' in place) problems.push(place)
  if (problems.length > 0 || 'message' in place) throw new OptionError(problems)
  return Object.freeze({
    ...numbers,
    place,
    now: options.now,
    timeouts: {
      ...timeouts,
      blockingHeadersMs: Math.max(timeouts.blockingHeadersMs, timeouts.headersMs),
    },
    allowPrivate: options.allowPrivate ?? true,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  })
}

function judgeNumbers<Key extends string>(
  base: Readonly<Record<Key, number>>,
  given: { readonly [name in NoInfer<Key>]?: number },
  prefix: string,
  problems: OptionProblem[],
): Record<Key, number> {
  const judged: Record<Key, number> = { ...base }
  for (const key of Object.keys(base) as Key[]) {
    const value = given[key]
    if (value === undefined) continue
    // Timers of the platform count to 2^31-1 milliseconds; sizes beyond that are no protection.
    const least = mayBeZero.has(key) ? 0 : 1
    if (!Number.isSafeInteger(value) || value < least || value > 0x7fffffff) {
      problems.push({
        path: prefix + key,
        message: `not a whole number from ${least} to 2147483647`,
      })
    } else {
      judged[key] = value
    }
  }
  return judged
}

function judgeLocation(location: string): OriginPlace | OptionProblem {
  if (typeof location !== 'string' || location === '') {
    return { path: 'location', message: 'neither a URL nor a directory' }
  }
  return /^[a-z][a-z\d+.-]*:\/\//i.test(location) ? judgeUrl(location) : judgeDirectory(location)
}

function judgeUrl(location: string): OriginPlace | OptionProblem {
  const problem = (message: string): OptionProblem => ({ path: 'location', message })
  if (!URL.canParse(location)) return problem('not a URL')
  const url = new URL(location)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return problem('only http and https URLs can be an origin')
  }
  const authority = location.slice(location.indexOf('//') + 2).split(/[/\\?#]/, 1)[0] ?? ''
  if (authority.includes('@')) return problem('a URL with userinfo cannot be an origin')
  if (/[?#]/.test(location)) return problem('a URL with a query or fragment cannot be an origin')
  return { kind: 'http', origin: url.origin, basePath: url.pathname.replace(/\/+$/, '') }
}

function judgeDirectory(location: string): OriginPlace | OptionProblem {
  try {
    const root = realpathSync(location)
    if (statSync(root).isDirectory()) return { kind: 'directory', root }
  } catch {
    return { path: 'location', message: 'no such directory' }
  }
  return { path: 'location', message: 'not a directory' }
}
