import { OptionError } from '../../shared/codes.ts'
import { parseAlgorithm } from './algorithm.ts'
import { readNow } from './clock.ts'
import { locateEdgeauth } from './edgeauth-locate.ts'
import { mintEdgeauth } from './edgeauth-mint.ts'
import {
  type EdgeauthClaims,
  type EdgeauthReason,
  type EdgeauthRequest,
  type EdgeauthScheme,
  verifyReceived,
  verifyToken,
} from './edgeauth-verify.ts'
import { type EscapeProfile, isEscapeProfile } from './escape.ts'
import { type KeyInput, type Keyring, readKeys } from './keyring.ts'
import type { Verified } from './verified.ts'

export interface VerifyOptions {
  /** Path of the request exactly as in the request line, without query and without a token in it. */
  readonly path: string
  /** Query without `?` and without the token's own parameter. Counts for URL tokens. @default '' */
  readonly query?: string | undefined
  /** Was the query left out when URL tokens were signed? @default false */
  readonly ignoreQueryString?: boolean | undefined
  /** Address of the client. Without it, tokens bound to an address are refused. */
  readonly clientIp?: string | undefined
  /** Seconds since 1970. @default the system's clock */
  readonly now?: number | undefined
  /** Seconds of clock difference forgiven at both ends of the window. @default 0 */
  readonly clockSkewSeconds?: number | undefined
  /** Primary key first. Hexadecimal, key objects, or a ring. */
  readonly keys: Keyring | readonly KeyInput[]
  /** `sha256`, `sha1` or `md5`, in any case. Never taken from the token. @default 'sha256' */
  readonly algorithm?: string | undefined
  /** What was appended to the signed text. @default '' */
  readonly salt?: string | undefined
  /** How URL tokens were escaped before signing; left out: not, unless `escapeEarly` is on. */
  readonly urlEscape?: 'node' | 'python' | undefined
  /** Were URLs escaped before signing? The name that `mint` has for it. @default false */
  readonly escapeEarly?: boolean | undefined
  /** Whose escaping `escapeEarly` means. @default 'akamai-node' */
  readonly escapeProfile?: EscapeProfile | undefined
  /**
   * Also try the token percent-decoded once, when as received it is no good: for text straight from a
   * request, which clients and proxies may have encoded. @default false
   */
  readonly retryDecoded?: boolean | undefined
}

export type VerifyResult =
  | {
      readonly valid: true
      readonly claims: Verified<EdgeauthClaims>
      /** Which of `keys` signed: 0 the primary, 1 the transition key. */
      readonly keyIndex: number
      /** The text that verified: as given, or decoded once. */
      readonly token: string
    }
  | { readonly valid: false; readonly reason: EdgeauthReason }

function fail(path: string, message: string): never {
  throw new OptionError([{ path, message }])
}

const profiles = { node: 'akamai-node', python: 'akamai-python' } as const

function readUrlEscape(options: VerifyOptions): EscapeProfile | null {
  const { urlEscape, escapeProfile = 'akamai-node' } = options
  if (!isEscapeProfile(escapeProfile)) fail('escapeProfile', 'must be akamai-node or akamai-python')
  if (urlEscape === undefined) return options.escapeEarly === true ? escapeProfile : null
  return Object.hasOwn(profiles, urlEscape)
    ? profiles[urlEscape]
    : fail('urlEscape', 'must be node or python')
}

function readOptionalText(path: string, value: string | undefined): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : fail(path, 'must be text')
}

/** How `EdgeauthScheme` is read from options; configurations use it too. */
export function readScheme(
  options: Pick<
    VerifyOptions,
    | 'keys'
    | 'algorithm'
    | 'urlEscape'
    | 'escapeEarly'
    | 'escapeProfile'
    | 'ignoreQueryString'
    | 'clockSkewSeconds'
  >,
): EdgeauthScheme {
  const clockSkewSeconds = options.clockSkewSeconds ?? 0
  if (!Number.isFinite(clockSkewSeconds) || clockSkewSeconds < 0) {
    fail('clockSkewSeconds', 'must be a length of time in seconds')
  }
  return {
    keys: readKeys(options.keys),
    algorithm: parseAlgorithm(options.algorithm),
    urlEscape: readUrlEscape({ path: '', ...options }),
    ignoreQueryString: options.ignoreQueryString === true,
    clockSkewSeconds,
  }
}

/**
 * Checks an EdgeAuth 2.0 token against a request, in the order of spec/token-formats section 1.5: form,
 * path, signature with each key, time, address, ACL. The first failure is the reason. The token is taken
 * as it is; for text straight from a request see `retryDecoded`.
 *
 * @throws {OptionError} (a `TypeError`) for options that make no sense; never for any token
 */
function verify(token: string, options: VerifyOptions): VerifyResult {
  const scheme = readScheme(options)
  if (typeof options.path !== 'string') fail('path', 'must be the path of the request')
  const request: EdgeauthRequest = {
    path: options.path,
    query: readOptionalText('query', options.query),
    salt: readOptionalText('salt', options.salt),
    clientIp: options.clientIp,
    now: readNow(options.now),
  }
  if (typeof token !== 'string') return { valid: false, reason: 'malformed' }
  const check = options.retryDecoded === true ? verifyReceived : verifyToken
  const outcome = check(token, scheme, request)
  if (!outcome.ok) return { valid: false, reason: outcome.reason }
  const { claims, keyIndex, token: verifiedText } = outcome
  return { valid: true, claims, keyIndex, token: verifiedText }
}

/** EdgeAuth 2.0 tokens: make one, check one, find them in a request. */
export const edgeauth = { mint: mintEdgeauth, verify, locate: locateEdgeauth } as const
