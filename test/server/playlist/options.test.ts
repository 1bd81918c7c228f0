import { describe, expect, it } from 'vitest'
import {
  compilePlaylist,
  describePlaylist,
  rewriteJson,
  rewritePlaylist,
} from '../../../server/playlist/index.ts'
import { OptionError } from '../../../shared/codes.ts'
import { bytes } from './bytes.ts'
import { bareOptions, bareToken, base, parameter, rewrite, rewriteUri, token } from './rewrite.ts'

const modes = ['query', 'path', 'define'] as const
const body = bytes('#EXTM3U\n#EXT-X-MAP:URI="i.mp4"\na.ts\n')
const good = { base, parameter, value: token, mode: 'query' as const }

/** As from a caller without types. */
function call(options: Record<string, unknown>): () => unknown {
  return () => Reflect.apply(rewritePlaylist, undefined, [body, { ...good, ...options }])
}

describe('options', () => {
  it.each([
    ['mode', 'cookie'],
    ['mode', undefined],
    ['base', '/vod/index.m3u8'],
    ['base', 'ftp://own.example/'],
    ['base', 'data:text/plain,x'],
    ['base', undefined],
    ['base', 7],
    ['parameter', 'a b'],
    ['parameter', 'a=b'],
    ['parameter', 'a&b'],
    ['parameter', 'a"'],
    ['parameter', 'a\nb'],
    ['parameter', 'a/b'],
    ['parameter', '{$a}'],
    ['parameter', 'ü'],
    ['parameter', '_HLS_token'],
    ['parameter', undefined],
    ['reach', 'https://cdn.example'],
    ['reach[1]', ['https://a.example', 'b.example']],
    ['reach[0]', [7]],
    ['imports', null],
    ['imports', 'x'],
    ['imports.a', { a: 1 }],
    ['imports.b', new Map([['b', {}]])],
    ['value', undefined],
    ['value', 7],
    ['value', ''],
    ['paramater', 'hdntl'],
  ])('names %s when it is %j', (path, value) => {
    const key = path.replace(/[[.].*/, '')
    expect(call({ [key]: value })).toThrow(OptionError)
    expect(call({ [key]: value })).toThrow(TypeError)
    expect(call({ [key]: value })).toThrow(new RegExp(`^${path.replace(/[[\]]/g, '\\$&')}: `))
  })

  it('names all that is wrong at once', () => {
    expect(call({ mode: 'x', parameter: '' })).toThrow(/^mode: .*\nparameter: /)
  })

  it('takes the empty name for the bare token of a query, and for nothing else', () => {
    expect(call({ ...bareOptions })).not.toThrow()
    for (const mode of ['path', 'define']) {
      expect(call({ ...bareOptions, mode })).toThrow(/^parameter: empty, .* query mode only/)
    }
    expect(() => rewriteJson(body, { ...good, ...bareOptions, mode: 'define' })).toThrow(
      /^parameter: /,
    )
  })

  it.each(['a.b', 'a~b'])('takes the name %s, but not for a variable', (name) => {
    expect(call({ parameter: name })).not.toThrow()
    expect(call({ parameter: name, mode: 'define' })).toThrow(/^parameter: not a variable name/)
  })

  it.each([[null], ['#EXTM3U'], [[1, 2]], [new Uint16Array(2)], [new ArrayBuffer(2)]])(
    'takes bytes only, not %j',
    (wrong) => {
      for (const door of [rewritePlaylist, rewriteJson, compilePlaylist, describePlaylist]) {
        expect(() => Reflect.apply(door, undefined, [wrong, good])).toThrow(
          /^body: not a Uint8Array/,
        )
      }
    },
  )

  it('takes subclasses of Uint8Array, views into larger memory, and a URL', () => {
    const larger = Buffer.concat([Buffer.from('xxx'), Buffer.from(body), Buffer.from('yyy')])
    const view = larger.subarray(3, 3 + body.length)
    const out = rewritePlaylist(view, { ...good, base: new URL(base) })
    expect(out).toEqual(rewritePlaylist(body, good))
    expect(Object.getPrototypeOf(out)).toBe(Uint8Array.prototype)
  })

  it('ignores the fragment of the base', () => {
    expect(rewriteUri('?x', { base: `${base}#f` })).toBe(`?x&hdntl=${token}`)
  })
})

describe('values', () => {
  const real = 'AZaz09-._~=:@!()*/,'

  it.each(modes)('holds all that is safe, in mode %s', (mode) => {
    expect(() => rewrite('#EXTM3U\na.ts\n', { mode, value: real })).not.toThrow()
  })

  it.each([
    ['query', '#EXTM3U\na.ts?hdntl=a%2fb+c\n'],
    ['path', '#EXTM3U\n/hdntl=a%2fb+c/vod/a/a.ts\n'],
  ] as const)('keeps escapes and plus as they are in mode %s', (mode, expected) => {
    expect(rewrite('#EXTM3U\na.ts\n', { mode, value: 'a%2fb+c' })).toBe(expected)
  })

  it.each(['a%2fb', 'a+b'])('refuses %s in define mode, where players would decode it', (value) => {
    expect(() => rewrite('#EXTM3U\na.ts\n', { mode: 'define', value })).toThrow(
      /^value: holds U\+002/,
    )
  })

  const hostile = [
    'a"b',
    'a\nb',
    'a\r\n#EXT-X-KEY:METHOD=NONE',
    'a b',
    'a\tb',
    'a\u0000b',
    'a\u007fb',
    'a#b',
    'a&b=c',
    'a?b',
    'a;b',
    "a'b",
    'a\\b',
    'a|b',
    'a<b',
    'a>b',
    'a^b',
    'a`b',
    'a{$b}',
    '{$hdntl}',
    'a$&b',
    'a[b]',
    'ä',
    '\u2028',
    '\ud800',
  ]

  it.each(hostile)('never writes %j', (value) => {
    for (const mode of modes) {
      const compiled = compilePlaylist(body, { base, parameter, mode })
      expect(() => compiled.render(value)).toThrow(OptionError)
      expect(() => rewrite('#EXTM3U\na.ts\n', { mode, value })).toThrow(/^value: holds U\+/)
      expect(() => rewriteJson(bytes('{}'), { ...good, mode, value })).toThrow(/^value: holds U\+/)
    }
  })

  it.each([
    'v2',
    bareToken.slice(0, 38),
    `${bareToken}=`,
    `${bareToken}.`,
    'exp=1~acl=/*~hmac=0123456789abcdef0123456789abcdef',
    'da39a3ee5e6b4b0d3255bfef95601890afd80709',
  ])('is not placed bare without the form of a token: %s', (value) => {
    const options = { base, ...bareOptions, value }
    const compiled = compilePlaylist(body, { base, parameter: '', mode: 'query' })
    expect(() => compiled.render(value)).toThrow(/^value: not the form of a bare token/)
    expect(() => rewritePlaylist(body, options)).toThrow(/^value: not the form of a bare token/)
    expect(() => rewriteJson(body, options)).toThrow(/^value: not the form of a bare token/)
  })

  it('are never shown in a message', () => {
    expect(call({ value: 'topsecret"' })).not.toThrow(/topsecret/)
  })

  it('cannot be replacement patterns', () => {
    expect(rewriteUri('s.ts?$&=$1')).toBe(`s.ts?$&=$1&hdntl=${token}`)
  })

  it.each([
    'https://own.example/vod/"\r\n#EXT/x"y/i.m3u8?q="\r\n\'{$x}',
    'https://own.example/{$x}/i.m3u8',
  ])('no URL of a playlist adds a line or a quote: %j', (hostileBase) => {
    for (const mode of modes) {
      const before = '#EXTM3U\n#EXT-X-VERSION:11\n#EXT-X-SESSION-DATA:DATA-ID="a",URI="#f"\na.ts\n'
      const out = rewrite(before, { mode, base: hostileBase, value: 'T' })
      expect(out.split('\n')).toHaveLength(mode === 'define' ? 6 : 5)
      expect(out.match(/"/g)).toHaveLength(mode === 'define' ? 6 : 4)
      expect(out).not.toContain('{$x}')
    }
  })

  it.each(['"', '\r\n#EXT-X-ENDLIST', '\u0000', '{$y}'])('no imported %j is written out', (bad) => {
    const playlist = '#EXTM3U\n#EXT-X-DEFINE:IMPORT="x"\na.ts?{$x}hdntl=OLD\n'
    const out = rewrite(playlist, { imports: { x: `k=1${bad}&` } })
    expect(out.split('\n')).toHaveLength(4)
    expect(out.split('\n')[2]).not.toContain(bad)
  })
})
