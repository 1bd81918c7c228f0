import type { TimedAccess } from '../options/options.ts'
import { judgeTimed } from '../token/timed.ts'
import { isTimedToken, openTimed } from '../token/timed-text.ts'
import { proven } from '../token/verified.ts'
import { bearerDemands, describeDemands } from './bearer-demands.ts'
import { describeEnd } from './describe-failure.ts'
import { type AccessFormat, failed } from './proven-access.ts'
import { headerText } from './request-facts.ts'
import { sealedId } from './spend-access.ts'

/** Timed tokens that say themselves how long they are good, sealed with the rule's key (token-formats section 3). */
export const timedFormat: AccessFormat<TimedAccess> = {
  verify(access, { token }, facts, { now }) {
    if (!isTimedToken(token)) return failed('no timed token by its form', { isOfFormat: false })
    const opened = openTimed(access.sealingKeys ?? [], token)
    if (opened === null) return failed('no key opens it: forged, changed, cut, or of another key')
    const { claims, keyIndex } = opened
    const { createdAt, endTime, clientIp = null, referrer = null } = claims
    const answer = judgeTimed(claims, {
      now,
      clientIp: facts.clientAddress,
      referrer: headerText(facts.headers, 'referer') ?? null,
    })
    if (!answer.ok) {
      const reason = answer.reason === 'expired' ? 'token-expired' : 'token-refused'
      return failed(answer.detail, { reason })
    }
    const limits = { clientIp, referrer }
    const demands = bearerDemands(limits)
    const key = keyIndex === 0 ? 'primary' : 'transition'
    return {
      ok: true,
      token,
      claims: proven({ endTime, ...(demands !== null && { demands }) }),
      spendId: timedId(access, token, keyIndex),
      madeAtMs: createdAt * 1000,
      detail: `good until ${describeEnd(endTime)}${describeDemands(limits)}, ${key} key`,
    }
  },

  identify(access, token) {
    const opened = openTimed(access.sealingKeys ?? [], token)
    if (opened === null) return null
    const { endTime, createdAt } = opened.claims
    const spendId = timedId(access, token, opened.keyIndex)
    return { spendId, endTime, madeAtMs: createdAt * 1000 }
  },
}

/** One token has one text, so its text is its identity. */
function timedId({ keys }: TimedAccess, token: string, keyIndex: number): string {
  return sealedId('timed', keys?.secretNames[keyIndex] ?? '', token)
}
