import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rewritePlaylist } from '../../../server/playlist/index.ts'
import { bytes, text } from './bytes.ts'
import { takeBare, takeParameter, takeSegment } from './expected-uri.ts'

/**
 * Playlists are made of stretches whose role is known when they are made, so that nothing needs to parse
 * the result: a rewriting is right when it has the same stretches but for the URIs of ours.
 */
type Part = { readonly fixed: string } | { readonly uri: string; readonly isOwn: boolean }

const base = 'https://own.example/vod/a/index.m3u8?q=v%2Fw'
const parameter = 'hdntl'
const reach = ['https://cdn.example', 'http://cdn.example:8080']
const imports = { imported: '/i' }

/** What the header of every playlist here defines. */
const variables: Readonly<Record<string, string>> = {
  query: '?k=1',
  pair: 'k=2',
  ours: 'https://own.example/p/',
  theirs: 'https://evil.example/p/',
  old: 'hdntl=OLD',
  oldBare: 'Zk3q_8sVb1NnQ0y2h5XJ4uTt9wEoRrLlCcDdAaGgHhIi-Kk',
  empty: '',
  imported: imports.imported,
  q: 'v/w',
}
const header = `${Object.entries(variables)
  .filter(([name]) => name !== 'imported' && name !== 'q')
  .map(([name, value]) => `#EXT-X-DEFINE:NAME="${name}",VALUE="${value}"\n`)
  .join('')}#EXT-X-DEFINE:IMPORT="imported"\n#EXT-X-DEFINE:QUERYPARAM="q"\n`

function expand(uri: string): string {
  return uri.replace(/\{\$(\w+)\}/g, (whole, name: string) => variables[name] ?? whole)
}

function pick(...choices: string[]): fc.Arbitrary<string> {
  return fc.constantFrom(...choices)
}
const name = fc
  .stringMatching(/^[a-z][\w%-]{0,5}$/)
  .map((stem) => `${stem.replaceAll('%', '%2')}.ts`)
const byte = fc.integer({ min: 0xa1, max: 0xff }).map((code) => String.fromCharCode(code))
const query = fc
  .array(
    pick(
      'a=1',
      'b',
      '',
      'hdntl=OLD',
      '%68dntl=x',
      'hdntl',
      'xhdntl=1',
      'HDNTL=1',
      'c=?%26',
      '{$pair}',
      '{$old}',
      '{$q}',
      '{$empty}',
      '{$oldBare}',
      `${variables.oldBare}`,
      `${variables.oldBare}=`,
      'v2',
    ),
    { maxLength: 4 },
  )
  .map((pairs) => `?${pairs.join('&')}`)
const fragment = fc.oneof(fc.constant(''), fc.constant(''), pick('#f', '#hdntl=1', '#?a=1'))

const ownUri = fc
  .tuple(
    pick(
      '',
      '',
      './',
      '../',
      '../../../../',
      'b/',
      '/',
      '/r/',
      '//own.example/',
      'https://own.example/',
      'HTTPS://Own.Example:443/',
      'https://cdn.example/',
      '//cdn.example/c/',
      'http://cdn.example:8080/',
      '{$ours}',
      '{$imported}/',
      'b/{$unknown}/',
      '{$empty}/r/',
      '\\r\\',
      '/hdntl=OLD/',
      'b//../',
    ),
    fc.oneof(
      name,
      fc.tuple(name, byte).map((both) => both.join('')),
    ),
    fc.oneof(fc.constant(''), fc.constant('{$query}'), query),
    fragment,
  )
  .map((parts) => parts.join(''))
const foreignUri = fc
  .tuple(
    pick(
      'https://evil.example/',
      '//evil.example/',
      '\\\\evil.example/',
      '/\\evil.example/',
      '{$theirs}',
      'https://own.example@evil.example/',
      'https://own.example.evil.example/',
      'http://own.example/',
      'https://own.example:8443/',
      'https://cdn.example./',
      'skd://own.example/',
      'data:text/plain,',
      'urn:x:',
      'C:\\',
      '{$unknown}/',
      '/{$unknown}/',
      'https://{$unknown}/',
      'https://u@own.example/',
    ),
    name,
    pick('', '?hdntl=OLD', '#f'),
  )
  .map((parts) => parts.join(''))

const uri: fc.Arbitrary<Part> = fc.oneof(
  { weight: 3, arbitrary: ownUri.map((written) => ({ uri: written, isOwn: true })) },
  { weight: 1, arbitrary: foreignUri.map((written) => ({ uri: written, isOwn: false })) },
)
const blanks = pick('', '', ' ', '\t ')
const attribute = fc.oneof(
  pick('BYTERANGE="1@0"', 'IV=0x1', 'X="URI=a,URI=b"', 'N=1.5', "S='a'", 'FLAG', 'X-COM-URI="c"'),
  fc.string({ unit: byte }).map((title) => `T="${title}"`),
)
const tag = fc
  .tuple(
    pick(
      'EXT-X-KEY:URI',
      'EXT-X-MAP:URI',
      'EXT-X-PART:URI',
      'EXT-X-PRELOAD-HINT:URI',
      'EXT-X-MEDIA:URI',
      'EXT-X-RENDITION-REPORT:URI',
      'EXT-X-DATERANGE:X-ASSET-URI',
      'EXT-X-DATERANGE:X-ASSET-LIST',
      'EXT-X-DATERANGE:X-URI',
      'EXT-X-I-FRAME-STREAM-INF:URI',
      'EXT-X-IMAGE-STREAM-INF:URI',
      'EXT-X-SESSION-DATA:URI',
      'EXT-X-SESSION-KEY:URI',
      'EXT-X-CONTENT-STEERING:SERVER-URI',
    ),
    fc.array(attribute, { maxLength: 3 }),
    blanks,
    uri,
    fc.array(attribute, { maxLength: 3 }),
  )
  .map(([where, before, blank, inner, after]): Part[] => {
    const [tagName, attributeName] = where.split(':')
    const opening = [...before, `${blank}${attributeName}="`].join(',')
    return [{ fixed: `#${tagName}:${opening}` }, inner, { fixed: ['"', ...after].join(',') }]
  })
const uriLine = fc
  .tuple(blanks, uri, blanks)
  .map(([before, inner, after]): Part[] => [{ fixed: before }, inner, { fixed: after }])
const otherLine = fc
  .oneof(
    pick(
      '',
      ' ',
      '#EXTINF:1,',
      '# seg.ts',
      '#EXT-X-UNKNOWN:URI="a"',
      '#EXT-X-ENDLIST',
      ' #EXT-X-MAP:URI="a"',
      '#EXT-X-KEY:METHOD=NONE,URI="a"',
      '#EXT-X-MAP:URI="a',
      '#EXT-X-MAP:URI=a',
      '#EXT-X-MAP:URI="a"b',
      '#EXT-X-VERSION:7',
      '#EXT-X-STREAM-INF:BANDWIDTH=1,URI="a"',
    ),
    fc.string({ unit: byte }).map((title) => `#EXTINF:1.5,${title}`),
  )
  .map((line): Part[] => [{ fixed: line }])

const playlist = fc
  .array(fc.tuple(fc.oneof(tag, uriLine, otherLine), pick('\n', '\n', '\r\n', '\r')), {
    maxLength: 12,
  })
  .chain((lines) => fc.boolean().map((isCut) => ({ lines, isCut })))
  .map(({ lines, isCut }): Part[] => [
    { fixed: `#EXTM3U\n${header}` },
    ...lines.flatMap(([line, end], index) =>
      isCut && index === lines.length - 1 ? line : [...line, { fixed: end }],
    ),
  ])

const token = fc.stringMatching(/^[A-Za-z0-9\-._~=:@!()*/,]{1,20}$/)
const bareToken = fc.stringMatching(/^T[A-Za-z0-9_-]{38,50}$/)

function written(parts: readonly Part[]): string {
  return parts.map((part) => ('fixed' in part ? part.fixed : part.uri)).join('')
}

/** The URIs of a rewriting, in the places where they were; fails where anything else changed. */
function matchUris(parts: readonly Part[], out: string): string[] {
  let at = 0
  const uris = parts.flatMap((part, index) => {
    if ('fixed' in part) {
      expect(out.slice(at, at + part.fixed.length)).toBe(part.fixed)
      at += part.fixed.length
      return []
    }
    const next = parts[index + 1]
    const isQuoted = next !== undefined && 'fixed' in next && next.fixed.startsWith('"')
    const length = out.slice(at).search(isQuoted ? /"/ : /[ \t]*(?:[\r\n]|$)/)
    const found = out.slice(at, at + length)
    at += length
    return [found]
  })
  expect(out.slice(at)).toBe('')
  return uris
}

const utf8 = (byteText: string) => Buffer.from(byteText, 'latin1').toString()
const resolve = (reference: string) => new URL(utf8(expand(reference)), base).href

describe('any playlist', () => {
  it.each(['query', 'path'] as const)('comes out right in mode %s', (mode) => {
    const rewrite = (from: string, value: string) =>
      text(rewritePlaylist(bytes(from), { base, parameter, value, reach, imports, mode }))
    fc.assert(
      fc.property(playlist, token, token, (parts, value, other) => {
        const before = written(parts)
        const out = rewrite(before, value)
        const was = parts.flatMap((part) => ('uri' in part ? [part] : []))
        matchUris(parts, out).forEach((is, index) => {
          const { uri: old, isOwn } = was[index] as Extract<Part, { uri: string }>
          if (!isOwn) {
            expect(is).toBe(old)
            return
          }
          const query = takeParameter(resolve(is), parameter)
          if (mode === 'query') {
            expect(query.rest).toBe(takeParameter(resolve(old), parameter).rest)
            expect(query.values).toEqual([value])
          } else {
            const path = takeSegment(resolve(is), parameter)
            const oldPath = takeSegment(resolve(old), parameter)
            expect(path.values).toEqual([value.replaceAll('/', '%2F')])
            expect(takeParameter(path.rest, parameter).rest).toBe(
              takeParameter(oldPath.rest, parameter).rest,
            )
            expect(query.values).toEqual([])
          }
        })
        expect(rewrite(out, value)).toBe(out)
        expect(rewrite(out, other)).toBe(rewrite(before, other))
      }),
      { numRuns: 400 },
    )
  })

  it('comes out right with a bare token', () => {
    const rewrite = (from: string, value: string) =>
      text(
        rewritePlaylist(bytes(from), { base, parameter: '', value, reach, imports, mode: 'query' }),
      )
    fc.assert(
      fc.property(playlist, bareToken, bareToken, (parts, value, other) => {
        const before = written(parts)
        const out = rewrite(before, value)
        const was = parts.flatMap((part) => ('uri' in part ? [part] : []))
        matchUris(parts, out).forEach((is, index) => {
          const { uri: old, isOwn } = was[index] as Extract<Part, { uri: string }>
          if (!isOwn) {
            expect(is).toBe(old)
            return
          }
          expect(takeBare(resolve(is))).toEqual({
            rest: takeBare(resolve(old)).rest,
            values: [value],
            first: value,
          })
        })
        expect(rewrite(out, value)).toBe(out)
        expect(rewrite(out, other)).toBe(rewrite(before, other))
      }),
      { numRuns: 400 },
    )
  })

  it('has in define mode the URIs of query mode, with a reference for the token', () => {
    const options = { base, parameter, reach, imports }
    fc.assert(
      fc.property(playlist, (parts) => {
        const body = bytes(written(parts))
        const inQuery = text(rewritePlaylist(body, { ...options, mode: 'query', value: 'T' }))
        const once = rewritePlaylist(body, { ...options, mode: 'define' })
        const plain = text(once)
          .replace('#EXT-X-DEFINE:QUERYPARAM="hdntl"\n', '')
          .replace(/^#EXTM3U\n#EXT-X-VERSION:11\n/, '#EXTM3U\n')
          .replaceAll('#EXT-X-VERSION:11', '#EXT-X-VERSION:7')
        expect(plain.replaceAll('{$hdntl}', 'T')).toBe(inQuery)
        expect(rewritePlaylist(once, { ...options, mode: 'define' })).toEqual(once)
      }),
      { numRuns: 300 },
    )
  })

  it('never throws and never changes lines, whatever the bytes', () => {
    const scrap = fc.oneof(
      fc.string({
        unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
      }),
      pick(
        '\n',
        '\r',
        '#EXT-X-',
        'KEY:',
        'MAP:',
        'URI=',
        '"',
        ',',
        '{$',
        '}',
        '#EXT-X-DEFINE:NAME="',
        'VALUE="',
        '../',
        '?',
        '&hdntl=',
        '//',
        '\\',
      ),
    )
    const lines = (s: string) => s.match(/\r\n|\r|\n/g)
    fc.assert(
      fc.property(fc.array(scrap), pick('query', 'path', 'bare'), (scraps, kind) => {
        const before = `#EXTM3U\n${scraps.join('')}`
        const options =
          kind === 'bare'
            ? { base, parameter: '', value: 'T'.repeat(39), mode: 'query' as const }
            : { base, parameter, value: 'T', mode: kind as 'query' | 'path' }
        const out = text(rewritePlaylist(bytes(before), options))
        expect(lines(out)).toEqual(lines(before))
        expect(text(rewritePlaylist(bytes(out), options))).toBe(out)
      }),
      { numRuns: 1000 },
    )
  })
})
