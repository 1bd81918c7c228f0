import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CountryDatabase, openCountryDatabase } from '../../../server/geo/country-database.ts'
import { OptionError } from '../../../shared/codes.ts'
import { type DatabaseParts, ipv4Bits, makeDatabase, type Value } from './make-database.ts'

const published = join(
  import.meta.dirname,
  '../../../node_modules/@ip-location-db/geo-whois-asn-country-mmdb',
)
const both = join(published, 'geo-whois-asn-country.mmdb')

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'playgate-geo-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

let written = 0
function write(bytes: Uint8Array): string {
  written += 1
  const path = join(folder, `${written}.mmdb`)
  writeFileSync(path, bytes)
  return path
}
const openMade = (parts: DatabaseParts) => openCountryDatabase(write(makeDatabase(parts)))

describe('a published database', () => {
  let database: CountryDatabase
  beforeAll(() => {
    database = openCountryDatabase(both)
  })

  it.each([
    ['8.8.8.8', 'US'],
    ['1.1.1.1', 'AU'],
    ['193.0.6.139', 'NL'],
    ['2001:4860:4860::8888', 'US'],
    ['2A00:1450:0::1', 'IE'],
  ])('knows the country of %s', (address, country) => {
    expect(database.countryOf(address)).toBe(country)
    expect(database.countryOf(address)).toBe(country)
  })

  it.each(['::ffff:8.8.8.8', '::FFFF:0808:0808', '0:0:0:0:0:ffff:8.8.8.8'])(
    'takes %s for the IPv4 address that it is',
    (address) => {
      expect(database.countryOf(address)).toBe('US')
    },
  )

  it.each([
    ...['10.0.0.1', '172.16.0.1', '192.168.1.1', '127.0.0.1', '169.254.1.1', '100.64.0.1'],
    ...['0.0.0.0', '255.255.255.255', '224.0.0.1', '203.0.113.9', '::ffff:10.0.0.1'],
    ...['::', '::1', '::8.8.8.8', 'fe80::1', 'fc00::1', '2001:db8::1', '64:ff9b::8.8.8.8'],
    ...['', 'localhost', '8.8.8', '8.8.8.8.8', '8.8.8.08', '0x8.8.8.8', '134744072', '8.8.8.8:80'],
    ...['8.8.8.8/32', ' 8.8.8.8', '[2001:4860:4860::8888]', '2001:4860:4860::8888%eth0'],
  ])('knows nothing of %j', (address) => {
    expect(database.countryOf(address)).toBeNull()
  })

  it.each([
    ['ipv4', '8.8.8.8', '2001:4860:4860::8888'],
    ['ipv6', '2001:4860:4860::8888', '8.8.8.8'],
  ])('of %s alone knows nothing of the others', (kind, own, other) => {
    const half = openCountryDatabase(join(published, `geo-whois-asn-country-${kind}.mmdb`))
    expect(half.countryOf(own)).toBe('US')
    expect(half.countryOf(other)).toBeNull()
  })

  it('answers alike however many addresses were asked in between', () => {
    for (let index = 0; index < 40_000; index += 1) {
      database.countryOf(`${11 + (index % 80)}.${index % 256}.${index >> 8}.1`)
    }
    expect(database.countryOf('193.0.6.139')).toBe('NL')
  })
})

describe.each([4, 6] as const)('a database of version %i', (ipVersion) => {
  const at = (address: string, bits = 24) => ipv4Bits(address, bits, ipVersion)

  it.each([
    ['GeoLite2, DB-IP', { country: { iso_code: 'FR', names: { en: 'France' } } }],
    ['GeoLite2 City', { city: { names: { en: 'Paris' } }, country: { iso_code: 'FR' } }],
    ['registry data', { country_code: 'FR' }],
    ['plain text', { country: 'fr' }],
    ['text and code', { country: 'France', country_code: 'FR' }],
  ])('is read in the layout of %s', (_, record) => {
    const database = openMade({ ipVersion, networks: [[at('9.9.9.0'), record]] })
    expect(database.countryOf('9.9.9.9')).toBe('FR')
    expect(database.countryOf('9.9.10.9')).toBeNull()
  })

  it.each([24, 28, 32] as const)('is read with records of %i bits', (recordBits) => {
    const networks: [string, Value][] = [
      [at('9.9.9.0'), { country_code: 'FR' }],
      [at('9.9.10.0'), { country_code: 'DE' }],
      [at('200.0.0.0', 5), { country_code: 'BR' }],
    ]
    const database = openMade({ ipVersion, recordBits, networks })
    expect(database.countryOf('9.9.9.255')).toBe('FR')
    expect(database.countryOf('9.9.10.0')).toBe('DE')
    expect(database.countryOf('201.1.1.1')).toBe('BR')
  })

  it.each(['EU', 'AP', 'XX', 'ZZ', 'T1', 'A1', 'UK', 'FRA', ''])(
    'does not take %j for a country',
    (code) => {
      const database = openMade({
        ipVersion,
        networks: [
          [at('9.9.9.0'), { country_code: 'FR' }],
          [at('9.9.10.0'), { country: { iso_code: code } }],
          [at('9.9.11.0'), { registered_country: { iso_code: 'FR' } }],
        ],
      })
      expect(database.countryOf('9.9.10.1')).toBeNull()
      expect(database.countryOf('9.9.11.1')).toBeNull()
    },
  )

  it('names no countries when none of its records does', () => {
    const networks: [string, Value][] = [[at('9.9.9.0'), { autonomous_system_number: 64_500 }]]
    expect(() => openMade({ ipVersion, type: 'GeoLite2-ASN', networks })).toThrow(
      /names no countries: it is a database of the type "GeoLite2-ASN"$/,
    )
  })
})

describe('a file that is no use', () => {
  const good = makeDatabase({
    networks: [
      [ipv4Bits('9.9.9.0', 24), { country_code: 'FR' }],
      [ipv4Bits('9.9.10.0', 24), { country: { iso_code: 'DE' } }],
    ],
  })
  const refusal = (path: string): OptionError => {
    try {
      openCountryDatabase(path)
    } catch (error) {
      if (error instanceof OptionError) return error
      throw error
    }
    throw new Error('it was opened')
  }

  it('is named, with what is wrong', () => {
    const { problems } = refusal(join(folder, 'nowhere.mmdb'))
    expect(problems).toEqual([
      {
        path: 'geoip.database',
        message: expect.stringMatching(/nowhere\.mmdb: cannot be read: ENOENT/),
      },
    ])
    expect(refusal(folder).message).toMatch(/cannot be read: EISDIR/)
  })

  it.each([
    ['an empty file', Buffer.alloc(0)],
    ['a page', Buffer.from('<!doctype html><title>Not found</title>')],
    [
      'a pointer to a file',
      Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0'),
    ],
    ['a file cut off in the middle', good.subarray(0, good.length / 2)],
  ])('is no database, or cut off: %s', (_, bytes) => {
    expect(refusal(write(bytes)).message).toMatch(/is no MaxMind database, or was cut off/)
  })

  it('is a published one, cut off', () => {
    const whole = readFileSync(both)
    expect(refusal(write(whole.subarray(0, whole.length - 1000))).message).toMatch(/was cut off/)
  })

  it('is compressed', () => {
    expect(refusal(write(gzipSync(good))).message).toMatch(/is compressed: unpack it first$/)
  })

  it.each([20, 60])('is cut off %i bytes before its end, in its description', (bytes) => {
    expect(refusal(write(good.subarray(0, good.length - bytes))).message).toMatch(/is damaged: /)
  })

  it('lacks its beginning', () => {
    expect(refusal(write(good.subarray(good.length / 2))).message).toMatch(/is damaged: /)
  })

  it('has a tree that leads nowhere', () => {
    const bytes = Buffer.from(good)
    bytes.fill(0xf7, 0, 6)
    expect(refusal(write(bytes)).message).toMatch(/is damaged: |names no countries/)
  })

  const many = Array.from({ length: 2000 }, (_, index): [string, Value] => [
    ipv4Bits(`9.${index >> 8}.${index & 255}.0`, 24),
    { country_code: index === 1500 ? 'DE' : 'FR' },
  ])
  const withDamageAt = (index: number) => {
    const networks = many.with(index, [many[index]?.[0] ?? '', { country_code: 'DAMAGE' }])
    const bytes = makeDatabase({ networks })
    // The text becomes a value of an unknown type.
    bytes.fill(0, bytes.indexOf('DAMAGE') - 1, bytes.indexOf('DAMAGE') + 1)
    return write(bytes)
  }

  it('is damaged near its beginning', () => {
    expect(refusal(withDamageAt(7)).message).toMatch(/is damaged: /)
  })

  it('still knows what damage further on has spared', () => {
    const database = openCountryDatabase(withDamageAt(1999))
    expect(database.countryOf('9.0.1.1')).toBe('FR')
    expect(database.countryOf('9.5.220.1')).toBe('DE')
    expect(database.countryOf('9.7.207.1')).toBeNull()
  })
})
