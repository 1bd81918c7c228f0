import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { OptionError } from '../../shared/codes.ts'

const cipher = 'aes-256-gcm'
/** 96 bits, the length for which GCM is defined without a detour (NIST SP 800-38D section 8.2). */
export const nonceBytes = 12
/** Whole tags only: some Node lines take one of 4 bytes unless told otherwise (threat T04, Node DEP0182). */
const tagBytes = 16

/** Longest text sealed, in bytes of UTF-8: what the C library takes (spec/token-formats section 2.1). */
export const maxPlaintextBytes = 4096
/** Longest token opened, in characters: what the C library takes (spec/token-formats section 2.1). */
export const maxSealedLength = 6144

/** Half a surrogate pair has no UTF-8: two such texts would be one. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

/**
 * The key that a pass phrase stands for: SHA-256 over its UTF-8, with no salt and no repetition
 * (spec/token-formats section 2.1). So a phrase that can be guessed can be searched for with one token at
 * hand: use 32 random bytes, written as 64 hexadecimal digits.
 *
 * @param path how the option is named in the message; the phrase itself never is
 * @throws {OptionError} for an empty phrase, and for what is no well-formed text
 */
export function parsePassPhrase(phrase: string, path = 'key'): KeyObject {
  if (typeof phrase !== 'string' || !isWellFormed(phrase)) {
    throw new OptionError([{ path, message: 'must be a pass phrase, as text' }])
  }
  if (phrase === '') throw new OptionError([{ path, message: 'is empty' }])
  return createSecretKey(createHash('sha256').update(phrase, 'utf8').digest())
}

/**
 * Seals a text: `base64url( iv | ciphertext | tag )`, unpadded (spec/token-formats section 2.1).
 *
 * The nonce is random for every call (threat T05). Random nonces are good for about 2^32 tokens under one
 * key (NIST SP 800-38D section 8.3): change the key before. One nonce used twice breaks the key.
 *
 * @param iv for comparing with tokens made elsewhere; otherwise leave it out
 * @throws {RangeError} when `iv` has not 12 bytes
 */
export function sealText(
  key: KeyObject,
  text: string,
  iv: Uint8Array = randomBytes(nonceBytes),
): string {
  if (iv.length !== nonceBytes) throw new RangeError(`a nonce has ${nonceBytes} bytes`)
  const sealing = createCipheriv(cipher, key, iv, { authTagLength: tagBytes })
  const body = Buffer.concat([sealing.update(text, 'utf8'), sealing.final()])
  return Buffer.concat([iv, body, sealing.getAuthTag()]).toString('base64url')
}

/** The bytes of a token in its one canonical spelling, or null: one token has one text (threat T15). */
function decodeCanonical(token: string): Buffer | null {
  if (token.length > maxSealedLength) return null
  const bytes = Buffer.from(token, 'base64url')
  return bytes.toString('base64url') === token ? bytes : null
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

/**
 * The text that was sealed with that key, or null: without saying whether spelling, length, tag or UTF-8
 * is to blame (spec/token-formats section 2.5 no. 8). An empty text counts as none. Throws for no token.
 */
export function openText(key: KeyObject, token: string): string | null {
  const bytes = decodeCanonical(token)
  if (bytes === null || bytes.length <= nonceBytes + tagBytes) return null
  const opening = createDecipheriv(cipher, key, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
  opening.setAuthTag(bytes.subarray(-tagBytes))
  const unproven = opening.update(bytes.subarray(nonceBytes, -tagBytes))
  try {
    return decodeUtf8(Buffer.concat([unproven, opening.final()]))
  } catch {
    return null
  }
}
