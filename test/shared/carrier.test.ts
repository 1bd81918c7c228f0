import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { locateTokens, placeInPath, placeInQuery } from '../../shared/carrier.ts'

const mac = 'b6e2493f547c8140'
const token = `exp=1~acl=%2f*~data=hdntl~hmac=${mac}`
const bare = 'fVSYBBTynMkvQECGV-Kdfp333R-MGY2fsrrpVyuqd7OiuAUsQ8ITrL0'
const names = ['hdnts', 'hdntl']

describe('locateTokens', () => {
  it.each([
    ['at the front', `/hdntl=${token}/vod/a.ts`, '/vod/a.ts'],
    ['below directories', `/a/hdntl=${token}/b/c/d.ts?x=1`, '/a/b/c/d.ts?x=1'],
    ['before the file', `/a/b/hdntl=${token}/c.m3u8`, '/a/b/c.m3u8'],
    ['as the last segment', `/a/hdntl=${token}`, '/a/'],
    ['alone', `/hdntl=${token}`, '/'],
    ['before an empty query', `/hdntl=${token}/a?`, '/a?'],
    ['twice the same', `/hdntl=${token}/a/hdntl=${token}/b`, '/a/b'],
    ['twice the same, in a row', `/hdntl=${token}/hdntl=${token}/b`, '/b'],
  ])('finds a token in the path: %s', (_, target, rest) => {
    expect(locateTokens({ target, names })).toEqual({
      ok: true,
      found: [{ name: 'hdntl', location: 'path', token }],
      rest,
    })
  })

  it.each([
    [`exp=1~acl=/*~hmac=${mac}`, '/seg.ts'],
    [`exp=1~acl=/a/*!/b/c*~data=hdntl~hmac=${mac}`, '/x/y.ts'],
    [`ip=::1~exp=1~acl=/a/*~id=a/b~hmac=${mac}`, ''],
  ])('reads a token with raw slashes in the path up to its hmac: %s', (text, behind) => {
    expect(locateTokens({ target: `/v/hdntl=${text}${behind}`, names })).toEqual({
      ok: true,
      found: [{ name: 'hdntl', location: 'path', token: text }],
      rest: behind === '' ? '/v/' : `/v${behind}`,
    })
  })

  it.each([
    ['no hmac', '/hdntl=exp=1~acl=/a.ts', 'exp=1~acl=', '/a.ts'],
    ['an hmac elsewhere', `/hdntl=x/y/z~hmac=${mac}/a`, 'x', `/y/z~hmac=${mac}/a`],
    [
      'text behind the hmac',
      `/hdntl=exp=1~acl=/*~hmac=${mac}x/a`,
      'exp=1~acl=',
      `/*~hmac=${mac}x/a`,
    ],
    ['nothing', '/hdntl=/a.ts', '', '/a.ts'],
  ])('ends a path token at its segment when it has %s', (_, target, text, rest) => {
    expect(locateTokens({ target, names })).toEqual({
      ok: true,
      found: [{ name: 'hdntl', location: 'path', token: text }],
      rest,
    })
  })

  it.each([
    '/hdntlx=1/a.ts',
    '/hdntl/a.ts',
    '/xhdntl=1/a.ts',
    '/a.hdntl=1/b',
    '/HDNTL=1/b',
    '/%68dntl=1/b',
    '/hdntl%3D1/b',
    '/a?u=/hdntl=1/b',
    '/a?xhdntl=1&hdntlx=2&HDNTL=3',
    '/a?x=hdntl=1',
  ])('finds nothing in %s', (target) => {
    expect(locateTokens({ target, names })).toEqual({ ok: true, found: [], rest: target })
  })

  it.each([
    [`/a?hdntl=${token}`, '/a'],
    [`/a?null=0&hdntl=${token}`, '/a?null=0'],
    [`/a?hdntl=${token}&x=AAA%2f`, '/a?x=AAA%2f'],
    [`/a?%68dntl=${token}&{x}|`, '/a?{x}|'],
    [`/a?hdntl=${token}&hdntl=${token}`, '/a'],
    [`/a?&hdntl=${token}&`, '/a?&'],
  ])('takes a token out of the query of %s', (target, rest) => {
    expect(locateTokens({ target, names })).toEqual({
      ok: true,
      found: [{ name: 'hdntl', location: 'query', token }],
      rest,
    })
  })

  it('reports empty tokens: naming one counts', () => {
    const found = [{ name: 'hdnts', location: 'query', token: '' }]
    expect(locateTokens({ target: '/a?hdnts', names })).toEqual({ ok: true, found, rest: '/a' })
    expect(locateTokens({ target: '/a?hdnts=&b', names })).toEqual({
      ok: true,
      found,
      rest: '/a?b',
    })
  })

  it.each([
    ['the header of that name', { hdntl: token }],
    ['one of a list', { hdntl: [token] }],
    ['the same twice', { hdntl: `${token}, ${token}` }],
  ])('finds a token in %s', (_, headers) => {
    expect(locateTokens({ target: '/a', headers, names })).toEqual({
      ok: true,
      found: [{ name: 'hdntl', location: 'header', token }],
      rest: '/a',
    })
  })

  it('compares header names without case and cookie names with it', () => {
    const search = { target: '/a', names: ['HdnTL'] }
    expect(locateTokens({ ...search, headers: { hdntl: token } })).toMatchObject({
      found: [{ name: 'HdnTL', location: 'header' }],
    })
    expect(locateTokens({ ...search, cookie: `hdntl=${token}` })).toMatchObject({ found: [] })
  })

  it('does not mistake members of objects for headers', () => {
    const search = { target: '/a', headers: {}, names: ['constructor', '__proto__', 'toString'] }
    expect(locateTokens(search)).toMatchObject({ found: [] })
  })

  it.each([
    `hdntl=${token}`,
    `a=b; hdntl=${token}; c=d`,
    `hdntl="${token}"`,
    `  hdntl = ${token} ;`,
    `hdntl=${token};hdntl=${token}`,
    `a; hdntlx=1; xhdntl=2; hdntl=${token}`,
  ])('finds a raw token in the cookies %s', (cookie) => {
    expect(locateTokens({ target: '/a', cookie, names })).toEqual({
      ok: true,
      found: [{ name: 'hdntl', location: 'cookie', token }],
      rest: '/a',
    })
  })

  it('finds tokens in all places, in the order in which they are tried', () => {
    const found = locateTokens({
      target: `/hdntl=p/a?hdnts=q&hdntl=r`,
      headers: { hdnts: 'h' },
      cookie: 'hdntl=c',
      names,
    })
    expect(found).toEqual({
      ok: true,
      found: [
        { name: 'hdntl', location: 'path', token: 'p' },
        { name: 'hdnts', location: 'query', token: 'q' },
        { name: 'hdntl', location: 'query', token: 'r' },
        { name: 'hdnts', location: 'header', token: 'h' },
        { name: 'hdntl', location: 'cookie', token: 'c' },
      ],
      rest: '/a',
    })
  })

  it.each([
    ['path', { target: '/hdntl=SECRET1/hdntl=SECRET2/a' }],
    ['query', { target: '/a?hdntl=SECRET1&x&hdntl=SECRET2' }],
    ['query', { target: '/a?hdntl=SECRET1&%68dntl=' }],
    ['header', { target: '/a', headers: { hdntl: 'SECRET1, SECRET2' } }],
    ['header', { target: '/a', headers: { hdntl: ['SECRET1', 'SECRET2'] } }],
    ['cookie', { target: '/a', cookie: 'hdntl=SECRET1; hdntl=SECRET2' }],
  ])('refuses two different tokens of one name in the %s, and tells neither', (place, search) => {
    const located = locateTokens({ ...search, names })
    expect(located).toMatchObject({ ok: false, error: 'ambiguous' })
    expect(JSON.stringify(located)).toContain(place)
    expect(JSON.stringify(located)).not.toContain('SECRET')
  })

  it.each([
    ['alone', `/a?${bare}`, '/a'],
    ['in front', `/a?${bare}&x=1&y=%2f`, '/a?x=1&y=%2f'],
    ['behind others', `/a?x=1&${bare}`, '/a?x=1'],
    ['with an equals sign', `/a?flag=&${bare}=`, '/a?flag='],
    ['twice the same', `/a?${bare}&${bare}`, '/a'],
    ['before another bare part', `/a?${bare}&v2`, '/a?v2'],
  ])('finds a bare token under the empty name: %s', (_, target, rest) => {
    expect(locateTokens({ target, names: ['', ...names] })).toEqual({
      ok: true,
      found: [{ name: '', location: 'query', token: bare }],
      rest,
    })
    expect(locateTokens({ target, names })).toMatchObject({ found: [] })
  })

  it.each([
    ['beside each other', (one: string, other: string) => `${one}&${other}`],
    ['apart', (one: string, other: string) => `a=1&${other}&v2&${one}&b`],
    ['with an equals sign', (one: string, other: string) => `${one}=&${other}=`],
  ])('does not choose between two bare tokens: %s', (_, query) => {
    const target = `/a?${query(bare, `x${bare}`)}`
    const located = locateTokens({ target, names: ['', ...names] })
    expect(located).toMatchObject({ ok: false, error: 'ambiguous' })
    expect(JSON.stringify(located)).not.toContain(bare)
  })

  it('takes the first bare part, whatever is behind it', () => {
    expect(locateTokens({ target: `/a?v2&${bare}`, names: [''] })).toMatchObject({
      found: [{ token: 'v2' }],
    })
  })

  it('finds a bare part that is no token, and leaves it where it is', () => {
    expect(locateTokens({ target: '/a?v2&x=1', names: [''] })).toEqual({
      ok: true,
      found: [{ name: '', location: 'query', token: 'v2' }],
      rest: '/a?v2&x=1',
    })
  })

  it('finds bare and named tokens beside each other', () => {
    expect(
      locateTokens({ target: `/a?hdnts&x&hdntl=${token}`, names: [...names, ''] }),
    ).toMatchObject({
      found: [
        { name: 'hdnts', token: '' },
        { name: 'hdntl', token },
        { name: '', token: 'x' },
      ],
    })
  })

  it('takes the empty name for nothing in path, headers and cookies', () => {
    const search = { target: '/=x/a?=y', headers: { '': 'z' }, cookie: `=c; ${bare}`, names: [''] }
    expect(locateTokens(search)).toEqual({ ok: true, found: [], rest: '/=x/a?=y' })
  })

  it('reads a path full of beginnings of tokens in good time', () => {
    const target = '/hdntl=acl=x'.repeat(2_000)
    expect(locateTokens({ target, names })).toMatchObject({ ok: true, rest: '/' })
  })
})

describe('placeInPath', () => {
  it('puts the token in front, where it is found again', () => {
    const url = placeInPath('/vod/a.m3u8?x=1', 'hdntl', token)
    expect(url).toBe(`/hdntl=${token}/vod/a.m3u8?x=1`)
    expect(locateTokens({ target: url, names })).toMatchObject({
      found: [{ token }],
      rest: '/vod/a.m3u8?x=1',
    })
  })

  it.each(['exp=1~acl=/*~hmac=a', 'exp=1~acl=%2f?~hmac=a', 'a#b'])(
    'refuses a token that would not stay in its segment: %s',
    (text) => {
      expect(() => placeInPath('/a', 'hdntl', text)).toThrow(TypeError)
    },
  )

  it('refuses a path that does not begin with a slash', () => {
    expect(() => placeInPath('a', 'hdntl', token)).toThrow(TypeError)
  })
})

describe('placeInQuery', () => {
  it.each(['a&b', 'a#b'])('refuses a token that would not stay in its pair: %s', (text) => {
    expect(() => placeInQuery('/a', 'hdntl', text)).toThrow(TypeError)
  })

  it.each(['v2', 'exp=1~hmac=a', `${bare}=`, `${bare}&a`, `${bare}#`, ''])(
    'refuses a token that nobody could tell from other bare parts: %j',
    (text) => {
      expect(() => placeInQuery('/a', '', text)).toThrow(TypeError)
    },
  )

  it('puts a token without a name in front, bare', () => {
    const url = placeInQuery('/a?v2&x=1#f', '', bare)
    expect(url).toBe(`/a?${bare}&v2&x=1#f`)
    expect(locateTokens({ target: `/a?${bare}&v2&x=1`, names: [''] })).toMatchObject({
      found: [{ token: bare }],
      rest: '/a?v2&x=1',
    })
  })

  it('puts the token where it is found again, and leaves all else as it was', () => {
    const path = fc.stringMatching(/^\/[a-z/%.,;]*$/)
    const query = fc.stringMatching(/^(?:[a-z]{1,3}=[a-z{}%=?/]*)?$/)
    const text = fc.stringMatching(/^[a-z~=*!/?%]{0,20}$/)
    fc.assert(
      fc.property(path, query, text, (head, pairs, value) => {
        const url = pairs === '' ? head : `${head}?${pairs}`
        const located = locateTokens({ target: placeInQuery(url, 'hdntl', value), names })
        expect(located).toEqual({
          ok: true,
          found: [{ name: 'hdntl', location: 'query', token: value }],
          rest: url,
        })
      }),
    )
  })
})
