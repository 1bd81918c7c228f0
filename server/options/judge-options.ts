import { createHash, createSecretKey } from 'node:crypto'
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { OptionError, type OptionProblem } from '../../shared/codes.ts'
import { parseOrigin } from '../../shared/reach.ts'
import { AddressSet } from '../claim/address-set.ts'
import { keyTag } from '../session/session-id.ts'
import { parseStoreLocation } from '../store/location.ts'
import type { EdgeauthScheme } from '../token/edgeauth-verify.ts'
import { judgeKey, Keyring } from '../token/keyring.ts'
import { isMac, isSameSecret } from '../token/mac.ts'
import { describeIssue } from './describe-issue.ts'
import { findUnavailable } from './find-unavailable.ts'
import type {
  AccessOptions,
  AdminOptions,
  AuthorizeOptions,
  Options,
  Rule,
  SessionCarrier,
  SessionOptions,
} from './options.ts'
import { readSecret, type SecretSources } from './read-secret.ts'
import { configurationSchema, type ShapedConfiguration, type ShapedRule } from './schema.ts'

/** The label that keeps derived session keys apart from every other use of the same secret (RFC 5869). */
const sessionKeyLabel = 'session token v1'

/**
 * The salt of the access tokens takes part: a session is worth something only at rules that would take the
 * access token behind it too.
 */
function sessionLabel(accessSalt: string): string {
  if (accessSalt === '') return sessionKeyLabel
  return `${sessionKeyLabel} ${createHash('sha256').update(accessSalt).digest('base64url')}`
}

/** Headers that differ from one request of a playback to the next: as a salt they would end every session. */
const perRequestHeaders: ReadonlySet<string> = new Set([
  'range',
  'if-range',
  'if-none-match',
  'if-modified-since',
  'content-length',
  'content-type',
  'cookie',
  'cmcd-object',
  'cmcd-request',
  'cmcd-status',
])

/**
 * Judges a whole configuration at once, so that one run shows every mistake.
 *
 * @throws {OptionError} with the option path of each mistake
 */
export function judgeOptions(raw: unknown, sources: SecretSources): Options {
  const early = findUnavailable(raw)
  if (early.length > 0) throw new OptionError(early)
  const shaped = configurationSchema.safeParse(raw)
  if (!shaped.success) throw new OptionError(shaped.error.issues.flatMap(describeIssue))
  return new Judge(sources).options(shaped.data)
}

/** One pass over a shaped configuration; collects problems instead of stopping at the first. */
class Judge {
  readonly #sources: SecretSources
  readonly #problems: OptionProblem[] = []

  constructor(sources: SecretSources) {
    this.#sources = sources
  }

  options(shaped: ShapedConfiguration): Options {
    const keyrings = new Map(
      Object.entries(shaped.keys).map(([name, key]) => [name, this.#keyring(`keys.${name}`, key)]),
    )
    this.#keyTags(Object.keys(shaped.keys))
    const store = this.#store(shaped)
    const admin = this.#admin(shaped.admin?.token)
    const authorize = this.#authorize(shaped.authorize?.secret)
    const trustedProxies = this.#attempt(
      'trustedProxies',
      () => new AddressSet(shaped.trustedProxies),
    )
    const rules = shaped.rules.map((rule, index) => this.#rule(`rules[${index}]`, rule, keyrings))
    const names = new Map<string, number>()
    for (const { name, place } of rules) {
      names.set(name, (names.get(name) ?? 0) + 1)
      if (names.get(name) === 2) this.#complain(`${place}.name`, `a second rule named ${name}`)
    }
    if (this.#problems.length > 0) throw new OptionError(this.#problems)
    return Object.freeze({
      listen: shaped.listen,
      cache: shaped.cache,
      workers: shaped.workers,
      store: store ?? 'memory:',
      admin,
      authorize,
      trustedProxies: trustedProxies ?? new AddressSet([]),
      rules: Object.freeze(rules),
    })
  }

  #store({ store, workers }: ShapedConfiguration): string | undefined {
    return this.#attempt('store', () => {
      const location = readSecret(store, this.#sources)
      const { kind } = parseStoreLocation(location, this.#sources.baseDirectory)
      if (kind === 'memory' && workers !== 1) {
        throw new TypeError('workers share no memory: use lmdb:DIRECTORY or redis://…')
      }
      return location
    })
  }

  #admin(token: string | undefined): AdminOptions | null {
    const secret = this.#sentSecret('admin.token', token)
    if (secret === null) return null
    return Object.freeze({ isToken: (text: string) => isSameSecret(text, secret) })
  }

  #authorize(text: string | undefined): AuthorizeOptions | null {
    const secret = this.#sentSecret('authorize.secret', text)
    if (secret === null) return null
    // Some servers can put it nowhere but into a URL, and what needs escapes there is spelled in two ways.
    if (!/^[A-Za-z0-9\-._~]*$/.test(secret)) {
      this.#complain('authorize.secret', 'letters, digits and -._~ only: it may stand in a query')
    }
    const key = createSecretKey(secret, 'utf8')
    return Object.freeze({
      isSecret: (given: string) => isSameSecret(given, secret),
      isSigned: (signed: string, macHex: string) => isMac('sha1', key, signed, macHex),
    })
  }

  /** A secret that is sent as it is; `null`: none is given, or it cannot be read. */
  #sentSecret(path: string, text: string | undefined): string | null {
    if (text === undefined) return null
    const secret = this.#attempt(path, () => readSecret(text, this.#sources))
    if (secret === undefined) return null
    if (!/^[!-~]{12,512}$/.test(secret)) {
      this.#complain(path, 'must be 12 to 512 visible ASCII characters, without blanks')
    }
    return secret
  }

  /** Session ids bear a short tag of their key's name. */
  #keyTags(names: readonly string[]): void {
    const tags = new Map<string, string>()
    for (const name of names) {
      const other = tags.get(keyTag(name))
      if (other !== undefined) {
        this.#complain(`keys.${name}`, `cannot be told from ${other} in session ids: rename one`)
      }
      tags.set(keyTag(name), name)
    }
  }

  #complain(path: string, message: string): void {
    this.#problems.push({ path, message })
  }

  #attempt<T>(path: string, make: () => T): T | undefined {
    try {
      return make()
    } catch (error) {
      if (error instanceof OptionError) {
        for (const { message } of error.problems) this.#complain(path, message)
      } else {
        this.#complain(path, error instanceof Error ? error.message : String(error))
      }
      return undefined
    }
  }

  #keyring(
    path: string,
    texts: { primary: string; transition?: string | undefined },
  ): Keyring | undefined {
    const primary = this.#key(`${path}.primary`, texts.primary)
    const transition =
      texts.transition === undefined ? null : this.#key(`${path}.transition`, texts.transition)
    if (primary === undefined || transition === undefined) return undefined
    return new Keyring(primary, transition ?? undefined)
  }

  #key(path: string, text: string): string | undefined {
    const hex = this.#attempt(path, () => readSecret(text, this.#sources))
    if (hex === undefined) return undefined
    const complaints = judgeKey(hex)
    for (const complaint of complaints) {
      this.#complain(path, `${complaint} (a good one: playgate key new)`)
    }
    return complaints.length === 0 ? hex : undefined
  }

  #rule(place: string, rule: ShapedRule, keyrings: Map<string, Keyring | undefined>): Rule {
    const access = (rule.access ?? []).flatMap((entry, index) => {
      const judged = this.#access(`${place}.access[${index}]`, entry, keyrings)
      return judged === undefined ? [] : [judged]
    })
    const given = rule.access?.length ?? 0
    if (rule.open && (given > 0 || rule.session)) {
      this.#complain(
        `${place}.open`,
        'an open rule asks for no token: leave out access and session',
      )
    }
    if (!rule.open && given === 0 && rule.mode !== 'off') {
      this.#complain(`${place}.access`, 'nobody could get in: give an access format, or open: true')
    }
    const reaches = rule.match.paths.some((path) => mayBeginWith(path, rule.stripPrefix))
    if (!reaches) this.#complain(`${place}.stripPrefix`, 'no path of match.paths begins with it')
    const session = rule.session && this.#session(place, rule, rule.session, access, keyrings)
    return Object.freeze({
      place,
      name: rule.name ?? place,
      match: {
        hosts: rule.match.hosts?.map((host) => host.toLowerCase()) ?? null,
        paths: rule.match.paths,
        ignoreCase: rule.match.ignoreCase,
      },
      origin: this.#origin(`${place}.origin`, rule.origin),
      stripPrefix: rule.stripPrefix,
      literalSemicolons: rule.literalSemicolons,
      mode: rule.open ? 'off' : rule.mode,
      access,
      session: session ?? null,
      cors: this.#cors(`${place}.cors.origins`, rule),
      denial: this.#denial(`${place}.denial`, rule.denial),
    })
  }

  #access(
    place: string,
    entry: NonNullable<ShapedRule['access']>[number],
    keyrings: Map<string, Keyring | undefined>,
  ): AccessOptions | undefined {
    const keys = this.#keysNamed(`${place}.key`, entry.key, keyrings)
    const salt = this.#attempt(`${place}.salt`, () => readSalt(entry.salt, this.#sources))
    if (keys === undefined || salt === undefined) return undefined
    const scheme: EdgeauthScheme = {
      keys: keys.all,
      algorithm: entry.algorithm,
      urlEscape: entry.escapeEarly ? entry.escapeProfile : null,
      ignoreQueryString: entry.ignoreQueryString,
      clockSkewSeconds: entry.clockSkewSeconds,
    }
    const { format, parameter, carriers, escapeEarly, maxLifetimeSeconds } = entry
    return Object.freeze({
      format,
      keyName: entry.key,
      keys,
      sessionKeys: keys.derive(sessionLabel(salt)),
      parameter,
      carriers,
      salt,
      escapeEarly,
      maxLifetimeSeconds,
      scheme,
      singleUse: entry.singleUse ? { graceSeconds: entry.singleUseGraceSeconds } : null,
    })
  }

  #keysNamed(
    path: string,
    name: string,
    keyrings: Map<string, Keyring | undefined>,
  ): Keyring | undefined {
    if (!keyrings.has(name)) {
      const known = [...keyrings.keys()].join(', ') || 'none'
      this.#complain(path, `no key of that name in keys (there: ${known})`)
    }
    return keyrings.get(name)
  }

  #session(
    place: string,
    rule: ShapedRule,
    session: NonNullable<ShapedRule['session']>,
    access: readonly AccessOptions[],
    keyrings: Map<string, Keyring | undefined>,
  ): SessionOptions | undefined {
    const path = `${place}.session`
    const clash = (rule.access ?? []).findIndex((entry) => entry.parameter === session.parameter)
    if (clash >= 0) {
      this.#complain(`${path}.parameter`, `the same name as access[${clash}].parameter`)
    }
    const saltHeaders = session.saltHeaders.map((name) => name.toLowerCase())
    for (const [index, name] of saltHeaders.entries()) {
      const at = `${path}.saltHeaders[${index}]`
      if (perRequestHeaders.has(name)) {
        this.#complain(at, `${name} differs between the requests of one playback`)
      }
      if (saltHeaders.indexOf(name) !== index) this.#complain(at, 'named twice')
    }
    for (const [index, origin] of session.reach.entries()) {
      if (exactOrigin(origin) === null) {
        this.#complain(`${path}.reach[${index}]`, 'not an origin such as https://cdn.example.com')
      }
    }
    const salt = this.#attempt(`${path}.salt`, () => readSalt(session.salt, this.#sources))
    const shared =
      session.key === undefined ? null : this.#keysNamed(`${path}.key`, session.key, keyrings)
    if (salt === undefined || shared === undefined) return undefined
    const scheme: EdgeauthScheme = {
      keys: shared?.all ?? access.flatMap(({ sessionKeys }) => sessionKeys.all),
      algorithm: 'sha256',
      urlEscape: null,
      ignoreQueryString: true,
      clockSkewSeconds: 0,
    }
    return Object.freeze({
      // `define` was refused before (notYetAvailable).
      carriers: session.carrier as SessionCarrier[],
      scheme,
      signingKey: shared?.primary ?? null,
      parameter: session.parameter,
      salt,
      saltHeaders,
      maxLifetimeSeconds: session.maxLifetimeSeconds,
      slackSeconds: session.slackSeconds,
      reach: session.reach,
      limit:
        session.maxConcurrent === 0 || access[0] === undefined
          ? null
          : {
              max: session.maxConcurrent,
              onLimit: session.onLimit,
              idleSeconds: session.idleSeconds,
              rightKeys: access[0].keys.derive('right to end a session v1'),
            },
    })
  }

  #origin(path: string, location: string): string {
    if (/^https?:\/\//i.test(location)) {
      const url = URL.canParse(location) ? new URL(location) : null
      if (url === null) this.#complain(path, 'not a URL')
      else if (url.username || url.password) this.#complain(path, 'a URL with user or password')
      else if (url.search || url.hash) this.#complain(path, 'a URL with a query or a fragment')
      return location
    }
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(location)) {
      this.#complain(path, 'an origin is an http or https URL, or a directory')
      return location
    }
    const directory = resolve(this.#sources.baseDirectory, location)
    if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
      this.#complain(path, `no such directory: ${directory}`)
    }
    return directory
  }

  #cors(path: string, rule: ShapedRule): Rule['cors'] {
    const cookies = rule.session?.carrier.includes('cookie') ?? false
    const listed = rule.cors?.origins ?? (cookies ? [] : ['*'])
    if (cookies && listed.includes('*')) {
      this.#complain(path, "'*' does not go with the cookie carrier: list the origins")
    }
    for (const [index, origin] of listed.entries()) {
      if (origin !== '*' && exactOrigin(origin) === null) {
        this.#complain(`${path}[${index}]`, 'not an origin such as https://www.example.com')
      }
    }
    return {
      anyOrigin: listed.includes('*'),
      origins: new Set(listed.filter((origin) => origin !== '*')),
    }
  }

  #denial(path: string, denial: ShapedRule['denial']): Rule['denial'] {
    const statuses = [denial.status, ...Object.values(denial.byReason)]
    const redirects = statuses.some((status) => status < 400)
    if (redirects && denial.location === null) {
      this.#complain(`${path}.location`, 'a redirect needs to know where to')
    }
    if (denial.location !== null && !/^(\/(?!\/)|https?:\/\/)[!-~]*$/.test(denial.location)) {
      this.#complain(`${path}.location`, 'neither an http(s) URL nor a path beginning with one /')
    }
    return denial
  }
}

function exactOrigin(text: string): string | null {
  return parseOrigin(text) === text ? text : null
}

/** A salt cannot hold what separates the fields of a token (token-formats section 1.4). */
function readSalt(text: string, sources: SecretSources): string {
  const salt = readSecret(text, sources)
  if (salt.includes('~'))
    throw new TypeError('must not hold ~, which separates the fields of a token')
  return salt
}

/** Can a path that the pattern matches lie below the prefix? Judged up to the pattern's first wildcard. */
function mayBeginWith(pattern: string, prefix: string): boolean {
  const start = /^[^*?]*/.exec(pattern)?.[0] ?? ''
  const [short, long] = [start.toLowerCase(), `${prefix}/`.toLowerCase()]
  return long.startsWith(short) || short.startsWith(long)
}
