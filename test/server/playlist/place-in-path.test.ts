import { describe, expect, it } from 'vitest'
import { rewriteUri } from './rewrite.ts'

const plain = 'https://own.example/vod/a/index.m3u8'
const tokenised = 'https://own.example/hdntl=T~1/vod/a/index.m3u8'
const reach = ['https://cdn.example']
const place = (uri: string, base: string, value = 'T~1', header = '') =>
  rewriteUri(uri, { mode: 'path', base, value, reach }, header)

describe('a token in the path', () => {
  it.each([
    ['s.ts', '/hdntl=T~1/vod/a/s.ts', 's.ts'],
    ['b/s.ts?x=1#f', '/hdntl=T~1/vod/a/b/s.ts?x=1#f', 'b/s.ts?x=1#f'],
    ['./s.ts', '/hdntl=T~1/vod/a/s.ts', './s.ts'],
    ['../s.ts', '/hdntl=T~1/vod/s.ts', '../s.ts'],
    ['../../s.ts', '/hdntl=T~1/s.ts', '../../s.ts'],
    ['../../../s.ts', '/hdntl=T~1/s.ts', '/hdntl=T~1/s.ts'],
    ['../../../../../s.ts', '/hdntl=T~1/s.ts', '/hdntl=T~1/s.ts'],
    ['%2e%2E/%2e./.%2e/s.ts', '/hdntl=T~1/s.ts', '/hdntl=T~1/s.ts'],
    ['/s.ts', '/hdntl=T~1/s.ts', '/hdntl=T~1/s.ts'],
    ['/', '/hdntl=T~1/', '/hdntl=T~1/'],
    ['/a/../../s.ts', '/hdntl=T~1/s.ts', '/hdntl=T~1/s.ts'],
    ['/a/..', '/hdntl=T~1/', '/hdntl=T~1/'],
    ['//own.example/s.ts', '/hdntl=T~1/s.ts', '/hdntl=T~1/s.ts'],
    ['https://own.example/s.ts?a=b/../c', '/hdntl=T~1/s.ts?a=b/../c', '/hdntl=T~1/s.ts?a=b/../c'],
    ['https://own.example', '/hdntl=T~1/', '/hdntl=T~1/'],
    ['https://own.example?x', '/hdntl=T~1/?x', '/hdntl=T~1/?x'],
    ['https:s.ts', '/hdntl=T~1/vod/a/s.ts', 'https:s.ts'],
    ['https://cdn.example/s.ts', ...both('https://cdn.example/hdntl=T~1/s.ts')],
    ['//cdn.example:443/s%2f.ts', ...both('https://cdn.example/hdntl=T~1/s%2f.ts')],
    ['https://evil.example/s.ts', ...both('https://evil.example/s.ts')],
    ['\\vod\\s.ts', ...both('/hdntl=T~1/vod/s.ts')],
    ['my clip.ts', '/hdntl=T~1/vod/a/my clip.ts', 'my clip.ts'],
    ['s.ts?hdntl=OLD&a=1', '/hdntl=T~1/vod/a/s.ts?a=1', 's.ts?a=1'],
    ['s.ts?hdntl=OLD', '/hdntl=T~1/vod/a/s.ts', 's.ts'],
    ['?hdntl=OLD', '/hdntl=T~1/vod/a/index.m3u8?', '?'],
    ['?x=1', '/hdntl=T~1/vod/a/index.m3u8?x=1', '?x=1'],
    ['/hdntl=OLD/s.ts', ...both('/hdntl=T~1/s.ts')],
    ['/hdntl=OLD/a/../../s.ts', ...both('/hdntl=T~1/s.ts')],
    ['/hdntl=A/hdntl=B/s.ts', ...both('/hdntl=T~1/s.ts')],
    ['/hdntl=OLD', ...both('/hdntl=T~1/')],
    ['/hdntl=OLD?x', ...both('/hdntl=T~1/?x')],
    ['https://own.example/hdntl=OLD/s.ts', ...both('https://own.example/hdntl=T~1/s.ts')],
    ['https://cdn.example/hdntl=OLD/s.ts', ...both('https://cdn.example/hdntl=T~1/s.ts')],
    ['/xhdntl=1/s.ts', ...both('/hdntl=T~1/xhdntl=1/s.ts')],
    ['/HDNTL=1/s.ts', ...both('/hdntl=T~1/HDNTL=1/s.ts')],
    ['b/hdntl=1/s.ts', '/hdntl=T~1/vod/a/b/hdntl=1/s.ts', 'b/hdntl=1/s.ts'],
  ])('%s', (uri, onPlain, onTokenised) => {
    expect(place(uri, plain)).toBe(onPlain)
    expect(place(uri, tokenised)).toBe(onTokenised)
    for (const base of [plain, tokenised]) {
      const once = place(uri, base)
      expect(place(once, base)).toBe(once)
    }
  })

  function both(expected: string): [string, string] {
    return [expected, expected]
  }

  it('does not let references inherit the wrong token', () => {
    expect(place('s.ts', tokenised, 'T~2')).toBe('/hdntl=T~2/vod/a/s.ts')
    expect(place('../s.ts', tokenised, 'T~2')).toBe('/hdntl=T~2/vod/s.ts')
  })

  it('replaces the token of an earlier pass', () => {
    expect(place(place('s.ts', plain), plain, 'T~2')).toBe('/hdntl=T~2/vod/a/s.ts')
  })

  it('writes a slash of the token as %2F, and knows it again', () => {
    const escaped = '/hdntl=acl=%2Fa%2F*/vod/a/s.ts'
    expect(place('s.ts', plain, 'acl=/a/*')).toBe(escaped)
    expect(place('s.ts', `https://own.example${escaped}`, 'acl=/a/*')).toBe('s.ts')
  })

  it('finds a relative name that looks like a token below the root', () => {
    expect(place('hdntl=OLD/s.ts', 'https://own.example/i.m3u8')).toBe('/hdntl=T~1/s.ts')
    expect(place('hdntl=OLD/s.ts', 'https://own.example/hdntl=T~1/i.m3u8')).toBe('/hdntl=T~1/s.ts')
  })

  it.each([
    ['v', '/x/{$v}/s.ts', '/hdntl=T~1/x/{$v}/s.ts'],
    ['https://own.example/p/', '{$v}s.ts', '/hdntl=T~1/p/s.ts'],
    ['own.example', 'https://{$v}/s.ts?{$v}', '/hdntl=T~1/s.ts?{$v}'],
    ['b/c', '/a/{$v}/../s.ts', '/hdntl=T~1/a/b/s.ts'],
    ['..', '/a/b/{$v}/s.ts', '/hdntl=T~1/a/s.ts'],
    ['/hdntl=OLD/x', '{$v}/s.ts', '/hdntl=T~1/x/s.ts'],
    ['/hdntl=OLD', '{$v}/s.ts', '/hdntl=T~1/s.ts'],
    ['', '{$v}/s.ts', '/hdntl=T~1/s.ts'],
  ])('variables with the value %s are kept where they can be: %s', (value, uri, expected) => {
    const header = `#EXT-X-DEFINE:NAME="v",VALUE="${value}"\n`
    expect(place(uri, plain, 'T~1', header)).toBe(expected)
  })

  it.each([
    ['a/{$x}/s.ts', '/hdntl=T~1/vod/a/a/{$x}/s.ts'],
    ['{$x}/s.ts', '{$x}/s.ts'],
    ['a\\{$x}/s.ts', '/hdntl=T~1/vod/a/a\\{$x}/s.ts'],
    ['../{$x}/s.ts?{$x}/../y', '/hdntl=T~1/vod/{$x}/s.ts?{$x}/../y'],
    // Who knows how many segments the reference brings: nothing can be said about the dots behind it.
    ['a/{$x}/../s.ts', 'a/{$x}/../s.ts'],
  ])('unknown variables: %s', (uri, expected) => {
    expect(place(uri, plain)).toBe(expected)
  })

  it('keeps equal resources equal, however they are spelled', () => {
    const spellings = ['s.ts', './s.ts', '../a/s.ts', '/vod/a/s.ts', '//own.example/vod/a/s.ts']
    const placed = new Set(spellings.map((uri) => place(uri, plain)))
    expect([...placed]).toEqual(['/hdntl=T~1/vod/a/s.ts'])
  })
})
