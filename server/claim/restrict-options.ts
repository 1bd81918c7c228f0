import { OptionError, type OptionProblem } from '../../shared/codes.ts'
import type { AllowDeny } from './allow-deny.ts'
import { parseClientPrefix } from './client-prefix.ts'
import { parseAssignedCountry } from './country-codes.ts'
import { parseHostPattern } from './host.ts'
import { parseProtocol } from './protocol.ts'
import { parseReferrerPattern } from './referrer.ts'

/** A list that is left out or empty says nothing. */
export interface ListOptions {
  readonly allow?: readonly string[] | undefined
  readonly deny?: readonly string[] | undefined
}

/** What a rule demands of requests besides a token. */
export interface RestrictOptions {
  /** Two-letter codes (ISO 3166-1). */
  readonly countries?:
    | (ListOptions & {
        /** Does the `deny` list let clients pass whose country is not known? @default false */
        readonly allowUnknown?: boolean | undefined
      })
    | undefined
  /** `host`, `host/path`, `*.domain`, `*.domain/path`; `missing` for requests without a referrer. */
  readonly referrers?: ListOptions | undefined
  /** `host` or `*.domain`. */
  readonly hosts?: ListOptions | undefined
  /** `http`, `https`. */
  readonly protocols?: ListOptions | undefined
  /** Addresses and CIDR blocks, v4 and v6; `211.37.` for 211.37.0.0/16. */
  readonly addresses?: ListOptions | undefined
}

export type RestrictName = keyof RestrictOptions

/** The same after it was judged: entries in their normal form, no empty lists. */
export interface ReadLists {
  readonly lists: Readonly<Partial<Record<RestrictName, AllowDeny>>>
  readonly allowUnknownCountry: boolean
}

/** Lists are walked for each request. */
const maxEntries = 1024

interface Kind {
  /** An entry in its normal form, or null for what it cannot be. */
  readonly read: (entry: string) => string | null
  readonly complaint: string
}

const kinds: Readonly<Record<RestrictName, Kind>> = {
  countries: { read: parseAssignedCountry, complaint: 'not a country code' },
  referrers: {
    // An empty entry would be `missing` too; in a configuration it is a slip.
    read: (entry) => (entry === '' ? null : parseReferrerPattern(entry)),
    complaint: 'not host, host/path, *.domain or missing',
  },
  hosts: { read: parseHostPattern, complaint: 'not host or *.domain' },
  protocols: { read: parseProtocol, complaint: 'not http or https' },
  addresses: {
    read: parseClientPrefix,
    complaint: 'not an address, CIDR block or whole bytes with a dot behind (211.37.)',
  },
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Reads options whose types nobody has checked, and gathers what is wrong with them. */
class Reading {
  readonly problems: OptionProblem[] = []

  members(path: string, value: unknown, names: readonly string[]) {
    const problem = (at: string, message: string) => this.problems.push({ path: at, message })
    if (value === undefined) return {}
    if (!isObject(value)) {
      problem(path, `not an object with ${names.join(', ')}`)
      return {}
    }
    for (const name of Object.keys(value)) {
      if (!names.includes(name)) problem(path === '' ? name : `${path}.${name}`, 'unknown option')
    }
    return value
  }

  list(path: string, value: unknown, { read, complaint }: Kind): readonly string[] | undefined {
    if (value === undefined) return undefined
    if (!Array.isArray(value)) this.problems.push({ path, message: 'not a list' })
    else if (value.length > maxEntries) {
      this.problems.push({ path, message: `more than ${maxEntries} entries` })
    } else {
      const entries = value.map((entry, index) => {
        const normal = typeof entry === 'string' ? read(entry) : null
        if (normal === null) this.problems.push({ path: `${path}[${index}]`, message: complaint })
        return normal ?? ''
      })
      // An empty list would refuse everybody, or nobody: neither is what it is written for.
      return entries.length === 0 ? undefined : entries
    }
    return undefined
  }
}

/**
 * Judges the options completely.
 *
 * @throws {OptionError} (a `TypeError`) that names each mistake by its inner path, such as `countries.allow[1]`
 */
export function readRestrictOptions(raw: RestrictOptions): ReadLists {
  const reading = new Reading()
  const given = reading.members('', raw, Object.keys(kinds))
  const lists: Partial<Record<RestrictName, AllowDeny>> = {}
  let allowUnknownCountry = false
  for (const [name, kind] of Object.entries(kinds) as [RestrictName, Kind][]) {
    const isCountries = name === 'countries'
    const names = isCountries ? ['allow', 'deny', 'allowUnknown'] : ['allow', 'deny']
    const members = reading.members(name, given[name], names)
    const allow = reading.list(`${name}.allow`, members.allow, kind)
    const deny = reading.list(`${name}.deny`, members.deny, kind)
    if (allow !== undefined || deny !== undefined) lists[name] = { allow, deny }
    const { allowUnknown } = members
    if (!isCountries || allowUnknown === undefined) continue
    const path = 'countries.allowUnknown'
    if (typeof allowUnknown !== 'boolean') reading.problems.push({ path, message: 'not a boolean' })
    else if (allowUnknown && allow !== undefined) {
      reading.problems.push({ path, message: 'an allow list refuses what is not in it' })
    } else allowUnknownCountry = allowUnknown
  }
  if (reading.problems.length > 0) throw new OptionError(reading.problems)
  return { lists, allowUnknownCountry }
}
