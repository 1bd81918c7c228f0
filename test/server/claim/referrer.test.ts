import { describe, expect, it } from 'vitest'
import { checkReferrer, parseReferrerPattern } from '../../../server/claim/referrer.ts'

const allowing = (pattern: string, referrer?: string | null, ignoreCase = false) =>
  checkReferrer({ allow: [pattern] }, { referrer, ignoreCase }).ok
const denying = (pattern: string, referrer?: string | null) =>
  !checkReferrer({ deny: [pattern] }, { referrer }).ok

describe('parseReferrerPattern', () => {
  it.each([
    ['WWW.Example.com', 'www.example.com'],
    ['www.example.com/Shop', 'www.example.com/Shop'],
    ['*.example.com', '*.example.com'],
    ['missing', 'missing'],
    ['', 'missing'],
  ])('reads %j as %j', (text, pattern) => {
    expect(parseReferrerPattern(text)).toBe(pattern)
  })

  it.each([
    'https://www.example.com',
    '//www.example.com',
    'a.example:80',
    '*',
    '/path',
    'a b.example',
  ])('refuses %j', (text) => {
    expect(parseReferrerPattern(text)).toBeNull()
  })
})

describe('checkReferrer', () => {
  it.each([
    ['www.contoso.com', 'https://www.contoso.com/page'],
    ['www.contoso.com', 'http://WWW.CONTOSO.COM'],
    ['www.contoso.com', 'https://www.contoso.com.:8443/'],
    ['server1.com/obj1', 'http://server1.com/obj1/x.html'],
    ['server1.com/obj1', 'http://server1.com/obj12'],
    ['server1.com/a?b', 'http://server1.com/a?bc'],
    ['*.contoso.com', 'https://a.b.contoso.com/'],
  ])('%s covers %s', (pattern, referrer) => {
    expect(allowing(pattern, referrer)).toBe(true)
    expect(denying(pattern, referrer)).toBe(true)
  })

  // Look-alikes (threat T22).
  it.each([
    ['www.contoso.com', 'https://www.contoso.com.evil.net/'],
    ['www.contoso.com', 'https://evil.net/www.contoso.com'],
    ['www.contoso.com', 'https://evil.net/?https://www.contoso.com/'],
    ['www.contoso.com', 'https://evil.net#www.contoso.com'],
    ['www.contoso.com', 'https://evil.net\\@www.contoso.com/'],
    ['www.contoso.com', 'https://evilwww.contoso.com/'],
    ['*.contoso.com', 'https://contoso.com/'],
    ['*.contoso.com', 'https://evilcontoso.com/'],
    ['server1.com/obj1', 'http://server1.com/'],
    ['server1.com/obj1', 'http://server1.com/OBJ1/x'],
    ['server1.com/obj1', 'http://server1.com/obj1/../x'],
    ['missing', 'https://missing/'],
  ])('%j does not cover %s', (pattern, referrer) => {
    expect(allowing(pattern, referrer)).toBe(false)
    expect(denying(pattern, referrer)).toBe(false)
  })

  it.each([
    'www.contoso.com',
    'https://',
    'https://www.contoso.com@evil.net/',
    'https://user:word@www.contoso.com/',
    'data:text/html,www.contoso.com',
    'https://www.contoso.com, https://evil.net',
  ])('refuses %j, which names no page, by either list', (referrer) => {
    expect(allowing('www.contoso.com', referrer)).toBe(false)
    expect(denying('www.fabrikam.com', referrer)).toBe(true)
  })

  it.each([undefined, null, '', ' ', 'about:blank'])(
    'takes %j for a missing referrer',
    (referrer) => {
      expect(allowing('missing', referrer)).toBe(true)
      expect(allowing('www.contoso.com', referrer)).toBe(false)
      expect(denying('missing', referrer)).toBe(true)
      expect(denying('www.contoso.com', referrer)).toBe(false)
    },
  )

  it('compares paths without case when told so', () => {
    expect(allowing('server1.com/Obj1', 'http://server1.com/oBJ1/x', true)).toBe(true)
  })
})
