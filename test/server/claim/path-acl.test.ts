import { describe, expect, it } from 'vitest'
import { checkPathAcl } from '../../../server/claim/path-acl.ts'

describe('checkPathAcl', () => {
  it.each([
    ['/vod/*', '/vod/a', true],
    ['/vod/*!/live/*', '/live/a', true],
    ['%2fvod%2f*', '/vod/a', true],
    ['/vod/*', '/live/a', false],
    ['/vod/*', '/VOD/a', false],
  ])('%s on %s: %s', (acl, path, ok) => {
    expect(checkPathAcl({ acl }, { path }).ok).toBe(ok)
  })

  it('gives its reason and repeats neither ACL nor path', () => {
    const answer = checkPathAcl({ acl: '/SECRET/*' }, { path: '/SECRET' })
    expect(answer).toMatchObject({ ok: false, reason: 'path_not_allowed' })
    expect(JSON.stringify(answer)).not.toContain('SECRET')
  })
})
