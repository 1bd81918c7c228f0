import { OptionError } from '../../shared/codes.ts'
import { isAddressBlock } from '../claim/client-block.ts'
import {
  type EctokenListName,
  type EctokenName,
  type EctokenParams,
  ectokenNames,
  isEctokenName,
  parseParams,
  readEntries,
} from './ectoken-params.ts'

/** The same as `EctokenParams`, with a text where a list of one entry is meant. */
export type EctokenInput = {
  readonly [Name in EctokenListName]?: string | readonly string[] | undefined
} & {
  /** Seconds since 1970, or their digits. */
  readonly ec_expire?: number | string | undefined
  readonly ec_clientip?: string | undefined
}

/** One call of the vendor's builder: `addCountryAllow('US')` is `['ec_country_allow', 'US']`. */
export type EctokenCall = readonly [name: string, value: string | number]

export interface SerializeOptions {
  /** Lists gather their entries; of several ends the last counts. */
  readonly add: readonly EctokenCall[]
}

function fail(path: string, message: string): never {
  throw new OptionError([{ path, message }])
}

/** One value as its entries, none of which ends early or writes another parameter (threat T10). */
function entriesOf(name: EctokenName, value: unknown): readonly string[] {
  if (name === 'ec_expire' && typeof value === 'number') return [String(value)]
  const isList = Array.isArray(value) && name !== 'ec_expire' && name !== 'ec_clientip'
  const entries: readonly unknown[] = isList ? value : [value]
  return entries.map((entry) => {
    if (typeof entry !== 'string') return fail(name, 'must be text')
    if (/[&,]/.test(entry)) return fail(name, 'must not hold & or , which end a value')
    if (/[\p{Cc}\p{Surrogate}]/u.test(entry)) return fail(name, 'holds control characters')
    return entry
  })
}

/** What is asked of one value when a token is made; more than when one is read. */
function judge(name: EctokenName, entries: readonly string[]): readonly string[] {
  if (name === 'ec_expire') {
    return /^[1-9]\d{0,11}$/.test(entries.join())
      ? entries
      : fail(name, 'must be a whole, positive number of seconds of at most 12 digits')
  }
  if (name === 'ec_clientip') {
    return isAddressBlock(entries.join())
      ? entries
      : fail(name, 'must be one IPv4 or IPv6 address or CIDR block')
  }
  if (entries.join('') === '') return fail(name, 'must not be empty')
  if (name === 'ec_url_allow') {
    // Compared with the path as in the request line, so anything else would admit nothing.
    return entries.every((entry) => /^\/[!-~]*$/.test(entry) && !/[?#]/.test(entry))
      ? entries
      : fail(
          name,
          'must hold paths as in a request line: from a slash on, percent-encoded, no query',
        )
  }
  const isForReferrers = name === 'ec_ref_allow' || name === 'ec_ref_deny'
  if (!isForReferrers && entries.includes('')) return fail(name, 'holds an empty entry')
  return readEntries(name, entries) ?? fail(name, `holds an entry that is ${wanted[name]}`)
}

const noCountry = 'no two-letter code of a country (ISO 3166-1; the United Kingdom is GB)'
const wanted: Readonly<Record<Exclude<EctokenListName, 'ec_url_allow'>, string>> = {
  ec_country_allow: noCountry,
  ec_country_deny: noCountry,
  ec_host_allow: 'neither a host nor *.domain',
  ec_host_deny: 'neither a host nor *.domain',
  ec_ref_allow: 'neither host, host/path, *.domain nor missing',
  ec_ref_deny: 'neither host, host/path, *.domain nor missing',
  ec_proto_allow: 'neither http nor https',
  ec_proto_deny: 'neither http nor https',
}

function write(
  values: ReadonlyMap<string, unknown>,
  read: (name: EctokenName, entries: readonly string[]) => readonly string[],
): string {
  for (const name of values.keys()) {
    if (!isEctokenName(name)) fail(name, 'is no parameter of an ectoken')
  }
  return ectokenNames
    .filter((name) => values.get(name) !== undefined)
    .map((name) => {
      const entries = read(name, entriesOf(name, values.get(name)))
      return `${name}=${[...new Set(entries)].join(',')}`
    })
    .join('&')
}

function valuesOf(params: EctokenInput): ReadonlyMap<string, unknown> {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) {
    fail('params', 'must be an object of parameters')
  }
  return new Map(Object.entries(params))
}

/**
 * The text of a token, in the order of the vendor's builder.
 *
 * @throws {OptionError} (a `TypeError`) whose message begins with the parameter's name: unknown names, `&`,
 *   `,` and control characters in values, and values that are not what their name calls for
 */
export function serializeParams(params: EctokenInput): string {
  return write(valuesOf(params), judge)
}

/** The text of parameters that were read from a token: reading it again gives the same. */
export function writeParams(params: EctokenParams): string {
  return write(valuesOf(params), (_name, entries) => entries)
}

/**
 * The parameters as a token with that text would have them, or null where such a token would be refused.
 * For `check`: it judges parameters exactly as it judges their text.
 */
export function readParams(params: EctokenInput): EctokenParams | null {
  try {
    return parseParams(write(valuesOf(params), (_name, entries) => entries))
  } catch (error) {
    if (error instanceof OptionError) return null
    throw error
  }
}

function gather(add: readonly EctokenCall[]): Map<string, unknown> {
  const values = new Map<string, unknown>()
  for (const call of add) {
    const [name, value]: readonly unknown[] = Array.isArray(call) ? call : []
    if (typeof name !== 'string' || (typeof value !== 'string' && typeof value !== 'number')) {
      return fail('add', 'must hold pairs of name and value')
    }
    const earlier = values.get(name)
    if (name === 'ec_expire' || earlier === undefined) values.set(name, value)
    else if (name === 'ec_clientip') fail(name, 'must be one address or block')
    else values.set(name, [earlier, value].flat())
  }
  return values
}

/**
 * The text of a token from calls in the manner of the vendor's builder. That builder drops an end of 0, and
 * so makes a token that never ends (spec/token-formats section 2.3). Here such an end is dropped only where
 * nothing is left to seal, and is a mistake beside other parameters.
 *
 * @throws {OptionError} as `serializeParams` does
 */
export function serializeCalls({ add }: SerializeOptions): string {
  if (!Array.isArray(add)) fail('add', 'must hold pairs of name and value')
  const values = gather(add)
  if (values.size === 1 && values.get('ec_expire') === 0) return ''
  return write(values, judge)
}
