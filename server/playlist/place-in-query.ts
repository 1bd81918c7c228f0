import type { Destination, Placed } from './destination.ts'
import { MappedText } from './mapped-text.ts'
import { cutQuery } from './query-cut.ts'
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

/** A reference that is only a fragment names the base with its query, which a query of its own hides. */
function inheritedQuery(base: URL, parameter: string): string {
  const { before, glue } = cutQuery(MappedText.literal(base.search), parameter)
  return before.text === '' ? '?' : quotable(`${before.source}${glue}`)
}
