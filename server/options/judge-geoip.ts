import { resolve } from 'node:path'
import { type CountrySource, createCountrySource } from '../geo/country-source.ts'
import type { Complaints } from './complaints.ts'
import type { Rule } from './options.ts'
import type { SecretSources } from './read-secret.ts'
import type { ShapedConfiguration } from './schema.ts'

/**
 * Judges where countries come from, and whether rules that ask for them can be kept to: where nobody can tell them,
 * everybody would be refused, or nobody.
 */
export function judgeGeoip(
  { geoip, trustedProxies, rules: shapedRules }: ShapedConfiguration,
  rules: readonly Rule[],
  { baseDirectory }: SecretSources,
  complaints: Complaints,
): CountrySource | null {
  const complainAtRules = (isMeant: (index: number) => boolean, message: string): void => {
    for (const [index, { place, restrict }] of rules.entries()) {
      if (!restrict?.needsCountry || !isMeant(index)) continue
      complaints.add(`${place}.restrict.countries`, message)
    }
  }
  if (geoip === undefined) {
    complainAtRules(() => true, 'needs geoip: a database, or a header')
    return null
  }
  if ('database' in geoip) {
    const database = resolve(baseDirectory, geoip.database)
    return complaints.attempt('geoip.database', () => createCountrySource({ database })) ?? null
  }
  if (trustedProxies.length === 0) {
    complainAtRules(
      (index) => shapedRules[index]?.restrict?.countries.allowUnknown === true,
      'would let everybody in: geoip.header is believed from trustedProxies alone, and there are none',
    )
  }
  return createCountrySource({ header: geoip.header })
}
