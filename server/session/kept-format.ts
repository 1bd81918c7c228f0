import { epochSecondsFromMilliseconds } from '../../shared/units.ts'
import type { ManagedAccess, TimedAccess } from '../options/options.ts'
import { isManagedToken, managedTokenId } from '../token/managed.ts'
import { proven } from '../token/verified.ts'
import { bearerDemands, describeDemands, judgeBearer } from './bearer-demands.ts'
import { describeEnd } from './describe-failure.ts'
import { type AccessFormat, failed } from './proven-access.ts'

/** What their texts begin with. */
const kinds = { managed: 'managed', timed: 'revocable' } as const

/** Tokens that the store has: managed ones, and timed ones of rules that want them revocable (token-formats section 3). */
export const keptFormat: AccessFormat<ManagedAccess | TimedAccess> = {
  verify({ format, realm }, { token }, facts, judging) {
    if (!isManagedToken(token, kinds[format])) {
      return failed(`no ${format} token by its form`, { isOfFormat: false })
    }
    const record = judging.kept.get(managedTokenId(token)) ?? 'unknown'
    if (record === 'unavailable') {
      return failed('the store does not tell whether it was revoked', {
        reason: 'store-unavailable',
      })
    }
    if (record !== 'unknown' && record.kind === 'not-asked') {
      const { retryAfterSeconds } = record
      return failed(
        `not looked up: too many unknown tokens from one address, for ${retryAfterSeconds} s no other is`,
        { reason: 'store-unavailable', retryAfterSeconds },
      )
    }
    if (record === 'unknown') return failed('unknown: never made, revoked, or ended')
    if (record.kind !== format) return failed(`a ${record.kind} token`, { isOfFormat: false })
    if (record.realm !== realm) return failed(`made for the realm ${record.realm}, not ${realm}`)
    const { endsAtMs, createdAtMs, name } = record
    const endTime = endsAtMs === null ? null : epochSecondsFromMilliseconds(endsAtMs)
    // From that second on the store does not know it any more.
    if (endTime !== null && judging.now >= endTime) {
      return failed('expired', { reason: 'token-expired' })
    }
    const demands = bearerDemands(record)
    const answer = judgeBearer(demands, facts, judging)
    if (!answer.ok) return failed(answer.detail)
    return {
      ok: true,
      token,
      claims: proven({
        endTime,
        ...(name !== null && { sessionId: name.replaceAll('%', '%25') }),
        ...(demands !== null && { demands }),
      }),
      spendId: record.id,
      madeAtMs: createdAtMs,
      detail: `${endTime === null ? 'has no end' : `good until ${describeEnd(endTime)}`}${describeDemands(record)}`,
    }
  },

  identify({ format }, token) {
    if (!isManagedToken(token, kinds[format])) return null
    return { spendId: managedTokenId(token), endTime: null, madeAtMs: null }
  },
}
