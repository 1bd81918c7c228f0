import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { systemTime } from '../../../server/token/clock.ts'
import { type MintOptions, mintEdgeauth } from '../../../server/token/edgeauth-mint.ts'
import { Keyring, parseHexKey } from '../../../server/token/keyring.ts'
import { OptionError } from '../../../shared/codes.ts'
import { parseTokenText } from '../../../shared/token-text.ts'

const key = '5f1c9a04e7d83b626a4f90bb1d27c35e'
const base: MintOptions = { mode: 'acl', path: '/vod/*', key, endTime: 1_700_000_000 }

function fieldsOf(token: string) {
  const parsed = parseTokenText(token, 64)
  if (!parsed.ok) throw new Error(parsed.detail)
  return parsed.fields
}

describe('edgeauth.mint', () => {
  it('makes the worked example of the format', () => {
    const example = { ...base, path: '/videos/*', key: 'aabbccddeeff00112233445566778899' }
    expect(mintEdgeauth(example)).toBe(
      'exp=1700000000~acl=/videos/*~hmac=9b2d5a1e48227ed78c64af101cd475cf6ef19318f660ada0cd009915d376e987',
    )
  })

  it('takes the key as text, as a key object and as a ring, whose primary key signs', () => {
    const token = mintEdgeauth(base)
    expect(mintEdgeauth({ ...base, key: parseHexKey(key) })).toBe(token)
    expect(mintEdgeauth({ ...base, key: new Keyring(key, 'abcd') })).toBe(token)
  })

  it.each([
    ['an end', { endTime: 50 }, { exp: 50 }],
    ['a start and an end', { startTime: 40, endTime: 50 }, { st: 40, exp: 50 }],
    ['a start and a window', { startTime: 40, windowSeconds: 5 }, { st: 40, exp: 45 }],
    ['a window from now on', { windowSeconds: 5, now: 100 }, { exp: 105 }],
    ['an end rather than a window', { endTime: 50, windowSeconds: 5, now: 100 }, { exp: 50 }],
    ['a start rather than now', { startTime: 40, windowSeconds: 5, now: 100 }, { st: 40, exp: 45 }],
  ])('counts with %s', (_, times, wanted) => {
    const { acl, ...fields } = fieldsOf(mintEdgeauth({ mode: 'acl', path: '/*', key, ...times }))
    expect(acl).toBe('/*')
    expect(fields).toEqual(wanted)
  })

  it('begins a window at the time of the system when told no other', () => {
    const before = systemTime()
    const { exp } = fieldsOf(mintEdgeauth({ mode: 'acl', path: '/*', key, windowSeconds: 60 }))
    expect(exp).toBeGreaterThanOrEqual(before + 60)
    expect(exp).toBeLessThanOrEqual(systemTime() + 60)
  })

  it('leaves out what is empty, the salt included', () => {
    const token = mintEdgeauth({ ...base, ip: '', sessionId: '', payload: '', salt: '' })
    expect(token).toBe(mintEdgeauth(base))
  })

  const halfPair = '\ud83c'
  it.each([
    ['no end', { endTime: undefined }, 'endTime'],
    ['an end of 0', { endTime: 0 }, 'endTime'],
    ['a negative end', { endTime: -5 }, 'endTime'],
    ['a fractional end', { endTime: 1.5 }, 'endTime'],
    ['an end that is no number', { endTime: Number.NaN }, 'endTime'],
    ['an end of 16 digits', { endTime: 1e15 }, 'endTime'],
    ['an end that is text', { endTime: '1700000000' }, 'endTime'],
    ['an end at the start', { startTime: 1_700_000_000 }, 'endTime'],
    ['an end before the start', { startTime: 1_700_000_001 }, 'endTime'],
    ['a start of 0', { startTime: 0 }, 'startTime'],
    ['a negative start', { startTime: -5 }, 'startTime'],
    ['a window of 0', { endTime: undefined, windowSeconds: 0 }, 'windowSeconds'],
    ['a negative window', { endTime: undefined, windowSeconds: -1 }, 'windowSeconds'],
    [
      'a window without end',
      { endTime: undefined, startTime: 9, windowSeconds: 1e15 - 1 },
      'windowSeconds',
    ],
    ['an unknown mode', { mode: 'both' }, 'mode'],
    ['an empty ACL', { path: '' }, 'path'],
    ['an empty list', { path: [] }, 'path'],
    ['a list with an empty entry', { path: ['/a', ''] }, 'path'],
    ['a list with a number', { path: ['/a', 1] }, 'path'],
    ['no path', { path: undefined }, 'path'],
    ['an exclamation mark in an entry', { path: ['/a!/b'] }, 'path'],
    ['a tilde in the ACL', { path: '/~a/*' }, 'path'],
    ['a tilde in the ACL, escaping or not', { path: '/~a/*', escapeEarly: true }, 'path'],
    ['a blank in the ACL', { path: '/a b/*' }, 'path'],
    ['a semicolon in the ACL', { path: '/a;b/*' }, 'path'],
    ['a quote in the ACL', { path: '/a"b/*' }, 'path'],
    ['a backslash in the ACL', { path: '/a\\b/*' }, 'path'],
    ['a line feed in the ACL', { path: '/a\n/*' }, 'path'],
    ['other than ASCII in the ACL', { path: '/é/*' }, 'path'],
    ['more entries than are read', { path: Array(33).fill('/a') }, 'path'],
    ['a longer ACL than is read', { path: `/${'a'.repeat(3000)}` }, 'path'],
    ['a list of URLs', { mode: 'url', path: ['/a'] }, 'path'],
    ['an empty URL', { mode: 'url', path: '' }, 'path'],
    ['a tilde in an unescaped URL', { mode: 'url', path: '/x~acl=/*' }, 'path'],
    ['a control character in a URL', { mode: 'url', path: '/a\n' }, 'path'],
    ['half a surrogate pair in a URL', { mode: 'url', path: halfPair, escapeEarly: true }, 'path'],
    ['a tilde in the payload', { payload: 'x~acl=/*' }, 'payload'],
    ['a blank in the payload', { payload: 'a b' }, 'payload'],
    ['a NUL in the payload', { payload: 'a\0b' }, 'payload'],
    ['other than ASCII in the payload', { payload: 'é' }, 'payload'],
    ['half a surrogate pair in the payload', { payload: halfPair, escapeEarly: true }, 'payload'],
    ['a payload that is no text', { payload: 5 }, 'payload'],
    ['a tilde in the id', { sessionId: 'a~b' }, 'sessionId'],
    ['a semicolon in the id', { sessionId: 'a;b' }, 'sessionId'],
    ['a tilde in the salt', { salt: 'a~b' }, 'salt'],
    ['no address', { ip: 'localhost' }, 'ip'],
    ['a range of addresses', { ip: '10.0.0.0/8' }, 'ip'],
    ['an octal address', { ip: '010.0.0.1' }, 'ip'],
    ['an address with zone', { ip: 'fe80::1%eth0' }, 'ip'],
    ['an unknown algorithm', { algorithm: 'sha512' }, 'algorithm'],
    ['an algorithm named like an object member', { algorithm: 'constructor' }, 'algorithm'],
    ['an unknown profile', { escapeProfile: 'java' }, 'escapeProfile'],
    ['a name of another place', { clientIp: '1.2.3.4' }, 'clientIp'],
    ['a name in another case', { IP: '1.2.3.4' }, 'IP'],
    ['an unknown name without a value', { acl: undefined }, 'acl'],
    ['an empty key', { key: '' }, 'key'],
    ['a key that is no key', { key: 5 }, 'key'],
    ['an odd key', { key: 'abc' }, 'key'],
    ['a delimiter of two', { fieldDelimiter: '~~' }, 'fieldDelimiter'],
    ['a delimiter that is a letter', { fieldDelimiter: 'a' }, 'fieldDelimiter'],
    ['a delimiter that is an equals sign', { fieldDelimiter: '=' }, 'fieldDelimiter'],
    ['no delimiter', { aclDelimiter: '' }, 'aclDelimiter'],
    ['one delimiter for two things', { aclDelimiter: '~' }, 'aclDelimiter'],
    ['the configured delimiter in a value', { fieldDelimiter: '|', payload: 'a|b' }, 'payload'],
    ['the usual delimiter in a value', { fieldDelimiter: '|', payload: 'a~b' }, 'payload'],
    ['the configured delimiter in an entry', { aclDelimiter: ',', path: ['/a,b'] }, 'path'],
    ['the usual delimiter in an entry', { aclDelimiter: ',', path: ['/a!b'] }, 'path'],
  ])('refuses %s', (_, change, path) => {
    const mint = () => mintEdgeauth({ ...base, ...change } as MintOptions)
    expect(mint).toThrow(TypeError)
    expect(mint).toThrow(OptionError)
    expect(mint).toThrow(new RegExp(`^${path}: `))
  })

  it('writes values so that they are read back as they were, or refuses them', () => {
    const alphabet = fc.constantFrom(
      ...[
        'a',
        'Z',
        '0',
        '~',
        '=',
        '!',
        '*',
        '%',
        '%7e',
        ' ',
        '\n',
        '\0',
        ';',
        '"',
        '\\',
        'é',
        '🎬',
        ',',
      ],
      ...['~acl=/*', '~exp=9', '~hmac=', 'url=', '&', '#', '/', '?'],
    )
    const text = fc.array(alphabet, { maxLength: 6 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, text, text, fc.boolean(), (sessionId, payload, path, escapeEarly) => {
        const options: MintOptions = { ...base, sessionId, payload, path, escapeEarly }
        let token: string
        try {
          token = mintEdgeauth(options)
        } catch (error) {
          expect(error).toBeInstanceOf(OptionError)
          return
        }
        const { exp, acl, id = '', data = '' } = fieldsOf(token)
        const read = escapeEarly ? decodeURIComponent : (raw: string) => raw
        expect({ exp, acl, id: read(id), data: read(data) }).toEqual({
          exp: base.endTime,
          acl: path,
          id: sessionId,
          data: payload,
        })
      }),
      { numRuns: 3000 },
    )
  })

  it('lets no value become a field in the python profile either, which leaves tildes alone', () => {
    const text = fc.array(fc.constantFrom('~', '=', 'acl', 'exp', '/*', '1', 'url', 'x'))
    fc.assert(
      fc.property(text, (parts) => {
        const payload = parts.join('')
        const options = { ...base, payload, escapeEarly: true, escapeProfile: 'akamai-python' }
        const token = mintEdgeauth(options as MintOptions)
        const parsed = parseTokenText(token, 64)
        expect(parsed.ok).toBe(!payload.includes('~'))
        // What other readers see behind a tilde has no equals sign, so it is no field.
        const named = token.split('~').filter((field) => field.includes('='))
        const wanted = ['exp', 'acl', ...(payload === '' ? [] : ['data']), 'hmac']
        expect(named.map((field) => field.split('=')[0])).toEqual(wanted)
      }),
    )
  })
})
