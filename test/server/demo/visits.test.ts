import { describe, expect, it } from 'vitest'
import { subjectOf, type Visit, Visits } from '../../../server/demo/visits.ts'

const mac = '0'.repeat(64)
let made = 0

/** A token of that name, like no other; nobody here asks whether it verifies. */
function tokenOf(id: string): string {
  made += 1
  return `exp=${1_700_000_000 + made}~acl=/vod/*~id=${id}~hmac=${mac}`
}

const url = (token: string, name = 'hdntl') => `/vod/side-by-side/long.m3u8?${name}=${token}`

describe('the visits of the demo', () => {
  it('refuse tokens of a page that were handed out or used before it revoked them', () => {
    const visits = new Visits()
    const visit = visits.open()
    const handedOut = tokenOf(subjectOf(visit, 'stock'))
    const used = tokenOf(subjectOf(visit, 'playgate'))
    visits.note(handedOut)
    expect(visits.isRevoked(url(used))).toBe(false)
    visits.revoke(visit)
    const later = tokenOf(subjectOf(visit, 'playgate'))
    expect([handedOut, used, later].map((token) => visits.isRevoked(url(token)))).toEqual([
      true,
      true,
      false,
    ])
    expect(visits.isRevoked(url(handedOut, 'hdnts'))).toBe(true)
  })

  it('leave the tokens of other pages alone', () => {
    const visits = new Visits()
    const [one, other] = [visits.open(), visits.open()]
    const token = tokenOf(subjectOf(other, 'stock'))
    visits.note(token)
    visits.revoke(one)
    expect(visits.isRevoked(url(token))).toBe(false)
  })

  it.each([
    ['no token', '/vod/side-by-side/long.m3u8'],
    ['a token without a name', url(`exp=1700000000~acl=/vod/*~hmac=${mac}`)],
    ['a token of a page that nobody opened', url(tokenOf('stock-0123'))],
    ['something else', url('%%%')],
  ])('have nothing against %s', (_what, target) => {
    expect(new Visits().isRevoked(target)).toBe(false)
  })

  it('remember so many tokens of a page and no more', () => {
    const visits = new Visits()
    const visit: Visit = visits.open()
    for (let count = 0; count < 250; count += 1) visits.note(tokenOf(subjectOf(visit, 'stock')))
    expect(visit.tokens.size).toBe(100)
  })
})
