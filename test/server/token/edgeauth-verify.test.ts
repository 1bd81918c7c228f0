import { describe, expect, it } from 'vitest'
import { systemTime } from '../../../server/token/clock.ts'
import { edgeauth, readScheme, type VerifyOptions } from '../../../server/token/edgeauth.ts'
import { type MintFields, mintWithKey } from '../../../server/token/edgeauth-mint.ts'
import {
  judgeClaims,
  proveReceived,
  proveToken,
  verifyReceived,
} from '../../../server/token/edgeauth-verify.ts'
import { Keyring, parseHexKey } from '../../../server/token/keyring.ts'
import { OptionError } from '../../../shared/codes.ts'
import { epochSeconds } from '../../../shared/units.ts'

const key = '5f1c9a04e7d83b626a4f90bb1d27c35e'
const other = '93b07ac41de8562fa90c37de64f1b825'
const now = 1_700_000_000
const fields: MintFields = { mode: 'acl', path: '/vod/*', endTime: now + 60 }
const options: VerifyOptions = { path: '/vod/a.m3u8', now, keys: [key] }

const mint = (change: Partial<MintFields> = {}, hex = key) =>
  edgeauth.mint({ ...fields, ...change, key: hex })
const encodeAll = (text: string) =>
  text.replace(/[^\w.-]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)

describe('edgeauth.verify', () => {
  it('gives the claims as they stand in the token', () => {
    const token = mint({
      startTime: now,
      ip: '::1',
      path: '%2fvod%2f*!/b',
      sessionId: 'a/b',
      payload: 'x y',
      escapeEarly: true,
    })
    expect(edgeauth.verify(token, { ...options, clientIp: '::1' })).toEqual({
      valid: true,
      claims: {
        ip: '%3a%3a1',
        startTime: now,
        endTime: now + 60,
        acl: '%2fvod%2f*!/b',
        sessionId: 'a%2fb',
        payload: 'x%20y',
      },
      keyIndex: 0,
      token,
    })
  })

  it('leaves out what the token does not say', () => {
    const result = edgeauth.verify(mint(), options)
    expect(result.valid && Object.keys(result.claims)).toEqual(['endTime', 'acl'])
  })

  it('takes keys in each form, and says which one signed', () => {
    const old = mint({}, other)
    for (const keys of [[key, other], [key, parseHexKey(other)], new Keyring(key, other)]) {
      expect(edgeauth.verify(mint(), { ...options, keys })).toMatchObject({ keyIndex: 0 })
      expect(edgeauth.verify(old, { ...options, keys })).toMatchObject({ keyIndex: 1 })
    }
    const retired = edgeauth.verify(old, { ...options, keys: new Keyring(key) })
    expect(retired).toEqual({ valid: false, reason: 'bad_signature' })
  })

  it('says the first thing that is wrong, in the order of the format', () => {
    const everything = { ip: '10.0.0.1', startTime: now + 10, endTime: now + 60, path: '/x/*' }
    const late = { ...options, clientIp: '10.0.0.2', now: now + 70 }
    const reasonOf = (token: string, change: Partial<VerifyOptions>) => {
      const result = edgeauth.verify(token, { ...late, ...change })
      return result.valid ? 'valid' : result.reason
    }
    const token = mint(everything)
    expect(reasonOf(`${token}x`, { path: '/../a', keys: [other] })).toBe('malformed')
    expect(reasonOf(token, { path: '/../a', keys: [other] })).toBe('path_not_allowed')
    expect(reasonOf(token, { keys: [other] })).toBe('bad_signature')
    expect(reasonOf(token, { now })).toBe('not_yet_valid')
    expect(reasonOf(token, {})).toBe('expired')
    expect(reasonOf(token, { now: now + 60 })).toBe('ip_mismatch')
    expect(reasonOf(token, { now: now + 60, clientIp: undefined })).toBe('ip_mismatch')
    expect(reasonOf(token, { now: now + 60, clientIp: '10.0.0.1' })).toBe('path_not_allowed')
    expect(reasonOf(token, { now: now + 60, clientIp: '10.0.0.1', path: '/x/a' })).toBe('valid')
  })

  it('forgives clock differences at both ends, and none unless told', () => {
    const token = mint({ startTime: now, endTime: now + 10 })
    const at = (time: number, clockSkewSeconds?: number) =>
      edgeauth.verify(token, { ...options, now: time, clockSkewSeconds }).valid
    expect([at(now - 1), at(now), at(now + 10), at(now + 11)]).toEqual([false, true, true, false])
    expect([at(now - 6, 5), at(now - 5, 5)]).toEqual([false, true])
    expect([at(now + 15, 5), at(now + 16, 5)]).toEqual([true, false])
  })

  it('asks the clock of the system when told no time', () => {
    const { now: _, ...timeless } = options
    expect(edgeauth.verify(mint({ endTime: systemTime() + 60 }), timeless).valid).toBe(true)
    expect(edgeauth.verify(mint(), timeless)).toEqual({ valid: false, reason: 'expired' })
  })

  it.each([
    ['the same path', '/vod/a.m3u8', {}, true],
    ['another path', '/vod/a.m3u8', { path: '/vod/b.m3u8' }, false],
    ['a query that was not signed', '/vod/a.m3u8', { query: 'a=1' }, false],
    ['a query that does not count', '/vod/a.m3u8', { query: 'a=1', ignoreQueryString: true }, true],
    ['the query that was signed', '/vod/a.m3u8?a=1', { query: 'a=1' }, true],
    ['an empty query', '/vod/a.m3u8', { query: '' }, true],
    ['another salt', '/vod/a.m3u8', { salt: 'x' }, false],
    ['another spelling of the path', '/vod/%61.m3u8', {}, false],
  ])('binds a URL token to its URL: %s', (_, url, change, valid) => {
    const token = mint({ mode: 'url', path: url })
    expect(edgeauth.verify(token, { ...options, ...change }).valid).toBe(valid)
  })

  it.each([
    [{ escapeProfile: 'akamai-node' }, { urlEscape: 'node' }],
    [{ escapeProfile: 'akamai-python' }, { urlEscape: 'python' }],
    [{}, { escapeEarly: true }],
    [{ escapeProfile: 'akamai-python' }, { escapeEarly: true, escapeProfile: 'akamai-python' }],
  ] as const)('escapes the URL as the generator did: %j, %j', (made, checked) => {
    const path = '/vod/~it(s) a!.ts'
    const token = mint({ mode: 'url', path, escapeEarly: true, ...made })
    expect(edgeauth.verify(token, { ...options, path, ...checked }).valid).toBe(true)
    expect(edgeauth.verify(token, { ...options, path }).valid).toBe(false)
  })

  it('takes the salt into account, also one with a delimiter in it', () => {
    const token = mint({ salt: 'User-Agent: x\nOrigin: y; z' })
    const salt = 'User-Agent: x\nOrigin: y; z'
    expect(edgeauth.verify(token, { ...options, salt }).valid).toBe(true)
    expect(edgeauth.verify(token, { ...options, salt: `${salt} ` }).valid).toBe(false)
    expect(edgeauth.verify(token, { ...options, salt: 'a~b' }).valid).toBe(false)
    expect(edgeauth.verify(token, options).valid).toBe(false)
  })

  it('takes an encoded token only when asked to decode it, and then once', () => {
    const token = mint({ path: '%2fvod%2f*', sessionId: 'a%41' })
    const encoded = encodeAll(token)
    expect(edgeauth.verify(encoded, options)).toEqual({ valid: false, reason: 'malformed' })
    const retry = { ...options, retryDecoded: true }
    expect(edgeauth.verify(token, retry)).toMatchObject({ valid: true, token })
    expect(edgeauth.verify(encoded, retry)).toMatchObject({ valid: true, token })
    expect(edgeauth.verify(token.replaceAll('~', '%7e'), retry).valid).toBe(false)
    expect(edgeauth.verify(encodeAll(encoded), retry)).toEqual({
      valid: false,
      reason: 'malformed',
    })
    expect(edgeauth.verify('%zz', retry)).toEqual({ valid: false, reason: 'malformed' })
  })

  it('keeps the reason of the reading that got further', () => {
    const retry = { ...options, retryDecoded: true, now: now + 61 }
    expect(edgeauth.verify(encodeAll(mint()), retry)).toMatchObject({ reason: 'expired' })
    const escaped = mint({ path: '%2fvod%2f*' })
    expect(edgeauth.verify(escaped, retry)).toMatchObject({ reason: 'expired' })
    const foreign = mint({ path: '/vod/*', payload: '%7e' }, other)
    expect(edgeauth.verify(foreign, retry)).toMatchObject({ reason: 'bad_signature' })
  })

  it.each([
    ['no keys', { keys: [] }, 'keys'],
    ['a key that is none', { keys: [key, 'xyz'] }, 'keys[1]'],
    ['keys that are no list', { keys: key }, 'keys'],
    ['an unknown algorithm', { algorithm: 'none' }, 'algorithm'],
    ['no path', { path: undefined }, 'path'],
    ['a query that is no text', { query: {} }, 'query'],
    ['a salt that is no text', { salt: 5 }, 'salt'],
    ['a time with a fraction', { now: 1.5 }, 'now'],
    ['a negative time', { now: -1 }, 'now'],
    ['negative skew', { clockSkewSeconds: -1 }, 'clockSkewSeconds'],
    ['skew that is no number', { clockSkewSeconds: Number.NaN }, 'clockSkewSeconds'],
    ['an unknown way of escaping', { urlEscape: 'java' }, 'urlEscape'],
    ['an unknown profile', { escapeProfile: 'node' }, 'escapeProfile'],
  ])('throws for %s', (_, change, path) => {
    const verify = () => edgeauth.verify(mint(), { ...options, ...change } as VerifyOptions)
    expect(verify).toThrow(OptionError)
    expect(verify).toThrow(`${path}: `)
  })

  it.each([undefined, null, 5, {}, ['x']])('finds %j malformed rather than throw', (token) => {
    const result = edgeauth.verify(token as unknown as string, options)
    expect(result).toEqual({ valid: false, reason: 'malformed' })
  })

  it('refuses a path of half a surrogate pair rather than throw', () => {
    const token = mint({ mode: 'url', path: '/a', escapeEarly: true })
    const result = edgeauth.verify(token, { ...options, path: '/\ud800', urlEscape: 'node' })
    expect(result).toEqual({ valid: false, reason: 'path_not_allowed' })
  })
})

describe('what the server uses', () => {
  const scheme = readScheme({ keys: new Keyring(key, other) })
  const subject = { path: '/vod/a.m3u8', query: '', salt: '' }

  it('mints with a key object and verifies with a scheme read once', () => {
    const token = mintWithKey(fields, parseHexKey(other))
    const request = { ...subject, clientIp: undefined, now: epochSeconds(now) }
    expect(verifyReceived(encodeAll(token), scheme, request)).toMatchObject({
      ok: true,
      keyIndex: 1,
      token,
      claims: { endTime: now + 60, acl: '/vod/*' },
    })
    expect(verifyReceived(token, scheme, { ...request, path: '/x' })).toMatchObject({
      ok: false,
      reason: 'path_not_allowed',
    })
  })

  it('proves a token apart from judging it, so that the proof can be kept', () => {
    const proof = proveToken(mint({ ip: '::1' }), scheme, { ...subject, path: '/elsewhere' })
    if (!proof.ok) throw new Error(proof.detail)
    const facts = { path: '/vod/b', clientIp: '::1', now: epochSeconds(now), clockSkewSeconds: 0 }
    expect(judgeClaims(proof.claims, facts)).toEqual({ ok: true })
    expect(judgeClaims(proof.claims, { ...facts, path: '/x' })).toMatchObject({ ok: false })
    expect(judgeClaims(proof.claims, { ...facts, clientIp: '::2' })).toMatchObject({ ok: false })
    const late = { ...facts, now: epochSeconds(now + 61) }
    expect(judgeClaims(proof.claims, late)).toMatchObject({ reason: 'expired' })
  })

  it('does not decode when the path is what is wrong', () => {
    const refusal = proveReceived(mint({ path: '%2fvod%2f*' }), scheme, { ...subject, path: '/..' })
    expect(refusal).toMatchObject({ ok: false, reason: 'path_not_allowed' })
  })

  it('never repeats the token in what it says about it', () => {
    const token = mint({ sessionId: 'SECRET' })
    for (const text of [token, `${token}0`, `${token.slice(0, -1)}0`, `x=SECRET~${token}`]) {
      const request = { ...subject, path: '/x', clientIp: undefined, now: epochSeconds(now) }
      const refusal = verifyReceived(text, scheme, request)
      expect(refusal.ok ? 'SECRET' : refusal.detail).not.toContain('SECRET')
    }
  })
})
