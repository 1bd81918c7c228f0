import type { Destination, Placed } from './destination.ts'
import { isOwnReference } from './own-reference.ts'
import { type PathChoices, placeInPath } from './place-in-path.ts'
import { placeBare, placeInQuery } from './place-in-query.ts'
import type { Expansion } from './variables.ts'

/**
 * One reference with the token where the mode wants it, or `null` to leave it byte for byte. The one function
 * for all places, so that equal references come out equal: rendition reports must agree with the
 * multivariant playlist, and preload hints with the parts (spec/manifest-uris section 7).
 */
export function placeToken(
  expansion: Expansion,
  destination: Destination,
  absolute: PathChoices['absolute'] = 'never',
): Placed | null {
  const { base, mayCarry, mode, parameter } = destination
  if (expansion.mapped.text === '' || !isOwnReference(expansion, base, mayCarry)) return null
  switch (mode) {
    case 'query':
      if (parameter === '') return placeBare(expansion.mapped, destination)
      return placeInQuery(expansion.mapped, destination)
    case 'define':
      return placeInQuery(expansion.mapped, destination, `{$${parameter}}`)
    case 'path':
      return placeInPath(expansion.mapped, destination, {
        hasUnknown: expansion.firstUnknown >= 0,
        absolute,
      })
  }
}
