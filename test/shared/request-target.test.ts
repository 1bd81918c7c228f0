import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeOnce } from '../../shared/query.ts'
import {
  isAmbiguousPath,
  maxQueryPairs,
  maxTargetLength,
  parseRequestTarget,
} from '../../shared/request-target.ts'

describe('parseRequestTarget', () => {
  it.each([
    ['/', '/', ''],
    ['/vod/a/index.m3u8', '/vod/a/index.m3u8', ''],
    ['/vod/a/', '/vod/a/', ''],
    ['/vod/a?', '/vod/a', ''],
    ['/a?b?c', '/a', 'b?c'],
    ['/i/x_,300,600,.mp4.csmil/a.m3u8?null=0', '/i/x_,300,600,.mp4.csmil/a.m3u8', 'null=0'],
    ['/a/..b/.c/d../...', '/a/..b/.c/d../...', ''],
    ['/-_.~!$&\'()*+,=:@[]{}|^`<>"', '/-_.~!$&\'()*+,=:@[]{}|^`<>"', ''],
    ['/p?a={b}|"<>\\^`[]&%zz=%', '/p', 'a={b}|"<>\\^`[]&%zz=%'],
    ['/p?x=//../%2e%2f;', '/p', 'x=//../%2e%2f;'],
  ])('takes %s', (raw, path, query) => {
    expect(parseRequestTarget(raw)).toEqual({ ok: true, rawPath: path, path, query })
  })

  it.each([
    ['/a%20b', '/a%20b'],
    ['/%ec%95%88/x', '/%EC%95%88/x'],
    ['/a%2bb%3d%23%3f', '/a%2Bb%3D%23%3F'],
    ['/%c3%A9', '/%C3%A9'],
    ['/%f0%9f%8e%ac.ts', '/%F0%9F%8E%AC.ts'],
  ])('writes the escapes of %s as %s and keeps the raw path', (raw, path) => {
    expect(parseRequestTarget(raw)).toEqual({ ok: true, rawPath: raw, path, query: '' })
  })

  it.each([
    // RFC 9112 section 3.2: other forms than the origin form
    '',
    '*',
    'a',
    '?a=b',
    'http://example.com/a',
    'example.com:443',
    // blanks, controls, other than ASCII, fragments
    '/a b',
    '/a\tb',
    '/a\0b',
    '/a\u007fb',
    '/\u00e9',
    '/\u{1f3ac}',
    '/a?b c',
    '/a?b=\u00e9',
    '/a#b',
    '/a?b#c',
    // dot segments, in every spelling
    '/.',
    '/..',
    '/./a',
    '/../a',
    '/a/.',
    '/a/..',
    '/a/./b',
    '/a/../b',
    '/a/%2e/b',
    '/a/%2e%2e/b',
    '/a/.%2e/b',
    '/a/%2E./b',
    '/a/%252e%252e/b',
    '/a/..%2fb',
    '/a/..;x/b',
    // empty segments
    '//',
    '//a',
    '//evil.example/a',
    '/a//b',
    '/a//',
    // separators in disguise
    '/a%2fb',
    '/a%2Fb',
    '/a%5cb',
    '/a%5Cb',
    '/a\\b',
    '/a\\..\\b',
    // double encoding
    '/%25',
    '/a%252fb',
    '/a%2541',
    // path parameters
    '/a;b=1',
    '/a/index.m3u8;.css',
    '/a%3bb',
    '/a%3Bb',
    // broken escapes
    '/%',
    '/a%',
    '/a%2',
    '/a%zz',
    '/a%2g',
    '/a%u0041',
    // escapes of unreserved characters
    '/%61',
    '/%7E',
    '/%2d',
    '/%5f',
    '/%39',
    // escaped controls
    '/a%00',
    '/a%00.ts',
    '/a%0a',
    '/a%0D%0Ab',
    '/a%1f',
    '/a%7f',
    '/a%c2%80',
    '/a%C2%9f',
    // ill-formed UTF-8: overlong, surrogates, lone and cut-off bytes, beyond the last code point
    '/%c0%ae',
    '/%c0%af',
    '/%e0%80%af',
    '/%f0%80%80%af',
    '/%ed%a0%80',
    '/%80',
    '/%ff',
    '/%c3',
    '/%c3/%a9',
    '/%e2%82',
    '/%f4%90%80%80',
  ])('refuses %j as a bad request', (raw) => {
    expect(parseRequestTarget(raw)).toMatchObject({ ok: false, status: 400 })
  })

  it('takes a semicolon literally only when told so, and no dot segment behind it', () => {
    const options = { allowSemicolon: true }
    expect(parseRequestTarget('/a;b=1/c%3b', options)).toMatchObject({ path: '/a;b=1/c%3B' })
    expect(parseRequestTarget('/a/..;b/c', options)).toMatchObject({ status: 400 })
    expect(parseRequestTarget('/a/.;/c', options)).toMatchObject({ status: 400 })
  })

  it('answers 414 to a target over the limit, and none below', () => {
    const longest = `/${'a'.repeat(maxTargetLength - 1)}`
    expect(parseRequestTarget(longest)).toMatchObject({ ok: true })
    expect(parseRequestTarget(`${longest}a`)).toMatchObject({ ok: false, status: 414 })
    expect(parseRequestTarget(`/?${'a'.repeat(maxTargetLength)}`)).toMatchObject({ status: 414 })
  })

  it('refuses more parameters than anybody sends', () => {
    const full = `/a?${Array(maxQueryPairs).fill('a').join('&')}`
    expect(parseRequestTarget(full)).toMatchObject({ ok: true })
    expect(parseRequestTarget(`${full}&a`)).toMatchObject({ ok: false, status: 400 })
    expect(parseRequestTarget(`/a?${'&'.repeat(maxQueryPairs)}`)).toMatchObject({ status: 400 })
  })

  it('never repeats the target in what it says about it', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\/SECRET[!-~]*$/), (raw) => {
        const target = parseRequestTarget(raw)
        if (!target.ok) expect(target.detail).not.toContain('SECRET')
      }),
    )
  })

  const fragments = fc.constantFrom(
    ...[
      '/',
      '.',
      '..',
      ';',
      '\\',
      '%',
      '%2e',
      '%2F',
      '%5c',
      '%00',
      '%25',
      '%41',
      '%c3%a9',
      '%c0%ae',
    ],
    ...['a', 'B', '~', '?', '#', '&', ' ', '\n', 'é', '%20', '%EC%95%88', '%2', '//', 'index.m3u8'],
  )

  it('has one reading for every path it takes', () => {
    fc.assert(
      fc.property(fc.array(fragments, { maxLength: 12 }), (parts) => {
        const target = parseRequestTarget(`/${parts.join('')}`)
        if (!target.ok) return
        // The URL parser of browsers and undici changes nothing but what it escapes itself.
        const url = new URL(`http://h${target.path}`)
        expect(decodeOnce(url.pathname)).toBe(decodeOnce(target.path))
        expect(url.pathname.split('/')).toHaveLength(target.path.split('/').length)
        // Decoding adds no separator, and a second decoding finds nothing left to decode.
        expect(decodeOnce(target.path).split('/')).toHaveLength(target.path.split('/').length)
        expect(decodeOnce(decodeOnce(target.path))).toBe(decodeOnce(target.path))
        expect(isAmbiguousPath(target.path)).toBe(false)
        expect(parseRequestTarget(target.path)).toMatchObject({ path: target.path })
      }),
      { numRuns: 2000 },
    )
  })
})

describe('isAmbiguousPath', () => {
  it.each([
    '/',
    '/a',
    '/%76ideos/a',
    '//a',
    '/a;b',
    '/my file',
    '/é',
    '/%ec%95%88',
    '/...',
    '/a%25',
  ])('lets %s pass', (path) => {
    expect(isAmbiguousPath(path)).toBe(false)
  })

  it.each([
    '/a/../b',
    '/./a',
    '/a/..',
    '/%2e%2e/a',
    '/%2E/a',
    '/.%2e',
    '/a%2fb',
    '/a%2Fb',
    '/a%5Cb',
    '/a\\b',
    '/a%00',
    '/%zz',
    '/a%',
    '/%c0%ae%c0%ae/a',
    '/%ff',
  ])('stops %s', (path) => {
    expect(isAmbiguousPath(path)).toBe(true)
  })
})
