/**
 * A playlist is worked on as *byte text*: a string with one character (U+0000 to U+00FF) a byte. Decoding
 * as UTF-8 and encoding again would destroy the latin1 titles that exist, and `TextDecoder('latin1')` is
 * windows-1252 (spec/manifest-uris section 4).
 */

/** Arguments of one `String.fromCharCode` call: below every engine's limit. */
const chunkBytes = 8192

const beyondAscii = /[\x80-\uffff]/
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()

/** One character a byte. */
export function toByteText(bytes: Uint8Array): string {
  // ASCII is the same in every encoding, and the platform's decoder many times faster than a loop.
  const decoded = decoder.decode(bytes)
  if (!beyondAscii.test(decoded)) return decoded
  let text = ''
  for (let from = 0; from < bytes.length; from += chunkBytes) {
    const chunk = bytes.subarray(from, from + chunkBytes)
    text += String.fromCharCode.apply(null, chunk as unknown as number[])
  }
  return text
}

/** The inverse of `toByteText`. */
export function fromByteText(text: string): Uint8Array<ArrayBuffer> {
  if (!beyondAscii.test(text)) return encoder.encode(text)
  const bytes = new Uint8Array(text.length)
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index)
  return bytes
}

/** What a player reads in these bytes: UTF-8, broken sequences as U+FFFD, a BOM kept. */
export function decodeByteText(text: string): string {
  return beyondAscii.test(text) ? decoder.decode(fromByteText(text)) : text
}

/** Byte text of a string in UTF-8. */
export function encodeByteText(text: string): string {
  return beyondAscii.test(text) ? toByteText(encoder.encode(text)) : text
}

/** Bounds of a stretch of text, `to` exclusive. */
export interface Span {
  readonly from: number
  readonly to: number
}

/**
 * The bounds without surrounding blanks. Players trim with the language's own function, which takes
 * NBSP, U+2028 and the BOM for blanks too, so those count as well.
 */
export function trimSpan(text: string, { from, to }: Span): Span {
  if (from < to && isSolid(text.charCodeAt(from)) && isSolid(text.charCodeAt(to - 1))) {
    return { from, to }
  }
  const decoded = decodeByteText(text.slice(from, to))
  const kept = decoded.trimStart()
  const lead = encodeByteText(decoded.slice(0, decoded.length - kept.length)).length
  const trail = encodeByteText(kept.slice(kept.trimEnd().length)).length
  return { from: from + lead, to: to - trail }
}

function isSolid(code: number): boolean {
  return code > 0x20 && code < 0x7f
}
