import { describe, expect, it } from 'vitest'
import { isRedirect, judgeRedirect } from '../../../server/origin/redirect.ts'

const place = { kind: 'http', origin: 'https://origin.example', basePath: '/library' } as const
const from = { path: '/film/a.m3u8', query: 'x=1' }

describe('a redirect', () => {
  it.each([
    ['b.m3u8', '/film/b.m3u8', ''],
    ['../b.m3u8?y=%7E', '/b.m3u8', 'y=%7E'],
    ['/library/b.m3u8#part', '/b.m3u8', ''],
    ['?y=2', '/film/a.m3u8', 'y=2'],
    ['https://origin.example/library/b', '/b', ''],
    ['HTTPS://ORIGIN.example:443/library/b', '/b', ''],
    ['//origin.example/library/b', '/b', ''],
    ['/library/ä b', '/%C3%A4%20b', ''],
    ['/library/', '/', ''],
  ])('to "%s" stays inside', (location, path, query) => {
    expect(judgeRedirect(location, from, place)).toEqual({ path, query })
  })

  it.each([
    undefined,
    'http://origin.example/library/b',
    'https://origin.example:444/library/b',
    'https://origin.example.evil/library/b',
    'https://evil.example/library/b',
    '//evil.example/library/b',
    '\\\\evil.example\\library\\b',
    'https://user@origin.example/library/b',
    'https://:pass@origin.example/library/b',
    '/b',
    '/libraryb',
    '/library',
    '../../b',
    '/library/../b',
    '/library/%2e%2e/b',
    '/library/..%2fb',
    '/library/a%2Fb',
    '/library/a%5cb',
    'http://127.0.0.1/library/b',
    'file:///library/b',
    'data:text/plain,b',
    'https://',
    'https://[::1',
  ])('to "%s" leads away', (location) => {
    expect(judgeRedirect(location, from, place)).toBeNull()
  })

  it.each([
    [301, true],
    [302, true],
    [303, true],
    [307, true],
    [308, true],
    [300, false],
    [304, false],
    [305, false],
    [200, false],
  ])('is made by status %i: %s', (status, is) => expect(isRedirect(status)).toBe(is))
})
