import type { Context } from 'koa'
import type { Rule } from '../options/options.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import type { Gate } from './gate.ts'
import { noteRefusal } from './note-refusal.ts'
import type { Outcome } from './outcome.ts'

/**
 * What became of a viewer's request: a line in the log, the figures, and for a refusal a row on the admin page. To be called when the
 * answer's status stands.
 *
 * @param event what the line begins with, and who asked in the viewer's name
 */
export function recordRequest(
  ctx: Context,
  gate: Gate,
  event: { readonly event: string; readonly peer?: string },
  rule: Rule | null,
  facts: RequestFacts | null,
  outcome: Outcome,
  tookMs: number,
  error: unknown,
): void {
  const ruleName = rule?.name ?? 'none'
  const letThrough = outcome.wouldRefuse !== undefined
  gate.metrics.request(
    ruleName,
    letThrough ? 'let-through' : outcome.outcome,
    outcome.reason ?? outcome.wouldRefuse ?? '',
    tookMs / 1000,
  )
  const line = {
    ...event,
    rule: ruleName,
    method: facts?.method ?? ctx.req.method,
    host: facts?.host,
    // Where no rule knows which names tokens bear, a path may hold anything.
    path: rule === null && facts?.path.includes('=') ? undefined : facts?.path,
    client: facts?.clientAddress ?? ctx.req.socket?.remoteAddress,
    status: ctx.headerSent ? ctx.res.statusCode : ctx.status,
    tookMs,
    ...outcome,
  }
  if (outcome.outcome === 'failed') {
    gate.log.error({ ...line, origin: rule?.origin, ...describeCause(outcome, error) })
  } else if (outcome.outcome === 'refused' || letThrough) {
    gate.log.warn(line)
    const asked = {
      rule: ruleName,
      method: line.method ?? '',
      host: line.host ?? '',
      path: line.path ?? '',
      client: line.client ?? '',
    }
    const reason = outcome.reason ?? outcome.wouldRefuse ?? ''
    const { detail = '', sessionId = null } = outcome
    noteRefusal(gate, ctx, asked, { reason, detail, sessionId })
  } else {
    const { checks: _onlyForRefusals, ...short } = line
    gate.log.info(short)
  }
}

/** An origin's failure is told in words; a failure of ours with its stack. */
function describeCause({ reason }: Outcome, error: unknown): { err?: unknown; cause?: string } {
  if (error === undefined) return {}
  return reason === 'origin-unavailable' && error instanceof Error
    ? { cause: error.message }
    : { err: error }
}
