import { Readable } from 'node:stream'
import { singleRange } from './byte-range.ts'
import type {
  OriginAnswer,
  OriginObject,
  OriginRedirect,
  OriginRequest,
  RedirectStatus,
} from './contract.ts'
import { originFailed, toFailure } from './failure.ts'
import type { HttpPlace, JudgedOptions } from './options.ts'
import { copyHeaders, mediaType, readHeader, withoutTransfer } from './origin-headers.ts'
import type { Outbound, OutboundAnswer } from './outbound.ts'
import { isPlaylistPath, isPlaylistType } from './playlist-body.ts'
import { isJsonType, readJson } from './read-json.ts'
import { isRedirect, judgeRedirect, type Target } from './redirect.ts'
import { joinTarget } from './request-target.ts'

/** `typed-playlist`: by its content type this is a playlist, to be asked for as one. */
export type ObjectOutcome = OriginAnswer | { readonly kind: 'typed-playlist' }

/** More hops than this are a mistake of the origin (threats T59). */
const maxRedirects = 3

/**
 * Asks an HTTP origin for an object and passes it on as a stream.
 *
 * @throws {PlaybackError} `ERR_ORIGIN_UNAVAILABLE`, `ERR_ORIGIN_PLAYLIST`
 */
export async function fetchObject(
  out: Outbound,
  place: HttpPlace,
  request: OriginRequest,
  options: JudgedOptions,
): Promise<ObjectOutcome> {
  const { path, signal, method } = request
  try {
    const followed = await follow(out, place, request, options)
    if ('kind' in followed) return followed
    const { answer, target, moved } = followed
    if (isTypedPlaylist(answer)) {
      answer.discard()
      return moved === null
        ? { kind: 'typed-playlist' }
        : { kind: 'redirect', status: moved, ...target }
    }
    if (!isSmallJson(answer, request, options)) return judgeAnswer(answer, request)
    if (answer.status === 200 && method === 'GET') return await readJson(answer, options)
    // Only the whole document can be rewritten: ask for it without the range.
    answer.discard()
    const whole = { ...request, method: 'GET', headers: {} } as const
    return withoutBody(await fetchObject(out, place, whole, options), method)
  } catch (error) {
    throw toFailure(error, path, signal)
  }
}

/** A HEAD that had to be asked as GET and turned out too large to be read. */
function withoutBody(outcome: ObjectOutcome, method: OriginRequest['method']): ObjectOutcome {
  if (method === 'GET' || outcome.kind !== 'object') return outcome
  if (outcome.body instanceof Readable) outcome.body.destroy()
  return { ...outcome, body: null }
}

interface Followed {
  readonly answer: OutboundAnswer
  /** Where the answer comes from. */
  readonly target: Target
  /** The last redirect's status, null without any. */
  readonly moved: RedirectStatus | null
}

/** Follows redirects within the origin; one to a playlist is for the client to see. */
async function follow(
  out: Outbound,
  place: HttpPlace,
  request: OriginRequest,
  options: JudgedOptions,
): Promise<Followed | OriginRedirect> {
  let target: Target = { path: request.path, query: request.query }
  let moved: RedirectStatus | null = null
  for (let hops = 0; hops <= maxRedirects; hops += 1) {
    const answer = await out.send({
      method: request.method,
      path: joinTarget(place.basePath, target.path, target.query),
      headers: outgoing(request),
      signal: request.signal,
      headersMs: options.timeouts.headersMs,
    })
    if (!isRedirect(answer.status)) return { answer, target, moved }
    answer.discard()
    moved = answer.status
    const next = judgeRedirect(readHeader(answer.headers, 'location'), target, place)
    if (next === null) throw originFailed(`the origin redirects beyond itself (${request.path})`)
    if (isPlaylistPath(next.path)) return { kind: 'redirect', status: moved, ...next }
    target = next
  }
  throw originFailed(`the origin redirects more than ${maxRedirects} times (${request.path})`)
}

/** Everything of the client that an origin is told (threats T60). */
function outgoing({ method, headers }: OriginRequest): Record<string, string> {
  const out: Record<string, string> = { 'accept-encoding': 'identity' }
  const place = (name: string, value: string | undefined) => {
    if (value !== undefined && /^[\x20-\x7e]+$/.test(value)) out[name] = value
  }
  place('accept', headers.accept)
  place('if-none-match', headers.ifNoneMatch)
  place('if-modified-since', headers.ifModifiedSince)
  if (hasRange({ method, headers })) {
    place('range', singleRange(headers.range))
    place('if-range', headers.ifRange)
  }
  return out
}

/** RFC 9110 section 14.2: a range means something for GET alone. */
function hasRange({ method, headers }: Pick<OriginRequest, 'method' | 'headers'>): boolean {
  return method === 'GET' && singleRange(headers.range) !== undefined
}

function isTypedPlaylist({ status, headers }: OutboundAnswer): boolean {
  return (
    [200, 206, 304, 416].includes(status) && isPlaylistType(readHeader(headers, 'content-type'))
  )
}

/** By what the header says; a body of unknown length shows when it is read. */
function isSmallJson(
  { status, headers }: OutboundAnswer,
  request: OriginRequest,
  { maxJsonBytes }: JudgedOptions,
): boolean {
  if (!isJsonType(readHeader(headers, 'content-type'))) return false
  if (status !== 200 && !(status === 206 && hasRange(request))) return false
  const total = readHeader(headers, 'content-range')?.split('/')[1]
  const size = status === 206 ? total : readHeader(headers, 'content-length')
  return size === undefined || !/^\d+$/.test(size) || Number(size) <= maxJsonBytes
}

function judgeAnswer(answer: OutboundAnswer, request: OriginRequest): OriginAnswer {
  const { status } = answer
  const { method, path, headers: asked } = request
  const headers = copyHeaders(answer.headers)
  const bare = (code: 304 | 416): OriginObject => {
    answer.discard()
    const range = headers['content-range']
    const kept = withoutTransfer(headers)
    const told = code === 416 && range !== undefined ? { 'content-range': range } : {}
    return { kind: 'object', status: code, headers: { ...kept, ...told }, body: null }
  }
  const isConditional = asked.ifNoneMatch !== undefined || asked.ifModifiedSince !== undefined
  if (status === 200 || (status === 206 && hasRange(request) && isOnePart(headers))) {
    if (method === 'GET') return { kind: 'object', status, headers, body: answer.body }
    answer.discard()
    return { kind: 'object', status, headers, body: null }
  }
  if (status === 304 && isConditional) return bare(304)
  if (status === 416 && hasRange(request)) return bare(416)
  answer.discard()
  if (status === 404 || status === 410) return { kind: 'missing', status }
  throw originFailed(`the origin answered ${status} (${path})`)
}

/** We ask for one range; several parts, or a part that does not say which, cannot be passed on. */
function isOnePart(headers: ReturnType<typeof copyHeaders>): boolean {
  const isMultipart = mediaType(headers['content-type']) === 'multipart/byteranges'
  return !isMultipart && /^bytes \d+-\d+\/(?:\d+|\*)$/i.test(headers['content-range'] ?? '')
}
