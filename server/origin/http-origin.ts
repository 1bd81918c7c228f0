import { LRUCache } from 'lru-cache'
import type { Origin, OriginAnswer, OriginRequest } from './contract.ts'
import { isBlocking, sortDirectives } from './delivery-directives.ts'
import { originFailed, toFailure } from './failure.ts'
import { fetchObject } from './fetch-object.ts'
import { fetchPlaylist } from './fetch-playlist.ts'
import type { HttpPlace, JudgedOptions } from './options.ts'
import { openOutbound } from './outbound.ts'
import { isPlaylistPath } from './playlist-body.ts'
import { type PlaylistAnswer, PlaylistCache } from './playlist-cache.ts'
import { checkTarget, joinTarget } from './request-target.ts'

/** Paths remembered to be playlists by their content type alone, so that they are asked for rightly at once. */
const rememberedPaths = 1_000

/** An origin behind HTTP or HTTPS. */
export function createHttpOrigin(place: HttpPlace, options: JudgedOptions): Origin {
  const { connectMs, bodyIdleMs, headersMs, blockingHeadersMs } = options.timeouts
  const out = openOutbound({
    origin: place.origin,
    maxConnections: options.maxConnections,
    connectMs,
    bodyIdleMs,
    allowPrivate: options.allowPrivate,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  })
  const cache = new PlaylistCache({ maxBytes: options.playlistCacheBytes, now: options.now })
  const typed = new LRUCache<string, true>({ max: rememberedPaths })

  const getPlaylist = (request: OriginRequest): Promise<PlaylistAnswer> => {
    const { path } = request
    const query = sortDirectives(request.query)
    const limit = isBlocking(query) ? blockingHeadersMs : headersMs
    return cache.get(joinTarget('', path, query), request.signal, (signal, stale) =>
      fetchPlaylist(
        out,
        place,
        { path, query, signal, headersMs: limit, ...(stale === undefined ? {} : { stale }) },
        options,
      ),
    )
  }

  const get = async (request: OriginRequest): Promise<OriginAnswer> => {
    const { path } = request
    checkTarget(request)
    if (isPlaylistPath(path) || typed.has(path)) {
      const answer = await getPlaylist(request)
      if (answer.kind !== 'other') return answer
      typed.delete(path)
    }
    const answer = await fetchObject(out, place, request, options)
    if (answer.kind !== 'typed-playlist') return answer
    typed.set(path, true)
    const playlist = await getPlaylist(request)
    if (playlist.kind !== 'other') return playlist
    throw originFailed(`the origin changes the type between two answers (${path})`)
  }

  const check = async (): Promise<void> => {
    const { signal } = new AbortController()
    try {
      const path = `${place.basePath}/`
      const answer = await out.send({ method: 'HEAD', path, headers: {}, signal, headersMs })
      answer.discard()
    } catch (error) {
      throw toFailure(error, '/', signal)
    }
  }

  return { get, check, close: () => out.close() }
}
