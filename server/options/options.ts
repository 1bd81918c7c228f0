import type { KeyObject } from 'node:crypto'
import type { PublicReason } from '../../shared/codes.ts'
import type { AddressSet } from '../claim/address-set.ts'
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
  readonly cache: { readonly playlistBytes: number }
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
export type SessionCarrier = 'query' | 'path' | 'cookie' | 'header' | 'player'

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
  /** `null`: every request needs the access token. */
  readonly session: SessionOptions | null
  readonly cors: { readonly anyOrigin: boolean; readonly origins: ReadonlySet<string> }
  readonly denial: Denial
}

export interface RuleMatch {
  /** Lower case; `*.` in front stands for one or more labels. `null`: any host. */
  readonly hosts: readonly string[] | null
  readonly paths: readonly string[]
  readonly ignoreCase: boolean
}

export interface AccessOptions {
  readonly format: 'edgeauth'
  readonly keyName: string
  readonly keys: Keyring
  /** Derived from `keys` and `salt`: for the sessions that these access tokens open. */
  readonly sessionKeys: Keyring
  readonly parameter: string
  readonly carriers: readonly AccessCarrier[]
  readonly salt: string
  readonly escapeEarly: boolean
  readonly maxLifetimeSeconds: number
  readonly scheme: EdgeauthScheme
  /** `null`: good until its end; else the seconds in which the same client may use it again. */
  readonly singleUse: { readonly graceSeconds: number } | null
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
  readonly reach: readonly string[]
  /** `null`: as many streams of a subject as there may be. */
  readonly limit: ConcurrencyLimit | null
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
