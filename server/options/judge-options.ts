import { createSecretKey } from 'node:crypto'
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { OptionError } from '../../shared/codes.ts'
import { AddressSet } from '../claim/address-set.ts'
import { type Restrictions, readRestrictions } from '../claim/restrictions.ts'
import { judgeRemote, type RemoteOptions } from '../remote/options.ts'
import { keyTag } from '../session/session-id.ts'
import { parseStoreLocation } from '../store/location.ts'
import { isMac, isSameSecret } from '../token/mac.ts'
import { Complaints } from './complaints.ts'
import { describeIssue } from './describe-issue.ts'
import { exactOrigin } from './exact-origin.ts'
import {
  type AccessSurroundings,
  isKeptAccess,
  judgeAccess,
  realmKeyName,
  timedKeyName,
} from './judge-access.ts'
import { judgeGeoip } from './judge-geoip.ts'
import { judgeMatch } from './judge-match.ts'
import { judgeSession } from './judge-session.ts'
import { KeyBook } from './key-book.ts'
import type { AdminOptions, AuthorizeOptions, Options, Rule } from './options.ts'
import { readSecret, type SecretSources } from './read-secret.ts'
import { configurationSchema, type ShapedConfiguration, type ShapedRule } from './schema.ts'

/**
 * Judges a whole configuration at once, so that one run shows every mistake.
 *
 * @throws {OptionError} with the option path of each mistake
 */
export function judgeOptions(raw: unknown, sources: SecretSources): Options {
  const shaped = configurationSchema.safeParse(raw)
  if (!shaped.success) throw new OptionError(shaped.error.issues.flatMap(describeIssue))
  return new Judge(sources).options(shaped.data)
}

/** One pass over a shaped configuration; collects problems instead of stopping at the first. */
class Judge {
  readonly #sources: SecretSources
  readonly #complaints = new Complaints()

  constructor(sources: SecretSources) {
    this.#sources = sources
  }

  options(shaped: ShapedConfiguration): Options {
    const keys = new KeyBook(shaped.keys, this.#sources, this.#complaints)
    const store = this.#store(shaped)
    const admin = this.#admin(shaped.admin?.token)
    const authorize = this.#authorize(shaped.authorize?.secret)
    const trustedProxies = this.#attempt(
      'trustedProxies',
      () => new AddressSet(shaped.trustedProxies),
    )
    const rules = shaped.rules.map((rule, index) => this.#rule(`rules[${index}]`, rule, keys))
    keys.judgeUnused()
    this.#keyTags(keys.names, rules)
    const names = new Map<string, number>()
    for (const { name, place } of rules) {
      names.set(name, (names.get(name) ?? 0) + 1)
      if (names.get(name) === 2) this.#complain(`${place}.name`, `a second rule named ${name}`)
    }
    const geoip = judgeGeoip(shaped, rules, this.#sources, this.#complaints)
    const remotes = this.#remotes(shaped, rules)
    this.#complaints.throwAny()
    return Object.freeze({
      listen: shaped.listen,
      cache: shaped.cache,
      workers: shaped.workers,
      store: store ?? 'memory:',
      admin,
      authorize,
      geoip,
      remotes,
      trustedProxies: trustedProxies ?? new AddressSet([]),
      rules: Object.freeze(rules),
    })
  }

  #remotes({ remotes }: ShapedConfiguration, rules: readonly Rule[]): Options['remotes'] {
    const judged = Object.entries(remotes).flatMap(([name, remote]): [string, RemoteOptions][] => {
      const read = (text: string): string => readSecret(text, this.#sources)
      const options = this.#complaints.attemptInside(`remotes.${name}`, () =>
        judgeRemote(remote, read),
      )
      return options === undefined ? [] : [[name, options]]
    })
    for (const { place, remoteAuth, access } of rules) {
      if (remoteAuth === null) continue
      if (access.length === 0) {
        this.#complain(`${place}.remoteAuth`, 'asked about access tokens, and this rule takes none')
      }
      if (!Object.hasOwn(remotes, remoteAuth)) {
        const known = Object.keys(remotes).join(', ') || 'none'
        this.#complain(`${place}.remoteAuth`, `no entry of that name in remotes (there: ${known})`)
      }
    }
    return new Map(judged)
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
  #keyTags(keys: readonly string[], rules: readonly Rule[]): void {
    const tags = new Map<string, string>()
    const tell = (path: string, name: string, tag: string): void => {
      const other = tags.get(tag)
      if (other !== undefined && other !== name) {
        this.#complain(path, `cannot be told from ${other} in session ids: rename one`)
      }
      tags.set(tag, name)
    }
    for (const name of keys) tell(`keys.${name}`, name, keyTag(name))
    for (const { place, access } of rules) {
      for (const entry of access) {
        if (entry.format === 'edgeauth' || entry.format === 'ectoken') continue
        const name = isKeptAccess(entry)
          ? realmKeyName(entry.realm)
          : timedKeyName(entry.keyName ?? '')
        tell(`${place}.access`, name, entry.keyTag)
      }
    }
  }

  #complain(path: string, message: string): void {
    this.#complaints.add(path, message)
  }

  #attempt<T>(path: string, make: () => T): T | undefined {
    return this.#complaints.attempt(path, make)
  }

  #rule(place: string, rule: ShapedRule, keys: KeyBook): Rule {
    const surroundings: AccessSurroundings = {
      keys,
      sources: this.#sources,
      complaints: this.#complaints,
      signsSessions: rule.session !== undefined && rule.session.key === undefined,
      defaultKey: defaultKey(rule, keys),
    }
    const access = (rule.access ?? []).flatMap((entry, index) => {
      const judged = judgeAccess(`${place}.access[${index}]`, entry, surroundings)
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
    if (rule.open && rule.restrict !== undefined) {
      this.#complain(`${place}.restrict`, 'an open rule asks nothing of anybody')
    }
    const session = rule.session && judgeSession(place, rule, rule.session, access, surroundings)
    return Object.freeze({
      place,
      name: rule.name ?? place,
      match: judgeMatch(place, rule, this.#complaints),
      origin: this.#origin(`${place}.origin`, rule.origin),
      stripPrefix: rule.stripPrefix,
      literalSemicolons: rule.literalSemicolons,
      mode: rule.open ? 'off' : rule.mode,
      access,
      keepsTokens: access.some(isKeptAccess),
      session: session ?? null,
      remoteAuth: rule.remoteAuth ?? null,
      restrict: this.#restrict(`${place}.restrict`, rule.restrict),
      cors: this.#cors(`${place}.cors.origins`, rule),
      denial: this.#denial(`${place}.denial`, rule.denial),
    })
  }

  #restrict(place: string, restrict: ShapedRule['restrict']): Restrictions | null {
    if (restrict === undefined) return null
    return this.#complaints.attemptInside(place, () => readRestrictions(restrict)) ?? null
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

/**
 * The key of formats that need not name one: that of another way into the same rule, else the first that can be one.
 */
function defaultKey(rule: ShapedRule, keys: KeyBook): string | null {
  const named = rule.access?.find((entry) => entry.format === 'edgeauth')
  return named?.key ?? keys.firstFor('hex')
}

/** Can a path that the pattern matches lie below the prefix? Judged up to the pattern's first wildcard. */
function mayBeginWith(pattern: string, prefix: string): boolean {
  const start = /^[^*?]*/.exec(pattern)?.[0] ?? ''
  const [short, long] = [start.toLowerCase(), `${prefix}/`.toLowerCase()]
  return long.startsWith(short) || short.startsWith(long)
}
