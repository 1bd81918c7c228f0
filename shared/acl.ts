import { decodeOnce } from './query.ts'
import { isAmbiguousPath, maxTargetLength } from './request-target.ts'
import { findChunk, fitsAt } from './wildcard.ts'

/**
 * Longest ACL read, and most alternatives in it. With the bound on paths they keep the worst match that
 * a hostile path can cause within a few milliseconds (threat T21).
 */
export const maxAclLength = 2048
export const maxAclEntries = 32

/**
 * Does the pattern cover the whole path? `*` stands for any run of characters, none and `/` included; `?`
 * for exactly one (a UTF-16 unit: paths are ASCII); all else is literal, with case
 * (spec/token-formats section 1.6). Time grows with the length of the path, whatever the pattern.
 */
export function matchesAcl(pattern: string, path: string): boolean {
  const firstStar = pattern.indexOf('*')
  if (firstStar < 0) {
    return pattern.length === path.length && fitsAt(pattern, 0, pattern.length, path, 0)
  }
  const lastStar = pattern.lastIndexOf('*')
  const end = path.length - (pattern.length - lastStar - 1)
  if (end < firstStar) return false
  if (!fitsAt(pattern, 0, firstStar, path, 0)) return false
  if (!fitsAt(pattern, lastStar + 1, pattern.length, path, end)) return false
  if (firstStar === lastStar) return true

  // Between the outer stars the leftmost place is always good enough: what it leaves is the most.
  let at = firstStar
  for (const chunk of pattern.slice(firstStar + 1, lastStar).split('*')) {
    at = findChunk(chunk, path, at, end)
    if (at < 0) return false
  }
  return true
}

/**
 * Is there any path that both patterns match? For judging patterns while minting, not for requests: takes time
 * in proportion to the product of their lengths.
 */
export function patternsOverlap(one: string, other: string): boolean {
  // Row by row from the ends: may what follows `one[i]` and what follows `other[j]` stand for the same text?
  let below: boolean[] = []
  for (let i = one.length; i >= 0; i -= 1) {
    const row: boolean[] = []
    for (let j = other.length; j >= 0; j -= 1) {
      const [a, b] = [one.charAt(i), other.charAt(j)]
      const isEnd = a === '' && b === ''
      const skipsOne = (a === '*' || (b === '*' && a !== '')) && below[j] === true
      const skipsOther = (b === '*' || (a === '*' && b !== '')) && row[j + 1] === true
      const isSame = a !== '' && b !== '' && (a === b || a === '?' || b === '?')
      row[j] = isEnd || skipsOne || skipsOther || (isSame && below[j + 1] === true)
    }
    below = row
  }
  return below[0] === true
}

function entriesOf(aclText: string): string[] {
  return aclText.split('!').filter((entry) => entry !== '')
}

/** Is this ACL within the bounds of length and number of alternatives? */
export function isAclWithinBounds(aclText: string): boolean {
  if (aclText.length > maxAclLength) return false
  let entries = 1
  for (let at = aclText.indexOf('!'); at >= 0; at = aclText.indexOf('!', at + 1)) entries += 1
  return entries <= maxAclEntries
}

/**
 * Does an ACL, as it stands in a token, admit this path? Its alternatives are matched as they are
 * against the raw path, and decoded once against the raw path and the path decoded once
 * (spec/token-formats section 1.6). An ACL or a path beyond the bounds is not matched at all.
 *
 * @param rawPath as in the request line, without query and token; found unambiguous before
 */
export function aclAllows(aclText: string, rawPath: string): boolean {
  if (!isAclWithinBounds(aclText) || rawPath.length > maxTargetLength) return false
  if (entriesOf(aclText).some((entry) => matchesAcl(entry, rawPath))) return true

  const decodedAcl = decodeOnce(aclText)
  const decodedPath = decodeOnce(rawPath)
  const isAclPlain = decodedAcl === aclText
  const isPathPlain = decodedPath === rawPath
  if (isAclPlain && isPathPlain) return false
  return entriesOf(decodedAcl).some(
    (entry) =>
      (!isAclPlain && matchesAcl(entry, rawPath)) ||
      (!isPathPlain && matchesAcl(entry, decodedPath)),
  )
}

/**
 * The ACL that covers the directory of a path and all below it: the scope of a session that was opened
 * with a token for one URL (spec/token-formats section 1.7). Null when the directory holds what an ACL
 * would read as something else (`*`, `?`, `!`, also as escapes), or when the path is ambiguous.
 */
export function directoryAcl(path: string): string | null {
  if (!path.startsWith('/') || isAmbiguousPath(path)) return null
  const directory = path.slice(0, path.lastIndexOf('/') + 1)
  if (/[^!-~]|[*?!#]|%(?:2a|3f|21|25)/i.test(directory)) return null
  const acl = `${directory.replace(/[~;"]/g, escapeCharacter)}*`
  return isAclWithinBounds(acl) ? acl : null
}

function escapeCharacter(character: string): string {
  return encodeURIComponent(character) === character
    ? `%${character.charCodeAt(0).toString(16)}`
    : encodeURIComponent(character).toLowerCase()
}

/**
 * The same ACL, spelled so that it survives a URL path, a query and a cookie: all but letters, digits and
 * `-_.*!` is escaped, with lower-case digits, as edges print it in session tokens. Admits nothing that
 * the ACL does not admit.
 *
 * @throws {URIError} when the text holds half a surrogate pair
 */
export function escapeAcl(aclText: string): string {
  // Sound escapes are kept, because matching decodes once; text that does not decode is literal.
  const isDecodable = !aclText.includes('%') || decodeOnce(aclText) !== aclText
  return aclText.replace(isDecodable ? /[^\w\-.*!%]+/g : /[^\w\-.*!]+/g, (run) =>
    [...run].map(escapeCharacter).join(''),
  )
}

/** Characters with one spelling only, so that a browser's path comparison agrees with ours. */
const plainDirectory = /^\/(?:[\w\-.~!$&'()+,=:@]+\/)*/

/**
 * The longest directory, ending in `/`, that all alternatives of an ACL share before their first
 * wildcard; at least `/`. Serves as the `Path` of a cookie, and so stops before any character that a
 * browser might spell differently or that could end the attribute.
 */
export function commonDirectory(aclText: string): string {
  const directories = entriesOf(decodeOnce(aclText)).map((entry) => {
    const wildcard = entry.search(/[*?]/)
    return plainDirectory.exec(wildcard < 0 ? entry : entry.slice(0, wildcard))?.[0] ?? '/'
  })
  return directories.length === 0 ? '/' : directories.reduce(sharedDirectory)
}

function sharedDirectory(one: string, other: string): string {
  let at = 0
  while (at < one.length && one[at] === other[at]) at += 1
  return one.slice(0, one.lastIndexOf('/', at - 1) + 1)
}
