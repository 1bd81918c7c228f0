import { createCipheriv } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { openText, parsePassPhrase, sealText } from '../../../server/token/seal.ts'

const key = parsePassPhrase('5f1c9a04e7d83b626a4f90bb1d27c35e93b07ac41de8562fa90c37de64f1b825')
const token = sealText(key, 'ec_expire=1735689600')

/** A token with a tag of any length, as a lenient sealer would make it. */
function sealedWithTag(authTagLength: number, ivLength = 12): string {
  const iv = new Uint8Array(ivLength)
  const sealing = createCipheriv('aes-256-gcm', key, iv, { authTagLength })
  const body = Buffer.concat([sealing.update('ec_expire=1735689600', 'utf8'), sealing.final()])
  return Buffer.concat([iv, body, sealing.getAuthTag()]).toString('base64url')
}

describe('openText', () => {
  it('opens what was sealed', () => {
    expect(openText(key, token)).toBe('ec_expire=1735689600')
  })

  // Threat T04.
  it.each([4, 8, 12, 13, 14, 15])('refuses a tag of %i bytes, even a good one', (length) => {
    expect(openText(key, sealedWithTag(length))).toBeNull()
  })

  it.each([1, 8, 16])('refuses a nonce of %i bytes', (length) => {
    expect(openText(key, sealedWithTag(16, length))).toBeNull()
  })

  it('keeps a byte order mark, as any other character', () => {
    expect(openText(key, sealText(key, '\ufeffa'))).toBe('\ufeffa')
  })

  it('refuses text that is not UTF-8', () => {
    const sealing = createCipheriv('aes-256-gcm', key, new Uint8Array(12), { authTagLength: 16 })
    const body = Buffer.concat([sealing.update(Uint8Array.of(0x61, 0xff)), sealing.final()])
    const bytes = Buffer.concat([new Uint8Array(12), body, sealing.getAuthTag()])
    expect(openText(key, bytes.toString('base64url'))).toBeNull()
  })
})

describe('sealText', () => {
  // Threat T05.
  it('takes another nonce every time', () => {
    const nonces = new Set(Array.from({ length: 100_000 }, () => sealText(key, 'a').slice(0, 16)))
    expect(nonces.size).toBe(100_000)
  })

  it.each([0, 1, 8, 11, 13, 16])('takes no nonce of %i bytes', (length) => {
    expect(() => sealText(key, 'a', new Uint8Array(length))).toThrow(RangeError)
  })
})

describe('parsePassPhrase', () => {
  it('hashes the text, which is not hexadecimal', () => {
    const hex = (phrase: string) => parsePassPhrase(phrase).export().toString('hex')
    expect(hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(hex('ABC')).not.toBe(hex('abc'))
  })

  it.each([
    ['', 'is empty'],
    ['\ud800', 'must be a pass phrase, as text'],
  ])('refuses %j: %s', (phrase, message) => {
    expect(() => parsePassPhrase(phrase, 'keys[1]')).toThrow(`keys[1]: ${message}`)
  })
})
