import { lookup } from 'mime-types'

/** What media servers say of media files, where the general table says otherwise or nothing. */
const ofMedia: ReadonlyMap<string, string> = new Map([
  ['m3u8', 'application/vnd.apple.mpegurl'], // RFC 8216 section 10
  ['m3u', 'application/vnd.apple.mpegurl'],
  ['m4s', 'video/iso.segment'],
  ['ts', 'video/mp2t'], // RFC 3555
  ['vtt', 'text/vtt'],
  ['key', 'application/octet-stream'],
])

/** The content type of a file, by the extension of its name. */
export function contentTypeOf(path: string): string {
  const extension = /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? ''
  const general = extension === '' ? false : lookup(extension)
  return ofMedia.get(extension) ?? (general || 'application/octet-stream')
}
