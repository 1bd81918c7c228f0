import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  aclAllows,
  commonDirectory,
  directoryAcl,
  escapeAcl,
  isAclWithinBounds,
  matchesAcl,
  maxAclEntries,
  maxAclLength,
  patternsOverlap,
} from '../../shared/acl.ts'
import { decodeOnce } from '../../shared/query.ts'
import { maxTargetLength, parseRequestTarget } from '../../shared/request-target.ts'

/** The slow and obvious matcher. Only ever fed small inputs. */
function oracle(pattern: string, path: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\/]/g, '\\$&')
    .replaceAll('*', '[^]*')
    .replaceAll('?', '[^]')
  return new RegExp(`^${source}$`).test(path)
}

describe('matchesAcl', () => {
  it.each([
    ['/videos/*', '/videos/a.m3u8', true],
    ['/videos/*', '/videos/', true],
    ['/videos/*', '/videos', false],
    ['/videos/*', '/videosx/a', false],
    ['/videos/*', '/Videos/a', false],
    ['/videos*', '/videos-evil/x', true],
    ['/videos/a', '/videos/ab', false],
    ['/videos/ab', '/videos/a', false],
    ['/a.ts', '/axts', false],
    ['/c/?', '/c/', false],
    ['/c/?', '/c/a', true],
    ['/c/?', '/c/ab', false],
    ['/c/??*', '/c/112', true],
    ['/vod/*/720p/*', '/vod/x/y/720p/1.ts', true],
    ['/vod/*/720p/*', '/vod/x/480p/1.ts', false],
    ['*/6frp/*', '/linetv/6frp/a', true],
    ['*', '', true],
    ['', '', true],
    ['', '/', false],
    ['**', '/a', true],
    ['/a*a', '/a', false],
    ['/a*?b*b', '/a/xb/b', true],
    ['/q/?????????', '/q/%EC%95%88', true],
  ])('%s on %s: %s', (pattern, path, wanted) => {
    expect(matchesAcl(pattern, path)).toBe(wanted)
  })

  it('agrees with a naive matcher', () => {
    const pattern = fc.stringMatching(/^[ab/?*]{0,12}$/)
    const path = fc.stringMatching(/^[ab/]{0,14}$/)
    fc.assert(
      fc.property(pattern, path, (one, other) => {
        expect(matchesAcl(one, other)).toBe(oracle(one, other))
      }),
      { numRuns: 5000 },
    )
  })

  it('agrees with a naive matcher where a chunk is longer than a machine word', () => {
    const chunk = fc.stringMatching(/^[ab?]{28,70}$/)
    const path = fc.stringMatching(/^[ab]{0,80}$/)
    fc.assert(
      fc.property(chunk, path, path, path, (wanted, before, after, other) => {
        const pattern = `*${wanted}*${after}`
        const fitting = `${before}${wanted.replaceAll('?', 'a')}${other}${after}`
        expect(matchesAcl(pattern, fitting)).toBe(true)
        expect(matchesAcl(pattern, other)).toBe(oracle(pattern, other))
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['one long chunk', `*${'a'.repeat(20_000)}b*`],
    ['a long chunk that begins with question marks', `*${'?'.repeat(100)}${'a'.repeat(20_000)}b*`],
    ['many stars', `${'*a'.repeat(20_000)}*b*`],
    ['many stars and question marks', `${'*?a'.repeat(20_000)}*b*`],
  ])('takes time in proportion to the path: %s', (_, pattern) => {
    // Trying each place in turn would need 10^10 comparisons here, and a RegExp would not end at all.
    expect(matchesAcl(pattern, 'a'.repeat(500_000))).toBe(false)
  })
})

describe('aclAllows', () => {
  it.each([
    ['/a/*!/b/*', '/b/x', true],
    ['/a/*!/b/*', '/c/x', false],
    ['!!', '/a', false],
    ['/a!!/b', '/', false],
    // escaped ACLs, as edges and Java write them
    ['%2fa%2f*!%2fvideos%2fa.m3u8', '/videos/a.m3u8', true],
    ['%2fa%2f*%21%2fb', '/b', true],
    // the raw path first, then the decoded one
    ['/q_escape/?????????', '/q_escape/%EC%95%88', true],
    ['/q_escape/?', '/q_escape/%EC%95%88', true],
    ['/안/*', '/%EC%95%88/a.ts', true],
    ['/%EC%95%88/*', '/%ec%95%88/a.ts', true],
    ['/videos/*', '/%76ideos/a', true],
    ['/a+b/*', '/a b/x', false],
    ['/a%20b/*', '/a b/x', true],
    ['/100%/*', '/100%25/x', true],
    // decoded once, not twice
    ['%252fa', '/a', false],
    ['/a/*', '/%2561/x', false],
    ['/A/*', '/a/x', false],
  ])('%s on %s: %s', (acl, path, wanted) => {
    expect(aclAllows(acl, path)).toBe(wanted)
  })

  it('opens no neighbour of a granted path', () => {
    const segment = fc.stringMatching(/^[a-z0-9_-]{1,8}$/)
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), segment, (parts, extra) => {
        const path = `/${parts.join('/')}`
        expect(aclAllows(path, path)).toBe(true)
        for (const neighbour of [path + extra, `${path}/`, `${path}/${extra}`, path.slice(0, -1)]) {
          expect(aclAllows(path, neighbour)).toBe(false)
        }
        expect(aclAllows(`${path}/*`, path)).toBe(false)
        expect(aclAllows(`${path}/*`, `${path}${extra}/x`)).toBe(false)
        expect(aclAllows(`${path}/*`, `${path}/${extra}`)).toBe(true)
      }),
    )
  })

  it('admits nothing beyond its bounds', () => {
    expect(aclAllows(`/${'a'.repeat(maxAclLength - 2)}*`, `/${'a'.repeat(maxAclLength)}`)).toBe(
      true,
    )
    expect(aclAllows(`/*${'!'.repeat(maxAclLength)}`, '/a')).toBe(false)
    expect(aclAllows(`/*${'*'.repeat(maxAclLength)}`, '/a')).toBe(false)
    expect(isAclWithinBounds(Array(maxAclEntries).fill('/a').join('!'))).toBe(true)
    expect(
      isAclWithinBounds(
        Array(maxAclEntries + 1)
          .fill('/a')
          .join('!'),
      ),
    ).toBe(false)
    expect(aclAllows('/*', `/${'a'.repeat(maxTargetLength)}`)).toBe(false)
  })

  it('survives the worst ACL and path that fit into the bounds, many times over', () => {
    const entry = `*${'a'.repeat(Math.floor(maxAclLength / maxAclEntries) - 5)}%62*`
    const acl = Array(maxAclEntries).fill(entry).join('!')
    const path = `/${'%c3%a9'.repeat(8)}${'a'.repeat(maxTargetLength - 100)}`
    for (let round = 0; round < 100; round += 1) expect(aclAllows(acl, path)).toBe(false)
  })
})

describe('directoryAcl', () => {
  it.each([
    ['/vod/film/index.m3u8', '/vod/film/*'],
    ['/index.m3u8', '/*'],
    ['/vod/', '/vod/*'],
    ['/~me/a.m3u8', '/%7eme/*'],
    ['/a%20b~/c', '/a%20b%7e/*'],
    ['/a;b"c/d', '/a%3bb%22c/*'],
    ['/a/what*?.m3u8', '/a/*'],
  ])('makes %s into %s', (path, acl) => {
    expect(directoryAcl(path)).toBe(acl)
    expect(aclAllows(acl, path)).toBe(true)
  })

  it.each([
    '',
    'vod/a',
    '/a*/b',
    '/a?/b',
    '/a!/b',
    '/a%2a/b',
    '/a%2A/b',
    '/a%3f/b',
    '/a%21/b',
    '/a%25/b',
    '/a/../b',
    '/a%2fb/c',
    '/a b/c',
    '/é/c',
    `/${'a'.repeat(maxAclLength)}/b`,
  ])('has no ACL for %j', (path) => {
    expect(directoryAcl(path)).toBeNull()
  })

  it('covers the directory of every request it has an ACL for, and no other directory', () => {
    const part = fc.constantFrom(
      'a',
      'B',
      '~',
      '%20',
      '%C3%A9',
      '+',
      '%2B',
      ',',
      '-',
      '/',
      "'",
      '%7B',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 10 }), fc.array(part), (some, others) => {
        const path = parseRequestTarget(`/${some.join('')}`)
        const other = parseRequestTarget(`/${others.join('')}`)
        if (!path.ok || !other.ok) return
        const acl = directoryAcl(path.path)
        if (acl === null) throw new Error(`no ACL for ${path.path}`)
        expect(aclAllows(acl, path.path)).toBe(true)
        const directory = path.path.slice(0, path.path.lastIndexOf('/') + 1)
        const isInside = decodeOnce(other.path).startsWith(decodeOnce(directory))
        expect(aclAllows(acl, other.path)).toBe(isInside)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('escapeAcl', () => {
  it.each([
    ['/ab12/playlist.m3u8!/ab12/360p/*', '%2fab12%2fplaylist.m3u8!%2fab12%2f360p%2f*'],
    ['/a+b&c/??', '%2fa%2bb%26c%2f%3f%3f'],
    ['%2fab%2f*', '%2fab%2f*'],
    ['/a%20b/*', '%2fa%20b%2f*'],
    ['/100%/*', '%2f100%25%2f*'],
    ['/100%/%41', '%2f100%25%2f%2541'],
    ["/~(it's)", '%2f%7e%28it%27s%29'],
    ['/안', '%2f%ec%95%88'],
  ])('makes %s into %s', (acl, wanted) => {
    expect(escapeAcl(acl)).toBe(wanted)
    expect(escapeAcl(wanted)).toBe(wanted)
  })

  it('admits the same paths, as far as one reading of the path is concerned', () => {
    const part = fc.constantFrom('/', 'a', 'b', '*', '?', '!', '+', '&', '~', "'", '(')
    const step = fc.constantFrom('/', 'a', 'b', '+', '&', '~', "'", '(')
    fc.assert(
      fc.property(fc.array(part), fc.array(step), (acl, path) => {
        const [text, target] = [`/${acl.join('')}`, `/${path.join('')}`]
        expect(aclAllows(escapeAcl(text), target)).toBe(aclAllows(text, target))
      }),
      { numRuns: 2000 },
    )
  })

  it('admits nothing that the ACL does not', () => {
    const part = fc.constantFrom(
      '/',
      'a',
      '*',
      '?',
      '!',
      '%',
      '%41',
      '%2f',
      '%20',
      '%C3%A9',
      '+',
      '~',
    )
    const step = fc.constantFrom('/', 'a', 'A', '%41', '%20', '%C3%A9', '+', '%2B', '~', '%25')
    fc.assert(
      fc.property(fc.array(part), fc.array(step), (acl, path) => {
        const [text, target] = [`/${acl.join('')}`, `/${path.join('')}`]
        if (aclAllows(escapeAcl(text), target)) expect(aclAllows(text, target)).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })
})

describe('commonDirectory', () => {
  it.each([
    ['/vod/film/*', '/vod/film/'],
    ['/vod/film*', '/vod/'],
    ['/vod/film', '/vod/'],
    ['/m/playlist.m3u8!/m/360p/*!/m/720p/?eg*', '/m/'],
    ['/a/b/*!/a/bc/*', '/a/'],
    ['/a/b/*!/a/b/c/*', '/a/b/'],
    ['/a/*!/b/*', '/'],
    ['/a/b/*!*', '/'],
    ['*/6frp/*', '/'],
    ['%2fab12%2fplaylist.m3u8!%2fab12%2f360p%2f*', '/ab12/'],
    ['/i/a_,300,600,.mp4.csmil/*', '/i/a_,300,600,.mp4.csmil/'],
    ['/a/b%20c/d/*', '/a/'],
    ['/a/안/*', '/a/'],
    ['/a/b;Domain=evil/*', '/a/'],
    ['/a/b%3bSecure/*', '/a/'],
    ['/a/%7eme/*', '/a/~me/'],
    ['!!', '/'],
    ['', '/'],
    ['a/b/*', '/'],
  ])('of %s is %s', (acl, directory) => {
    expect(commonDirectory(acl)).toBe(directory)
  })
})

describe('patternsOverlap', () => {
  it.each([
    ['/vod/*', '/vod/film/*', true],
    ['/vod/*', '/???/film/*', true],
    ['/vod/*', '/*', true],
    ['/vod/*', '*/6frp/*', true],
    ['/vod/*', '/vod/', true],
    ['/vod/*', '/vod', false],
    ['/vod/*', '/live/*', false],
    ['/a*b', '/c*', false],
    ['/a*b', '/*c', false],
    ['', '*', true],
    ['', '?', false],
  ])('%s and %s: %s', (one, other, expected) => {
    expect(patternsOverlap(one, other)).toBe(expected)
    expect(patternsOverlap(other, one)).toBe(expected)
  })

  it('says yes whenever some path matches both', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 6 })
    const path = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 })
    fc.assert(
      fc.property(pattern, pattern, path, (one, other, text) => {
        if (matchesAcl(one, text) && matchesAcl(other, text)) {
          expect(patternsOverlap(one, other)).toBe(true)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
