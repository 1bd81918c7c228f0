import { PlaybackError, type PublicReason, reasons } from '../../shared/codes.ts'
import { epochSeconds } from '../../shared/units.ts'
import type { Rule } from '../options/options.ts'
import type { Check } from '../session/decision.ts'
import { matchRule } from '../session/match-rule.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { refusalStatus } from './answer-error.ts'
import { decideRequest } from './decide-request.ts'
import { type ExplainRequest, readExplainRequest } from './explain-request.ts'
import { foreseeChecks } from './foresee-checks.ts'
import type { Gate } from './gate.ts'
import { isMediaName } from './media-name.ts'
import { originPath } from './public-path.ts'
import { checkSemicolons } from './read-request.ts'
import { needsSessionToken, sessionNeededDetail } from './serve-media.ts'

export interface Explanation {
  readonly rule: string | null
  readonly mode: 'off' | 'log' | 'enforce' | null
  readonly checks: readonly Check[]
  readonly answer: {
    /** What happens: the object is delivered, a session is opened for a playlist, or the request is refused. */
    readonly outcome: 'open' | 'session' | 'access' | 'refused' | 'not-found'
    /** `null` where the origin decides. */
    readonly status: number | null
    readonly reason: PublicReason | null
    readonly renew: boolean
    readonly detail: string
  }
}

/**
 * Which rule a request would meet, each check with its outcome, and the answer. Nothing is opened, spent or
 * asked of an origin; the store is asked for tokens that it keeps, for what was spent, and for places that are taken.
 *
 * @throws {OptionError} naming the option: an unknown one, a URL or an address that is none
 */
export async function explain(gate: Gate, request: ExplainRequest): Promise<Explanation> {
  let facts: RequestFacts
  try {
    facts = readExplainRequest(request, gate)
  } catch (error) {
    if (!(error instanceof PlaybackError)) throw error
    const check: Check = { check: 'request-target', outcome: 'failed', detail: error.message }
    return refused(null, [check], error.reason, error.message, error.status)
  }
  const passed: Check = { check: 'request-target', outcome: 'passed', detail: facts.path }
  const rule = matchRule(gate.options.rules, facts)
  if (rule === null) {
    return notServed(null, [passed], 'rule', 404, 'no rule matches host and path')
  }
  const found: Check = { check: 'rule', outcome: 'passed', detail: `${rule.name} (${rule.place})` }
  try {
    checkSemicolons(rule, facts.path)
  } catch (error) {
    if (!(error instanceof PlaybackError)) throw error
    const check: Check = { check: 'semicolon', outcome: 'failed', detail: error.message }
    return refused(rule, [passed, found, check], error.reason, error.message, error.status)
  }
  const { method } = facts
  if (!['GET', 'HEAD', 'OPTIONS'].includes(method)) {
    return notServed(rule, [passed, found], 'method', 405, `${method} is not served`)
  }
  const isBelowPrefix = originPath(rule, facts.path) !== null
  if (rule.mode === 'off') {
    if (!isBelowPrefix) return notServed(rule, [passed, found], ...outsidePrefix)
    return {
      rule: rule.name,
      mode: rule.mode,
      checks: [passed, found],
      answer: {
        outcome: 'open',
        status: null,
        reason: null,
        renew: false,
        detail: 'asks for no token',
      },
    }
  }
  await gate.sessions.loading
  const now = request.now === undefined ? gate.now() : epochSeconds(request.now)
  const { decision, checks } = await decideRequest(gate, rule, facts, now)
  const judged = [passed, found, ...checks]
  if (decision.kind === 'refused') {
    return refused(rule, judged, decision.reason, decision.detail)
  }
  if (needsSessionToken(rule, decision) && isMediaName(facts.path)) {
    const check: Check = { check: 'session-token', outcome: 'failed', detail: sessionNeededDetail }
    return refused(rule, [...judged, check], 'token-missing', sessionNeededDetail)
  }
  if (!isBelowPrefix) return notServed(rule, judged, ...outsidePrefix)
  const { sharesStore = true } = request
  const foreseen = await foreseeChecks({ gate, rule, facts, grant: decision, sharesStore })
  const all = [...judged, ...foreseen.checks]
  if (foreseen.refusal !== null) {
    return refused(rule, all, foreseen.refusal.reason, foreseen.refusal.detail)
  }
  const detail =
    decision.kind === 'session'
      ? `session ${decision.sessionId}`
      : rule.session === null
        ? 'delivered on the access token'
        : 'a playlist opens a session; any other object needs the session token'
  return {
    rule: rule.name,
    mode: rule.mode,
    checks: all,
    answer: { outcome: decision.kind, status: null, reason: null, renew: false, detail },
  }
}

const outsidePrefix = ['strip-prefix', 404, 'the path does not lie below stripPrefix'] as const

function notServed(
  rule: Rule | null,
  checks: readonly Check[],
  check: string,
  status: number,
  detail: string,
): Explanation {
  return {
    rule: rule?.name ?? null,
    mode: rule?.mode ?? null,
    checks: [...checks, { check, outcome: 'failed', detail }],
    answer: { outcome: 'not-found', status, reason: null, renew: false, detail },
  }
}

function refused(
  rule: Rule | null,
  checks: readonly Check[],
  reason: PublicReason,
  detail: string,
  nearer?: number | null,
): Explanation {
  const { renew } = reasons[reason]
  const status = refusalStatus(reason, rule, nearer)
  const answer = { outcome: 'refused' as const, status, reason, renew, detail }
  return { rule: rule?.name ?? null, mode: rule?.mode ?? null, checks, answer }
}
