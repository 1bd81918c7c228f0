import { readFileSync } from 'node:fs'
import { LRUCache } from 'lru-cache'
import { Reader, type Response } from 'maxmind'
import { OptionError } from '../../shared/codes.ts'
import { parseAddress } from '../claim/address.ts'
import { parseAssignedCountry } from '../claim/country-codes.ts'
import { isPrivateAddress } from '../origin/private-address.ts'
import { firstRecords } from './first-records.ts'

export interface CountryDatabase {
  /**
   * The country of an address, as an ISO 3166-1 code in capitals; null when it is not known: for private and
   * malformed addresses, and where the database says nothing or no country (`EU`, `XX`).
   */
  countryOf(address: string): string | null
}

/** Addresses whose country is remembered. A look-up costs microseconds; a viewer asks for many segments. */
const maxRemembered = 16_384
/** Decoded records are remembered too, as those with names in many languages are large. */
const maxRecords = 1024
/** If none of the first ones names a country, the rest will not either. All of them must be whole. */
const recordsProbed = 1024

/** What begins the description at the end of every file (MaxMind DB file format 2.0, "database metadata"). */
const metadataMark = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')
const separatorBytes = 16

/**
 * The country of a record, in each of the usual layouts: `country.iso_code` (GeoLite2, DB-IP), `country_code` and
 * `country` as text (collections made of registry data).
 */
function countryIn(record: unknown): string | null {
  if (typeof record !== 'object' || record === null) return null
  const { country, country_code: code } = record as Record<string, unknown>
  const nested = typeof country === 'object' && country !== null && 'iso_code' in country
  const text = nested ? country.iso_code : (code ?? country)
  return typeof text === 'string' ? parseAssignedCountry(text) : null
}

function fail(path: string, message: string, cause?: unknown): never {
  const error = new OptionError([{ path: 'geoip.database', message: `${path}: ${message}` }])
  if (cause !== undefined) error.cause = cause
  throw error
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    return fail(path, `cannot be read: ${messageOf(error)}`, error)
  }
}

function readDatabase(path: string): Reader<Response> {
  const bytes = readBytes(path)
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) fail(path, 'is compressed: unpack it first')
  const mark = bytes.lastIndexOf(metadataMark)
  if (mark < 0)
    fail(path, 'is no MaxMind database, or was cut off: there is no description at its end')
  try {
    const cache = new LRUCache<string | number, object>({ max: maxRecords })
    const reader = new Reader<Response>(bytes, { cache })
    const { ipVersion, searchTreeSize, nodeCount } = reader.metadata
    const isWhole = nodeCount > 0 && searchTreeSize + separatorBytes <= mark
    if ((ipVersion === 4 || ipVersion === 6) && isWhole) return reader
  } catch (error) {
    fail(path, `is damaged: ${messageOf(error)}`, error)
  }
  return fail(path, 'is damaged: it is shorter than its description says')
}

function namesCountries(reader: Reader<Response>, path: string): boolean {
  try {
    return firstRecords(reader, recordsProbed).some((record) => countryIn(record) !== null)
  } catch (error) {
    return fail(path, `is damaged: ${messageOf(error)}`, error)
  }
}

/**
 * Opens a country database in MaxMind's format and keeps it in memory. Another file needs another opening.
 *
 * @throws {OptionError} (a `TypeError`) that says what is wrong with the file: it cannot be read, is no such
 *   database, is compressed, cut off or damaged, or knows no countries
 */
export function openCountryDatabase(path: string): CountryDatabase {
  const reader = readDatabase(path)
  if (!namesCountries(reader, path)) {
    fail(path, `names no countries: it is a database of the type "${reader.metadata.databaseType}"`)
  }
  const hasIpv6 = reader.metadata.ipVersion === 6
  const lookUp = (text: string): string | null => {
    const address = parseAddress(text)
    // A tree of IPv4 addresses would find something for the first bits of an IPv6 address.
    if (address === null || (address.kind() === 'ipv6' && !hasIpv6)) return null
    const plain = address.toString()
    if (isPrivateAddress(plain)) return null
    try {
      return countryIn(reader.get(plain))
    } catch {
      // A damaged place in the file: nothing is known of the addresses that lead there.
      return null
    }
  }
  const remembered = new LRUCache<string, { country: string | null }>({ max: maxRemembered })
  return {
    countryOf(address) {
      const known = remembered.get(address)
      if (known !== undefined) return known.country
      const country = lookUp(address)
      remembered.set(address, { country })
      return country
    },
  }
}
