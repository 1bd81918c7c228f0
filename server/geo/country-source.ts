import { OptionError } from '../../shared/codes.ts'
import { parseAssignedCountry } from '../claim/country-codes.ts'
import { openCountryDatabase } from './country-database.ts'

/** Where the countries of clients come from; null: from nowhere. */
export type CountrySourceOptions =
  /** A file in MaxMind's format. */
  | { readonly database: string }
  /** A request header that an edge sets, such as `CF-IPCountry`. */
  | { readonly header: string }
  | null

export interface CountryFacts {
  readonly clientAddress: string
  /** Header fields by lower-case name, each with every value it was sent with. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  /** Does the socket belong to a trusted proxy? */
  readonly isFromTrustedProxy: boolean
}

export interface CountrySource {
  /** It knows nothing of a request that did not come through a trusted proxy. */
  readonly needsTrustedProxy: boolean
  /** An ISO 3166-1 code in capitals, or null when the country is not known. */
  countryOf(facts: CountryFacts): string | null
}

/**
 * The country that a header says. Proxies that add a field instead of replacing the client's leave two: where
 * they do not agree, one of them may be the client's own, and neither is believed.
 */
function countryFrom(values: readonly string[]): string | null {
  const texts = new Set(values.flatMap((value) => value.split(',')).map((text) => text.trim()))
  const countries = new Set([...texts].map(parseAssignedCountry))
  const [country = null] = countries
  return countries.size === 1 ? country : null
}

/**
 * Opens the source at the start. A header is believed when it comes from a trusted proxy, and from nobody else
 * (threat T23): such a proxy must replace whatever the client sent under that name.
 *
 * @throws {OptionError} (a `TypeError`) for a database that cannot be used, and for what is no name of a header
 */
export function createCountrySource(options: CountrySourceOptions): CountrySource {
  if (options === null) return { needsTrustedProxy: true, countryOf: () => null }
  if ('database' in options) {
    const database = openCountryDatabase(options.database)
    return {
      needsTrustedProxy: false,
      countryOf: ({ clientAddress }) => database.countryOf(clientAddress),
    }
  }
  // RFC 9110 section 5.6.2: a token.
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(options.header)) {
    throw new OptionError([{ path: 'geoip.header', message: 'must be the name of a header' }])
  }
  const name = options.header.toLowerCase()
  return {
    needsTrustedProxy: true,
    countryOf: ({ headers, isFromTrustedProxy }) =>
      isFromTrustedProxy ? countryFrom(headers.get(name) ?? []) : null,
  }
}
