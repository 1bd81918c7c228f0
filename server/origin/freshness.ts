import { type RawHeaders, readHeader } from './origin-headers.ts'

export interface FreshnessRules {
  readonly livePlaylistFreshMs: number
  readonly endedPlaylistFreshMs: number
  readonly maxLivePlaylistFreshMs: number
}

/**
 * Milliseconds for which an answer may be given to others than those who waited for it. Explicit freshness
 * less the age it arrived with (RFC 9111 section 4.2), else the default; a playlist that may still grow is
 * never kept longer than its own limit.
 *
 * @param ended the playlist has `EXT-X-ENDLIST`
 */
export function freshMs(raw: RawHeaders, ended: boolean, rules: FreshnessRules): number {
  // The answer depends on more than we send the same for everybody.
  if (readHeader(raw, 'vary')?.includes('*')) return 0
  const stated = statedMs(raw)
  if (ended) return stated ?? rules.endedPlaylistFreshMs
  return Math.min(stated ?? rules.livePlaylistFreshMs, rules.maxLivePlaylistFreshMs)
}

/** What the origin says, age taken off; null when it says nothing. */
function statedMs(raw: RawHeaders): number | null {
  const directives = parseCacheControl(readHeader(raw, 'cache-control') ?? '')
  if (['no-store', 'no-cache', 'private'].some((name) => directives.has(name))) return 0
  const seconds = directives.get('s-maxage') ?? directives.get('max-age') ?? expiresSeconds(raw)
  return seconds === null ? null : Math.max(0, seconds - ageSeconds(raw)) * 1000
}

/** Seconds that the answer had spent in caches when it came, 0 when nobody says. */
export function ageSeconds(raw: RawHeaders): number {
  const age = readHeader(raw, 'age') ?? ''
  return /^\d{1,10}$/.test(age) ? Number(age) : 0
}

/** RFC 9111 section 5.3: `Expires` counts only without `max-age`; a date that is none means long ago. */
function expiresSeconds(raw: RawHeaders): number | null {
  const expires = readHeader(raw, 'expires')
  if (expires === undefined) return null
  const life = Date.parse(expires) - Date.parse(readHeader(raw, 'date') ?? '')
  return Number.isNaN(life) ? 0 : Math.max(0, life / 1000)
}

/** Directives by lower-case name with their number of seconds; of a repeated one the smaller, 0 for what is no number. */
function parseCacheControl(text: string): Map<string, number> {
  const directives = new Map<string, number>()
  for (const part of text.split(',')) {
    const [name = '', value = ''] = part.split('=', 2)
    const key = name.trim().toLowerCase()
    const digits = /^"?(\d{1,10})"?$/.exec(value.trim())?.[1]
    const seconds = digits === undefined ? 0 : Number(digits)
    directives.set(key, Math.min(seconds, directives.get(key) ?? seconds))
  }
  directives.delete('')
  return directives
}
