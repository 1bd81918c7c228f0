import { type EpochSeconds, epochSeconds } from '../../shared/units.ts'
import { isAddressBlock } from '../claim/client-block.ts'
import { parseNamedCountry } from '../claim/country-codes.ts'
import { parseHostPattern } from '../claim/host.ts'
import { parseProtocol } from '../claim/protocol.ts'
import { parseReferrerPattern } from '../claim/referrer.ts'

/** What an ectoken demands of a request; all of it must be met (spec/token-formats section 2.3). */
export interface EctokenParams {
  /** Good up to this second, the second included. Left out: it never ends. */
  readonly ec_expire?: EpochSeconds
  /** Codes that are assigned (ISO 3166-1), and `EU` and `AP`. */
  readonly ec_country_allow?: readonly string[]
  readonly ec_country_deny?: readonly string[]
  /**
   * Beginnings of paths as in the request line. Plain text: `/pictures` also admits `/pictures.png` and
   * `/picturesnew/x`, so end the name of a directory with a slash (threat T19). Left out: the token opens
   * everything under its key.
   */
  readonly ec_url_allow?: readonly string[]
  /** `host` or `*.domain`. */
  readonly ec_host_allow?: readonly string[]
  readonly ec_host_deny?: readonly string[]
  /** `host`, `host/path`, `*.domain`; `missing` or an empty entry for a request without referrer. */
  readonly ec_ref_allow?: readonly string[]
  readonly ec_ref_deny?: readonly string[]
  /** One address, or one CIDR block. */
  readonly ec_clientip?: string
  /** `http`, `https`. */
  readonly ec_proto_allow?: readonly string[]
  readonly ec_proto_deny?: readonly string[]
}

export type EctokenName = keyof EctokenParams
export type EctokenListName = Exclude<EctokenName, 'ec_expire' | 'ec_clientip'>

/** In the order in which the vendor's builder writes them (spec/token-formats section 2.3). */
export const ectokenNames: readonly EctokenName[] = [
  'ec_expire',
  'ec_country_allow',
  'ec_country_deny',
  'ec_url_allow',
  'ec_host_allow',
  'ec_host_deny',
  'ec_ref_allow',
  'ec_ref_deny',
  'ec_clientip',
  'ec_proto_allow',
  'ec_proto_deny',
]

/** How one entry of each list is read: to its normal form, or null for what it cannot be. */
const readEntry: Readonly<Record<EctokenListName, (entry: string) => string | null>> = {
  ec_country_allow: parseNamedCountry,
  ec_country_deny: parseNamedCountry,
  ec_url_allow: (entry) => entry,
  ec_host_allow: parseHostPattern,
  ec_host_deny: parseHostPattern,
  ec_ref_allow: parseReferrerPattern,
  ec_ref_deny: parseReferrerPattern,
  ec_proto_allow: parseProtocol,
  ec_proto_deny: parseProtocol,
}

export function isEctokenName(name: string): name is EctokenName {
  return name === 'ec_expire' || name === 'ec_clientip' || Object.hasOwn(readEntry, name)
}

/** Only here does an empty entry say something: a request without referrer. */
function mayHoldEmpty(name: EctokenListName): boolean {
  return name === 'ec_ref_allow' || name === 'ec_ref_deny'
}

/**
 * The entries of a list in their normal form; null when one of them cannot be what the list is of. A deny
 * list with a misspelt entry would let through whom it was meant for. Empty entries are dropped where they
 * say nothing; a list with none left is null.
 */
export function readEntries(
  name: EctokenListName,
  entries: readonly string[],
): readonly string[] | null {
  const read: string[] = []
  for (const entry of mayHoldEmpty(name) ? entries : entries.filter((text) => text !== '')) {
    const normal = readEntry[name](entry)
    if (normal === null) return null
    read.push(normal)
  }
  return read.length === 0 ? null : read
}

/** 1 to 12 digits: a time in milliseconds, good for millennia, has 13. */
function readExpire(text: string): EpochSeconds | null {
  return /^\d{1,12}$/.test(text) ? epochSeconds(Number(text)) : null
}

function readValue(
  name: EctokenName,
  text: string,
): EpochSeconds | string | readonly string[] | null {
  if (name === 'ec_expire') return readExpire(text)
  if (name === 'ec_clientip') return isAddressBlock(text) ? text : null
  return readEntries(name, text.split(','))
}

/** Older generators wrote it, as a filler; it demands nothing (spec/token-formats section 2.3). */
const filler = 'ec_secure'

/**
 * Reads the text of a token. Null, which refuses every request, for unknown and repeated names (threat
 * T13), empty values, control characters, and values that are not what their name calls for: a demand that
 * is not understood must not count as met (spec/token-formats section 2.5 no. 3). One `&` may stand in
 * front, as the CDN's portal puts it. The empty text demands nothing.
 */
export function parseParams(text: string): EctokenParams | null {
  if (/\p{Cc}/u.test(text)) return null
  const list = text.startsWith('&') ? text.slice(1) : text
  const values = new Map<string, EpochSeconds | string | readonly string[]>()
  let hasFiller = false
  for (const pair of list === '' ? [] : list.split('&')) {
    const equals = pair.indexOf('=')
    if (equals < 0 || equals === pair.length - 1) return null
    const name = pair.slice(0, equals)
    if (name === filler && !hasFiller) {
      hasFiller = true
      continue
    }
    if (!isEctokenName(name) || values.has(name)) return null
    const value = readValue(name, pair.slice(equals + 1))
    if (value === null) return null
    values.set(name, value)
  }
  return Object.fromEntries(values)
}
