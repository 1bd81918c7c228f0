import { LRUCache } from 'lru-cache'
import type { OriginPlaylist } from './contract.ts'
import type { FetchedPlaylist, PlaylistOutcome } from './fetch-playlist.ts'
import { Flights } from './flights.ts'
import { ageSeconds } from './freshness.ts'

interface Kept {
  readonly playlist: FetchedPlaylist
  readonly keptAt: number
}

/** What an entry costs beside its bytes: key, headers, the objects themselves. */
const overheadBytes = 1_024

export interface PlaylistCacheOptions {
  /** 0: nothing is kept. */
  readonly maxBytes: number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export type PlaylistAnswer = Exclude<PlaylistOutcome, FetchedPlaylist> | OriginPlaylist

/**
 * The origin's playlists, before rewriting and without any token (threats T78): one fetch for all who ask at
 * the same time, and none while the last one is fresh. A stale one is kept to be confirmed by the origin.
 */
export class PlaylistCache {
  readonly #flights = new Flights<PlaylistAnswer>()
  readonly #kept: LRUCache<string, Kept> | null
  readonly #now: () => number

  constructor({ maxBytes, now }: PlaylistCacheOptions) {
    this.#now = now
    this.#kept =
      maxBytes === 0
        ? null
        : new LRUCache({
            maxSize: maxBytes,
            sizeCalculation: ({ playlist }, key) =>
              playlist.bytes.length + key.length + overheadBytes,
          })
  }

  /**
   * @param key path and query, one spelling for one playlist
   * @param fetch asks the origin; its signal is aborted when nobody waits any more
   * @throws what `fetch` throws, to everybody who waits; nothing of it is kept
   */
  async get(
    key: string,
    signal: AbortSignal,
    fetch: (signal: AbortSignal, stale: FetchedPlaylist | undefined) => Promise<PlaylistOutcome>,
  ): Promise<PlaylistAnswer> {
    signal.throwIfAborted()
    const kept = this.#kept?.get(key)
    if (kept !== undefined && this.#isFresh(kept)) return this.#answer(kept)
    return this.#flights.join(key, signal, async (shared) => {
      const outcome = await fetch(shared, kept?.playlist)
      if (outcome.kind !== 'playlist') {
        this.#kept?.delete(key)
        return outcome
      }
      const entry = { playlist: outcome, keptAt: this.#now() }
      // A fetch that everybody gave up may end after its successor; what is given up is not kept.
      if (outcome.freshMs > 0 && !shared.aborted) this.#kept?.set(key, entry)
      else this.#kept?.delete(key)
      return this.#answer(entry)
    })
  }

  /** A clock that was set back makes stale, never fresh. */
  #isFresh({ playlist, keptAt }: Kept): boolean {
    const age = this.#now() - keptAt
    return age >= 0 && age < playlist.freshMs
  }

  /** The answer with the age it has by now (RFC 9111 section 5.1): players measure their distance from live by it. */
  #answer({ playlist, keptAt }: Kept): OriginPlaylist {
    const { bytes, version, contentType, headers, raw } = playlist
    const resident = Math.max(0, Math.floor((this.#now() - keptAt) / 1000))
    const age = ageSeconds(raw) + resident
    return {
      kind: 'playlist',
      bytes,
      version,
      contentType,
      headers: age > 0 || headers.age !== undefined ? { ...headers, age: String(age) } : headers,
    }
  }
}
