import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { M3U8Parser } from 'hls.js'
import { parse as parseWithHlsParser, setOptions } from 'hls-parser'
import { Parser } from 'm3u8-parser'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { describePlaylist, rewritePlaylist } from '../../server/playlist/index.ts'
import { takeBare, takeParameter, takeSegment } from '../server/playlist/expected-uri.ts'
import { type FoundUri, findUris, skeleton } from '../server/playlist/uri-oracle.ts'

interface Entry {
  readonly file: string
  readonly sha256: string
  readonly kind: 'media' | 'multivariant' | 'mixed' | 'other'
  readonly base: string
  readonly hosts: readonly string[]
  readonly imports?: Readonly<Record<string, string>>
}

const folder = join(import.meta.dirname, 'playlists')
const manifest: { count: number; files: Entry[] } = JSON.parse(
  readFileSync(join(folder, 'manifest.json'), 'utf8'),
)

const parameter = 'hdntl'
const token = 'exp=1893456000~acl=/vod/*~id=a.b-c~hmac=0a1b2c'
const otherToken = 'exp=1893459999~acl=/*~hmac=ffee'
const bareToken = 'fVSYBBTynMkvQECGV-Kdfp333R-MGY2fsrrpVyuqd7OiuAUsQ8ITrL0'
const otherBareToken = 'Zk3q_8sVb1NnQ0y2h5XJ4uTt9wEoRrLlCcDdAaGgHhIi-Kk'
/** `bare`: query mode without a name for the parameter. */
const modes = ['query', 'bare', 'path', 'define'] as const
type Mode = (typeof modes)[number]

const placedIn: Readonly<Record<Mode, string>> = {
  query: token,
  bare: bareToken,
  path: token.replaceAll('/', '%2F'),
  define: `{$${parameter}}`,
}

function load(entry: Entry, mode: Mode) {
  const body = readFileSync(join(folder, entry.file))
  const before = body.toString('latin1')
  const reach = entry.hosts.flatMap((host) => [`https://${host}`, `http://${host}`])
  const rewrite = (text: string, value: string, base = entry.base) => {
    const imports = entry.imports ?? {}
    const options =
      mode === 'bare'
        ? { base, parameter: '', value, reach, mode: 'query' as const, imports }
        : { base, parameter, value, reach, mode, imports }
    return Buffer.from(rewritePlaylist(Buffer.from(text, 'latin1'), options)).toString('latin1')
  }
  const [value, otherValue] = mode === 'bare' ? [bareToken, otherBareToken] : [token, otherToken]
  const after = rewrite(before, value)
  const uris = (text: string) => findUris(text, entry)
  return { before, after, value, otherValue, rewrite, uris }
}

/** What define mode adds; every other mode adds nothing. */
function withoutHeader(text: string, original: string, mode: Mode): string {
  if (mode !== 'define') return text
  const plain = text.replace(/#EXT-X-DEFINE:QUERYPARAM="hdntl"(\r\n|\r|\n)/, '')
  const version = /#EXT-X-VERSION:[ ]*(.*)/.exec(original)?.[1]
  return version === undefined
    ? plain.replace(/#EXT-X-VERSION:11(\r\n|\r|\n)/, '')
    : plain.replace(/(#EXT-X-VERSION:[ ]*)11/, `$1${version}`)
}

function resolve(uri: FoundUri, base: string): string {
  return new URL(Buffer.from(uri.expanded, 'latin1').toString(), base).href
}

beforeAll(() => {
  // What hls.js calls the global object.
  vi.stubGlobal('self', globalThis)
  setOptions({ silent: true })
})

describe('the collection of playlists', () => {
  it('is complete and as it was found', () => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.m3u8'))
    expect(files.sort()).toEqual(manifest.files.map(({ file }) => file).sort())
    expect(files).toHaveLength(212)
    for (const { file, sha256 } of manifest.files) {
      const bytes = readFileSync(join(folder, file))
      expect(createHash('sha256').update(bytes).digest('hex'), file).toBe(sha256)
    }
  })

  it('has URIs of ours and foreign ones in plenty', () => {
    const uris = manifest.files.flatMap((entry) =>
      load(entry, 'query').uris(load(entry, 'query').before),
    )
    expect(uris.filter(({ own }) => own).length).toBeGreaterThan(1000)
    expect(uris.filter(({ own }) => !own).length).toBeGreaterThan(300)
  })
})

describe.each(modes)('every playlist in mode %s', (mode) => {
  it.each(manifest.files)('$file keeps every byte outside the URIs of ours', (entry) => {
    const { before, after, uris } = load(entry, mode)
    const plain = withoutHeader(after, before, mode)
    expect(skeleton(plain, uris(plain))).toBe(skeleton(before, uris(before)))
    expect(plain.match(/\r\n|\r|\n/g)).toEqual(before.match(/\r\n|\r|\n/g))
    const foreign = (text: string) => uris(text).flatMap((uri) => (uri.own ? [] : [uri.text]))
    expect(foreign(after)).toEqual(foreign(before))
  })

  it.each(manifest.files)('$file carries the token once in each URI of ours', (entry) => {
    const { before, after, uris } = load(entry, mode)
    const was = uris(before).filter(({ own }) => own)
    const is = uris(after).filter(({ own }) => own)
    expect(is).toHaveLength(was.length)
    is.forEach((uri, index) => {
      const old = resolve(was[index] as FoundUri, entry.base)
      const take = {
        query: takeParameter,
        bare: takeBare,
        path: takeSegment,
        define: takeParameter,
      }
      const taken = take[mode](resolve(uri, entry.base), parameter)
      expect(taken.rest).toBe(take[mode](old, parameter).rest)
      expect(taken.values).toEqual([placedIn[mode]])
      if (mode === 'bare') expect(taken).toHaveProperty('first', bareToken)
    })
  })

  it.each(manifest.files)(
    '$file: a second pass changes nothing, another token replaces',
    (entry) => {
      const { before, after, value, otherValue, rewrite } = load(entry, mode)
      expect(rewrite(after, value)).toBe(after)
      expect(rewrite(after, otherValue)).toBe(rewrite(before, otherValue))
      expect(rewrite(before, value)).toBe(after)
    },
  )

  it.each(manifest.files)('$file reads the same to three parsers', (entry) => {
    const { before, after, uris } = load(entry, mode)
    const was = uris(before)
    const changes = uris(after).flatMap((uri, index) => {
      const old = was[index] as FoundUri
      return uri.text === old.text
        ? []
        : [
            [old.text, uri.text],
            [old.expanded, uri.expanded],
          ]
    })
    for (const parse of [readWithHlsJs, readWithM3u8Parser, readWithHlsParser]) {
      const base = mode === 'define' ? withToken(entry.base) : entry.base
      compare(parse(before, base), parse(after, base), changes, parse.name)
    }
  })
})

describe('path mode on a base that has the token', () => {
  it.each(manifest.files)('$file: each URI of ours inherits the token or names it', (entry) => {
    const { before, rewrite, uris } = load(entry, 'path')
    const segment = `/${parameter}=${token.replaceAll('/', '%2F')}/`
    const base = entry.base.replace('.com/', `.com${segment}`)
    const after = rewrite(before, token, base)
    expect(rewrite(after, token, base)).toBe(after)
    const was = uris(before)
    uris(after).forEach((uri, index) => {
      const old = was[index] as FoundUri
      if (!uri.own) {
        expect(uri.text).toBe(old.text)
        return
      }
      const { rest, values } = takeSegment(resolve(uri, base), parameter)
      expect(values).toEqual([token.replaceAll('/', '%2F')])
      expect(rest).toBe(resolve(old, entry.base))
      // What stays below the folder has no reason to change.
      if (/^[\w-][\w./-]*$/.test(old.text) && !old.text.includes('..')) {
        expect(uri.text).toBe(old.text)
      }
    })
  })
})

describe('the description', () => {
  it.each(manifest.files)('$file is told for what it is', (entry) => {
    const body = readFileSync(join(folder, entry.file))
    const { kind } = describePlaylist(body, { base: entry.base })
    expect(kind).toBe(entry.kind === 'multivariant' ? 'multivariant' : 'media')
  })
})

function withToken(base: string): string {
  const url = new URL(base)
  url.search = `${url.search === '' ? '?' : `${url.search}&`}${parameter}=${token}`
  return url.href
}

function readWithHlsJs(playlist: string, base: string): unknown {
  const text = Buffer.from(playlist, 'latin1').toString()
  if (M3U8Parser.isMediaPlaylist(text)) {
    type LevelType = Parameters<typeof M3U8Parser.parseLevelPlaylist>[3]
    return M3U8Parser.parseLevelPlaylist(text, base, 0, 'main' as LevelType, 0, null)
  }
  const parsed = M3U8Parser.parseMasterPlaylist(text, base)
  return { parsed, media: M3U8Parser.parseMasterPlaylistMedia(text, base, parsed) }
}

function readWithM3u8Parser(playlist: string, base: string): unknown {
  const parser = new Parser({ uri: base })
  return unlessRefused(() => {
    parser.push(Buffer.from(playlist, 'latin1').toString())
    parser.end()
    return parser.manifest
  })
}

function readWithHlsParser(playlist: string): unknown {
  return unlessRefused(() => parseWithHlsParser(Buffer.from(playlist, 'latin1').toString()))
}

/** Some of the collection make some parsers throw; then they must throw alike. */
function unlessRefused(parse: () => unknown): unknown {
  try {
    return parse()
  } catch (error) {
    return { refused: String(error) }
  }
}

/** Copies of the whole text, and what define mode means to change. */
const notCompared: ReadonlySet<string> = new Set([
  'source',
  'm3u8',
  'tagList',
  'version',
  'variableList',
  'definitions',
  'defines',
  'hasVariableRefs',
])

/** Equal but for URIs: where two texts differ, one of the changes must explain it. */
function compare(was: unknown, is: unknown, changes: readonly string[][], path: string): void {
  const seen = new Set<unknown>()
  walk(was, is, path)

  function walk(a: unknown, b: unknown, at: string): void {
    if (typeof a === 'string' && typeof b === 'string') {
      if (a !== b && !isExplained(a, b, changes)) expect(b, at).toBe(a)
    } else if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null) {
      if (seen.has(a)) return
      seen.add(a)
      const keys = Object.keys(a).filter((key) => !notCompared.has(key))
      expect(
        Object.keys(b).filter((key) => !notCompared.has(key)),
        at,
      ).toEqual(keys)
      for (const key of keys) {
        walk(Reflect.get(a, key), Reflect.get(b, key), `${at}.${key}`)
      }
    } else expect(b, at).toEqual(a)
  }
}

function isExplained(a: string, b: string, changes: readonly string[][]): boolean {
  const utf8 = (text = '') => Buffer.from(text, 'latin1').toString()
  return (
    changes.some(([before, after]) => a.replace(utf8(before), utf8(after)) === b) ||
    b.replace(`/${parameter}=${token.replaceAll('/', '%2F')}`, '') === a ||
    b.replace(new RegExp(`[?&]${parameter}=[^&#]*`), '') === a ||
    b.replace(`?${bareToken}&`, '?') === a ||
    b.replace(`?${bareToken}`, '') === a
  )
}
