import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { directoryPath } from '../../../server/origin/directory-path.ts'

describe('the path of a file', () => {
  it.each([
    ['/a.ts', 'a.ts'],
    ['/a/b%20c.ts', 'a/b c.ts'],
    ['/%C3%A4.ts', 'ä.ts'],
    ['/100%25.ts', '100%.ts'],
    ['/a%252fb', 'a%2fb'],
    ['/a~b;c=1', 'a~b;c=1'],
    ['/a..b', 'a..b'],
  ])('of %s is %s', (path, expected) => expect(directoryPath(path)).toBe(expected))

  it.each([
    '/',
    '/a/',
    '//a',
    '/a//b',
    '/.',
    '/..',
    '/../a',
    '/a/../b',
    '/%2e%2e/a',
    '/.%2e/a',
    '/.git/config',
    '/a/.hidden',
    '/%2ehidden',
    '/a%2fb',
    '/a%2Fb',
    '/..%2fa',
    '/a%5c..%5cb',
    '/a\\..\\b',
    '/a%00.ts',
    '/%ff',
    '/%c3',
    '/%',
    '/%zz',
  ])('of %s is none', (path) => expect(directoryPath(path)).toBeNull())

  it('never has a segment that leads up, hides or splits', () => {
    const piece = fc.constantFrom(
      '.',
      '..',
      '/',
      '%2e',
      '%2f',
      '%5c',
      '\\',
      '%00',
      'a',
      '%25',
      '%C3%A4',
    )
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const path = directoryPath(`/${pieces.join('')}`)
        if (path === null) return
        for (const name of path.split('/')) {
          expect(name).not.toBe('')
          expect(name.startsWith('.')).toBe(false)
          expect(name).not.toMatch(/[\\\0]/)
        }
      }),
    )
  })
})
