import { readParameter, removeParameters, splitUrl } from '../../shared/query.ts'

/** What a request of the player is for, in the words of the page. */
export type RequestKind =
  | 'multivariant'
  | 'playlist'
  | 'init'
  | 'video'
  | 'audio'
  | 'subtitles'
  | 'key'
  | 'other'

/** A request that the player made and that was answered. */
export interface RequestRecord {
  readonly kind: RequestKind
  /** Path and query, exactly as asked for. */
  readonly url: string
  /** HTTP status; 0 when there was no answer in time or no connection. */
  readonly status: number
  /** From the first byte asked to the last byte received, in milliseconds. */
  readonly ms: number
}

/** The members of hls.js' loader contexts that tell kinds apart. */
export interface KindContext {
  readonly type?: string
  readonly frag?: { readonly sn: number | 'initSegment'; readonly type: string }
}

const playlistTypes = new Set(['level', 'audioTrack', 'subtitleTrack'])
const fragmentKinds: Readonly<Record<string, RequestKind>> = {
  main: 'video',
  audio: 'audio',
  subtitle: 'subtitles',
}

export function kindOf({ type, frag }: KindContext): RequestKind {
  if (type === 'manifest') return 'multivariant'
  if (type === 'key') return 'key'
  if (type !== undefined && playlistTypes.has(type)) return 'playlist'
  if (frag?.sn === 'initSegment') return 'init'
  return (frag && fragmentKinds[frag.type]) ?? 'other'
}

export const kindNames: Readonly<Record<RequestKind, string>> = {
  multivariant: 'multivariant',
  playlist: 'playlist',
  init: 'init section',
  video: 'video',
  audio: 'audio',
  subtitles: 'subtitles',
  key: 'key',
  other: 'other',
}

/** The token that a URL carries, and which of the two it is. */
export interface CarriedToken {
  readonly kind: 'session' | 'access'
  /** Of the query's parameter. */
  readonly name: string
  readonly token: string
}

const names = [
  ['session', 'hdntl'],
  ['access', 'hdnts'],
] as const

/** @returns `null` for a URL without a token */
export function carriedToken(url: string): CarriedToken | null {
  const query = splitUrl(url).query ?? ''
  for (const [kind, name] of names) {
    const [token] = readParameter(query, name)
    if (token) return { kind, name, token }
  }
  return null
}

/** The end of a token's signature: enough for an eye to see which token that is. */
export function tokenMark(token: string): string {
  return token.slice(-6)
}

/** The path as the log shows it: below the stream's own directory, and without tokens. */
export function shortPath(url: string): string {
  const { head, query } = splitUrl(url)
  const rest = removeParameters(
    query ?? '',
    names.map(([, name]) => name),
  )
  return head.replace(/^\/vod\/sample\//, '') + (rest === '' ? '' : `?${rest}`)
}

/** The text cut around the part that another text changed. */
export interface Changed {
  readonly before: string
  readonly changed: string
  readonly after: string
}

/** What of `text` is not the same in `original`: all between their common start and their common end. */
export function changedPart(original: string, text: string): Changed {
  const shorter = Math.min(original.length, text.length)
  let start = 0
  while (start < shorter && original[start] === text[start]) start += 1
  let end = 0
  while (end < shorter - start && original.at(-1 - end) === text.at(-1 - end)) end += 1
  return {
    before: text.slice(0, start),
    changed: text.slice(start, text.length - end),
    after: text.slice(text.length - end),
  }
}
