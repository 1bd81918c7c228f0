import { decodeByteText } from './byte-text.ts'
import type { Destination, Placed } from './destination.ts'
import { MappedText } from './mapped-text.ts'
import { resolveReference } from './own-reference.ts'
import { cutQuery } from './query-cut.ts'
import { quotable } from './quotable.ts'
import { removeDotSegments, stripTokenSegments } from './token-segment.ts'

/** Any value: only whether a spelling leads to the right place is asked of it. */
const sample = '0'

export interface PathChoices {
  /** Are there references of unknown value in it? */
  readonly hasUnknown: boolean
  /** What must stay, or become, an absolute URL: `never` is for playlists, the others for JSON. */
  readonly absolute: 'never' | 'if-written-so' | 'always'
}

/**
 * The reference as it reaches its resource with the token's segment in front of the path, or `null` when
 * it does so already, or cannot be made to (spec/manifest-uris section 5).
 *
 * Of several spellings the first that resolves to exactly that URL is taken: the token replaced where it
 * stands; the written path behind a new segment; the resolved URL written out.
 */
export function placeInPath(
  mapped: MappedText,
  destination: Destination,
  choices: PathChoices,
): Placed | null {
  const { base, parameter, baseHasToken } = destination
  if (choices.absolute !== 'always' && isPlainPath(mapped, parameter)) {
    return baseHasToken ? null : [`/${parameter}=`, folderOf(base) + mapped.source]
  }
  const reference = withoutPairs(mapped, parameter)
  const target = resolveReference(decodeByteText(reference.text), base)
  if (target === null) return null
  const wanted = tokenised(target, parameter)
  if (baseHasToken && choices.absolute !== 'always') {
    const inherited = resolveReference(
      decodeByteText(reference.text),
      new URL(tokenised(base, parameter)),
    )
    // A token in the base stands for the one we place; a token in the text may be an old one.
    if (inherited?.href === wanted && !hasOwnToken(reference.text, parameter)) {
      return reference === mapped ? null : [reference.source]
    }
  }
  const { scheme, authority } = splitAuthority(reference.text)
  const origin =
    target.origin !== base.origin ||
    choices.absolute === 'always' ||
    (choices.absolute === 'if-written-so' && authority !== '')
      ? target.origin
      : ''
  const isFit = choices.absolute !== 'always' || (scheme !== '' && authority !== '')
  const spellings = [
    isFit ? replaceInPlace(reference, parameter) : null,
    keepWrittenPath(reference, origin, destination),
  ]
  for (const spelling of spellings) {
    if (spelling === null) continue
    const reached = resolveReference(decodeByteText(spelling.reads.join(sample)), base)
    if (reached?.href === wanted) return spelling.writes
  }
  if (choices.hasUnknown) return null
  const rest = quotable(
    wanted.slice(target.origin.length + 1 + parameter.length + 1 + sample.length),
  )
  return [`${origin}/${parameter}=`, rest]
}

/** Most references by far: names below the base's folder, for which no URL need be parsed. */
function isPlainPath({ text, isLiteral }: MappedText, parameter: string): boolean {
  return (
    isLiteral &&
    /^\w(?:[\w~@=+,;!$&()*-]|[/.](?![/.]))*$/.test(text) &&
    !text.startsWith(`${parameter}=`)
  )
}

function folderOf({ pathname }: URL): string {
  return pathname.slice(0, pathname.lastIndexOf('/') + 1)
}

interface Spelling {
  /** As it goes into the document. */
  readonly writes: Placed
  /** As a player reads it, variables expanded. */
  readonly reads: Placed
}

function withoutPairs(mapped: MappedText, parameter: string): MappedText {
  const { before, fragment, found } = cutQuery(mapped, parameter)
  if (!found) return mapped
  // With nothing before it the `?` must stay: an empty reference would inherit the base's query.
  const head = before.text === '' ? MappedText.literal('?') : before
  return MappedText.join([head, fragment])
}

/** The URL with the sample token in front of its path, instead of any that were there. */
function tokenised(url: URL, parameter: string): string {
  const rest = url.href.slice(url.origin.length + url.pathname.length)
  const path = stripTokenSegments(url.pathname, parameter)
  return `${url.origin}/${parameter}=${sample}${path}${rest}`
}

interface Authority {
  /** `https:` or ''. */
  readonly scheme: string
  /** With its slashes, or ''. */
  readonly authority: string
}

function splitAuthority(text: string): Authority {
  const match = /^([a-z][a-z0-9+.-]*:)?([/\\]{2,}[^/\\?#]*)?/i.exec(text)
  return { scheme: match?.[1] ?? '', authority: match?.[2] ?? '' }
}

function hasOwnToken(text: string, parameter: string): boolean {
  const { scheme, authority } = splitAuthority(text)
  return text.startsWith(`/${parameter}=`, scheme.length + authority.length)
}

function replaceInPlace(mapped: MappedText, parameter: string): Spelling | null {
  const { text } = mapped
  if (!hasOwnToken(text, parameter)) return null
  const { scheme, authority } = splitAuthority(text)
  const from = scheme.length + authority.length + 1 + parameter.length + 1
  const length = text.slice(from).search(/[/\\?#]/)
  const to = length < 0 ? text.length : from + length
  return spelling('', mapped.slice(0, from), mapped.slice(to))
}

function keepWrittenPath(
  mapped: MappedText,
  origin: string,
  { base, parameter }: Destination,
): Spelling | null {
  const { scheme, authority } = splitAuthority(mapped.text)
  // Empty variables in front would come to stand in the token's segment, and go with it next time.
  const whole = mapped.slice(scheme.length + authority.length)
  const path = new MappedText(whole.pieces.slice(whole.pieces.findIndex(({ text }) => text !== '')))
  const isRooted = authority !== '' || path.text.startsWith('/')
  const folder = isRooted ? '' : /^(?:$|[?#])/.test(path.text) ? base.pathname : folderOf(base)
  const missing = authority !== '' && !path.text.startsWith('/') ? '/' : folder
  const before = MappedText.literal(`${origin}/${parameter}=`)
  return spelling(missing, before, path)
}

function spelling(missing: string, before: MappedText, after: MappedText): Spelling | null {
  const written = missing + after.source
  const read = missing + after.text
  // Dot segments cannot be taken away around a reference: who knows how many segments it brings.
  if (written !== read && (flattened(written) !== written || flattened(read) !== read)) return null
  const path = written.slice(0, endOfPath(written))
  const behind = path.includes('{$') ? path.slice(path.lastIndexOf('/', path.indexOf('{$'))) : ''
  if (flattened(behind) !== behind) return null
  return {
    writes: [before.source, flattened(written)],
    reads: [before.text, flattened(read)],
  }
}

/** Without dot segments: behind a token's segment they would climb above it. */
function flattened(text: string): string {
  const end = endOfPath(text)
  return removeDotSegments(text.slice(0, end)) + text.slice(end)
}

function endOfPath(text: string): number {
  const end = text.search(/[?#]/)
  return end < 0 ? text.length : end
}
