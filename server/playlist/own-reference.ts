import type { Reach } from '../../shared/reach.ts'
import { decodeByteText } from './byte-text.ts'
import type { Expansion } from './variables.ts'

/**
 * A relative path in plain characters: no scheme, no leading slash, nothing a parser might strip. Saves
 * resolving what can only be the base's own host, which most URIs of a playlist are.
 */
const plainRelative = /^[\w.~%-][\w.~%/@=+,;!$&()*-]*(?:[?#][!-~]*)?$/

/**
 * Does this reference, resolved, lead to where a token may go? Judged on the expanded text, by the WHATWG
 * algorithm (spec/manifest-uris section 2). Where another common reading of the same text leads elsewhere,
 * the answer is no: with backslashes as ordinary characters (RFC 3986, hls.js' own resolver), and with
 * the language's idea of blanks trimmed off first, as players do.
 */
export function isOwnReference(
  { mapped, firstUnknown }: Expansion,
  base: URL,
  mayCarry: Reach,
): boolean {
  const { text } = mapped
  if (firstUnknown < 0 && plainRelative.test(text)) return true
  if (firstUnknown >= 0 && !isAuthorityDecided(text.slice(0, firstUnknown), base)) return false
  const decoded = decodeByteText(text)
  const readings = new Set([decoded, decoded.trim(), decoded.trim().replaceAll('\\', '%5C')])
  return [...readings].every((reading) => {
    const url = resolveReference(reading, base)
    return url !== null && mayCarry(url)
  })
}

/** The absolute URL, or `null` when there is none. */
export function resolveReference(reference: string, base: URL): URL | null {
  try {
    return new URL(reference, base)
  } catch {
    return null
  }
}

/** What the WHATWG parser drops in front of a URL; tabs it drops anywhere. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is dropped
const leadingJunk = /^[\x00-\x20]+/

/**
 * Whatever follows this beginning of a reference: can it no longer change scheme and host? Follows the
 * states of the WHATWG parser from "scheme start" to "authority".
 */
export function isAuthorityDecided(beginning: string, base: URL): boolean {
  const text = beginning.replace(leadingJunk, '').replaceAll('\t', '').replaceAll('\\', '/')
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(text)?.[0]
  const rest = scheme === undefined ? text : text.slice(scheme.length)
  const sameScheme = scheme === undefined || scheme.toLowerCase() === base.protocol
  if (sameScheme && !rest.startsWith('//')) {
    if (rest === '' || rest === '/') return false
    // `http{$x}`: the reference may still turn out to be absolute.
    return scheme !== undefined || !/^https?$|^htt?$|^h$/i.test(text)
  }
  return /[/?#]/.test(rest.replace(/^\/+/, ''))
}
