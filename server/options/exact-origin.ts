import { parseOrigin } from '../../shared/reach.ts'

/** The text itself, if it is an origin as it is compared (`https://www.example.com`); `null` for all else. */
export function exactOrigin(text: string): string | null {
  return parseOrigin(text) === text ? text : null
}
