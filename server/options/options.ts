import type { KeyObject } from 'node:crypto'
import type { PublicReason } from '../../shared/codes.ts'
import type { AddressSet } from '../claim/address-set.ts'
import type { Restrictions } from '../claim/restrictions.ts'
import type { CountrySource } from '../geo/country-source.ts'
import type { RemoteOptions } from '../remote/options.ts'
import type { EctokenPolicy } from '../token/ectoken-check.ts'
import type { EdgeauthScheme } from '../token/edgeauth-verify.ts'
import type { Keyring } from '../token/keyring.ts'

/** The configuration after it was judged: complete, consistent, frozen. */
export interface Options {
  readonly listen: { readonly host: string; readonly port: number }
  readonly trustedProxies: AddressSet
  /** Processes of `playgate serve`; `auto`: one a core. */
  readonly workers: number | 'auto'
  /** Where spent tokens, sessions and what was ended are remembered: `memory:`, `lmdb:DIRECTORY`, `redis://…`. */
  readonly store: string
  /** `null`: there is no admin API. */
  readonly admin: AdminOptions | null
  /** `null`: only loopback and trusted proxies may ask for decisions. */
  readonly authorize: AuthorizeOptions | null
  /** Where the client's country comes from; `null`: it is not known. */
  readonly geoip: CountrySource | null
  readonly cache: { readonly playlistBytes: number }
  /** Servers of the site that may be asked, by name. */
  readonly remotes: ReadonlyMap<string, RemoteOptions>
  readonly rules: readonly Rule[]
}

/** Prints nothing of the token, however it is looked at. */
export interface AdminOptions {
  isToken(text: string): boolean
}

/** The secret of the servers that ask for decisions. Prints nothing of it, however it is looked at. */
export interface AuthorizeOptions {
  isSecret(text: string): boolean
  /** Is this the HMAC-SHA1 of that text under the secret? */
  isSigned(text: string, macHex: string): boolean
}

/** Where an access token may stand in a request. */
export type AccessCarrier = 'query' | 'cookie' | 'header'
/** How a session token reaches the player. */
export type SessionCarrier = 'query' | 'define' | 'path' | 'cookie' | 'header' | 'player'

/** One rule: which requests, from where they are served, and what they need to show. */
export interface Rule {
  /** Its place in the configuration, for messages: `rules[2]`. */
  readonly place: string
  readonly name: string
  readonly match: RuleMatch
  /** An HTTP(S) URL or an absolute directory path. */
  readonly origin: string
  readonly stripPrefix: string
  readonly literalSemicolons: boolean
  readonly mode: 'off' | 'log' | 'enforce'
  /** Empty for an open rule. */
  readonly access: readonly AccessOptions[]
  /** Some of its access tokens have to be looked up in the store. */
  readonly keepsTokens: boolean
  /** `null`: every request needs the access token. */
  readonly session: SessionOptions | null
  /** On top of what tokens restrict; `null`: nothing. */
  readonly restrict: Restrictions | null
  /** Name of the server that is asked before a session opens; `null`: none is. */
  readonly remoteAuth: string | null
  readonly cors: { readonly anyOrigin: boolean; readonly origins: ReadonlySet<string> }
  readonly denial: Denial
}

export interface RuleMatch {
  /** As `splitHost` spells them; `*.` in front stands for one or more labels. `null`: any host. */
  readonly hosts: readonly string[] | null
  readonly paths: readonly string[]
  readonly ignoreCase: boolean
}

export const accessFormats = ['edgeauth', 'ectoken', 'timed', 'managed'] as const

/** How a viewer gets in: one way of several. */
export type AccessOptions = EdgeauthAccess | EctokenAccess | TimedAccess | ManagedAccess

interface AnyAccess {
  /** `null`: no key takes part, and the rule has no sessions that one would have to sign. */
  readonly keyName: string | null
  readonly keys: Keyring | null
  /** What the ids of its sessions say of where they come from; all that bear it can be ended at once. */
  readonly keyTag: string
  /** Derived from `keys`: for the sessions that these access tokens open. */
  readonly sessionKeys: Keyring | null
  /** '': the bare query string. */
  readonly parameter: string
  readonly carriers: readonly AccessCarrier[]
  /** `null`: good until its end; else the seconds in which the same client may use it again. */
  readonly singleUse: { readonly graceSeconds: number } | null
}

/** EdgeAuth 2.0 (token-formats section 1). */
export interface EdgeauthAccess extends AnyAccess {
  readonly format: 'edgeauth'
  readonly keyName: string
  readonly keys: Keyring
  readonly salt: string
  readonly escapeEarly: boolean
  readonly maxLifetimeSeconds: number
  readonly scheme: EdgeauthScheme
}

/** Ectoken v3 (token-formats section 2). */
export interface EctokenAccess extends AnyAccess {
  readonly format: 'ectoken'
  readonly keyName: string
  readonly keys: Keyring
  readonly policy: AllOf<EctokenPolicy>
  /** `null`: as in the format, a token without an end is good for ever. */
  readonly maxLifetimeSeconds: number | null
}

/** Every choice made. */
type AllOf<Policy> = { readonly [Key in keyof Policy]-?: Exclude<Policy[Key], undefined> }

/** Opaque tokens with an end (token-formats section 3): sealed with `keys`, or kept in the store. */
export interface TimedAccess extends AnyAccess {
  readonly format: 'timed'
  /** They are kept in the store, where they can be revoked one by one. */
  readonly isKept: boolean
  /** Primary first; `null` where they are kept. */
  readonly sealingKeys: readonly KeyObject[] | null
  readonly realm: string
}

/** Opaque tokens without an end, kept in the store (token-formats section 3). */
export interface ManagedAccess extends AnyAccess {
  readonly format: 'managed'
  readonly realm: string
}

export interface SessionOptions {
  /** In order of preference; the first usable one is handed out. */
  readonly carriers: readonly SessionCarrier[]
  readonly scheme: EdgeauthScheme
  /** `null`: the key derived for the access token that opens the session. */
  readonly signingKey: KeyObject | null
  readonly parameter: string
  /** Fixed salt; '' when `saltHeaders` count. */
  readonly salt: string
  /** Lower case, in configured order. */
  readonly saltHeaders: readonly string[]
  readonly maxLifetimeSeconds: number
  readonly slackSeconds: number
  /** Life of one token of a live session; 0: as long as the session. */
  readonly slidingSeconds: number
  /** A session may be given on as a link that one other device can use. */
  readonly cast: boolean
  readonly reach: readonly string[]
  /** `null`: as many streams of a subject as there may be. */
  readonly limit: ConcurrencyLimit | null
  /** How streams are counted where the site's own server sets the limit for a session; `null`: no key could sign. */
  readonly counting: Omit<ConcurrencyLimit, 'max'> | null
}

/** How many sessions of one subject may play at a time. */
export interface ConcurrencyLimit {
  readonly max: number
  readonly onLimit: 'deny' | 'end-oldest'
  /** A session without requests for so long is not counted. */
  readonly idleSeconds: number
  /** Signs the right to end one of the others. */
  readonly rightKeys: Keyring
}

export interface Denial {
  readonly status: number
  readonly location: string | null
  readonly byReason: Readonly<Partial<Record<PublicReason, number>>>
}
