import { describe, expect, it } from 'vitest'
import { checkHost, parseHost, parseHostPattern } from '../../../server/claim/host.ts'

describe('parseHost', () => {
  it.each([
    ['cdn.example.com', 'cdn.example.com'],
    ['CDN.Example.COM:8443', 'cdn.example.com'],
    ['cdn.example.com.', 'cdn.example.com'],
    ['203.0.113.9:80', '203.0.113.9'],
    ['[2001:DB8::1]:443', '[2001:db8::1]'],
  ])('reads %s as %s', (text, host) => {
    expect(parseHost(text)).toBe(host)
  })

  it.each([
    '',
    '.',
    '.example.com',
    'a..b',
    'a.example, b.example',
    'user@example.com',
    'example.com/x',
    'example.com:x',
    'example.com\n',
    '\u212a.example',
    'a'.repeat(300),
  ])('reads no host in %j', (text) => {
    expect(parseHost(text)).toBeNull()
  })
})

describe('parseHostPattern', () => {
  it.each([
    ['Server1.com', 'server1.com'],
    ['*.Server2.com', '*.server2.com'],
  ])('reads %s as %s', (text, pattern) => {
    expect(parseHostPattern(text)).toBe(pattern)
  })

  it.each([
    '',
    '*',
    '*.',
    '**.a.example',
    'a.*.example',
    '*a.example',
    'a.example:80',
    '한국.example',
  ])('refuses %j', (text) => {
    expect(parseHostPattern(text)).toBeNull()
  })
})

const allowing = (lists: object, host?: string) => checkHost(lists, { host }).ok

describe('checkHost', () => {
  it.each([
    ['server1.com', 'SERVER1.com:80', true],
    ['server1.com', 'a.server1.com', false],
    ['*.b.example', 'a.b.example', true],
    ['*.b.example', 'x.a.b.example', true],
    ['*.b.example', 'b.example', false],
    ['*.b.example', 'evilb.example', false],
    ['b.example', 'b.example.evil.net', false],
  ])('%s, asked of %s: %s', (pattern, host, covered) => {
    expect(allowing({ allow: [pattern] }, host)).toBe(covered)
    expect(allowing({ deny: [pattern] }, host)).toBe(!covered)
  })

  it('lets an allow list decide alone', () => {
    expect(allowing({ allow: ['a.example'], deny: ['a.example'] }, 'a.example')).toBe(true)
    expect(allowing({ allow: ['a.example'], deny: ['b.example'] }, 'c.example')).toBe(false)
  })

  it.each([undefined, '', 'a.example, b.example'])(
    'refuses the unreadable %j by either list',
    (host) => {
      expect(allowing({ allow: ['a.example'] }, host)).toBe(false)
      expect(allowing({ deny: ['a.example'] }, host)).toBe(false)
    },
  )
})
