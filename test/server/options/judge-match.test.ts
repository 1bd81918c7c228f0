import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judgeOptions } from '../../../server/options/judge-options.ts'
import type { RuleMatch } from '../../../server/options/options.ts'
import { matchesAcl } from '../../../shared/acl.ts'
import { OptionError } from '../../../shared/codes.ts'
import { parseRequestTarget } from '../../../shared/request-target.ts'

const sources = { environment: {}, baseDirectory: '/' }

function judge(match: object, more: object = {}): RuleMatch | undefined {
  const rule = { match, origin: 'https://origin.example', open: true, ...more }
  return judgeOptions({ rules: [rule] }, sources).rules[0]?.match
}

/** What is said of it, with the place; nothing when it is taken. */
function complaints(match: object, more: object = {}): string[] {
  try {
    judge(match, more)
    return []
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    return error.problems.map(({ path, message }) => `${path}: ${message}`)
  }
}

describe('match.hosts', () => {
  it.each([
    ['video.example.com', 'video.example.com'],
    ['*.Example.COM', '*.example.com'],
    ['localhost', 'localhost'],
    ['__defaultVhost__', '__defaultvhost__'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['192.0.2.1', '192.0.2.1'],
    ['a.example:8080', 'a.example:8080'],
    ['*.a.example:08080', '*.a.example:8080'],
    ['[2001:DB8:0::1]', '[2001:db8::1]'],
    ['[::1]:8080', '[::1]:8080'],
  ])('takes %s as %s', (host, normal) => {
    expect(judge({ hosts: [host] })?.hosts).toEqual([normal])
  })

  it.each<[string, string]>([
    ['*', 'stands for any host: leave hosts out'],
    ['bücher.example', 'write it as punycode: xn--bcher-kva.example'],
    ['*.bücher.example', 'write it as punycode: *.xn--bcher-kva.example'],
    ['bücher example', 'write it as punycode: xn--…'],
    ...[
      ...['https://video.example.com', 'video.example.com/', 'video.example.com/vod'],
      ...[' video.example.com', 'video.example.com ', 'video.example.com\n', 'a b.example'],
      ...['video.*', '*.', '*video.example.com', '*.*.example.com', '?.example.com', 'a..example'],
      ...['a.example:', 'a.example:http', 'a.example:65536', 'u@a.example', 'a.example.'],
      ...['::1', '[::1', '[::g]', '*.[::1]', '300.1.1.1', '*.1', 'xn--a.example'],
    ].map((host) => [host, 'not host or *.domain, with or without a port'] as [string, string]),
  ])('refuses %j, which no request names', (host, complaint) => {
    expect(complaints({ hosts: ['a.example', host] })).toEqual([
      `rules[0].match.hosts[1]: ${complaint}`,
    ])
  })
})

describe('match.paths', () => {
  it.each([
    ...['/', '/*', '/?', '/vod/*', '/vod/*.m3u8', '/a/*/b', '/*/', '/**', '/a?/*?'],
    ...['/a/.hidden/*', '/a/.*', '/a/..*', '/.?', '/a/*..', '/...', '/a!b\'(c)$@:=+,~{}|^`[]"<>/*'],
    ...['/a%20b/*', '/%C3%BC/*', '/a%2Cb', '/%3F', '/%2A/*'],
    // A wildcard may stand for what makes these whole.
    ...['/%C3*', '/*%BC', '/%2?b', '/?20', '/%*', '/%?0', '/*3%BC/x', '/%E2?82%AC', '/%E2%8*%AC'],
  ])('takes %s', (path) => {
    expect(complaints({ paths: [path] })).toEqual([])
  })

  it.each([
    ['//vod/*', 'an empty segment in the path'],
    ['/a//b', 'an empty segment in the path'],
    ['/*//b', 'an empty segment in the path'],
    ['/a/../b', 'a dot segment in the path'],
    ['/./*', 'a dot segment in the path'],
    ['/a/..', 'a dot segment in the path'],
    ['/a b/*', 'percent-encode all but printable ASCII'],
    ['/ü/*', 'percent-encode all but printable ASCII'],
    ['/a\n', 'percent-encode all but printable ASCII'],
    ['/a\\b', 'a backslash in the path'],
    ['/a#b', 'a fragment in the target'],
    ['/%2f', 'an escaped separator in the path'],
    ['/*%2F*', 'an escaped separator in the path'],
    ['/%5C', 'an escaped separator in the path'],
    ['/%00', 'an escaped control character in the path'],
    ['/%C2%80', 'an escaped control character in the path'],
    ['/%25', 'an escaped percent sign in the path'],
    ['/%41/*', 'an escape of an unreserved character in the path'],
    ['/%', 'a broken escape in the path'],
    ['/100%/*', 'a broken escape in the path'],
    ['/%zz/*', 'a broken escape in the path'],
    ['/%C3/*', 'escapes in the path that are not UTF-8'],
    ['/%ED%A0%80', 'escapes in the path that are not UTF-8'],
    ['/%c3%bc/*', 'escapes are matched in capitals, as /%C3%BC/*'],
    ['/a;b/*', 'a semicolon needs literalSemicolons: true'],
  ])('refuses %j, which no request matches: %s', (path, complaint) => {
    expect(complaints({ paths: ['/a/*', path] })).toEqual([
      `rules[0].match.paths[1]: matches no request: ${complaint}`,
    ])
  })

  it('takes semicolons where requests may hold them, and escapes in any case where case is ignored', () => {
    const literal = { literalSemicolons: true }
    expect(complaints({ paths: ['/a;b/*', '/a%3Bb'] }, literal)).toEqual([])
    expect(complaints({ paths: ['/..;x/*'] }, literal)).toHaveLength(1)
    expect(complaints({ paths: ['/%c3%bc/*'], ignoreCase: true })).toEqual([])
  })

  it('refuses nothing that some request matches', () => {
    const pieces = fc.constantFrom(
      ...['/', '/', '.', '..', 'a', 'B', ';', '%', '%2', '%20', '%2c', '%C3', '%BC', '%E2%82%AC'],
      ...['2', '3', 'C', '%3B', '%25', '%2F', '!', ' '],
    )
    const text = fc.array(pieces, { maxLength: 8 }).map((parts) => `/${parts.join('')}`)
    /** Patterns that match the path: each takes some of its characters for wildcards. */
    const holes = fc.array(fc.record({ at: fc.nat(20), length: fc.nat(4), star: fc.boolean() }), {
      maxLength: 3,
    })
    let taken = 0
    fc.assert(
      fc.property(text, holes, fc.boolean(), (raw, cuts, allowSemicolon) => {
        const read = parseRequestTarget(raw, { allowSemicolon })
        if (!read.ok) return
        let pattern: string = read.path
        for (const { at, length, star } of cuts) {
          if (at === 0 || at > pattern.length) continue
          const end = star ? at + length : at + 1
          pattern = pattern.slice(0, at) + (star ? '*' : '?') + pattern.slice(end)
        }
        if (!matchesAcl(pattern, read.path)) return
        taken += 1
        const more = { literalSemicolons: allowSemicolon }
        expect([pattern, complaints({ paths: [pattern] }, more)]).toEqual([pattern, []])
      }),
      { numRuns: 4000 },
    )
    expect(taken).toBeGreaterThan(500)
  })
})
