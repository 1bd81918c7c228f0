import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { judgeOptions } from '../../../server/origin/options.ts'
import { createOrigin } from '../../../server/origin/origin.ts'
import { OptionError } from '../../../shared/codes.ts'

const now = () => 0
let folder = ''

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'playgate-options-')))
  writeFileSync(join(folder, 'file'), '')
  symlinkSync(folder, join(folder, 'link'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function problemsOf(options: unknown): readonly string[] {
  try {
    // Options come from configuration files as well, where no compiler looks.
    createOrigin(options as Parameters<typeof createOrigin>[0])
  } catch (error) {
    if (error instanceof OptionError) return error.problems.map(({ path }) => path)
    throw error
  }
  return []
}

describe('the options of an origin', () => {
  it.each([
    ['another scheme', 'ftp://origin.example/'],
    ['a file URL', 'file:///srv/media'],
    ['a name', 'https://user@origin.example/'],
    ['a name and password', 'https://user:secret@origin.example/'],
    ['an empty name', 'https://@origin.example/'],
    ['a query', 'https://origin.example/a?b'],
    ['an empty query', 'https://origin.example/a?'],
    ['a fragment', 'https://origin.example/a#b'],
    ['no host', 'https://'],
    ['a port that is none', 'https://origin.example:70000/'],
    ['nothing', ''],
    ['a directory that does not exist', join(tmpdir(), 'playgate-no-such-directory')],
  ])('refuse a location with %s', (_name, location) => {
    expect(problemsOf({ location, now })).toEqual(['location'])
    expect(() => createOrigin({ location, now })).toThrow(TypeError)
  })

  it('refuse a file where a directory is due', () => {
    expect(problemsOf({ location: join(folder, 'file'), now })).toEqual(['location'])
  })

  it('resolve the directory once', () => {
    const { place } = judgeOptions({ location: join(folder, 'link'), now })
    expect(place).toEqual({ kind: 'directory', root: folder })
  })

  it.each([
    ['https://Origin.example', 'https://origin.example', ''],
    ['https://origin.example/', 'https://origin.example', ''],
    ['https://origin.example:443/library', 'https://origin.example', '/library'],
    ['http://origin.example:8080/a/b//', 'http://origin.example:8080', '/a/b'],
    ['HTTP://[::1]:81/a%20b/', 'http://[::1]:81', '/a%20b'],
  ])('read %s', (location, origin, basePath) => {
    expect(judgeOptions({ location, now }).place).toEqual({ kind: 'http', origin, basePath })
  })

  it('name every mistake by its path', () => {
    const mistakes = {
      location: 'https://origin.example',
      now: 5,
      timeouts: { connectMs: 0, headersMs: 1.5, headerMs: 1 },
      maxPlaylistBytes: -1,
      playlistCacheBytes: -1,
      maxConnections: Number.POSITIVE_INFINITY,
      allowPrivate: 'no',
      maxPlaylistByte: 1,
    }
    expect([...problemsOf(mistakes)].sort()).toEqual([
      'allowPrivate',
      'maxConnections',
      'maxPlaylistByte',
      'maxPlaylistBytes',
      'now',
      'playlistCacheBytes',
      'timeouts.connectMs',
      'timeouts.headerMs',
      'timeouts.headersMs',
    ])
  })

  it('take 0 where it switches something off', () => {
    expect(
      problemsOf({ location: folder, now, playlistCacheBytes: 0, livePlaylistFreshMs: 0 }),
    ).toEqual([])
  })

  it('never give a blocking request less time than any other', () => {
    const timeouts = { headersMs: 60_000, blockingHeadersMs: 1_000 }
    const judged = judgeOptions({ location: 'https://origin.example', now, timeouts })
    expect(judged.timeouts.blockingHeadersMs).toBe(60_000)
  })
})
