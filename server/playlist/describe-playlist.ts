import { OptionError } from '../../shared/codes.ts'
import { parseHttpUrl } from '../../shared/reach.ts'
import { type Seconds, seconds } from '../../shared/units.ts'
import { attributesOf } from './attributes.ts'
import { decodeByteText, toByteText } from './byte-text.ts'
import { checkBody } from './options.ts'
import { resolveReference } from './own-reference.ts'
import { type Entry, entriesOf, isPlaylist } from './tags.ts'
import { type Imports, Variables } from './variables.ts'

/** What a playlist says about the length of the playback. */
export type PlaylistDescription =
  | {
      readonly kind: 'multivariant'
      /**
       * Absolute http(s) URLs of variants and renditions, each once, in order; no I-frame or image playlists.
       * Nothing says that they are ours.
       */
      readonly mediaPlaylists: readonly string[]
    }
  | {
      readonly kind: 'media'
      /** Sum of the segments listed. */
      readonly durationSeconds: Seconds
      /** Neither ended nor a VOD: more segments may come. */
      readonly live: boolean
      readonly targetDurationSeconds?: Seconds
    }
  | { readonly kind: 'none' }

interface DescribeOptions {
  /** The absolute http(s) URL of the playlist. */
  readonly base: string | URL
  /** Values for `IMPORT`. @default {} */
  readonly imports?: Imports | undefined
}

const multivariantTags: readonly string[] = [
  'EXT-X-STREAM-INF',
  'EXT-X-MEDIA',
  'EXT-X-I-FRAME-STREAM-INF',
  'EXT-X-IMAGE-STREAM-INF',
  'EXT-X-SESSION-DATA',
  'EXT-X-SESSION-KEY',
  'EXT-X-CONTENT-STEERING',
]

/**
 * Reads kind, members and length of a playlist, for the lifetime of a session. One that mixes both kinds of
 * tags is a media playlist when it has `EXTINF` or `EXT-X-TARGETDURATION`, as hls.js reads it.
 *
 * @throws {OptionError} (a `TypeError`) for a base that is no absolute http(s) URL
 */
export function describePlaylist(body: Uint8Array, options: DescribeOptions): PlaylistDescription {
  checkBody(body)
  const base = parseHttpUrl(options.base)
  if (base === null) {
    throw new OptionError([{ path: 'base', message: 'not an absolute http(s) URL' }])
  }
  const text = toByteText(body)
  if (!isPlaylist(text)) return { kind: 'none' }
  const entries = [...entriesOf(text)]
  const names = new Set(entries.map((entry) => (entry.kind === 'tag' ? entry.name : '')))
  const isMedia = names.has('EXTINF') || names.has('EXT-X-TARGETDURATION')
  return isMedia || !multivariantTags.some((tag) => names.has(tag))
    ? describeMedia(text, entries)
    : { kind: 'multivariant', mediaPlaylists: listMembers(text, entries, base, options.imports) }
}

function describeMedia(text: string, entries: readonly Entry[]): PlaylistDescription {
  let total = 0
  let live = true
  let target: number | null = null
  for (const entry of entries) {
    if (entry.kind === 'uri') continue
    const value = text.slice(entry.value.from, entry.value.to).trim()
    if (entry.name === 'EXTINF') total += readDecimal(value) ?? 0
    else if (entry.name === 'EXT-X-TARGETDURATION') target ??= readDecimal(value)
    else if (entry.name === 'EXT-X-ENDLIST') live = false
    else if (entry.name === 'EXT-X-PLAYLIST-TYPE' && value === 'VOD') live = false
  }
  const description = { kind: 'media', durationSeconds: seconds(total), live } as const
  return target === null ? description : { ...description, targetDurationSeconds: seconds(target) }
}

/** A decimal at the beginning; negative ones, which IPTV lists use for "unknown", are none. */
function readDecimal(text: string): number | null {
  const digits = /^\s*(\d{1,15}(?:\.\d*)?|\.\d+)/.exec(text)?.[1]
  return digits === undefined ? null : Number(digits)
}

function listMembers(
  text: string,
  entries: readonly Entry[],
  base: URL,
  imports: Imports = {},
): string[] {
  const members = new Set<string>()
  const variables = new Variables(base, imports)
  const add = (from: number, to: number) => {
    const { mapped, firstUnknown } = variables.expand(text.slice(from, to).trim())
    const url = resolveReference(decodeByteText(mapped.text), base)
    if (firstUnknown >= 0 || url === null || !/^https?:$/.test(url.protocol)) return
    url.hash = ''
    members.add(url.href)
  }
  for (const entry of entries) {
    if (entry.kind === 'uri') add(entry.uri.from, entry.uri.to)
    else if (entry.name === 'EXT-X-DEFINE') variables.define(text, entry.value)
    else if (entry.name === 'EXT-X-MEDIA') {
      for (const { name, quoted, value } of attributesOf(text, entry.value)) {
        if (name === 'URI' && quoted && value.to > value.from) add(value.from, value.to)
      }
    }
  }
  return [...members]
}
