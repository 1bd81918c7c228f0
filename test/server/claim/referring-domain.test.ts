import { describe, expect, it } from 'vitest'
import {
  checkReferringDomain,
  parseReferringDomain,
} from '../../../server/claim/referring-domain.ts'

const admits = (domain: string, referrer?: string | null) =>
  checkReferringDomain({ domain }, { referrer }).ok

describe('parseReferringDomain', () => {
  const longest = `${'a.'.repeat(125)}com`

  it.each([
    ['Example.COM', 'example.com'],
    ['a-b.c_d.example', 'a-b.c_d.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['localhost', 'localhost'],
    ['1.2.3.4.example', '1.2.3.4.example'],
    [longest, longest],
    [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
  ])('reads %j as %j', (text, domain) => {
    expect(parseReferringDomain(text)).toBe(domain)
  })

  it.each([
    '',
    '.',
    '*',
    '*.example.com',
    'https://example.com',
    '//example.com',
    'example.com/',
    'example.com/path',
    'example.com:443',
    'user@example.com',
    'example.com?',
    'example.com#',
    '.example.com',
    'example.com.',
    'example..com',
    '-a.example',
    'a-.example',
    'exa mple.com',
    ' example.com',
    'example.com\n',
    'example.com,other.com',
    'b\u00fccher.example',
    'exam\u212ale.com',
    '10.0.0.1',
    'example.7',
    'example.0x7f',
    '[::1]',
    '::1',
    'a\\b.example',
    `a.${longest}`,
    `${'a'.repeat(64)}.example`,
  ])('refuses %j', (text) => {
    expect(parseReferringDomain(text)).toBeNull()
  })
})

describe('checkReferringDomain', () => {
  it.each([
    'https://example.com/page?x',
    'http://example.com',
    'https://EXAMPLE.com:8443/',
    'https://example.com./',
    'https://www.example.com/',
    'https://a.b.example.com/',
    'https://example.com\\evil.net/',
  ])('takes %s for a page of example.com', (referrer) => {
    expect(admits('example.com', referrer)).toBe(true)
  })

  // Look-alikes (threat T22).
  it.each([
    'https://evilexample.com/',
    'https://example.com.evil.net/',
    'https://evil.net/example.com',
    'https://evil.net/?https://example.com/',
    'https://evil.net#example.com',
    'https://evil.net#@example.com/',
    'https://evil.net\\@example.com/',
    'https://example.com@evil.net/',
    'https://user@example.com/',
    'https://user:word@www.example.com/',
    'https://:@example.com.evil.net/',
    'https://example.co/',
    'https://com/',
    'https://example-com/',
    'https://example%2ecom.evil.net/',
    'https://ex\u0430mple.com/',
  ])('does not take %s for one', (referrer) => {
    expect(admits('example.com', referrer)).toBe(false)
  })

  it.each([
    undefined,
    null,
    '',
    ' ',
    'about:blank',
    'example.com',
    '//example.com/',
    'https://',
    'data:text/html,example.com',
    'javascript:example.com',
    'https://example.com, https://evil.net',
    'https://evil.net, https://example.com',
  ])('refuses %j, which names no page', (referrer) => {
    expect(admits('example.com', referrer)).toBe(false)
  })
})
