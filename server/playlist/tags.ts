import { type Span, trimSpan } from './byte-text.ts'
import { linesOf, startOfText } from './lines.ts'

/** What stands on one line. Blank lines and plain comments are nobody's business and do not occur. */
export type Entry =
  | {
      readonly kind: 'tag'
      /** Without `#`, up to the colon. */
      readonly name: string
      /** Behind the colon, up to the end of the line. */
      readonly value: Span
      readonly line: Span
      /** Where the next line begins. */
      readonly next: number
    }
  | { readonly kind: 'uri'; readonly uri: Span }

/**
 * The tags and URI lines of a playlist. A line with `#` is a tag only when `#EXT` begins it; indented tags
 * are left alone like comments (spec/manifest-uris section 4).
 */
export function* entriesOf(text: string): Generator<Entry> {
  const start = startOfText(text)
  for (const { from: lineFrom, to, next } of linesOf(text)) {
    const from = Math.max(lineFrom, Math.min(start, to))
    if (from === to) continue
    if (text[from] === '#') {
      if (!text.startsWith('#EXT', from)) continue
      const colon = text.slice(from, to).indexOf(':')
      const nameTo = colon < 0 ? to : from + colon
      const value = { from: Math.min(nameTo + 1, to), to }
      yield { kind: 'tag', name: text.slice(from + 1, nameTo), value, line: { from, to }, next }
      continue
    }
    const uri = trimSpan(text, { from, to })
    if (uri.from < uri.to && text[uri.from] !== '#') yield { kind: 'uri', uri }
  }
}

/**
 * Is it a playlist at all? Its first line that is neither blank nor a plain comment begins with `#EXTM3U`
 * (RFC 8216 section 4.3.1.1; video.js forgives comments in front). Content types lie, bodies do not.
 */
export function isPlaylist(text: string): boolean {
  for (const entry of entriesOf(text)) {
    return entry.kind === 'tag' && entry.name.startsWith('EXTM3U')
  }
  return false
}
