import { describe, expect, it } from 'vitest'
import { parseAssignedCountry, parseNamedCountry } from '../../../server/claim/country-codes.ts'

const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
const pairs = letters.flatMap((first) => letters.map((second) => first + second))

describe('parseAssignedCountry', () => {
  it('knows the countries of ISO 3166-1, and Kosovo', () => {
    expect(pairs.filter((code) => parseAssignedCountry(code) === code)).toHaveLength(250)
    expect(parseAssignedCountry('XK')).toBe('XK')
  })

  it('knows none that the platform does not', () => {
    const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' })
    const known = pairs.filter((code) => parseAssignedCountry(code) !== null)
    expect(known.filter((code) => names.of(code) === undefined)).toEqual([])
    // Those are no other names of another one, as `UK` is of `GB`.
    expect(known.filter((code) => new Intl.Locale(`und-${code}`).region !== code)).toEqual([])
  })

  it('reads either case', () => {
    expect(parseAssignedCountry('fR')).toBe('FR')
  })

  it.each([
    ...['', 'F', 'FRA', 'FR ', 'FR\n', ' FR', 'UK', 'EU', 'AP', 'XX', 'ZZ', 'T1', 'A1', 'AN', 'SU'],
    ...['\u212aR', 'ſe', '__', 'F\u0000', '250'],
  ])('takes %j for none', (text) => {
    expect(parseAssignedCountry(text)).toBeNull()
  })
})

describe('parseNamedCountry', () => {
  it('knows two regions of older databases besides', () => {
    const others = pairs.filter((code) => parseAssignedCountry(code) === null)
    expect(others.filter((code) => parseNamedCountry(code) !== null)).toEqual(['AP', 'EU'])
    expect(['eu', 'ap', 'gb'].map(parseNamedCountry)).toEqual(['EU', 'AP', 'GB'])
  })

  it.each(['', 'UK', 'XX', 'EUR', 'EU ', 'A'])('takes %j for none', (text) => {
    expect(parseNamedCountry(text)).toBeNull()
  })
})
