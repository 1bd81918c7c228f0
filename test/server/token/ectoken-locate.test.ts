import { describe, expect, it } from 'vitest'
import { locateEctoken } from '../../../server/token/ectoken-locate.ts'

const token = 'fVSYBBTynMkvQECGV-Kdfp333R-MGY2fsrrpVyuqd7OiuAUsQ8ITrL0'

describe('locateEctoken', () => {
  it.each([
    ['alone', `/a?${token}`, '/a'],
    ['before others', `/a?${token}&x=1&y=%2f`, '/a?x=1&y=%2f'],
    ['after others', `/a?x=1&${token}`, '/a?x=1'],
    ['after an empty part', `/a?&${token}`, '/a'],
    ['with an equals sign', `/a?x=1&${token}=`, '/a?x=1'],
    ['behind an empty parameter', `/a?flag=&${token}`, '/a?flag='],
    ['with an equals sign, behind an empty parameter', `/a?flag=&${token}=`, '/a?flag='],
  ])('finds a bare token %s', (_name, url, rest) => {
    expect(locateEctoken({ url })).toEqual({ token, rest })
  })

  it.each(['/a', '/a?', '/a?x=1', '/a?flag=', `/a?x=${token}`, `/a?${token}==`, '/a?&&'])(
    'finds no bare token in %s',
    (url) => {
      expect(locateEctoken({ url })).toEqual({ token: null })
    },
  )

  it('looks at nothing but the parameter where one is configured', () => {
    expect(locateEctoken({ url: `/a?${token}`, param: 'tk' })).toEqual({ token: null })
    expect(locateEctoken({ url: `/a?zzz&tk=${token}`, param: 'tk' })).toEqual({
      token,
      rest: '/a?zzz',
    })
  })

  it('refuses a parameter that stands there twice with different values', () => {
    expect(locateEctoken({ url: '/a?tk=1&tk=2', param: 'tk' })).toEqual({ error: 'ambiguous' })
    expect(locateEctoken({ url: '/a?tk=1&tk=1', param: 'tk' })).toEqual({ token: '1', rest: '/a' })
  })

  it.each(['ec_token', 'a&b', 'a=b', 'a b', '#'])('refuses %j for a parameter', (param) => {
    expect(() => locateEctoken({ url: '/a', param })).toThrow('param: ')
  })
})
