/** One line: its text is `[from, to)`, the next one starts behind its terminator. */
export interface Line {
  readonly from: number
  readonly to: number
  readonly next: number
}

/**
 * The lines of a playlist. Line ends are CRLF, LF and a lone CR, and nothing else: not U+0085, U+2028,
 * VT or FF (RFC 8216 section 4.1; the lone CR as hls.js and Shaka read it, spec/manifest-uris section 4).
 * A body that ends in a terminator has no empty line behind it.
 */
export function* linesOf(text: string): Generator<Line> {
  const end = text.length
  let feed = find(text, '\n', 0)
  let carriage = find(text, '\r', 0)
  for (let from = 0; from < end; ) {
    if (feed < from) feed = find(text, '\n', from)
    if (carriage < from) carriage = find(text, '\r', from)
    const to = Math.min(feed, carriage, end)
    const next = to === end ? end : to + (carriage === to && feed === to + 1 ? 2 : 1)
    yield { from, to, next }
    from = next
  }
}

function find(text: string, character: string, from: number): number {
  const at = text.indexOf(character, from)
  return at < 0 ? Number.POSITIVE_INFINITY : at
}

const byteOrderMark = '\u00ef\u00bb\u00bf'

/** Where the first line begins: behind a BOM, which is forbidden but plays in most browsers. */
export function startOfText(text: string): number {
  return text.startsWith(byteOrderMark) ? byteOrderMark.length : 0
}
