import { createSecretKey, hkdfSync, KeyObject } from 'node:crypto'
import { OptionError } from '../../shared/codes.ts'

/** Fewer bytes than this can be searched for (RFC 8725 section 3.5). */
export const minimumKeyBytes = 16

/** Keys of worked examples in documentation. Compared in lower case. */
const documentationKeys: ReadonlySet<string> = new Set([
  'aabbccddeeff00112233445566778899',
  // Of our own README.
  '5d1f0c7a9be24e63a8d1f3b07c9e2a4d',
])

function complaintAboutHex(text: string): string | null {
  if (text === '') return 'is empty'
  if (!/^[0-9A-Fa-f]+$/.test(text)) return 'must be hexadecimal digits only'
  return text.length % 2 === 0 ? null : 'has an odd number of hexadecimal digits'
}

/**
 * A key from hexadecimal text of either case and any length. `Buffer.from(text, 'hex')` alone would cut
 * the key at the first bad digit, down to an empty one (spec/token-formats section 1.4).
 *
 * @param path how the option is named in the message; the text itself never is
 * @throws {OptionError} (a `TypeError`) saying what is wrong: empty, not hexadecimal, odd
 */
export function parseHexKey(text: string, path = 'key'): KeyObject {
  const message = typeof text === 'string' ? complaintAboutHex(text) : 'must be hexadecimal text'
  if (message !== null) throw new OptionError([{ path, message }])
  return createSecretKey(text, 'hex')
}

/**
 * What is wrong with a key for use in a configuration, each as the end of a sentence; empty when nothing
 * is (threat T07). Verifying old tokens in a test may need a bad key; a running server never does.
 */
export function judgeKey(hex: string): string[] {
  const unreadable = complaintAboutHex(hex)
  if (unreadable !== null) return [unreadable]
  const complaints: string[] = []
  if (hex.length / 2 < minimumKeyBytes) {
    complaints.push(`has ${hex.length / 2} bytes, and needs at least ${minimumKeyBytes}`)
  }
  if (/^(..)\1*$/.test(hex.toLowerCase())) complaints.push('is one byte over and over')
  if (documentationKeys.has(hex.toLowerCase())) complaints.push('is an example from documentation')
  return complaints
}

/** Characters of a pass phrase; 22 random letters and digits are the 16 bytes asked of other keys. */
const minimumPhraseLength = 22

/**
 * What is wrong with a pass phrase for use in a configuration, as `judgeKey` says it. The format hashes it once and without salt, so it
 * can be searched for with one token at hand (token-formats section 2.5 no. 7).
 */
export function judgePassPhrase(text: string): string[] {
  if (text === '') return ['is empty']
  const complaints: string[] = []
  const minimum = /^[0-9A-Fa-f]+$/.test(text) ? 2 * minimumKeyBytes : minimumPhraseLength
  if (text.length < minimum) {
    complaints.push(`has ${text.length} characters, and needs at least ${minimum}`)
  }
  if (new Set(text).size < 6) complaints.push('is a few characters over and over')
  if (documentationKeys.has(text.toLowerCase())) complaints.push('is an example from documentation')
  return complaints
}

/**
 * A key of 32 bytes for one purpose, derived with HKDF-SHA256 (RFC 5869), so that what was signed for one
 * purpose is worth nothing for another (threat T08). The same secret and label give the same key in each
 * process and release.
 *
 * @param label names the purpose, such as `session`
 */
export function deriveKey(secret: KeyObject, label: string): KeyObject {
  const bytes = hkdfSync('sha256', secret, new Uint8Array(), `playgate ${label}`, 32)
  return createSecretKey(Buffer.from(bytes))
}

function nameOf(secret: KeyObject): string {
  return deriveKey(secret, 'name of a secret v1').export().toString('hex').slice(0, 32)
}

/** What stands where a key is due: hexadecimal text, or a key object made before. */
export type KeyInput = string | KeyObject

function keyFrom(input: KeyInput, path: string): KeyObject {
  if (!(input instanceof KeyObject)) return parseHexKey(input, path)
  if (input.type === 'secret') return input
  throw new OptionError([{ path, message: 'must be a secret key' }])
}

/**
 * The key that signs, and the one that also verifies while keys are being changed (threat T26). The bytes
 * stay inside key objects; printing a ring, or putting it into JSON, shows nothing.
 */
export class Keyring {
  /** Signs, and is tried first. */
  readonly primary: KeyObject
  /** Is tried second. Taking it away ends the tokens it signed. */
  readonly transition: KeyObject | undefined
  /** All keys, in the order in which they are tried. */
  readonly all: readonly KeyObject[]

  /** @throws {OptionError} for text that is no key */
  constructor(primary: KeyInput, transition?: KeyInput) {
    this.primary = keyFrom(primary, 'keys[0]')
    this.transition = transition === undefined ? undefined : keyFrom(transition, 'keys[1]')
    this.all = this.transition === undefined ? [this.primary] : [this.primary, this.transition]
    this.secretNames = this.all.map((key) => nameOf(key))
  }

  /**
   * A name for each secret, in the order of `all`: the same wherever that secret stands, in which ring and under which name, and telling nothing
   * of it.
   */
  readonly secretNames: readonly string[]

  /** The ring of the keys derived from these for one purpose. */
  derive(label: string): Keyring {
    return this.transition === undefined
      ? new Keyring(deriveKey(this.primary, label))
      : new Keyring(deriveKey(this.primary, label), deriveKey(this.transition, label))
  }

  toJSON(): string {
    return '[Keyring]'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[Keyring]'
  }
}

/**
 * The keys that a verifier tries, in order.
 *
 * @throws {OptionError} for an empty list, and for an element that is no key, naming its position
 */
export function readKeys(keys: Keyring | readonly KeyInput[]): readonly KeyObject[] {
  if (keys instanceof Keyring) return keys.all
  if (!Array.isArray(keys) || keys.length === 0) {
    throw new OptionError([{ path: 'keys', message: 'must hold at least one key' }])
  }
  return keys.map((key, index) => keyFrom(key, `keys[${index}]`))
}

/**
 * The key that signs.
 *
 * @throws {OptionError} when it is no key
 */
export function readSigningKey(key: Keyring | KeyInput): KeyObject {
  return key instanceof Keyring ? key.primary : keyFrom(key, 'key')
}
