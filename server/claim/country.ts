import { type AllowDeny, passesLists } from './allow-deny.ts'
import { type ClaimAnswer, granted } from './answer.ts'

export interface CountryFacts {
  /**
   * From our own look-up or a trusted proxy, never from the client (threat T23); null or undefined when
   * it is not known.
   */
  readonly country?: string | null | undefined
  /** Does a `deny` list refuse a client whose country is not known? @default false */
  readonly denyUnknownCountry?: boolean | undefined
}

/** A two-letter code (ISO 3166-1) in capitals, or null. */
export function parseCountry(text: string): string | null {
  return /^[A-Za-z]{2}$/.test(text) ? text.toUpperCase() : null
}

/**
 * Is the client in a country that may? Not known: an `allow` list refuses, a `deny` list lets pass unless
 * told otherwise (spec/token-formats section 2.3).
 *
 * @param lists entries as `parseCountry` gives them
 */
export function checkCountry(
  lists: AllowDeny,
  { country, denyUnknownCountry = false }: CountryFacts,
): ClaimAnswer<'country_not_allowed'> {
  const actual = typeof country === 'string' ? parseCountry(country) : null
  if (actual === null && lists.deny !== undefined && denyUnknownCountry) {
    return { ok: false, reason: 'country_not_allowed', detail: 'the country is not known' }
  }
  if (passesLists(lists, (entry) => entry === actual)) return granted
  return {
    ok: false,
    reason: 'country_not_allowed',
    detail: actual === null ? 'the country is not known' : 'another country',
  }
}
