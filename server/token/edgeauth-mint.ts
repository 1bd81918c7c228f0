import type { KeyObject } from 'node:crypto'
import { isAclWithinBounds, maxAclEntries, maxAclLength } from '../../shared/acl.ts'
import { OptionError } from '../../shared/codes.ts'
import { parseAddress } from '../claim/address.ts'
import { type Algorithm, parseAlgorithm } from './algorithm.ts'
import { systemTime } from './clock.ts'
import { type EscapeProfile, escapeEarly, isEscapeProfile } from './escape.ts'
import { type KeyInput, type Keyring, readSigningKey } from './keyring.ts'
import { makeMac } from './mac.ts'
import { refuseUnknown } from './refuse-unknown.ts'
import { signedText } from './signed-text.ts'

/** What to put into a token, and how to write it. Empty texts count as not given. */
export interface MintFields {
  /** `acl`: good for what an ACL covers. `url`: good for one URL, which the token does not show. */
  readonly mode: 'acl' | 'url'
  /** An ACL as text (alternatives joined with `!`) or as a list of entries; or the URL: path and query. */
  readonly path: string | readonly string[]
  /** `sha256`, `sha1` or `md5`, in any case. @default 'sha256' */
  readonly algorithm?: string | undefined
  /** Seconds since 1970. Left out: good from the beginning of time. */
  readonly startTime?: number | undefined
  /** Seconds since 1970. Wins over `windowSeconds`; one of them must be given. */
  readonly endTime?: number | undefined
  /** Seconds from the start, or from now when there is no start, to the end. */
  readonly windowSeconds?: number | undefined
  /** The one client address that may use the token. */
  readonly ip?: string | undefined
  readonly sessionId?: string | undefined
  readonly payload?: string | undefined
  /** Signed, but not in the token: the verifier has to know it. */
  readonly salt?: string | undefined
  /** Percent-escape `ip`, `sessionId`, `payload` and the URL before signing. @default false */
  readonly escapeEarly?: boolean | undefined
  /** Whose escaping. Only `akamai-node` escapes `~`. @default 'akamai-node' */
  readonly escapeProfile?: EscapeProfile | undefined
  /** Verifiers expect the default. @default '~' */
  readonly fieldDelimiter?: string | undefined
  /** Verifiers expect the default. @default '!' */
  readonly aclDelimiter?: string | undefined
  /** The time now, in seconds since 1970. @default the system's clock */
  readonly now?: number | undefined
}

export interface MintOptions extends MintFields {
  /** Hexadecimal, a key object, or a ring, whose primary key signs. */
  readonly key: Keyring | KeyInput
}

const optionNames = {
  mode: true,
  path: true,
  algorithm: true,
  startTime: true,
  endTime: true,
  windowSeconds: true,
  ip: true,
  sessionId: true,
  payload: true,
  salt: true,
  escapeEarly: true,
  escapeProfile: true,
  fieldDelimiter: true,
  aclDelimiter: true,
  now: true,
  key: true,
} as const

/** Fifteen digits: what a verifier reads, and exact as a number. */
const latestTime = 999_999_999_999_999

function fail(path: string, message: string): never {
  throw new OptionError([{ path, message }])
}

interface Writing {
  readonly fieldDelimiter: string
  readonly aclDelimiter: string
  /** Null: values are written as they are. */
  readonly profile: EscapeProfile | null
}

function readDelimiter(path: string, value: string): string {
  // Never part of a field's name, of a time, of an escape or of a path, and safe to carry.
  return /^[!$'()+,:<>@[\]^`{|}~]$/.test(value) ? value : fail(path, 'must be one punctuation mark')
}

function readWriting(options: MintFields): Writing {
  const fieldDelimiter = readDelimiter('fieldDelimiter', options.fieldDelimiter ?? '~')
  const aclDelimiter = readDelimiter('aclDelimiter', options.aclDelimiter ?? '!')
  if (fieldDelimiter === aclDelimiter) fail('aclDelimiter', 'must differ from fieldDelimiter')
  const profile = options.escapeProfile ?? 'akamai-node'
  if (!isEscapeProfile(profile)) fail('escapeProfile', 'must be akamai-node or akamai-python')
  return { fieldDelimiter, aclDelimiter, profile: options.escapeEarly === true ? profile : null }
}

function readText(path: string, value: string | undefined): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : fail(path, 'must be text')
}

function escaped(path: string, text: string, profile: EscapeProfile | null): string {
  if (profile === null) return text
  try {
    return escapeEarly(text, profile)
  } catch {
    return fail(path, 'holds half a surrogate pair')
  }
}

/**
 * Whoever chooses a value must not be able to write another field with it (threat T10). The default
 * delimiter is refused even where another is configured: the bytes signed are the same for a reader that
 * expects it. One exception is safe: `akamai-python` leaves `~` alone but escapes every `=`, and without
 * one there is no field; our own verifier refuses such a token as malformed.
 */
function refuseDelimiters(path: string, text: string, writing: Writing): void {
  const isTildeSafe = writing.profile === 'akamai-python'
  for (const mark of new Set(['~', writing.fieldDelimiter])) {
    if (mark === '~' && isTildeSafe) continue
    if (text.includes(mark)) fail(path, `must not hold ${mark}, which separates fields`)
  }
}

/** Blanks, controls, non-ASCII and `;"\` do not survive every cookie, header and URL. */
function refuseUnsafe(path: string, text: string): void {
  if (/[^!-~]|[;"\\]/.test(text)) {
    fail(path, 'holds characters that cannot be carried; escape them, or turn escapeEarly on')
  }
}

function readValue(path: string, value: string | undefined, writing: Writing): string {
  const text = escaped(path, readText(path, value), writing.profile)
  refuseDelimiters(path, text, writing)
  refuseUnsafe(path, text)
  return text
}

function readAcl(path: MintFields['path'], writing: Writing): string {
  const { aclDelimiter } = writing
  const entries: readonly unknown[] = typeof path === 'string' ? [path] : path
  if (!Array.isArray(entries) || entries.length === 0)
    fail('path', 'must be an ACL or a list of entries')
  for (const entry of entries) {
    if (typeof entry !== 'string' || entry === '') fail('path', 'holds an empty ACL entry')
    if (typeof path !== 'string' && (entry.includes('!') || entry.includes(aclDelimiter))) {
      fail('path', 'holds an ACL entry with a delimiter in it')
    }
  }
  const acl = entries.join(aclDelimiter)
  refuseDelimiters('path', acl, { ...writing, profile: null })
  refuseUnsafe('path', acl)
  if (!isAclWithinBounds(acl)) {
    fail('path', `must not exceed ${maxAclEntries} entries and ${maxAclLength} characters`)
  }
  return acl
}

function readUrl(path: MintFields['path'], writing: Writing): string {
  if (typeof path !== 'string' || path === '') fail('path', 'must be the path of a URL')
  // Not carried in the token, so only what can never stand in a request line is refused here.
  if (/[^ -~\u00a0-\uffff]/.test(path)) fail('path', 'holds control characters')
  const url = escaped('path', path, writing.profile)
  refuseDelimiters('path', url, writing)
  return url
}

function readTime(path: string, value: number | undefined): number | undefined {
  if (value === undefined) return undefined
  if (Number.isInteger(value) && value > 0 && value <= latestTime) return value
  return fail(path, 'must be a whole, positive number of seconds')
}

interface Times {
  readonly start: number | undefined
  readonly end: number
}

function readTimes(options: MintFields): Times {
  const start = readTime('startTime', options.startTime)
  const end = readTime('endTime', options.endTime) ?? endOfWindow(options, start)
  if (start !== undefined && end <= start) fail('endTime', 'must be after startTime')
  return { start, end }
}

function endOfWindow(options: MintFields, start: number | undefined): number {
  const window = readTime('windowSeconds', options.windowSeconds)
  if (window === undefined) return fail('endTime', 'give endTime or windowSeconds')
  const begin = start ?? readTime('now', options.now) ?? systemTime()
  const end = begin + window
  return end <= latestTime ? end : fail('windowSeconds', 'ends too late')
}

/** Like `mintEdgeauth`, with a key that was read before. */
export function mintWithKey(options: MintFields, key: KeyObject): string {
  const algorithm: Algorithm = parseAlgorithm(options.algorithm)
  const writing = readWriting(options)
  const { start, end } = readTimes(options)
  const ip = readText('ip', options.ip)
  if (ip !== '' && parseAddress(ip) === null) fail('ip', 'must be one IPv4 or IPv6 address')
  if (options.mode !== 'acl' && options.mode !== 'url') fail('mode', 'must be acl or url')
  const isAcl = options.mode === 'acl'
  const scope = isAcl ? readAcl(options.path, writing) : readUrl(options.path, writing)
  const salt = readText('salt', options.salt)
  refuseDelimiters('salt', salt, { ...writing, profile: null })

  const values: readonly (readonly [name: string, value: string])[] = [
    ['ip', readValue('ip', ip, writing)],
    ['st', start === undefined ? '' : String(start)],
    ['exp', String(end)],
    ['acl', isAcl ? scope : ''],
    ['id', readValue('sessionId', options.sessionId, writing)],
    ['data', readValue('payload', options.payload, writing)],
  ]
  const delimiter = writing.fieldDelimiter
  const fields = values
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${value}`)
    .join(delimiter)
  const text = signedText({ fields, url: isAcl ? null : scope, salt, delimiter })
  return `${fields}${delimiter}hmac=${makeMac(algorithm, key, text)}`
}

/**
 * Makes an EdgeAuth 2.0 token (spec/token-formats sections 1.1 to 1.4): the text alone, to be placed as
 * `hdnts=…` into a URL, a cookie or a header.
 *
 * A key shorter than 16 bytes is taken, as the published vectors need it; a server's configuration
 * refuses such keys.
 *
 * @throws {OptionError} (a `TypeError`) whose message begins with the option's name: a name that is none, no
 *   end, an end not after the start, a start of 0, a bad key or algorithm, an empty ACL, delimiters inside
 *   values, and characters that URLs, cookies or headers cannot carry
 */
export function mintEdgeauth(options: MintOptions): string {
  refuseUnknown(options, optionNames)
  const { key, ...fields } = options
  return mintWithKey(fields, readSigningKey(key))
}
