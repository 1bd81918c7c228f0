import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Algorithm } from './algorithm.ts'

/** The HMAC of a text (as UTF-8) in lower-case hexadecimal (RFC 2104). */
export function makeMac(algorithm: Algorithm, key: KeyObject, text: string): string {
  return createHmac(algorithm, key).update(text, 'utf8').digest('hex')
}

/**
 * Is this the HMAC of that text? Compared in constant time over the whole length; a value of any other
 * length, or one that is not hexadecimal, is simply not it (threats T02 and T03).
 */
export function isMac(algorithm: Algorithm, key: KeyObject, text: string, macHex: string): boolean {
  const expected = createHmac(algorithm, key).update(text, 'utf8').digest()
  if (macHex.length !== expected.length * 2) return false
  const given = Buffer.from(macHex, 'hex')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

const comparisonKey = randomBytes(32)

/**
 * Are two secret texts equal? For passwords of the admin API and the like. Both are hashed under a key of
 * this process first, so neither the time taken nor the outcome tells of lengths or common beginnings.
 */
export function isSameSecret(one: string, other: string): boolean {
  const digest = (text: string) => createHmac('sha256', comparisonKey).update(text, 'utf8').digest()
  return timingSafeEqual(digest(one), digest(other))
}
