import { describe, expect, it } from 'vitest'
import { mayConcern } from '../../../server/http/may-concern.ts'
import type { Rule } from '../../../server/options/options.ts'

const rules = [
  { match: { paths: ['/vod/*'], hosts: null, ignoreCase: false } },
] as unknown as Rule[]

describe('a target that nobody can read for certain', () => {
  it.each([
    '/vod//a.ts',
    '//vod/a.ts',
    '/x/../vod/a.ts',
    '/x/%2e%2e/vod/a.ts',
    '/x/%252e%252e/vod/a.ts',
    '/vod%2fa.ts',
    '/vod%252fa.ts',
    '/x\\..\\vod\\a.ts',
    '/%76od/a.ts',
    '/vod;v=1/a.ts',
    '/VOD/%2e/a.ts',
    'http://any.example/vod/a.ts',
    '/vod/a.ts#x',
    '/vod/../vod/a.ts?x',
  ])('%s may concern a rule over /vod/*', (target) => {
    expect(mayConcern(rules, target)).toBe(true)
  })

  it.each([
    '/wiki/AC%2fDC',
    '/api//list',
    '/a;b',
    '/search?q=/vod/a',
    '/voda//x',
    '*',
    '/vod/../admin//x'.replace('/vod/..', ''),
  ])('%s is the site’s own', (target) => {
    expect(mayConcern(rules, target)).toBe(false)
  })
})
