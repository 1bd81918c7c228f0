import { createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ectoken, edgeauth, Keyring, OptionError, timed } from '../../../server/token/index.ts'
import { deriveKey, parseHexKey } from '../../../server/token/keyring.ts'
import { isManagedToken } from '../../../server/token/managed.ts'
import { sealText } from '../../../server/token/seal.ts'
import { judgeTimed, mintTimed } from '../../../server/token/timed.ts'
import {
  isTimedToken,
  openTimed,
  readTimedKey,
  readTimedKeys,
} from '../../../server/token/timed-text.ts'
import { isBareTokenText } from '../../../shared/bare-token.ts'
import { epochSeconds } from '../../../shared/units.ts'

const key = '5f1c9a04e7d83b626a4f90bb1d27c35e'
const other = '93b07ac41de8562fa90c37de64f1b825'
const now = 1_700_000_000
const id = 'AAECAwQFBgcICQoLDA0ODw'

const mint = (fields: Partial<Parameters<typeof timed.mint>[0]> = {}) =>
  timed.mint({ lifeSeconds: 3600, now, ...fields }, { key })
const verify = (token: string, request = {}, at = now) =>
  timed.verify(token, { keys: [key], request, now: at })

const toBase64 = (text: string) => text.replaceAll('-', '+').replaceAll('_', '/')

/** As another release, or somebody with the key, might seal it. */
const sealed = (text: string) => `pgt_${sealText(readTimedKey(key), text)}`

describe('timed.mint', () => {
  it('makes text that says nothing, and never the same twice', () => {
    const tokens = new Set(
      Array.from({ length: 1000 }, () => mint({ clientIp: '211.37.', referrer: 'example.com' })),
    )
    expect(tokens.size).toBe(1000)
    for (const token of tokens) {
      expect(token).toMatch(/^pgt_[A-Za-z0-9_-]+$/)
      expect(Buffer.from(token.slice(4), 'base64url').toString('latin1')).not.toMatch(/211|exam/)
    }
  })

  it('is opened as what was asked for', () => {
    const token = mint({ clientIp: '211.37.', referrer: 'Example.com' })
    const request = { clientIp: '211.37.1.1', referrer: 'https://www.example.com/' }
    expect(verify(token, request)).toEqual({
      valid: true,
      keyIndex: 0,
      claims: {
        createdAt: now,
        endTime: now + 3600,
        id: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
        clientIp: '211.37.',
        referrer: 'example.com',
      },
    })
  })

  it('takes the system’s clock when no time is given', () => {
    const before = Math.floor(Date.now() / 1000)
    const result = timed.verify(timed.mint({ lifeSeconds: 60 }, { key }), { keys: [key] })
    expect(result.valid && result.claims.createdAt).toBeGreaterThanOrEqual(before)
  })

  it.each([60, 61, 86_400, 604_800])('takes a life of %i seconds', (lifeSeconds) => {
    expect(verify(mint({ lifeSeconds }), {}, now + lifeSeconds).valid).toBe(true)
    expect(verify(mint({ lifeSeconds }), {}, now + lifeSeconds + 1).valid).toBe(false)
  })

  it.each([
    ['lifeSeconds', 59],
    ['lifeSeconds', 604_801],
    ['lifeSeconds', 0],
    ['lifeSeconds', -60],
    ['lifeSeconds', 60.5],
    ['lifeSeconds', Number.NaN],
    ['lifeSeconds', Number.POSITIVE_INFINITY],
    ['lifeSeconds', '60'],
    ['lifeSeconds', undefined],
    ['clientIp', ''],
    ['clientIp', '211.3'],
    ['clientIp', '211.37.*'],
    ['clientIp', '1.2.3.4/33'],
    ['clientIp', 'fe80::1%eth0'],
    ['clientIp', 'a~b'],
    ['clientIp', 7],
    ['clientIp', null],
    ['referrer', ''],
    ['referrer', 'https://example.com'],
    ['referrer', 'example.com/path'],
    ['referrer', '*.example.com'],
    ['referrer', 'a~b.example'],
    ['referrer', 7],
    ['referrer', null],
    ['now', -1],
    ['now', 1.5],
    ['now', 999_999_999_999_999],
    ['clientIP', '211.37.8.9'],
  ])('refuses %s: %j, and says so', (name, value) => {
    const fields = { lifeSeconds: 60, now, [name]: value }
    const call = () => Reflect.apply(timed.mint, undefined, [fields, { key }])
    expect(call).toThrow(OptionError)
    expect(call).toThrow(new RegExp(`^${name}: `))
  })

  it.each([
    ['', 'is empty'],
    ['zz', 'must be hexadecimal'],
    [key.slice(2), 'has 15 bytes, and needs at least 16'],
    [createSecretKey(Buffer.alloc(8, 1)), 'has 8 bytes'],
    [undefined, 'must be hexadecimal'],
  ])('refuses the key %j: %s', (bad, message) => {
    const mintWith = () => Reflect.apply(timed.mint, undefined, [{ lifeSeconds: 60 }, { key: bad }])
    expect(mintWith).toThrow(OptionError)
    expect(mintWith).toThrow(`key: ${message}`)
    const verifyWith = () => Reflect.apply(timed.verify, undefined, ['', { keys: [key, bad] }])
    expect(verifyWith).toThrow(`keys[1]: ${message}`)
  })
})

describe('timed.verify', () => {
  it.each([
    ['before it was made, within reason', -300, true],
    ['long before it was made', -301, 'not_yet_valid'],
    ['in its first second', 0, true],
    ['in its last second', 3600, true],
    ['after it', 3601, 'expired'],
    ['long after it', 1_000_000_000, 'expired'],
  ])('asks the time: %s', (_, passed, answer) => {
    const result = verify(mint(), {}, now + passed)
    expect(result.valid ? true : result.reason).toBe(answer)
  })

  it('takes a token of the first hour of 1970', () => {
    expect(verify(mint({ now: 10 }), {}, 0).valid).toBe(true)
  })

  it.each([
    ['the client', { clientIp: '211.37.8.9' }, { clientIp: '211.37.8.9' }, true],
    [
      'a client of the block',
      { clientIp: '211.37.8.0/24' },
      { clientIp: '::ffff:211.37.8.9' },
      true,
    ],
    ['a client of the bytes', { clientIp: '211.37.' }, { clientIp: '211.37.8.9' }, true],
    ['an IPv6 client', { clientIp: '2001:db8::/32' }, { clientIp: '2001:DB8::9' }, true],
    ['another client', { clientIp: '211.37.' }, { clientIp: '211.38.0.1' }, 'ip_mismatch'],
    ['an unknown client', { clientIp: '211.37.' }, {}, 'ip_mismatch'],
    ['a page', { referrer: 'a.example' }, { referrer: 'https://a.example/x' }, true],
    ['a page below', { referrer: 'a.example' }, { referrer: 'https://b.a.example/' }, true],
    [
      'another',
      { referrer: 'a.example' },
      { referrer: 'https://ba.example/' },
      'referrer_not_allowed',
    ],
    ['no page', { referrer: 'a.example' }, { referrer: null }, 'referrer_not_allowed'],
    [
      'both, one wrong',
      { clientIp: '1.', referrer: 'a.example' },
      { clientIp: '1.2.3.4' },
      'referrer_not_allowed',
    ],
    ['nothing demanded', {}, {}, true],
  ])('asks who it is: %s', (_, fields, request, answer) => {
    const result = verify(mint(fields), request)
    expect(result.valid ? true : result.reason).toBe(answer)
  })

  it('opens with the transition key, and no more once that is gone', () => {
    const token = mint()
    const both = timed.verify(token, { keys: [other, key], now })
    expect(both).toMatchObject({ valid: true, keyIndex: 1 })
    expect(timed.verify(token, { keys: new Keyring(other, key), now })).toEqual(both)
    expect(timed.verify(token, { keys: [other], now })).toEqual({
      valid: false,
      reason: 'unreadable',
    })
  })

  it('seals with the primary key of a ring', () => {
    const token = timed.mint({ lifeSeconds: 60, now }, { key: new Keyring(other, key) })
    expect(timed.verify(token, { keys: [other], now })).toMatchObject({ keyIndex: 0 })
  })

  // Threat T01.
  it('refuses a token with any one character changed, left out or added', () => {
    const token = mint({ clientIp: '1.2.3.4' })
    const request = { clientIp: '1.2.3.4' }
    expect(verify(token, request).valid).toBe(true)
    for (let at = 0; at < token.length; at += 1) {
      const [before, after] = [token.slice(0, at), token.slice(at + 1)]
      const changed = token[at] === 'A' ? 'B' : 'A'
      for (const text of [
        before + changed + after,
        before + after,
        `${before}A${token.slice(at)}`,
      ]) {
        expect(verify(text, request)).toEqual({ valid: false, reason: 'unreadable' })
      }
    }
  })

  // Threat T15.
  it.each([
    ['padded', (token: string) => `${token}=`],
    ['with a line feed', (token: string) => `${token}\n`],
    ['in the other base64', (token: string) => `pgt_${toBase64(token.slice(4))}`],
    ['without its prefix', (token: string) => token.slice(4)],
    ['with its prefix twice', (token: string) => `pgt_${token}`],
    ['in capitals', (token: string) => token.toUpperCase()],
    ['escaped', (token: string) => token.replace('pgt_', 'pgt%5F')],
  ])('takes one spelling, and not one %s', (_, spell) => {
    let token = mint()
    while (!/[-_]/.test(token.slice(4))) token = mint()
    expect(verify(spell(token)).valid).toBe(false)
  })

  it('refuses what is no token at all, and never throws for it', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `pgt_${text}`),
        ),
        (text) => {
          expect(verify(text)).toEqual({ valid: false, reason: 'unreadable' })
        },
      ),
    )
    for (const wrong of [undefined, null, 7, {}]) {
      const result = Reflect.apply(timed.verify, undefined, [wrong, { keys: [key] }])
      expect(result).toEqual({ valid: false, reason: 'unreadable' })
    }
  })

  // What the seal vouches for is judged again: a newer release may have sealed it.
  it.each([
    '',
    `${now}~${now + 60}~${id}~`,
    `${now}~${now + 60}~${id}~~~`,
    `${now}~${now + 60}~${id}~~~x`,
    `${now}~${now + 60}~${id}x~~`,
    `${now}~${now + 60}~~~`,
    `${now}~1e10~${id}~~`,
    `${now}~~${id}~~`,
    `~${now + 60}~${id}~~`,
    `0${now}~${now + 60}~${id}~~`,
    `-1~${now + 60}~${id}~~`,
    `${now}~${now + 60}~${id}~211.3~`,
    `${now}~${now + 60}~${id}~~Example.com`,
    `${now}~${now + 60}~${id}~~https://example.com`,
  ])('does not act on what it does not understand: %j', (text) => {
    expect(verify(sealed(`${now}~${now + 60}~${id}~~`)).valid).toBe(true)
    expect(verify(sealed(text))).toEqual({ valid: false, reason: 'unreadable' })
  })

  // Threats T08 and T09.
  it('is nothing to the other formats, nor they to it', () => {
    const token = mint()
    expect(ectoken.open(token.slice(4), { keys: [key] }).valid).toBe(false)
    expect(edgeauth.verify(token, { path: '/', keys: [key], now }).valid).toBe(false)
    const sealedByPhrase = ectoken.seal(`${now}~${now + 60}~${id}~~`, { key })
    expect(verify(`pgt_${sealedByPhrase}`).valid).toBe(false)
    for (const wrongKey of [parseHexKey(key + key), deriveKey(parseHexKey(key), 'session')]) {
      expect(verify(`pgt_${sealText(wrongKey, `${now}~${now + 60}~${id}~~`)}`).valid).toBe(false)
    }
  })
})

describe('the form of a timed token', () => {
  it('is its own, and can stand bare', () => {
    const token = mint()
    expect(isTimedToken(token)).toBe(true)
    expect(isManagedToken(token)).toBe(false)
    expect(isManagedToken(token, 'revocable')).toBe(false)
    expect(isBareTokenText(token)).toBe(true)
    expect(isTimedToken('pgt_')).toBe(false)
  })
})

describe('with keys made before', () => {
  it('mints, opens and judges', () => {
    const token = mintTimed(readTimedKey(key), { lifeSeconds: 60, now, clientIp: '1.' })
    const keys = readTimedKeys([other, key])
    const opened = openTimed(keys, token)
    expect(opened?.keyIndex).toBe(1)
    if (opened === null) return
    const at = epochSeconds(now)
    expect(judgeTimed(opened.claims, { now: at, clientIp: '1.2.3.4' })).toEqual({ ok: true })
    expect(judgeTimed(opened.claims, { now: at, clientIp: '2.2.3.4' })).toMatchObject({
      reason: 'ip_mismatch',
    })
    expect(openTimed([], token)).toBeNull()
  })
})
