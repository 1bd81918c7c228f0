import { describe, expect, it } from 'vitest'
import { passesLists } from '../../../server/claim/allow-deny.ts'

describe('passesLists', () => {
  it.each([
    ['no list', {}, true],
    ['an allow list that covers it', { allow: ['x', 'a'] }, true],
    ['an allow list that does not', { allow: ['x'] }, false],
    ['an allow list of nothing', { allow: [] }, false],
    ['a deny list that covers it', { deny: ['x', 'a'] }, false],
    ['a deny list that does not', { deny: ['x'] }, true],
    ['both cover it', { allow: ['a'], deny: ['a'] }, true],
    ['neither covers it', { allow: ['x'], deny: ['x'] }, false],
  ])('%s', (_name, lists, passes) => {
    expect(passesLists(lists, (entry) => entry === 'a')).toBe(passes)
  })
})
