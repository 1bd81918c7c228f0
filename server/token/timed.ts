import { type KeyObject, randomBytes } from 'node:crypto'
import { OptionError } from '../../shared/codes.ts'
import { type EpochSeconds, epochSeconds } from '../../shared/units.ts'
import { type ClaimAnswer, granted } from '../claim/answer.ts'
import { checkClientPrefix, parseClientPrefix } from '../claim/client-prefix.ts'
import { checkReferringDomain, parseReferringDomain } from '../claim/referring-domain.ts'
import { checkTimeWindow } from '../claim/time-window.ts'
import { readNow } from './clock.ts'
import type { KeyInput, Keyring } from './keyring.ts'
import { refuseUnknown } from './refuse-unknown.ts'
import {
  maxLifeSeconds,
  minLifeSeconds,
  openTimed,
  readTimedKey,
  readTimedKeys,
  sealTimed,
  type TimedClaims,
} from './timed-text.ts'
import type { Verified } from './verified.ts'

export interface TimedFields {
  /** From now to the end: 60 to 604,800 (a week), whole seconds. */
  readonly lifeSeconds: number
  /**
   * Who may use it: an IPv4 or IPv6 address, a CIDR block, or the first one to three bytes of an IPv4 address,
   * ending in a dot (`211.37.` is 211.37.0.0/16). @default anybody
   */
  readonly clientIp?: string | undefined
  /**
   * From whose pages it may be used: a domain, which covers those below it. No scheme, path or port. A client that
   * sends no `Referer` is refused. @default any
   */
  readonly referrer?: string | undefined
  /** The time now, in seconds since 1970. @default the system's clock */
  readonly now?: number | undefined
}

export interface TimedMintOptions {
  /** Hexadecimal, a key object, or a ring, whose primary key seals. At least 16 bytes. */
  readonly key: Keyring | KeyInput
}

/** Who asks. What is not known meets no demand made of it. */
export interface TimedRequest {
  readonly clientIp?: string | undefined
  /** The `Referer` header; null: none. */
  readonly referrer?: string | null | undefined
}

export interface TimedFacts extends TimedRequest {
  readonly now: EpochSeconds
}

export interface TimedVerifyOptions {
  /** Primary key first. Hexadecimal, key objects, or a ring. */
  readonly keys: Keyring | readonly KeyInput[]
  readonly request?: TimedRequest | undefined
  /** Seconds since 1970. @default the system's clock */
  readonly now?: number | undefined
}

/** Why a token is refused: the first check that fails. For your log, not for the client. */
export type TimedReason =
  | 'unreadable'
  | 'not_yet_valid'
  | 'expired'
  | 'ip_mismatch'
  | 'referrer_not_allowed'

export type TimedVerifyResult =
  | {
      readonly valid: true
      readonly claims: Verified<TimedClaims>
      /** Which of `keys` sealed it: 0 the primary, 1 the transition key. */
      readonly keyIndex: number
    }
  | { readonly valid: false; readonly reason: TimedReason }

/** How far ahead the clock of the machine that minted may be. */
const maxClockLeadSeconds = 300
/** What the text of a token has room for. */
const latestTime = 999_999_999_999_999
const idBytes = 16

const fieldNames = { lifeSeconds: true, clientIp: true, referrer: true, now: true } as const

function fail(path: string, message: string): never {
  throw new OptionError([{ path, message }])
}

/** @throws {OptionError} for a life out of bounds */
export function readLife(lifeSeconds: number): number {
  const isFit = Number.isInteger(lifeSeconds) && lifeSeconds >= minLifeSeconds
  return isFit && lifeSeconds <= maxLifeSeconds
    ? lifeSeconds
    : fail('lifeSeconds', `must be whole seconds, ${minLifeSeconds} to ${maxLifeSeconds}`)
}

function readClient(clientIp: string): string {
  if (typeof clientIp === 'string' && parseClientPrefix(clientIp) !== null) return clientIp
  return fail('clientIp', 'must be an address, a CIDR block, or whole bytes ending in a dot')
}

function readDomain(referrer: string): string {
  const domain = typeof referrer === 'string' ? parseReferringDomain(referrer) : null
  return domain ?? fail('referrer', 'must be a domain, without scheme, path and port')
}

/**
 * What a timed or managed token may ask of its bearer, in the form in which it is kept.
 *
 * @throws {OptionError} naming the option
 */
export function readBearer({
  clientIp,
  referrer,
}: Pick<TimedFields, 'clientIp' | 'referrer'>): Pick<TimedClaims, 'clientIp' | 'referrer'> {
  return {
    ...(clientIp !== undefined && { clientIp: readClient(clientIp) }),
    ...(referrer !== undefined && { referrer: readDomain(referrer) }),
  }
}

/** Like `timed.mint`, with a key that `readTimedKey` gave. */
export function mintTimed(key: KeyObject, fields: TimedFields): string {
  refuseUnknown(fields, fieldNames)
  const createdAt = readNow(fields.now)
  const end = createdAt + readLife(fields.lifeSeconds)
  if (end > latestTime) fail('now', 'is too late')
  return sealTimed(key, {
    createdAt,
    endTime: epochSeconds(end),
    id: randomBytes(idBytes).toString('base64url'),
    ...readBearer(fields),
  })
}

/**
 * Time, address and referring page, in this order. Good in the very second of its end; not good when it was made
 * more than five minutes from now.
 */
export function judgeTimed(
  claims: Verified<TimedClaims>,
  facts: TimedFacts,
): ClaimAnswer<Exclude<TimedReason, 'unreadable'>> {
  const { createdAt, endTime, clientIp, referrer } = claims
  const startTime = epochSeconds(Math.max(0, createdAt - maxClockLeadSeconds))
  const time = checkTimeWindow({ startTime, endTime }, { now: facts.now, clockSkewSeconds: 0 })
  if (!time.ok) return time
  const client = clientIp === undefined ? granted : checkClientPrefix({ client: clientIp }, facts)
  if (!client.ok) return client
  return referrer === undefined ? granted : checkReferringDomain({ domain: referrer }, facts)
}

/**
 * Makes a timed token: opaque text that is good for everything under its key, for a while, for the clients and
 * pages named. Nothing is stored, so it cannot be revoked singly.
 *
 * @throws {OptionError} (a `TypeError`) whose message begins with the option's name
 */
function mint(fields: TimedFields, options: TimedMintOptions): string {
  refuseUnknown(options, { key: true })
  return mintTimed(readTimedKey(options.key), fields)
}

/**
 * Opens a timed token with each key in turn, and judges a request by it.
 *
 * @throws {OptionError} (a `TypeError`) for options that make no sense; never for any token
 */
function verify(token: string, { keys, request = {}, now }: TimedVerifyOptions): TimedVerifyResult {
  const readKeys = readTimedKeys(keys)
  const time = readNow(now)
  const opened = typeof token === 'string' ? openTimed(readKeys, token) : null
  if (opened === null) return { valid: false, reason: 'unreadable' }
  const { clientIp, referrer } = request
  const answer = judgeTimed(opened.claims, { clientIp, referrer, now: time })
  return answer.ok ? { valid: true, ...opened } : { valid: false, reason: answer.reason }
}

/** Timed tokens: make one, judge a request by one. */
export const timed = { mint, verify } as const
