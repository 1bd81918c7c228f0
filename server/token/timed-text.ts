import type { KeyObject } from 'node:crypto'
import { OptionError } from '../../shared/codes.ts'
import { parseTime } from '../../shared/token-text.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import { parseClientPrefix } from '../claim/client-prefix.ts'
import { parseReferringDomain } from '../claim/referring-domain.ts'
import {
  deriveKey,
  type KeyInput,
  type Keyring,
  minimumKeyBytes,
  readKeys,
  readSigningKey,
} from './keyring.ts'
import { openText, sealText } from './seal.ts'
import { proven, type Verified } from './verified.ts'

/** What is sealed into a timed token. */
export interface TimedClaims {
  readonly createdAt: EpochSeconds
  /** Good up to this second, the second included. */
  readonly endTime: EpochSeconds
  /** 128 random bits: no two tokens are the same one. */
  readonly id: string
  /** An address, a CIDR block, or whole bytes ending in a dot: see `parseClientPrefix`. */
  readonly clientIp?: string
  /** A domain, in lower case. */
  readonly referrer?: string
}

export const minLifeSeconds = 60
/** A week (spec/token-formats section 3.1). */
export const maxLifeSeconds = 604_800

const prefix = 'pgt_'
const keyLabel = 'timed token v1'

/** Stands between the fields. In none of them: they are numbers, base64url, addresses and domains. */
const delimiter = '~'

/** Has this text the form of a timed token? No form of ours matches two formats. Finding is not opening. */
export function isTimedToken(text: string): boolean {
  return text.startsWith(prefix) && /^[A-Za-z0-9_-]{39,}$/.test(text.slice(prefix.length))
}

function sealingKey(key: KeyObject, path: string): KeyObject {
  const bytes = key.symmetricKeySize ?? 0
  if (bytes >= minimumKeyBytes) return deriveKey(key, keyLabel)
  const message = `has ${bytes} bytes, and needs at least ${minimumKeyBytes}`
  throw new OptionError([{ path, message }])
}

/**
 * The key that seals new tokens. Derived, so that the secret may have other uses beside it (threat T08).
 *
 * @throws {OptionError} (a `TypeError`) when it is no key, or shorter than 16 bytes
 */
export function readTimedKey(key: Keyring | KeyInput): KeyObject {
  return sealingKey(readSigningKey(key), 'key')
}

/**
 * The keys that open tokens, in the order in which they are tried.
 *
 * @throws {OptionError} as `readTimedKey`, naming the position
 */
export function readTimedKeys(keys: Keyring | readonly KeyInput[]): readonly KeyObject[] {
  return readKeys(keys).map((key, index) => sealingKey(key, `keys[${index}]`))
}

/** @param key as `readTimedKey` gives it */
export function sealTimed(
  key: KeyObject,
  { createdAt, endTime, id, clientIp = '', referrer = '' }: TimedClaims,
): string {
  return prefix + sealText(key, [createdAt, endTime, id, clientIp, referrer].join(delimiter))
}

/** Null for what `sealTimed` does not write: another release may seal what this one does not understand. */
function parseClaims(text: string): TimedClaims | null {
  const [created = '', end = '', id = '', clientIp = '', referrer, ...more] = text.split(delimiter)
  const [createdAt, endTime] = [parseTime(created), parseTime(end)]
  if (createdAt === null || endTime === null || referrer === undefined || more.length > 0)
    return null
  if (!/^[A-Za-z0-9_-]{22}$/.test(id)) return null
  if (clientIp !== '' && parseClientPrefix(clientIp) === null) return null
  if (referrer !== '' && parseReferringDomain(referrer) !== referrer) return null
  return {
    createdAt,
    endTime,
    id,
    ...(clientIp !== '' && { clientIp }),
    ...(referrer !== '' && { referrer }),
  }
}

/**
 * What a token says, if one of the keys sealed it; null for all else, without saying what is wrong with it. One
 * token has one text (threat T15). What is opened is not yet allowed: ask `judgeTimed`. Throws for no token.
 *
 * @param keys as `readTimedKeys` gives them: primary, then transition
 */
export function openTimed(
  keys: readonly KeyObject[],
  token: string,
): { readonly claims: Verified<TimedClaims>; readonly keyIndex: number } | null {
  if (!isTimedToken(token)) return null
  for (const [keyIndex, key] of keys.entries()) {
    const text = openText(key, token.slice(prefix.length))
    if (text === null) continue
    const claims = parseClaims(text)
    return claims === null ? null : { claims: proven(claims), keyIndex }
  }
  return null
}
