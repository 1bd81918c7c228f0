import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  findBareToken,
  isBareToken,
  isBareTokenText,
  removeBareToken,
  setBareToken,
} from '../../shared/bare-token.ts'

const token = 'fVSYBBTynMkvQECGV-Kdfp333R-MGY2fsrrpVyuqd7OiuAUsQ8ITrL0'
const old = 'Zk3q_8sVb1NnQ0y2h5XJ4uTt9wEoRrLlCcDdAaGgHhIi-Kk'
const sha1 = 'da39a3ee5e6b4b0d3255bfef95601890afd80709'

const tokenText = fc.stringMatching(/^[A-Za-z0-9_-]{38,80}$/).map((text) => `T${text}`)
/** Parts that are no tokens, bare ones among them. */
const otherPart = fc.oneof(
  fc.constantFrom('', 'v2', '1718000000', sha1, 'a=', '=', '%3D', `a=${old}`, '_HLS_skip=YES'),
  fc.stringMatching(/^[!"$%'()*+,\-./0-9:;<>@A-Z[\\\]^_`a-z{|}~]{0,38}$/),
)

describe('the form of a bare token', () => {
  it.each([token, token.slice(0, 39), `pgt_${token}`, `${sha1}A`, sha1.toUpperCase()])(
    'is that of %s',
    (text) => {
      expect(isBareTokenText(text)).toBe(true)
      expect(isBareToken(text)).toBe(true)
      // As it may have become on its way.
      expect(isBareTokenText(`${text}=`)).toBe(false)
      expect(isBareToken(`${text}=`)).toBe(true)
    },
  )

  it.each([
    '',
    '=',
    'v2',
    token.slice(0, 38),
    `${token}==`,
    `${token}=1`,
    `${token}%3D`,
    `${token}.`,
    `${token} `,
    `${token}\n`,
    'd41d8cd98f00b204e9800998ecf8427e',
    sha1,
    '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    '123e4567-e89b-12d3-a456-426614174000',
  ])('is not that of %j', (text) => {
    expect(isBareToken(text)).toBe(false)
  })
})

describe('findBareToken', () => {
  it.each([
    [token, token, ''],
    [`${token}&a=1`, token, 'a=1'],
    [`a=%2f&${token}&{b}`, token, 'a=%2f&{b}'],
    [`&${token}&`, token, '&'],
    [`${token}&${token}`, token, ''],
    [`${token}&${token}=&v2`, token, 'v2'],
    [`${token}&${old}`, token, old],
    [`v2&${token}`, 'v2', token],
    ['v2', 'v2', ''],
    [`flag=&${token}=`, token, 'flag='],
  ])('finds in %s its first part without an equals sign', (query, found, rest) => {
    expect(findBareToken(query)).toEqual({ token: found, rest })
  })

  it.each(['', '&', 'a=1', 'flag=', `x=${token}`, `${token}==`, `a=1?${token}=1`])(
    'finds none in %j',
    (query) => {
      expect(findBareToken(query)).toBeNull()
    },
  )
})

describe('removeBareToken', () => {
  it.each([
    ['', ''],
    [token, ''],
    [`${token}=`, ''],
    [`a=1&${token}&b=%2F`, 'a=1&b=%2F'],
    [`${token}&v2&${old}=&`, 'v2&'],
    [`v2&${sha1}&flag=&x=${token}`, `v2&${sha1}&flag=&x=${token}`],
  ])('makes %s into %s', (query, rest) => {
    expect(removeBareToken(query)).toBe(rest)
  })

  it('leaves a query without tokens byte for byte', () => {
    fc.assert(
      fc.property(fc.array(otherPart), (parts) => {
        expect(removeBareToken(parts.join('&'))).toBe(parts.join('&'))
      }),
    )
  })
})

describe('setBareToken', () => {
  it.each([
    ['seg.ts', `seg.ts?${token}`],
    ['seg.ts?', `seg.ts?${token}`],
    ['seg.ts?a=1', `seg.ts?${token}&a=1`],
    ['seg.ts?v2', `seg.ts?${token}&v2`],
    ['seg.ts?&', `seg.ts?${token}&&`],
    ['seg.ts#f?x', `seg.ts?${token}#f?x`],
    ['/p?a=1#f', `/p?${token}&a=1#f`],
    [`seg.ts?${old}`, `seg.ts?${token}`],
    [`seg.ts?${old}=`, `seg.ts?${token}`],
    [`seg.ts?a=1&${old}&v2&${old}`, `seg.ts?${token}&a=1&v2`],
  ])('makes %s into %s', (url, wanted) => {
    expect(setBareToken(url, token)).toBe(wanted)
  })

  it('puts it where it is found first, leaves all else, and replaces when done again', () => {
    fc.assert(
      fc.property(fc.array(otherPart), tokenText, tokenText, (parts, one, other) => {
        const query = parts.join('&')
        const url = setBareToken(`/p?${query}`, one)
        expect(url).toBe(query === '' ? `/p?${one}` : `/p?${one}&${query}`)
        expect(findBareToken(url.slice(3))).toEqual({ token: one, rest: query })
        expect(setBareToken(url, one)).toBe(url)
        expect(setBareToken(url, other)).toBe(setBareToken(`/p?${query}`, other))
      }),
    )
  })
})
