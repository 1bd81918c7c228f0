export interface CountrySource {
  countryOf(facts: {
    clientAddress: string
    headers: ReadonlyMap<string, readonly string[]>
    isFromTrustedProxy: boolean
  }): string | null
}
export function createCountrySource(_o: { database: string } | { header: string }): CountrySource {
  return { countryOf: () => null }
}
