import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { isManagedToken, managedTokenId, mintManagedToken } from '../../../server/token/managed.ts'
import { isTimedToken } from '../../../server/token/timed-text.ts'
import { isBareTokenText } from '../../../shared/bare-token.ts'

describe('a managed token', () => {
  it.each([
    ['managed', 'pgm_'],
    ['revocable', 'pgr_'],
  ] as const)('of the kind %s begins with %s and matches no other form', (kind, prefix) => {
    const token = mintManagedToken(kind)
    expect(token.slice(0, 4)).toBe(prefix)
    expect(isManagedToken(token, kind)).toBe(true)
    expect(isManagedToken(token, kind === 'managed' ? 'revocable' : 'managed')).toBe(false)
    expect(isTimedToken(token)).toBe(false)
    expect(isBareTokenText(token)).toBe(true)
  })

  it('is of the kind managed unless told otherwise', () => {
    expect(isManagedToken(mintManagedToken())).toBe(true)
  })

  it('is never the same twice, and has all its bits', () => {
    const tokens = Array.from({ length: 10_000 }, () => mintManagedToken())
    expect(new Set(tokens).size).toBe(10_000)
    const bytes = tokens.map((token) => Buffer.from(token.slice(4), 'base64url'))
    expect(bytes.every(({ length }) => length === 32)).toBe(true)
    // Each of the 256 bits is set in about half of them: 5000, with a standard deviation of 50.
    for (let bit = 0; bit < 256; bit += 1) {
      const set = bytes.filter((all) => (((all[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1).length
      expect(Math.abs(set - 5000)).toBeLessThan(500)
    }
  })

  const good = 'pgm_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8'

  it('has one spelling', () => {
    expect(isManagedToken(good)).toBe(true)
    // The unused low bits of the last character.
    for (const last of '9-_') expect(isManagedToken(good.slice(0, -1) + last)).toBe(false)
  })

  it.each([
    '',
    'pgm_',
    good.slice(0, -1),
    `${good}A`,
    `${good}=`,
    `${good}\n`,
    ` ${good}`,
    good.replace('pgm_', 'PGM_'),
    good.replace('pgm_', 'pgt_'),
    good.slice(4),
    good.replace('C', '+'),
    good.replace('C', 'é'),
  ])('does not look like %j', (text) => {
    expect(isManagedToken(text)).toBe(false)
  })

  it('is known to the store by its digest, in 43 characters', () => {
    const id = managedTokenId(good)
    expect(id).toBe(
      createHash('sha256')
        .update(good)
        .digest('base64')
        .replace('=', '')
        .replaceAll('+', '-')
        .replaceAll('/', '_'),
    )
    expect(id).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(managedTokenId(`${good} `)).not.toBe(id)
  })
})
