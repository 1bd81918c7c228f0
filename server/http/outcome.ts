import { PlaybackError } from '../../shared/codes.ts'
import type { Rule } from '../options/options.ts'
import type { Check } from '../session/decision.ts'

/** What the log tells of a request. */
export interface Outcome {
  outcome:
    | 'open'
    | 'session'
    | 'access'
    | 'opened'
    | 'refused'
    | 'failed'
    | 'preflight'
    | 'missing'
    | 'not-found'
  reason?: string
  detail?: string
  sessionId?: string
  checks?: readonly Check[]
  /** Mode `log`: what would have been refused, and was let through. */
  wouldRefuse?: string
}

/** What refuses a request, or would. */
export type Told = Pick<Outcome, 'checks' | 'detail' | 'wouldRefuse'>

/** The checks that come after the tokens were judged, in their order (design section 4, step 4). Told by `explain` as well. */
export const lateChecks = {
  receiver: 'receiver',
  remote: 'remote-authentication',
  limit: 'concurrent-limit',
  singleUse: 'single-use',
} as const

export type LateCheck = (typeof lateChecks)[keyof typeof lateChecks]

/**
 * Such a check has failed. Mode `log` lets through what it would refuse, and says so in the request's own line: the first that
 * fails is what would refuse it.
 *
 * @param told is filled in
 * @throws what was thrown, in any other mode, and where that is no refusal
 */
export function failCheck(rule: Rule, told: Told, check: LateCheck, error: unknown): void {
  if (!(error instanceof PlaybackError)) throw error
  const { reason, message: detail } = error
  told.checks = [...(told.checks ?? []), { check, outcome: 'failed', detail }]
  if (rule.mode !== 'log') throw error
  if (told.wouldRefuse !== undefined) return
  told.wouldRefuse = reason
  told.detail = detail
}
