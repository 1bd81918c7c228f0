import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createCountrySource } from '../../../server/geo/country-source.ts'
import { OptionError } from '../../../shared/codes.ts'

const asked = (values?: readonly string[], isFromTrustedProxy = true, name = 'cf-ipcountry') => ({
  clientAddress: '8.8.8.8',
  headers: new Map(values === undefined ? [] : [[name, values]]),
  isFromTrustedProxy,
})

describe('countries from a header', () => {
  const { countryOf } = createCountrySource({ header: 'CF-IPCountry' })

  it.each([
    [['FR'], 'FR'],
    [['fr'], 'FR'],
    [[' FR '], 'FR'],
    [['FR', 'FR'], 'FR'],
    [['FR, fr'], 'FR'],
    [['XK'], 'XK'],
    [undefined, null],
    [[], null],
    [[''], null],
    [['XX'], null],
    [['T1'], null],
    [['ZZ'], null],
    [['EU'], null],
    [['UK'], null],
    [['FRA'], null],
    [['F'], null],
    [['France'], null],
    [['FR;q=1'], null],
    [['\u212aR'], null],
    [['FR', 'DE'], null],
    [['FR,DE'], null],
    [['FR', 'XX'], null],
    [['FR', ''], null],
    [['FR,'], null],
  ])('makes %j into %j', (values, country) => {
    expect(countryOf(asked(values))).toBe(country)
  })

  // Threat T23.
  it('believes it from a trusted proxy alone', () => {
    expect(countryOf(asked(['FR'], false))).toBeNull()
  })

  it('says that it knows nothing of other requests', () => {
    expect(createCountrySource({ header: 'CF-IPCountry' }).needsTrustedProxy).toBe(true)
  })

  it('looks at no other header', () => {
    expect(countryOf(asked(['FR'], true, 'x-country'))).toBeNull()
  })

  it.each(['', 'a b', 'a:b', 'a\n', 'ü'])('has no header named %j', (header) => {
    expect(() => createCountrySource({ header })).toThrow(OptionError)
    expect(() => createCountrySource({ header })).toThrow(/^geoip\.header: /)
  })
})

describe('countries from a database', () => {
  it('are those of the address, whatever a header says', () => {
    const { countryOf } = createCountrySource({
      database: join(
        import.meta.dirname,
        '../../../node_modules/@ip-location-db/geo-whois-asn-country-mmdb',
        'geo-whois-asn-country.mmdb',
      ),
    })
    expect(countryOf(asked(['FR']))).toBe('US')
    expect(countryOf({ ...asked(), clientAddress: '10.0.0.1' })).toBeNull()
  })

  it('need a file that can be used', () => {
    expect(() => createCountrySource({ database: '/nowhere/country.mmdb' })).toThrow(
      /^geoip\.database: /,
    )
  })
})

describe('countries from nowhere', () => {
  it('are not known', () => {
    expect(createCountrySource(null).countryOf(asked(['FR']))).toBeNull()
  })
})
