import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  remoteSigningKey,
  type SignedRequest,
  signRemoteQuestion,
  type VerifySignatureOptions,
  verifyRemoteSignature,
} from '../../../server/token/remote-signature.ts'
import { OptionError } from '../../../shared/codes.ts'
import { epochSeconds } from '../../../shared/units.ts'

const secret = 'shared by both sides'
const now = 1_760_000_000
const url = '/auth?uri=%2Fvod%2Ffilm.m3u8&client_ip=192.0.2.7'

function signed(method = 'POST', target = url): SignedRequest {
  const key = remoteSigningKey(secret, 'secret')
  const headers = { ...signRemoteQuestion(key, method, target, epochSeconds(now)) }
  return { method, url: target, headers }
}

function verify(request: SignedRequest, options: Partial<VerifySignatureOptions> = {}) {
  return verifyRemoteSignature(request, { secret, now, ...options })
}

describe('the signature on a question', () => {
  it('is the documented HMAC, as anybody can compute it', () => {
    const text = `v1\n${now}\nPOST\n${url}`
    expect(signed().headers).toEqual({
      'playgate-timestamp': String(now),
      'playgate-signature': `v1=${createHmac('sha256', secret).update(text).digest('hex')}`,
    })
  })

  it('verifies', () => {
    expect(verify(signed())).toEqual({ valid: true })
    expect(verify({ ...signed(), url: '/', originalUrl: url })).toEqual({ valid: true })
    expect(verify(signed(), { secret: ['the one that is to come', secret] }).valid).toBe(true)
    expect(verify(signed(), { secret: 'of somebody else altogether' }).valid).toBe(false)
  })

  it.each([0, 300, -300])('holds %i seconds later', (laterSeconds) => {
    expect(verify(signed(), { now: now + laterSeconds })).toEqual({ valid: true })
  })

  it.each([301, -301])('is outdated %i seconds later', (laterSeconds) => {
    const later = { now: now + laterSeconds }
    expect(verify(signed(), later)).toEqual({ valid: false, reason: 'outdated' })
    expect(verify(signed(), { ...later, toleranceSeconds: 400 })).toEqual({ valid: true })
  })

  it('goes by the clock of the system where no time is given', () => {
    const outdated = { valid: false, reason: 'outdated' }
    expect(verifyRemoteSignature(signed(), { secret })).toEqual(outdated)
  })

  it.each<[what: string, changed: Partial<SignedRequest>]>([
    ['method', { method: 'GET' }],
    ['parameter', { url: `${url}&a=1` }],
    ['path', { url: url.replace('/auth', '/other') }],
    ['spelling', { url: url.replace('%2F', '%2f') }],
  ])('is a mismatch for another %s', (_what, changed) => {
    const mismatch = { valid: false, reason: 'mismatch' }
    expect(verify({ ...signed(), ...changed })).toEqual(mismatch)
  })

  const mac = 'a'.repeat(64)
  it.each<[headers: SignedRequest['headers'], reason: string]>([
    [{}, 'missing'],
    [{ 'playgate-timestamp': String(now) }, 'missing'],
    [{ 'playgate-signature': `v1=${mac}` }, 'missing'],
    [{ 'playgate-timestamp': '', 'playgate-signature': `v1=${mac}` }, 'malformed'],
    [{ 'playgate-timestamp': '1e9', 'playgate-signature': `v1=${mac}` }, 'malformed'],
    [{ 'playgate-timestamp': `${now}`, 'playgate-signature': mac }, 'malformed'],
    [{ 'playgate-timestamp': `${now}`, 'playgate-signature': `v2=${mac}` }, 'malformed'],
    [{ 'playgate-timestamp': `${now}`, 'playgate-signature': `v1=${mac.slice(1)}` }, 'malformed'],
    [{ 'playgate-timestamp': `${now}`, 'playgate-signature': [`v1=${mac}`] }, 'malformed'],
    [{ 'playgate-timestamp': `${now}`, 'playgate-signature': `v1=${mac}` }, 'mismatch'],
    [{ ...signed().headers, 'playgate-timestamp': `0${now}` }, 'mismatch'],
  ])('with the headers %j is refused: %s', (headers, reason) => {
    expect(verify({ ...signed(), headers })).toEqual({ valid: false, reason })
  })

  it('never verifies for another target', () => {
    const target = fc.string().map((text) => `/${text}`)
    fc.assert(
      fc.property(target, target, (one, other) => {
        const verdict = verify({ ...signed('GET', one), url: other })
        expect(verdict.valid).toBe(one === other)
      }),
    )
  })

  it('asks for a secret that cannot be guessed', () => {
    expect(() => verify(signed(), { secret: 'short' })).toThrow(OptionError)
    expect(() => verify(signed(), { secret: [] })).toThrow(OptionError)
    expect(() => remoteSigningKey('fifteen letters', 'a.b')).toThrow('a.b: must have 16')
  })
})
