import { describe, expect, it } from 'vitest'
import { latestEnd } from '../../../server/session/latest-end.ts'
import { newSessionId } from '../../../server/session/session-id.ts'
import type { EdgeauthClaims } from '../../../server/token/edgeauth-verify.ts'
import type { Verified } from '../../../server/token/verified.ts'
import { epochSeconds } from '../../../shared/units.ts'

const openedAt = 1_767_225_600
const id = newSessionId({
  openedAtMs: openedAt * 1000 + 999,
  keyTag: 'abcd',
  accessTag: '0123456789abcdef',
})
const hour = { maxLifetimeSeconds: 3600 }

/** As though a token had been verified that says this. */
function claims(end: number, payload: string, sessionId = id): Verified<EdgeauthClaims> {
  const said: EdgeauthClaims = { endTime: epochSeconds(end), acl: '/*', sessionId, payload }
  return said as Verified<EdgeauthClaims>
}

describe('the latest end of a session', () => {
  it.each([
    ['as long after its opening as the rule allows', 600, 'hdntl', 3600],
    ['what its token says', 600, `hdntl,u=${openedAt + 900}`, 900],
    ['what its token says, beyond that, after a renewal', 5000, `hdntl,u=${openedAt + 7000}`, 7000],
    ['the end of its token, after a renewal that says nothing', 5000, 'hdntl', 5000],
    ['the end of its token, where that says nothing readable', 600, 'hdntl,u=soon', 600],
    ['no payload’s', 600, 'hdntl,x%2cu%3d9999999999', 3600],
  ])('is %s', (_what, end, payload, latest) => {
    expect(latestEnd(claims(openedAt + end, payload), hour)).toBe(openedAt + latest)
  })

  it('is that of its token, where another edge opened it', () => {
    expect(latestEnd(claims(openedAt + 600, 'hdntl', 'theirs'), hour)).toBe(openedAt + 600)
  })
})
