import { PlaybackError } from '../../shared/codes.ts'
import { OutboundError } from './outbound-error.ts'

/**
 * The makers of the errors of this room. Details name a path, a status or a limit, never a query: tokens
 * live there.
 */

/** The origin cannot be reached, or its answer is none we can pass on. */
export function originFailed(detail: string, cause?: unknown): PlaybackError {
  return new PlaybackError({
    code: 'ERR_ORIGIN_UNAVAILABLE',
    reason: 'origin-unavailable',
    status: 502,
    detail,
    cause,
  })
}

/** The origin did not answer in time. */
export function originSilent(detail: string, cause?: unknown): PlaybackError {
  return new PlaybackError({
    code: 'ERR_ORIGIN_UNAVAILABLE',
    reason: 'origin-unavailable',
    status: 504,
    detail,
    cause,
  })
}

/** The origin answered nonsense or too much where a playlist (or another document we must read) is due. */
export function badPlaylist(detail: string, cause?: unknown): PlaybackError {
  return new PlaybackError({
    code: 'ERR_ORIGIN_PLAYLIST',
    reason: 'origin-unavailable',
    status: 502,
    detail,
    cause,
  })
}

/** Anything thrown while asking, as an error of this room; the reason of an aborted signal stays what it is. */
export function toFailure(error: unknown, path: string, signal: AbortSignal): unknown {
  if (error instanceof PlaybackError) return error
  if (signal.aborted) return signal.reason
  if (error instanceof OutboundError) {
    const detail = `${error.message} (${path})`
    return error.kind === 'silent' ? originSilent(detail, error) : originFailed(detail, error)
  }
  return originFailed(`the origin could not be asked (${path})`, error)
}
