import { createHash } from 'node:crypto'
import { decodeOnce } from '../../shared/query.ts'
import { badPlaylist } from './failure.ts'
import { mediaType } from './origin-headers.ts'

/** The registered type and those in use before it (RFC 8216 section 4; spec/manifest-uris section 12). */
const types: ReadonlySet<string> = new Set([
  'application/vnd.apple.mpegurl',
  'application/x-mpegurl',
  'audio/mpegurl',
  'audio/x-mpegurl',
])

export const playlistType = 'application/vnd.apple.mpegurl'

/** Does the path name a playlist? Escapes are undone once, as an origin does. */
export function isPlaylistPath(path: string): boolean {
  return /\.m3u8?$/i.test(decodeOnce(path))
}

/** Does the content type name a playlist? */
export function isPlaylistType(contentType: string | undefined): boolean {
  return types.has(mediaType(contentType))
}

/** A body that has proven to begin like a playlist. */
export interface PlaylistBody {
  readonly bytes: Uint8Array
  /** Equal text for equal bytes. */
  readonly version: string
  /** It has `EXT-X-ENDLIST`: nothing will be added. */
  readonly ended: boolean
}

/**
 * Judges a decoded body by its content: whatever its name and type say, an error page or a segment is not
 * relayed as a playlist (threats T74). Says nothing of the rest of its syntax.
 *
 * @throws {PlaybackError} `ERR_ORIGIN_PLAYLIST`
 */
export function judgePlaylist(bytes: Uint8Array, maxLines: number): PlaylistBody {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (hasMoreLines(buffer, maxLines)) {
    throw badPlaylist(`the playlist has more than ${maxLines} lines`)
  }
  if (!firstLine(buffer).startsWith('#EXTM3U')) throw badPlaylist('the body is not a playlist')
  return {
    bytes,
    version: createHash('sha256').update(buffer).digest('base64url'),
    ended: hasEndTag(buffer),
  }
}

/** Some players take a lone CR for a line's end, so the more frequent of the two characters counts. */
function hasMoreLines(buffer: Buffer, max: number): boolean {
  return [0x0a, 0x0d].some((terminator) => {
    let lines = 1
    for (let at = buffer.indexOf(terminator); at >= 0; at = buffer.indexOf(terminator, at + 1)) {
      lines += 1
      if (lines > max) return true
    }
    return false
  })
}

/** The first line that is neither blank nor a plain comment, without a byte order mark. */
function firstLine(buffer: Buffer): string {
  let start = buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf ? 3 : 0
  while (start < buffer.length) {
    const feed = buffer.indexOf(0x0a, start)
    const end = feed < 0 ? buffer.length : feed
    // Only the beginning decides; a line may be megabytes long.
    const line = buffer.toString('latin1', start, Math.min(end, start + 1024))
    const isComment = line.startsWith('#') && !line.startsWith('#EXT')
    if (line.trim() !== '' && !isComment) return line
    start = end + 1
  }
  return ''
}

function hasEndTag(buffer: Buffer): boolean {
  const tag = '#EXT-X-ENDLIST'
  for (let at = buffer.indexOf(tag); at >= 0; at = buffer.indexOf(tag, at + 1)) {
    const before = buffer[at - 1]
    const behind = buffer[at + tag.length]
    if (isBreak(before) && isBreak(behind)) return true
  }
  return false
}

function isBreak(byte: number | undefined): boolean {
  return byte === undefined || byte === 0x0a || byte === 0x0d || byte === 0x20 || byte === 0x09
}
