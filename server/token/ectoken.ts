import type { KeyObject } from 'node:crypto'
import { OptionError } from '../../shared/codes.ts'
import { epochSeconds } from '../../shared/units.ts'
import { systemTime } from './clock.ts'
import { type EctokenPolicy, type EctokenReason, judgeParams } from './ectoken-check.ts'
import { locateEctoken } from './ectoken-locate.ts'
import { type OpenedEctoken, openEctoken } from './ectoken-open.ts'
import { parseParams } from './ectoken-params.ts'
import {
  type EctokenInput,
  readParams,
  serializeCalls,
  serializeParams,
} from './ectoken-serialize.ts'
import { refuseUnknown } from './refuse-unknown.ts'
import { isWellFormed, maxPlaintextBytes, nonceBytes, parsePassPhrase, sealText } from './seal.ts'

export interface SealOptions {
  /** A pass phrase: text, not hexadecimal bytes. Best 32 random bytes, written as 64 digits. */
  readonly key: string
  /**
   * 12 bytes, or 24 hexadecimal digits. For comparing with tokens made elsewhere and nothing else: one
   * used twice under a key breaks the key. @default random
   */
  readonly iv?: string | Uint8Array | undefined
}

export interface OpenOptions {
  /** Pass phrases, tried in order: primary, then backup. */
  readonly keys: readonly string[]
}

export type OpenResult =
  | ({ readonly valid: true } & OpenedEctoken)
  | { readonly valid: false; readonly reason: 'unreadable' }

export interface CheckRequest {
  /** Path of the request exactly as in the request line, without query. */
  readonly path: string
  /** The `Host` header. */
  readonly host?: string | undefined
  /** `http` or `https`. */
  readonly proto?: string | undefined
  readonly clientIp?: string | undefined
  /** Two letters (ISO 3166-1), from your own look-up and never from the client; null: not known. */
  readonly country?: string | null | undefined
  /** The `Referer` header; null: none. */
  readonly referrer?: string | null | undefined
  /** Seconds since 1970. @default the system's clock */
  readonly now?: number | undefined
}

export type CheckResult =
  | { readonly allow: true }
  | { readonly allow: false; readonly reason: EctokenReason }

function fail(path: string, message: string): never {
  throw new OptionError([{ path, message }])
}

function readIv(iv: string | Uint8Array | undefined): Uint8Array | undefined {
  if (iv === undefined) return undefined
  if (typeof iv === 'string' && /^[0-9A-Fa-f]{24}$/.test(iv)) return Buffer.from(iv, 'hex')
  if (iv instanceof Uint8Array && iv.length === nonceBytes) return iv
  return fail('iv', 'must be 12 bytes, or 24 hexadecimal digits')
}

function readPlaintext(text: string): string {
  if (!isWellFormed(text)) fail('params', 'holds half a surrogate pair')
  if (text === '') fail('params', 'demands nothing')
  if (Buffer.byteLength(text) > maxPlaintextBytes) {
    fail('params', `must not exceed ${maxPlaintextBytes} bytes`)
  }
  return text
}

/**
 * Makes an ectoken v3 (spec/token-formats section 2.1), to be placed as `?TOKEN` or as a parameter.
 * Parameters are judged; a text is sealed as it is, so never build one from values that somebody else
 * chooses (threat T10). A CDN takes tokens of at most 512 characters, which is 356 bytes of text.
 *
 * A short key is taken, as the published vectors need it; anybody with a token can search for it.
 *
 * @throws {OptionError} (a `TypeError`) whose message begins with the name of the option or parameter: a
 *   name that is none, an empty key, nothing to seal, more than 4096 bytes, and what `EctokenParams` cannot be
 */
function seal(params: EctokenInput | string, options: SealOptions): string {
  refuseUnknown(options, { key: true, iv: true })
  const { key, iv } = options
  const text = typeof params === 'string' ? params : serializeParams(params)
  return sealText(parsePassPhrase(key), readPlaintext(text), readIv(iv))
}

function readPassPhrases(keys: readonly string[]): readonly KeyObject[] {
  if (!Array.isArray(keys) || keys.length === 0) fail('keys', 'must hold at least one key')
  return keys.map((key, index) => parsePassPhrase(key, `keys[${index}]`))
}

/**
 * Opens an ectoken v3 with each key in turn. Takes the canonical spelling alone, so one token has one text.
 * There is one reason only: which of spelling, length, key or tag was wrong is nobody's business
 * (spec/token-formats section 2.5 no. 8). What is opened is proven to be sealed with the key, and not yet
 * allowed: ask `check`.
 *
 * @throws {OptionError} (a `TypeError`) for keys that are none; never for any token
 */
function open(token: string, { keys }: OpenOptions): OpenResult {
  const readKeys = readPassPhrases(keys)
  if (typeof token !== 'string') return { valid: false, reason: 'unreadable' }
  const opened = openEctoken(readKeys, token)
  return opened === null ? { valid: false, reason: 'unreadable' } : { valid: true, ...opened }
}

/**
 * Does the request meet every demand of these parameters, or of the text of an opened token
 * (spec/token-formats section 2.3)? What is not understood, not known or not readable is refused. Never
 * throws for what a token or a client says. The reason is for your log, not for the client.
 */
function check(
  params: EctokenInput | string,
  request: CheckRequest,
  policy: EctokenPolicy = {},
): CheckResult {
  const { path, now, ...facts } = request
  const read = typeof params === 'string' ? parseParams(params) : readParams(params)
  if (typeof path !== 'string') return { allow: false, reason: 'path_not_allowed' }
  const answer = judgeParams(read, { ...facts, path, now: readNow(now) }, policy)
  return answer.ok ? { allow: true } : { allow: false, reason: answer.reason }
}

function readNow(now: number | undefined) {
  if (now === undefined) return systemTime()
  return Number.isSafeInteger(now) && now >= 0 ? epochSeconds(now) : null
}

/** Ectoken v3 (Edgecast, Verizon, Azure CDN): make one, open one, judge a request by it, find it there. */
export const ectoken = {
  seal,
  open,
  check,
  serialize: serializeCalls,
  locate: locateEctoken,
} as const
