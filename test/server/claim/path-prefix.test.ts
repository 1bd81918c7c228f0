import { describe, expect, it } from 'vitest'
import { checkPathPrefix } from '../../../server/claim/path-prefix.ts'

describe('checkPathPrefix', () => {
  it.each([
    [['/vod/'], '/vod/a.ts', true],
    [['/vod/'], '/vod', false],
    [['/vod/'], '/vodka/a.ts', false],
    [['/vod'], '/vodka/a.ts', true],
    [['/'], '/anything', true],
    [['/a/', '/vod/'], '/vod/a.ts', true],
    [['/VOD/'], '/vod/a.ts', false],
    [['/movie/'], '/vod/movie/a.ts', false],
    [[''], '/vod/a.ts', false],
    [[], '/vod/a.ts', false],
    [['/a%20b/'], '/a%20b/c', true],
    [['/a%20b/'], '/a%2520b/c', false],
    [['/a b/'], '/a%20b/c', false],
    [['/*'], '/vod/a.ts', false],
  ])('%j and %s: %s', (prefixes, path, ok) => {
    expect(checkPathPrefix({ prefixes }, { path }).ok).toBe(ok)
  })

  it('compares without case when told so', () => {
    const facts = { path: '/vOd/a.ts', ignoreCase: true }
    expect(checkPathPrefix({ prefixes: ['/Vod/'] }, facts).ok).toBe(true)
    expect(checkPathPrefix({ prefixes: ['/Vod/x'] }, facts).ok).toBe(false)
  })
})
