import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  isSessionPayload,
  maxTokenLength,
  parseTokenText,
  peekExpiry,
} from '../../shared/token-text.ts'

const mac = 'a'.repeat(64)

describe('parseTokenText', () => {
  it('keeps the text before the hmac byte for byte', () => {
    const signedText = 'ip=%3a%3a1~st=1~exp=1700000000~acl=%2fa%2f*!/b~id=x~data=a=b=c,%7e'
    expect(parseTokenText(`${signedText}~hmac=${mac}`, 64)).toEqual({
      ok: true,
      fields: {
        ip: '%3a%3a1',
        st: 1,
        exp: 1_700_000_000,
        acl: '%2fa%2f*!/b',
        id: 'x',
        data: 'a=b=c,%7e',
      },
      signedText,
      hmac: mac,
    })
  })

  it('takes a token of an end alone', () => {
    expect(parseTokenText(`exp=1~hmac=${mac}`, 64)).toMatchObject({ ok: true, fields: { exp: 1 } })
  })

  it.each([
    ['nothing', ''],
    ['an hmac alone', `hmac=${mac}`],
    ['an hmac behind nothing', `~hmac=${mac}`],
    ['an hmac in front', `hmac=${mac}~exp=1`],
    ['no hmac', 'exp=1~acl=/*'],
    ['two hmacs', `exp=1~hmac=${mac}~hmac=${mac}`],
    ['text behind the hmac', `exp=1~hmac=${mac}~`],
    ['no end', `acl=/*~hmac=${mac}`],
    ['two ends', `exp=1~exp=2~hmac=${mac}`],
    ['two ACLs', `exp=1~acl=/a~acl=/*~hmac=${mac}`],
    ['an ACL behind the payload', `exp=1~data=x~acl=/*~hmac=${mac}`],
    ['a start behind the end', `exp=2~st=1~hmac=${mac}`],
    ['an address behind the start', `st=1~ip=::1~exp=2~hmac=${mac}`],
    ['a payload before the id', `exp=1~data=x~id=y~hmac=${mac}`],
    ['an unknown field', `exp=1~foo=bar~hmac=${mac}`],
    ['a URL', `exp=1~url=/a~hmac=${mac}`],
    ['a salt', `exp=1~acl=/*~salt=x~hmac=${mac}`],
    ['upper-case names', `EXP=1~hmac=${mac}`],
    ['a name of an object member', `exp=1~constructor=x~hmac=${mac}`],
    ['a name of the prototype', `exp=1~__proto__=x~hmac=${mac}`],
    ['a field without an equals sign', `exp=1~acl~hmac=${mac}`],
    ['a field without a name', `exp=1~=x~hmac=${mac}`],
    ['an empty field', `exp=1~~acl=/*~hmac=${mac}`],
    ['an empty ACL', `exp=1~acl=~hmac=${mac}`],
    ['an empty id', `exp=1~id=~hmac=${mac}`],
    ['an empty payload', `exp=1~data=~hmac=${mac}`],
    ['an empty address', `ip=~exp=1~hmac=${mac}`],
    ['an empty start', `st=~exp=1~hmac=${mac}`],
    ['an empty end', `exp=~hmac=${mac}`],
    ['a blank in front', ` exp=1~hmac=${mac}`],
    ['the parameter name in front', `hdnts=exp=1~hmac=${mac}`],
    ['percent-encoded delimiters', `exp=1%7Ehmac=${mac}`],
    ['upper-case hmac', `exp=1~hmac=${mac.toUpperCase()}`],
    ['other letters in the hmac', `exp=1~hmac=${'g'.repeat(64)}`],
    ['an empty hmac', 'exp=1~hmac='],
    ['a cut hmac', `exp=1~hmac=${mac.slice(1)}`],
    ['a longer hmac', `exp=1~hmac=${mac}a`],
    ['the hmac of SHA-1', `exp=1~hmac=${'a'.repeat(40)}`],
    ['more text than any token has', `exp=1~data=${'x'.repeat(maxTokenLength)}~hmac=${mac}`],
  ])('finds %s malformed', (_, text) => {
    expect(parseTokenText(text, 64)).toMatchObject({ ok: false })
  })

  it.each(['0', '1', '1700000000', '9999999999', '1795311013000', '999999999999999'])(
    'takes %s for a time',
    (time) => {
      expect(parseTokenText(`st=${time}~exp=${time}~hmac=${mac}`, 64)).toMatchObject({
        fields: { st: Number(time), exp: Number(time) },
      })
    },
  )

  it.each([
    ...['', ' ', '-1', '+1', '1.0', '1.', '.5', '1e9', '6e+39', '0x10', '0b1', '0o7', '01', '00'],
    ...['1 ', ' 1', '1_000', '1,000', '1%20', '١', '１', 'NaN', 'Infinity', 'soon', '1n', 'null'],
    ...['1000000000000000', '1\n'],
  ])('does not take %j for a time', (time) => {
    expect(parseTokenText(`exp=${time}~hmac=${mac}`, 64)).toMatchObject({ ok: false })
    expect(parseTokenText(`st=${time}~exp=1~hmac=${mac}`, 64)).toMatchObject({ ok: false })
  })

  it('says what is wrong without repeating any of the token', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        const parsed = parseTokenText(`exp=1~SECRET${one}=SECRET~id=SECRET${other}~hmac=${mac}`, 64)
        expect(parsed.ok ? '' : parsed.detail).not.toContain('SECRET')
      }),
    )
  })
})

describe('peekExpiry', () => {
  it.each([
    ['exp=1700000000~acl=/*~hmac=x', 1_700_000_000],
    ['ip=::1~st=5~exp=6~hmac=x', 6],
    ['exp=7', 7],
    ['st%3D5~exp%3D6~hmac%3Dx', 6],
    ['exp=6%7Eacl=/*%7Ehmac=x', 6],
    ['st=5%7Eexp=6%7Eacl=/*%7Ehmac=x', 6],
    ['exp=1~exp=2~hmac=x', null],
    ['exp=1e9~hmac=x', null],
    ['exp=~hmac=x', null],
    ['st=5~hmac=x', null],
    ['id=exp=5~hmac=x', null],
    ['', null],
    ['opaque', null],
    ['%', null],
  ])('reads from %s the end %s', (text, end) => {
    expect(peekExpiry(text)).toBe(end)
  })
})

describe('isSessionPayload', () => {
  it.each([
    ['hdntl', true],
    ['hdntl,', true],
    ['hdntl,5279d%3a0', true],
    ['hdntlx', false],
    ['HDNTL', false],
    ['x,hdntl', false],
    ['', false],
    [undefined, false],
  ])('of %s: %s', (data, wanted) => {
    expect(isSessionPayload(data)).toBe(wanted)
  })
})
