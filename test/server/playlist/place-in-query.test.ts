import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bareOptions, bareToken, rewrite, rewriteUri, token } from './rewrite.ts'

const t = `hdntl=${token}`

describe('a token in the query', () => {
  it.each([
    ['s.ts', `s.ts?${t}`],
    ['s.ts?', `s.ts?${t}`],
    ['s.ts?a=1', `s.ts?a=1&${t}`],
    ['s.ts?a=1&', `s.ts?a=1&${t}`],
    ['s.ts?a=1&&b=2', `s.ts?a=1&&b=2&${t}`],
    ['s.ts?&', `s.ts?&${t}`],
    ['s.ts#f', `s.ts?${t}#f`],
    ['s.ts#f?a=1', `s.ts?${t}#f?a=1`],
    ['s.ts?a=1#f#g', `s.ts?a=1&${t}#f#g`],
    ['s.ts?a=1?b', `s.ts?a=1?b&${t}`],
    ['?a=1', `?a=1&${t}`],
    ['../s.ts', `../s.ts?${t}`],
    ['a/./../%2e%2E/S%20x.ts', `a/./../%2e%2E/S%20x.ts?${t}`],
    ['s.ts?sig=a%2Fb+c~d=~!', `s.ts?sig=a%2Fb+c~d=~!&${t}`],
    ['my clip #1.ts', `my clip ?${t}#1.ts`],
  ])('goes to the end: %s', (uri, expected) => {
    expect(rewriteUri(uri)).toBe(expected)
  })

  it.each([
    ['s.ts?hdntl=OLD', `s.ts?${t}`],
    ['s.ts?hdntl', `s.ts?${t}`],
    ['s.ts?hdntl=', `s.ts?${t}`],
    ['s.ts?hdntl=OLD&a=1', `s.ts?a=1&${t}`],
    ['s.ts?a=1&hdntl=OLD', `s.ts?a=1&${t}`],
    ['s.ts?a=1&hdntl=OLD&b=2', `s.ts?a=1&b=2&${t}`],
    ['s.ts?hdntl=A&hdntl=B&x&hdntl=C', `s.ts?x&${t}`],
    ['s.ts?%68dntl=OLD&a=1', `s.ts?a=1&${t}`],
    ['s.ts?hdnt%6C=OLD', `s.ts?${t}`],
    ['s.ts?&hdntl=OLD', `s.ts?&${t}`],
    ['s.ts?a=1&&hdntl=OLD', `s.ts?a=1&&${t}`],
    ['s.ts?hdntl=OLD#f', `s.ts?${t}#f`],
  ])('replaces every earlier one: %s', (uri, expected) => {
    expect(rewriteUri(uri)).toBe(expected)
  })

  it.each([
    'xhdntl=1',
    'hdntl2=1',
    'HDNTL=1',
    'a=hdntl=1',
    'a=%26hdntl=1',
    'a;hdntl=1',
    '%2568dntl=1',
    'a=b?hdntl=1',
    'hdntl[]=1',
    '%FFhdntl=1',
  ])('leaves the look-alike %s', (query) => {
    expect(rewriteUri(`s.ts?${query}`)).toBe(`s.ts?${query}&${t}`)
  })

  it('keeps the query of the base for a reference that is only a fragment', () => {
    const options = { base: 'https://own.example/i.m3u8?x={$a}&hdntl=OLD&y=%22\\' }
    const playlist = '#EXTM3U\n#EXT-X-SESSION-DATA:DATA-ID="a",URI="#f"\n'
    const out = rewrite(playlist, options)
    expect(out).toContain(`URI="?x=%7B$a}&y=%22%5C&${t}#f"`)
    expect(rewrite(out, options)).toBe(out)
    expect(rewrite(playlist)).toContain(`URI="?${t}#f"`)
    expect(rewriteUri('?', options)).toBe(`?${t}`)
    expect(rewriteUri('?hdntl=OLD', options)).toBe(`?${t}`)
  })

  it('says the same however often it is said', () => {
    const pair = fc.constantFrom('a=1', '', 'hdntl=x', 'b', 'hdntl', '&', '=', '%68dntl=y', 'c=?')
    fc.assert(
      fc.property(fc.array(pair), (pairs) => {
        const once = rewriteUri(`s.ts?${pairs.join('&')}`)
        expect(rewriteUri(once)).toBe(once)
        expect(rewriteUri(once, { value: 'other' })).toBe(
          rewriteUri(`s.ts?${pairs.join('&')}`, { value: 'other' }),
        )
      }),
    )
  })
})

describe('a bare token', () => {
  const b = bareToken
  const old = 'Zk3q_8sVb1NnQ0y2h5XJ4uTt9wEoRrLlCcDdAaGgHhIi-Kk'
  const place = (uri: string, header = '') => rewriteUri(uri, bareOptions, header)

  it.each([
    ['s.ts', `s.ts?${b}`],
    ['s.ts?', `s.ts?${b}`],
    ['s.ts?a=1', `s.ts?${b}&a=1`],
    ['s.ts?v2', `s.ts?${b}&v2`],
    ['s.ts?a=1&', `s.ts?${b}&a=1&`],
    ['s.ts?&', `s.ts?${b}&&`],
    ['s.ts#f', `s.ts?${b}#f`],
    ['s.ts?a=1#f#g?h', `s.ts?${b}&a=1#f#g?h`],
    ['s.ts?sig=a%2Fb+c~d=~!', `s.ts?${b}&sig=a%2Fb+c~d=~!`],
    ['?a=1', `?${b}&a=1`],
    ['../s%20x.ts', `../s%20x.ts?${b}`],
    ['s.ts?da39a3ee5e6b4b0d3255bfef95601890afd80709', undefined],
  ])('goes to the front: %s', (uri, expected) => {
    expect(place(uri)).toBe(expected ?? uri.replace('?', `?${b}&`))
  })

  it.each([
    [`s.ts?${old}`, `s.ts?${b}`],
    [`s.ts?${old}=`, `s.ts?${b}`],
    [`s.ts?${old}&`, `s.ts?${b}&`],
    [`s.ts?${old}&a=1`, `s.ts?${b}&a=1`],
    [`s.ts?a=1&${old}&v2#f`, `s.ts?${b}&a=1&v2#f`],
    [`s.ts?${old}&${old}&x&${old}`, `s.ts?${b}&x`],
  ])('replaces every earlier one: %s', (uri, expected) => {
    expect(place(uri)).toBe(expected)
    expect(place(expected)).toBe(expected)
  })

  it.each([
    ['s.ts{$q}', `s.ts?${b}&k=1`],
    ['s.ts{$q}&a', `s.ts?${b}&k=1&a`],
    ['s.ts?{$p}', `s.ts?${b}&{$p}`],
    ['s.ts?a=1&{$p}', `s.ts?${b}&a=1&{$p}`],
    ['s.ts?{$old}', `s.ts?${b}`],
    ['s.ts?{$unknown}', `s.ts?${b}&{$unknown}`],
    ['{$folder}s.ts', `{$folder}s.ts?${b}`],
    ['s.ts?{$empty}', `s.ts?${b}`],
    ['s.ts?{$empty}a=1', `s.ts?${b}&a=1`],
  ])('stands before what variables bring: %s', (uri, expected) => {
    const define = (name: string, value: string) =>
      `#EXT-X-DEFINE:NAME="${name}",VALUE="${value}"\n`
    const header = [
      define('q', '?k=1'),
      define('p', 'k=2'),
      define('old', old),
      define('folder', 'b/'),
      define('empty', ''),
    ].join('')
    expect(place(uri, header)).toBe(expected)
    expect(place(expected, header)).toBe(expected)
  })

  it('keeps the query of the base for a reference that is only a fragment', () => {
    const options = { ...bareOptions, base: `https://own.example/i.m3u8?x={$a}&${old}&y=%22\\` }
    const playlist = '#EXTM3U\n#EXT-X-SESSION-DATA:DATA-ID="a",URI="#f"\n'
    const out = rewrite(playlist, options)
    expect(out).toContain(`URI="?${b}&x=%7B$a}&y=%22%5C#f"`)
    expect(rewrite(out, options)).toBe(out)
    expect(rewrite(playlist, bareOptions)).toContain(`URI="?${b}#f"`)
  })

  it('says the same however often it is said', () => {
    const part = fc.constantFrom('a=1', '', 'v2', old, `${old}=`, '&', '=', 'c=?', '%')
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const uri = `s.ts?${parts.join('&')}`
        const once = place(uri)
        expect(place(once)).toBe(once)
        expect(rewriteUri(once, { ...bareOptions, value: old })).toBe(
          rewriteUri(uri, { ...bareOptions, value: old }),
        )
      }),
    )
  })
})
