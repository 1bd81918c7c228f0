import type { OriginMissing, OriginRedirect } from './contract.ts'
import { acceptedEncodings, decodeBody, isEncoded } from './decode-body.ts'
import { DecodeError } from './decode-error.ts'
import { badPlaylist, originFailed, toFailure } from './failure.ts'
import { freshMs } from './freshness.ts'
import type { HttpPlace, JudgedOptions } from './options.ts'
import {
  copyHeaders,
  type OriginHeaders,
  type RawHeaders,
  readHeader,
  withoutTransfer,
} from './origin-headers.ts'
import type { Outbound, OutboundAnswer } from './outbound.ts'
import {
  isPlaylistPath,
  isPlaylistType,
  judgePlaylist,
  type PlaylistBody,
  playlistType,
} from './playlist-body.ts'
import { readBody } from './read-body.ts'
import { isRedirect, judgeRedirect, type Target } from './redirect.ts'
import { joinTarget } from './request-target.ts'

/** A playlist as it came, before anything is rewritten. */
export interface FetchedPlaylist extends PlaylistBody {
  readonly kind: 'playlist'
  readonly contentType: string
  readonly headers: OriginHeaders
  readonly raw: RawHeaders
  /** Milliseconds for which it may be given to others. */
  readonly freshMs: number
}

/** `other`: neither name nor content type speak of a playlist. */
export type PlaylistOutcome =
  | FetchedPlaylist
  | OriginMissing
  | OriginRedirect
  | { readonly kind: 'other' }

export interface PlaylistQuestion extends Target {
  /** Milliseconds until the header of the answer. */
  readonly headersMs: number
  /** What we have already, to be confirmed by the origin. */
  readonly stale?: FetchedPlaylist
  readonly signal: AbortSignal
}

/**
 * Asks an HTTP origin for a whole playlist: never with the client's range, validators or `Accept`, because the
 * answer is for everybody.
 *
 * @throws {PlaybackError} `ERR_ORIGIN_UNAVAILABLE`, `ERR_ORIGIN_PLAYLIST`
 */
export async function fetchPlaylist(
  out: Outbound,
  place: HttpPlace,
  question: PlaylistQuestion,
  options: JudgedOptions,
): Promise<PlaylistOutcome> {
  const { path, query, signal, headersMs, stale } = question
  try {
    const answer = await out.send({
      method: 'GET',
      path: joinTarget(place.basePath, path, query),
      headers: { 'accept-encoding': acceptedEncodings, ...validatorsOf(stale) },
      signal,
      headersMs,
    })
    return await judgeAnswer(answer, question, place, options)
  } catch (error) {
    throw toFailure(error, path, signal)
  }
}

function validatorsOf(stale: FetchedPlaylist | undefined): Record<string, string> {
  const etag = stale?.headers.etag
  const modified = stale?.headers['last-modified']
  return {
    ...(etag === undefined ? {} : { 'if-none-match': etag }),
    ...(modified === undefined ? {} : { 'if-modified-since': modified }),
  }
}

async function judgeAnswer(
  answer: OutboundAnswer,
  question: PlaylistQuestion,
  place: HttpPlace,
  options: JudgedOptions,
): Promise<PlaylistOutcome> {
  const { status } = answer
  const { path, stale } = question
  if (status === 200) return readPlaylist(answer, path, options)
  answer.discard()
  if (status === 304 && stale !== undefined) return renew(stale, answer.headers, options)
  if (status === 404 || status === 410) return { kind: 'missing', status }
  if (!isRedirect(status)) throw originFailed(`the origin answered ${status} (${path})`)
  const target = judgeRedirect(readHeader(answer.headers, 'location'), question, place)
  if (target === null) throw originFailed(`the origin redirects beyond itself (${path})`)
  if (target.path === path && target.query === question.query) {
    throw originFailed(`the origin redirects in a circle (${path})`)
  }
  return { kind: 'redirect', status, ...target }
}

/** RFC 9111 section 4.3.4: the fields of a 304 replace those we have. */
function renew(stale: FetchedPlaylist, news: RawHeaders, options: JudgedOptions): FetchedPlaylist {
  const raw = { ...stale.raw, age: undefined, ...news }
  return {
    ...stale,
    raw,
    headers: withoutTransfer(copyHeaders(raw)),
    freshMs: freshMs(raw, stale.ended, options),
  }
}

async function readPlaylist(
  answer: OutboundAnswer,
  path: string,
  options: JudgedOptions,
): Promise<PlaylistOutcome> {
  const raw = answer.headers
  const type = readHeader(raw, 'content-type')
  const isTyped = isPlaylistType(type)
  if (!isTyped && !isPlaylistPath(path)) {
    answer.discard()
    return { kind: 'other' }
  }
  const bytes = await readWhole(answer, path, options)
  const body = judgePlaylist(bytes, options.maxPlaylistLines)
  return {
    ...body,
    kind: 'playlist',
    contentType: isTyped && type !== undefined ? type : playlistType,
    headers: withoutTransfer(copyHeaders(raw)),
    raw,
    freshMs: freshMs(raw, body.ended, options),
  }
}

async function readWhole(
  answer: OutboundAnswer,
  path: string,
  options: JudgedOptions,
): Promise<Uint8Array> {
  const { maxPlaylistBytes, maxEncodedBytes } = options
  const encoding = readHeader(answer.headers, 'content-encoding')
  const maxBytes = isEncoded(encoding) ? maxEncodedBytes : maxPlaylistBytes
  const tooMuch = () => {
    answer.body.destroy()
    return badPlaylist(`the playlist has more than ${maxBytes} bytes (${path})`)
  }
  if (Number(readHeader(answer.headers, 'content-length') ?? 0) > maxBytes) throw tooMuch()
  const { chunks, complete } = await readBody(answer.body, {
    maxBytes,
    wholeBodyMs: options.timeouts.wholeBodyMs,
  })
  if (!complete) throw tooMuch()
  try {
    return await decodeBody(Buffer.concat(chunks), encoding, maxPlaylistBytes)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw badPlaylist(`the playlist cannot be decoded, ${error.message} (${path})`, error)
  }
}
