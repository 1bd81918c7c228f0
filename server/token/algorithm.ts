import { OptionError } from '../../shared/codes.ts'

/** Each hash that EdgeAuth knows, and how many hexadecimal digits its HMAC has. */
export const hmacDigits = { sha256: 64, sha1: 40, md5: 32 } as const

/** SHA-1 and MD5 are there for old tokens only: configuration chooses them, never a token (threat T06). */
export type Algorithm = keyof typeof hmacDigits

/**
 * The algorithm of that name, whatever its case; SHA-256 when none is given.
 *
 * @throws {OptionError} for any other name
 */
export function parseAlgorithm(name: string = 'sha256'): Algorithm {
  const lower = String(name).toLowerCase()
  if (Object.hasOwn(hmacDigits, lower)) return lower as Algorithm
  throw new OptionError([{ path: 'algorithm', message: 'must be sha256, sha1 or md5' }])
}
