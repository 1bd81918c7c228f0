import { createPublicKey, createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import {
  deriveKey,
  judgeKey,
  Keyring,
  parseHexKey,
  readKeys,
  readSigningKey,
} from '../../../server/token/keyring.ts'

const good = '5f1c9a04e7d83b626a4f90bb1d27c35e'
const other = '93b07ac41de8562fa90c37de64f1b825'

const hexOf = (key: KeyObject) => key.export().toString('hex')

describe('parseHexKey', () => {
  it.each(['00', good, good.toUpperCase(), good.repeat(8)])('takes %s', (text) => {
    expect(hexOf(parseHexKey(text))).toBe(text.toLowerCase())
  })

  it.each([
    ['', 'is empty'],
    ['YourEncryptionKey', 'must be hexadecimal digits only'],
    ['aa bb', 'must be hexadecimal digits only'],
    ['aabb\n', 'must be hexadecimal digits only'],
    ['0xaabb', 'must be hexadecimal digits only'],
    ['aabbcc0g', 'must be hexadecimal digits only'],
    ['abc', 'has an odd number of hexadecimal digits'],
  ])('refuses %j: %s', (text, message) => {
    expect(() => parseHexKey(text)).toThrow(TypeError)
    expect(() => parseHexKey(text, 'keys[1]')).toThrow(`keys[1]: ${message}`)
  })

  it('does not put the key into its message', () => {
    expect(() => parseHexKey('aabbccddeeZZ')).toThrow(/^(?!.*aabbcc)/)
  })
})

describe('judgeKey', () => {
  it.each([good, good.toUpperCase(), good + other])('has nothing to say about %s', (hex) => {
    expect(judgeKey(hex)).toEqual([])
  })

  it.each([
    ['', 'is empty'],
    ['zz', 'must be hexadecimal digits only'],
    ['abc', 'has an odd number of hexadecimal digits'],
    ['1234', 'has 2 bytes, and needs at least 16'],
    [good.slice(2), 'has 15 bytes, and needs at least 16'],
    ['00'.repeat(32), 'is one byte over and over'],
    ['Ff'.repeat(16), 'is one byte over and over'],
    ['aabbccddeeff00112233445566778899', 'is an example from documentation'],
    ['AABBCCDDEEFF00112233445566778899', 'is an example from documentation'],
  ])('says of %j that it %s', (hex, complaint) => {
    expect(judgeKey(hex)).toContain(complaint)
  })

  it('says everything at once', () => {
    expect(judgeKey('0000')).toHaveLength(2)
  })
})

describe('deriveKey', () => {
  it('gives the same key for the same secret and label, in each release', () => {
    // HKDF-SHA256 with no salt, info "playgate session", 32 bytes, computed with another implementation.
    expect(hexOf(deriveKey(parseHexKey(good), 'session'))).toBe(
      '955b4afbe3f0c667188688d0f5a018319d08402c7f62d00dc4697c8385a3cea4',
    )
  })

  it('gives keys that differ by label and by secret, and from the secret', () => {
    const keys = [
      deriveKey(parseHexKey(good), 'session'),
      deriveKey(parseHexKey(good), 'cookie'),
      deriveKey(parseHexKey(other), 'session'),
      parseHexKey(good),
    ]
    expect(new Set(keys.map(hexOf)).size).toBe(4)
  })
})

describe('Keyring', () => {
  const ring = new Keyring(good, parseHexKey(other))

  it('holds the primary key before the transition key', () => {
    expect(ring.all.map(hexOf)).toEqual([good, other])
    expect(new Keyring(good).all.map(hexOf)).toEqual([good])
    expect(new Keyring(good).transition).toBeUndefined()
  })

  it('derives both keys', () => {
    const derived = ring.derive('session')
    expect(hexOf(derived.primary)).toBe(hexOf(deriveKey(parseHexKey(good), 'session')))
    expect(derived.transition && hexOf(derived.transition)).toBe(
      hexOf(deriveKey(parseHexKey(other), 'session')),
    )
    expect(new Keyring(good).derive('session').all).toHaveLength(1)
  })

  it.each([
    ['inspection', () => inspect({ ring }, { depth: null, showHidden: true })],
    ['JSON', () => JSON.stringify({ ring })],
    ['text', () => `${String(ring)}`],
    ['inspection of a key', () => inspect(ring.primary, { depth: null, showHidden: true })],
    ['JSON of a key', () => JSON.stringify(ring.primary)],
  ])('shows no key in %s', (_, print) => {
    const text = print()
    for (const hex of [good, other]) {
      expect(text.toLowerCase()).not.toContain(hex)
      expect(text).not.toContain(Buffer.from(hex, 'hex').toString('base64'))
      expect(text).not.toContain([...Buffer.from(hex, 'hex').subarray(0, 3)].join(','))
    }
  })

  it('says which key is bad', () => {
    expect(() => new Keyring('')).toThrow('keys[0]: is empty')
    expect(() => new Keyring(good, 'x')).toThrow('keys[1]: must be hexadecimal')
  })
})

describe('readKeys and readSigningKey', () => {
  it('take text, key objects and rings', () => {
    const secret = createSecretKey(other, 'hex')
    expect(readKeys([good, secret]).map(hexOf)).toEqual([good, other])
    expect(readKeys(new Keyring(good, other)).map(hexOf)).toEqual([good, other])
    expect(hexOf(readSigningKey(good))).toBe(good)
    expect(hexOf(readSigningKey(secret))).toBe(other)
    expect(hexOf(readSigningKey(new Keyring(good, other)))).toBe(good)
  })

  it('refuse an empty list, a bad element and a key that is no secret', () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    expect(() => readKeys([])).toThrow('keys: must hold at least one key')
    expect(() => readKeys([good, 'abc'])).toThrow('keys[1]: has an odd number')
    expect(() => readKeys([createPublicKey(privateKey)])).toThrow('keys[0]: must be a secret key')
    expect(() => readSigningKey(privateKey)).toThrow('key: must be a secret key')
  })
})
