import { decodeOnce } from './query.ts'

declare const canonical: unique symbol

/**
 * The path of a request in the one spelling that is matched, routed and asked of the origin: printable
 * ASCII, hexadecimal digits of escapes in upper case, no dot segment, no empty segment, nothing that a
 * later reader could take for something else. Made by `parseRequestTarget` alone.
 */
export type CanonicalPath = string & { readonly [canonical]: true }

export interface RequestTarget {
  readonly ok: true
  /** The path byte for byte as received. Tokens bound to a URL are signed over this. */
  readonly rawPath: string
  readonly path: CanonicalPath
  /** As received, without the leading `?`; '' when there is none. */
  readonly query: string
}

export interface RequestTargetRefusal {
  readonly ok: false
  readonly status: 400 | 414
  /** For the log. Holds nothing of the target, which may carry tokens. */
  readonly detail: string
}

export interface RequestTargetOptions {
  /**
   * Take `;` in a path as an ordinary character. Only for origins that read it literally: one that takes
   * it as the start of a parameter serves another file than the one that was matched. @default false
   */
  readonly allowSemicolon?: boolean | undefined
}

/** Longest target read, in characters. Well below what Node's parser takes for all headers together. */
export const maxTargetLength = 8192
/** Most pairs read in one query: everything that looks for a parameter walks over all of them. */
export const maxQueryPairs = 256

function refuse(detail: string, status: 400 | 414 = 400): RequestTargetRefusal {
  return { ok: false, status, detail }
}

const notPrintable = /[^!-~]/
/** RFC 3986 section 2.3: an escape of one of these is another spelling of the same path. */
const unreserved = /[A-Za-z0-9\-._~]/

function countPairs(query: string): number {
  if (query === '') return 0
  let pairs = 1
  for (let at = query.indexOf('&'); at >= 0; at = query.indexOf('&', at + 1)) pairs += 1
  return pairs
}

/** Are all escapes whole, and do they spell well-formed UTF-8 (no overlong forms, no surrogates)? */
function isDecodable(text: string): boolean {
  return !text.includes('%') || decodeOnce(text) !== text
}

function isDotSegment(segment: string): boolean {
  return segment === '.' || segment === '..'
}

/** What is wrong with the escapes of a path, or null. */
function judgeEscapes(path: string, allowSemicolon: boolean): string | null {
  if (!path.includes('%')) return null
  for (const [, digits] of path.matchAll(/%([0-9A-Fa-f]{2})?/g)) {
    if (digits === undefined) return 'a broken escape in the path'
    const character = String.fromCharCode(Number.parseInt(digits, 16))
    if (character < ' ' || character === '\x7f') return 'an escaped control character in the path'
    if (character === '/' || character === '\\') return 'an escaped separator in the path'
    // A second decoding further down would find another path (threat T41).
    if (character === '%') return 'an escaped percent sign in the path'
    if (character === ';' && !allowSemicolon) return 'a path parameter'
    if (unreserved.test(character)) return 'an escape of an unreserved character in the path'
  }
  if (!isDecodable(path)) return 'escapes in the path that are not UTF-8'
  if (/[\u0080-\u009f]/.test(decodeOnce(path))) return 'an escaped control character in the path'
  return null
}

/** What is wrong with a path of printable ASCII that begins with a slash, or null. */
function judgePath(path: string, allowSemicolon: boolean): string | null {
  if (path.includes('\\')) return 'a backslash in the path'
  if (path.includes('//')) return 'an empty segment in the path'
  if (path.includes(';') && !allowSemicolon) return 'a path parameter'
  // Servers with path parameters take `..;x` for `..`, so the part before the semicolon is judged.
  if (path.includes('/.')) {
    for (const segment of path.split('/')) {
      if (isDotSegment(segment.split(';', 1)[0] ?? '')) return 'a dot segment in the path'
    }
  }
  return judgeEscapes(path, allowSemicolon)
}

/**
 * Reads a raw request target once, for everybody. Nothing is repaired: a target that two readers could
 * take differently is refused (threats T38 to T45). Only the origin form is taken (RFC 9112 section
 * 3.2.1). A token that rides in the path is cut out before, see `locateTokens`.
 *
 * The query is judged for its characters and its number of pairs only: players send `{`, `|`, `"` and
 * broken escapes there, and nothing is decided by it.
 */
export function parseRequestTarget(
  raw: string,
  options: RequestTargetOptions = {},
): RequestTarget | RequestTargetRefusal {
  if (raw.length > maxTargetLength) return refuse('the target is too long', 414)
  if (!raw.startsWith('/')) return refuse('the target is not in origin form')
  if (notPrintable.test(raw)) return refuse('a blank, control or non-ASCII character in the target')
  if (raw.includes('#')) return refuse('a fragment in the target')

  const mark = raw.indexOf('?')
  const rawPath = mark < 0 ? raw : raw.slice(0, mark)
  const query = mark < 0 ? '' : raw.slice(mark + 1)
  if (countPairs(query) > maxQueryPairs) return refuse('too many parameters in the query')

  const complaint = judgePath(rawPath, options.allowSemicolon === true)
  if (complaint !== null) return refuse(complaint)

  const path = rawPath.includes('%')
    ? rawPath.replace(/%[0-9A-Fa-f]{2}/g, (code) => code.toUpperCase())
    : rawPath
  return { ok: true, rawPath, path: path as CanonicalPath, query }
}

/**
 * Could this path be matched in one reading and served in another? The laxer judgement that
 * verification of a token makes of whatever path it is given (spec/token-formats section 1.5 step 2):
 * broken escapes, escapes that are not UTF-8, `%2f`, `%5c`, `%00`, a backslash, or a segment that is `.`
 * or `..` once decoded.
 */
export function isAmbiguousPath(rawPath: string): boolean {
  if (rawPath.includes('\\')) return true
  if (!rawPath.includes('%')) return rawPath.includes('/.') && rawPath.split('/').some(isDotSegment)
  if (/%(?:2f|5c|00|(?![0-9a-f]{2}))/i.test(rawPath) || !isDecodable(rawPath)) return true
  return decodeOnce(rawPath).split('/').some(isDotSegment)
}
