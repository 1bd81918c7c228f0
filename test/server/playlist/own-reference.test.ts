import { describe, expect, it } from 'vitest'
import { isAuthorityDecided } from '../../../server/playlist/own-reference.ts'
import { rewriteUri } from './rewrite.ts'

const isTokenised = (uri: string, header = '') =>
  rewriteUri(uri, { reach: ['https://cdn.example'] }, header) !== uri

describe('which URIs are ours', () => {
  it.each([
    'seg.ts',
    './seg.ts',
    '../../../../seg.ts',
    'dir/a:b.ts',
    '?x=1',
    '/seg.ts',
    '//own.example/seg.ts',
    'https://own.example/seg.ts',
    'https://own.example',
    'HTTPS://OWN.EXAMPLE/seg.ts',
    'https://own.example:443/seg.ts',
    'https:seg.ts',
    'https:/seg.ts',
    'https://cdn.example/seg.ts',
    '//cdn.example/seg.ts',
    '\\vod\\seg.ts',
    '\\\\own.example\\seg.ts',
    'my clip.ts',
    '\u00c3\u00a9.ts',
    '\u00e9.ts',
    'https://own.example/a?u=https://evil.example/',
    '@evil.example/x',
    'own.example@evil.example/x',
  ])('%j', (uri) => {
    expect(isTokenised(uri)).toBe(true)
  })

  it.each([
    '//evil.example/x',
    '///evil.example/x',
    '\\\\evil.example\\x',
    '/\\evil.example/x',
    '\\/evil.example/x',
    'https:\\\\evil.example/x',
    'https:/\\evil.example/x',
    'https:///evil.example/x',
    '/\t/evil.example/x',
    'ht\ttps://evil.example/x',
    'https://own.example@evil.example/',
    'https://own.example:443@evil.example/',
    'https://own.example\\@evil.example/',
    'https://evil.example\\@own.example/',
    'https://evil.example#@own.example/',
    'https://evil.example?@own.example/',
    'https://user:secret@own.example/x',
    'https://own.example.evil.example/',
    'https://own.example:8443/',
    'https://own.example./',
    'https://sub.cdn.example/',
    'http://own.example/x',
    'http:seg.ts',
    'http://cdn.example/x',
    'https://own.example%00.evil.example/',
    'https://[/x',
    'https://',
    'skd://own.example/x',
    'data:text/plain,x',
    'urn:uuid:0',
    'blob:https://own.example/0',
    'file:///x',
    'myapp://own.example/x',
    'C:\\video\\seg.ts',
    'c:/video/seg.ts',
    'javascript:x',
    '\u00c2\u00a0//evil.example/x',
    '\u00ef\u00bb\u00bfhttps://evil.example/x',
    '\u0001//evil.example/x',
    // A host of ours in latin1 is another host once the player reads UTF-8.
    'https://\u00f6wn.example/',
  ])('not %j', (uri) => {
    expect(isTokenised(uri)).toBe(false)
  })

  it('reads host names as UTF-8, like players do', () => {
    const reach = ['https://b\u00fccher.example']
    const uri = 'https://b\u00c3\u00bccher.example/x'
    expect(rewriteUri(uri, { reach })).toMatch(/\?hdntl=/)
  })

  it('does not take userinfo of the base for a part of every URI', () => {
    expect(rewriteUri('../seg.ts', { base: 'https://u:p@own.example/vod/a/i.m3u8' })).toMatch(
      /hdntl=/,
    )
  })
})

describe('a reference of unknown value', () => {
  it.each([
    'a/',
    'seg',
    './',
    '/vod',
    '//own.example/',
    'https://own.example/',
    'https://own.example?',
    'https:a',
    'https:/a',
    'HTTPS://own.example#',
    'http://x/',
    '?',
    '#',
    'http/',
    '\\a',
  ])('cannot decide on the host behind %j', (beginning) => {
    expect(isAuthorityDecided(beginning, new URL('https://own.example/'))).toBe(true)
  })

  it.each([
    '',
    '/',
    '\\',
    '//',
    '/\t/own.example',
    '//own.example',
    '//own.example:4',
    'https:',
    'https:/',
    'https://',
    'https://own.example',
    'http:own.example',
    'http:',
    'h',
    'HTTP',
    'ht\ttps',
    'https',
    ' https',
    '\t/',
  ])('may decide on the host behind %j', (beginning) => {
    expect(isAuthorityDecided(beginning, new URL('https://own.example/'))).toBe(false)
  })
})
