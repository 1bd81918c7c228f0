import { type EpochSeconds, epochSeconds } from '../../shared/units.ts'
import type { SessionOptions } from '../options/options.ts'
import type { EdgeauthClaims } from '../token/edgeauth-verify.ts'
import type { Verified } from '../token/verified.ts'
import { readSessionId } from './session-id.ts'
import { termsOf } from './session-terms.ts'

/**
 * Beyond this time no token of the session may last that is made without a fresh access token: or one who has a token would have the next, for
 * ever. Counted from the opening, which the session's id tells, unless the token says otherwise (the site's own server may have said less,
 * and a renewal begins anew).
 */
export function latestEnd(
  claims: Verified<EdgeauthClaims>,
  { maxLifetimeSeconds }: Pick<SessionOptions, 'maxLifetimeSeconds'>,
): EpochSeconds {
  const { until, identity } = termsOf(claims)
  const origin = readSessionId(identity.id)
  const opened = origin === null ? null : Math.floor(origin.openedAtMs / 1000)
  const bound = until ?? (opened === null ? 0 : opened + maxLifetimeSeconds)
  return epochSeconds(Math.max(claims.endTime, bound))
}
