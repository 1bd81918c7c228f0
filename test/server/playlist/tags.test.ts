import { describe, expect, it } from 'vitest'
import { compilePlaylist } from '../../../server/playlist/index.ts'
import { bytes } from './bytes.ts'
import { base, parameter, rewrite, rewriteUri, token } from './rewrite.ts'

const t = `?hdntl=${token}`
const isPlaylist = (body: string) =>
  compilePlaylist(bytes(body), { base, parameter, mode: 'query' }).isPlaylist

describe('what is a playlist', () => {
  it.each([
    '#EXTM3U',
    '#EXTM3U\n',
    '#EXTM3U url-tvg="https://own.example/x"\n',
    '\u00ef\u00bb\u00bf#EXTM3U\n',
    '\n \n# comment\n#EXTM3U\n',
  ])('%j is one', (body) => {
    expect(isPlaylist(`${body}`)).toBe(true)
  })

  it.each([
    '',
    'seg.ts\n#EXTM3U\n',
    '#EXT-X-VERSION:3\n#EXTM3U\nseg.ts\n',
    '#EXTINF:1,\nseg.ts\n',
    '#extm3u\nseg.ts\n',
    '# only comments\n',
    '<!doctype html>\n<a href="seg.ts">#EXTM3U</a>\n',
    '{"reason":"gone"}',
    '\u0000\u0001G@\u0011\n',
  ])('%j is none, and passes unchanged', (body) => {
    expect(isPlaylist(body)).toBe(false)
    for (const mode of ['query', 'path', 'define'] as const) {
      expect(rewrite(body, { mode })).toBe(body)
    }
  })
})

describe('lexing without damage', () => {
  it.each([
    ['LF', '#EXTM3U\na.ts<>\nb.ts<>\n'],
    ['CRLF', '#EXTM3U\r\na.ts<>\r\nb.ts<>\r\n'],
    ['a lone CR', '#EXTM3U\ra.ts<>\rb.ts<>\r'],
    ['a mixture', '#EXTM3U\r\r\na.ts<>\r\n\n\rb.ts<>\n\r'],
    ['no terminator at the end', '#EXTM3U\na.ts<>'],
    ['none behind an attribute', '#EXTM3U\n#EXT-X-MAP:URI="a<>"'],
    ['a BOM', '\u00ef\u00bb\u00bf#EXTM3U\na.ts<>\n'],
    ['a latin1 title', '#EXTM3U\n#EXTINF:1,\u00fcber\u00e9\na.ts<>\n'],
    ['every byte in a comment', `#EXTM3U\n#${everyByte()}\na.ts<>\n`],
    ['a latin1 name', '#EXTM3U\n\u00fcb\u00e9r.ts<>\n'],
    ['a name in UTF-8', '#EXTM3U\n\u00c3\u00bcb.ts<>\n'],
    ['other line separators', '#EXTM3U\na\u0085b\u00e2\u0080\u00a8c\u000bd\u000ce.ts<>\n'],
    ['blanks around', '#EXTM3U\n \ta.ts<> \t\nb.ts<>\t\r\n'],
    ['blanks that only scripts trim', '#EXTM3U\n\u00c2\u00a0a.ts<>\u00e3\u0080\u0080\n'],
    ['blanks in quotes', '#EXTM3U\n#EXT-X-MAP:URI=" a.mp4<> "\n'],
    ['blanks behind the quotes', '#EXTM3U\n#EXT-X-MAP:URI="a.mp4<>" , BYTERANGE="1@0" \n'],
    ['NUL', '#EXTM3U\n#EXTINF:1,\u0000\na\u0000b.ts<>\n'],
    ['an unclosed quote behind', '#EXTM3U\n#EXT-X-MAP:URI="a.mp4<>",X="y\n'],
  ])('keeps %s', (_, playlist) => {
    expect(rewrite(playlist.replaceAll('<>', ''))).toBe(playlist.replaceAll('<>', t))
  })

  function everyByte(): string {
    const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))
    return all.filter((character) => !/[\r\n]/.test(character)).join('')
  }

  it('treats repeated attributes alike', () => {
    const line = (x: string) => `#EXT-X-MAP:URI="a${x}",URI="https://evil.example/",URI="b${x}"`
    expect(rewrite(`#EXTM3U\n${line('')}\n`)).toBe(`#EXTM3U\n${line(t)}\n`)
  })

  it('keeps the spelling of a URI', () => {
    expect(rewriteUri("A/../b//c%2f%2F'(1)*.ts?X=~{}|^`")).toBe(
      `A/../b//c%2f%2F'(1)*.ts?X=~{}|^\`&hdntl=${token}`,
    )
  })
})

describe('low latency', () => {
  it('spells a part, its hint and a map alike', () => {
    const out = rewrite(
      '#EXTM3U\n#EXT-X-MAP:URI="a.mp4"\n#EXT-X-PART:DURATION=1,URI="a.mp4",BYTERANGE="1@0"\n' +
        '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="a.mp4"\na.mp4\n',
    )
    expect(out.match(/a\.mp4[^"\n]*/g)).toEqual(Array(4).fill(`a.mp4${t}`))
  })

  it.each(['query', 'path', 'define'] as const)(
    'spells a report as the variant, in mode %s',
    (mode) => {
      const multivariant = rewrite(
        '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nb/x.m3u8?k=1\n' +
          '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="c/y.m3u8"\n',
        { mode, base: 'https://own.example/vod/index.m3u8' },
      )
      const media = rewrite(
        '#EXTM3U\n#EXT-X-RENDITION-REPORT:URI="../b/x.m3u8?k=1"\n#EXT-X-RENDITION-REPORT:URI="../c/y.m3u8"\n',
        { mode, base: 'https://own.example/vod/a/index.m3u8' },
      )
      const resolved = (playlist: string, from: string) =>
        [...playlist.matchAll(/"?([^"\n]*[xy]\.m3u8[^"\n]*)/g)].map(
          (match) => new URL(match[1] ?? '', from).href,
        )
      expect(resolved(media, 'https://own.example/vod/a/index.m3u8')).toEqual(
        resolved(multivariant, 'https://own.example/vod/index.m3u8'),
      )
    },
  )

  it('keeps delivery directives that stand in a URI', () => {
    expect(rewriteUri('x.m3u8?_HLS_msn=3&_HLS_part=1')).toBe(
      `x.m3u8?_HLS_msn=3&_HLS_part=1&hdntl=${token}`,
    )
  })
})
