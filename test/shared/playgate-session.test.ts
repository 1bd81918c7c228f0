import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatPlaygateSession,
  parsePlaygateSession,
  readPlaygateSession,
} from '../../shared/playgate-session.ts'

const whole = {
  token: 'exp=1700000000~acl=/vod/*~data=hdntl~hmac=0a1b',
  parameter: 'hdntl',
  expiresInSeconds: 3600,
  sessionId: 'b7Zk_9',
}

describe('formatPlaygateSession', () => {
  it('writes a Dictionary, always in the same order', () => {
    expect(formatPlaygateSession(whole)).toBe(
      'token="exp=1700000000~acl=/vod/*~data=hdntl~hmac=0a1b", parameter="hdntl", expires-in=3600, session-id="b7Zk_9"',
    )
  })

  it('leaves out what is not known', () => {
    expect(formatPlaygateSession({ token: 't', parameter: 'p' })).toBe('token="t", parameter="p"')
  })

  it('escapes quotes and backslashes', () => {
    expect(formatPlaygateSession({ token: 'a"b\\c', parameter: 'p' })).toBe(
      'token="a\\"b\\\\c", parameter="p"',
    )
  })

  it.each([
    ['a line break', 'secret\r\nSet-Cookie: a=b'],
    ['a control character', 'secret\u0000'],
    ['a letter beyond ASCII', 'secreté'],
    ['DEL', 'secret\u007f'],
    ['nothing', ''],
  ])('throws for a text with %s, without quoting it', (_, text) => {
    for (const session of [
      { token: text, parameter: 'p' },
      { token: 't', parameter: text },
      { token: 't', parameter: 'p', sessionId: text },
    ]) {
      expect(() => formatPlaygateSession(session)).toThrow(TypeError)
      expect(() => formatPlaygateSession(session)).not.toThrow(/secret/)
    }
  })

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e15, 1e21])(
    'throws for a life of %s',
    (expiresInSeconds) => {
      expect(() => formatPlaygateSession({ ...whole, expiresInSeconds })).toThrow(RangeError)
    },
  )
})

describe('parsePlaygateSession', () => {
  it('reads back whatever was written', () => {
    const text = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
      minLength: 1,
    })
    const life = fc.option(fc.integer({ min: 0, max: 999_999_999 }), { nil: undefined })
    fc.assert(
      fc.property(
        text,
        text,
        life,
        fc.option(text, { nil: undefined }),
        (token, parameter, expiresInSeconds, sessionId) => {
          const session = { token, parameter, expiresInSeconds, sessionId }
          expect(parsePlaygateSession(formatPlaygateSession(session))).toEqual(session)
        },
      ),
    )
  })

  it.each([
    ['any order', 'expires-in=3600,session-id="b7Zk_9",parameter="hdntl",token="t"'],
    [
      'blanks around the commas',
      'token="t" ,\t parameter="hdntl" , expires-in=3600 ,session-id="b7Zk_9"',
    ],
    [
      'members of a later version',
      'token="t", parameter="hdntl", x-1.y_z*=7, *z="a, token=\\"u\\"", expires-in=3600, session-id="b7Zk_9"',
    ],
    [
      'a repeated member, of which the last counts',
      'token="s", parameter="hdntl", expires-in=3600, session-id="b7Zk_9", token="t"',
    ],
  ])('takes %s', (_, value) => {
    expect(parsePlaygateSession(value)).toEqual({ ...whole, token: 't' })
  })

  it('takes a comma, an equals sign and a bracket inside a text for what they are', () => {
    expect(parsePlaygateSession('token="a,b=1}{", parameter="p"')).toMatchObject({
      token: 'a,b=1}{',
    })
  })

  it('needs neither a life nor an id', () => {
    expect(parsePlaygateSession('token="t", parameter="p"')).toEqual({ token: 't', parameter: 'p' })
  })

  it.each([
    ['nothing', ''],
    ['no token', 'parameter="p"'],
    ['no parameter', 'token="t"'],
    ['an empty token', 'token="", parameter="p"'],
    ['a number for a token', 'token=5, parameter="p"'],
    ['a number for a parameter', 'token="t", parameter=5'],
    ['a text for a life', 'token="t", parameter="p", expires-in="60"'],
    ['a number for an id', 'token="t", parameter="p", session-id=5'],
    ['a life with a fraction', 'token="t", parameter="p", expires-in=1.5'],
    ['a negative life', 'token="t", parameter="p", expires-in=-1'],
    ['a life of more than 15 digits', 'token="t", parameter="p", expires-in=1234567890123456'],
    ['a missing comma', 'token="t" parameter="p"'],
    ['a comma too many', 'token="t",, parameter="p"'],
    ['a comma at the end', 'token="t", parameter="p",'],
    ['a quote that is not closed', 'token="t", parameter="p'],
    ['an escape of something else', 'token="t\\n", parameter="p"'],
    ['a Unicode escape', 'token="\\u0041", parameter="p"'],
    ['a letter beyond ASCII', 'token="é", parameter="p"'],
    ['a key in capitals', 'Token="t", parameter="p"'],
    ['text behind', 'token="t", parameter="p"; x'],
    ['JSON', '"token":"t","parameter":"p"'],
    ['a member of JSON', 'token="t", parameter="p", "x":1'],
  ])('ignores a field with %s', (_, value) => {
    expect(parsePlaygateSession(value)).toBeNull()
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        parsePlaygateSession(value)
      }),
    )
  })
})

describe('readPlaygateSession', () => {
  it('gives all members as they stand, whatever they are', () => {
    expect(readPlaygateSession('token=5, x="\\"y\\"", expires-in="60"')).toEqual({
      token: 5,
      x: '"y"',
      'expires-in': '60',
    })
    expect(readPlaygateSession('')).toEqual({})
  })

  it.each(['token="t" parameter="p"', 'token="t",', 'token="é"', '"token":"t"', 'token=t'])(
    'ignores the field %s',
    (value) => {
      expect(readPlaygateSession(value)).toBeNull()
    },
  )
})
