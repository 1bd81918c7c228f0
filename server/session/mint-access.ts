import { patternsOverlap } from '../../shared/acl.ts'
import { OptionError } from '../../shared/codes.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import { isKeptAccess } from '../options/judge-access.ts'
import type { AccessOptions, ManagedAccess, Options, Rule } from '../options/options.ts'
import { isEctokenName } from '../token/ectoken-params.ts'
import type { EctokenInput } from '../token/ectoken-serialize.ts'
import { refuseUnknown } from '../token/refuse-unknown.ts'
import { mintEctoken } from './mint-ectoken.ts'
import { mintEdgeauth } from './mint-edgeauth.ts'
import { mintTimedAccess } from './mint-timed.ts'

export interface MintAccessOptions {
  /** Of several formats that the rule takes, the one to mint. @default the first of them */
  readonly format?: AccessOptions['format'] | undefined
  /**
   * ACL: one pattern or several. `*` stands for anything, `/` included; `?` for one character. An ectoken takes patterns whose only
   * wildcard is a `*` at their end; timed and managed tokens name no paths.
   * @default everything that the rule matches
   */
  readonly path?: string | readonly string[] | undefined
  /**
   * Seconds from now until the token ends. Keep it short: it only has to last until playback starts. Left out for managed
   * tokens, which have no end.
   */
  readonly ttlSeconds?: number | undefined
  /** Who it is for, such as a user id; goes over into the session. Ectokens and sealed timed tokens have no place for it. */
  readonly subject?: string | undefined
  /**
   * The client that may use it: one address; with all formats but EdgeAuth a CIDR block too, and with timed and managed tokens a
   * dotted prefix such as `211.37.`.
   */
  readonly ip?: string | undefined
  /** Carried along as `data` of an EdgeAuth token. */
  readonly payload?: string | undefined
  /** The domain whose pages may use a timed or managed token, subdomains included. */
  readonly referrer?: string | undefined
  /** Further parameters of an ectoken, such as `ec_country_allow`. */
  readonly params?: EctokenInput | undefined
  /** Name of the rule it is for. Left out: the first rule that serves something of it. */
  readonly rule?: string | undefined
}

const wantedNames = {
  format: true,
  path: true,
  ttlSeconds: true,
  subject: true,
  ip: true,
  payload: true,
  referrer: true,
  params: true,
  rule: true,
} as const

export interface MintedAccess {
  readonly token: string
  readonly format: AccessOptions['format']
  /** The name under which requests carry it; '': it is the query string, bare. */
  readonly parameter: string
  readonly rule: string
  /** Seconds since 1970; `null`: it has no end. */
  readonly expiresAt: number | null
}

/** What an access token is minted for. */
export interface MintTarget {
  readonly rule: Rule
  readonly access: AccessOptions
}

/**
 * Mints an access token for a rule, with the rule's own key and settings.
 *
 * @throws {OptionError} naming the option: an unknown one, no such rule, a life beyond the rule's maximum, text that no token can carry, an option that
 *   the format has no place for, a format whose tokens are kept in the store
 */
export function mintAccess(
  options: Options,
  wanted: MintAccessOptions,
  now: EpochSeconds,
): MintedAccess {
  return mintFor(findTarget(options, wanted), wanted, now)
}

/** @throws {OptionError} as `mintAccess` */
export function mintFor(
  { rule, access }: MintTarget,
  wanted: MintAccessOptions,
  now: EpochSeconds,
): MintedAccess {
  if (isKeptAccess(access)) throw keptElsewhere(rule, access)
  const ttlSeconds = checkLife(rule, wanted)
  const expiresAt = now + ttlSeconds
  const token = named(() => mintText(rule, access, wanted, { now, ttlSeconds, expiresAt }))
  return { token, format: access.format, parameter: access.parameter, rule: rule.name, expiresAt }
}

/** When a token is made, and when it ends. */
export interface MintTimes {
  readonly now: EpochSeconds
  readonly ttlSeconds: number
  readonly expiresAt: number
}

function mintText(
  rule: Rule,
  access: Exclude<AccessOptions, ManagedAccess>,
  wanted: MintAccessOptions,
  times: MintTimes,
): string {
  switch (access.format) {
    case 'edgeauth':
      refuseOthers(access.format, wanted, ['referrer', 'params'])
      return mintEdgeauth(rule, access, wanted, times)
    case 'ectoken':
      refuseOthers(access.format, wanted, ['subject', 'payload', 'referrer'])
      return mintEctoken(rule, access, wanted, times)
    case 'timed':
      refuseOthers(access.format, wanted, ['path', 'subject', 'payload', 'params'])
      return mintTimedAccess(access, wanted, times)
  }
}

/** What the formats call otherwise. */
const optionNames: Readonly<Record<string, keyof MintAccessOptions>> = {
  sessionId: 'subject',
  endTime: 'ttlSeconds',
  lifeSeconds: 'ttlSeconds',
  clientIp: 'ip',
  ec_clientip: 'ip',
  ec_url_allow: 'path',
}

/** What a format finds wrong is said of the option that it came from. */
export function named<Made>(make: () => Made): Made {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    throw new OptionError(
      error.problems.map(({ path, message }) => ({ path: optionNamed(path), message })),
    )
  }
}

function optionNamed(name: string): string {
  return optionNames[name] ?? (isEctokenName(name) ? `params.${name}` : name)
}

/** What a format has no place for would be lost without a word: a restriction that is none. */
export function refuseOthers(
  format: string,
  wanted: MintAccessOptions,
  names: readonly (keyof MintAccessOptions)[],
): void {
  for (const name of names) {
    if (wanted[name] !== undefined)
      throw problem(name, `a token of format ${format} has no place for it`)
  }
}

/** @throws {OptionError} */
export function checkLife(rule: Rule, { ttlSeconds, subject }: MintAccessOptions): number {
  if (rule.session?.limit && !subject) {
    throw problem('subject', `${rule.name} counts streams (session.maxConcurrent): say whose`)
  }
  if (ttlSeconds === undefined || !Number.isInteger(ttlSeconds) || ttlSeconds < 1) {
    throw problem('ttlSeconds', 'not a whole number of seconds, 1 or more')
  }
  return ttlSeconds
}

/** @throws {OptionError} an unknown option, no rule, or none that would take such a token */
export function findTarget({ rules }: Options, wanted: MintAccessOptions): MintTarget {
  refuseUnknown(wanted, wantedNames)
  const { rule: name, path, format } = wanted
  const entries = path === undefined ? null : typeof path === 'string' ? path.split('!') : path
  for (const entry of entries ?? []) {
    if (!/^[/*]/.test(entry)) throw problem('path', `begins with neither / nor *: ${entry}`)
  }
  const candidates = rules.filter(({ access }) => access.length > 0)
  const known = candidates.map((candidate) => candidate.name).join(', ') || 'none'
  const named = name === undefined ? candidates : candidates.filter((rule) => rule.name === name)
  if (named.length === 0) {
    throw problem('rule', `no rule of that name asks for tokens (there: ${known})`)
  }
  const isMeant = (access: AccessOptions) => format === undefined || access.format === format
  const taking = named.filter(({ access }) => access.some(isMeant))
  if (taking.length === 0) {
    const formats = new Set(named.flatMap(({ access }) => access.map((entry) => entry.format)))
    throw problem('format', `no rule takes ${format} tokens (there: ${[...formats].join(', ')})`)
  }
  const rule = taking.find(
    (candidate) => entries === null || entries.some((entry) => meets(candidate, entry)),
  )
  const access = rule?.access.find(isMeant)
  if (rule === undefined || access === undefined) {
    throw problem(
      'path',
      `the token would open nothing: no rule takes in ${entries?.join(', ')} (there: ${known})`,
    )
  }
  return { rule, access }
}

/** Is there something that the ACL opens and the rule serves? */
function meets({ match }: Rule, entry: string): boolean {
  const acl = match.ignoreCase ? entry.toLowerCase() : entry
  return match.paths.some((path) => {
    const pattern = match.ignoreCase ? path.toLowerCase() : path
    return patternsOverlap(pattern, acl)
  })
}

function keptElsewhere({ name }: Rule, { format }: AccessOptions): OptionError {
  return problem(
    'format',
    `${format} tokens of ${name} are kept in the store: make them with tokens.mint()`,
  )
}

export function problem(path: string, message: string): OptionError {
  return new OptionError([{ path, message }])
}
