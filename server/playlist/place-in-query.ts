import type { Destination, Placed } from './destination.ts'
import { MappedText } from './mapped-text.ts'
import { cutQuery, type QueryCut } from './query-cut.ts'
import { quotable } from './quotable.ts'

/**
 * The reference with `parameter=` as the last pair of its query (spec/manifest-uris section 3). Nothing else
 * changes: the same resource must keep the same text.
 *
 * @param constant what stands for the value in every copy; left out: the place of a token
 */
export function placeInQuery(
  mapped: MappedText,
  { base, parameter }: Destination,
  constant?: string,
): Placed {
  const { before, glue, fragment, found } = cutQuery(mapped, parameter)
  const head =
    before.text === '' && !found ? inheritedQuery(base, parameter) : `${before.source}${glue}`
  const start = `${head}${parameter}=`
  return constant === undefined
    ? [start, fragment.source]
    : [`${start}${constant}${fragment.source}`]
}

/**
 * The reference with the token, bare, as the first part of its query: so it is the first bare one, whatever a
 * variable of unknown value behind it may bring (spec/token-formats section 2.2). An earlier bare token goes,
 * and nothing else changes.
 */
export function placeBare(mapped: MappedText, { base }: Destination): Placed {
  const own = cutQuery(mapped, '')
  const inherits = own.before.text === '' && !own.found
  const [start, rest] = bareParts(inherits ? cutQuery(MappedText.literal(base.search), '') : own)
  return [start, (inherits ? quotable(rest) : rest) + own.fragment.source]
}

/** What comes before a bare token, and what behind it up to the fragment. */
function bareParts({ before, found }: QueryCut): [start: string, rest: string] {
  const mark = before.text.indexOf('?')
  if (mark < 0) return [`${before.source}?`, '']
  const start = `${before.slice(0, mark).source}?`
  const isEmpty = before.text.length === mark + 1
  // An empty part that stood behind an earlier token stays one: the next pass must find the same.
  return [start, isEmpty && !found ? '' : `&${before.slice(mark + 1).source}`]
}

/** A reference that is only a fragment names the base with its query, which a query of its own hides. */
function inheritedQuery(base: URL, parameter: string): string {
  const { before, glue } = cutQuery(MappedText.literal(base.search), parameter)
  return before.text === '' ? '?' : quotable(`${before.source}${glue}`)
}
