import type { Context, Middleware, Next } from 'koa'
import type { Rule } from '../options/options.ts'
import { matchRule } from '../session/match-rule.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { answerError, answerProblem } from './answer-error.ts'
import type { Gate } from './gate.ts'
import { readRequest } from './read-request.ts'
import { createRoutes, ownPrefix } from './routes.ts'
import { type Outcome, serveMedia } from './serve-media.ts'

/**
 * The gate as Koa middleware: its own endpoints, then the rules, then whatever the site's application has
 * behind it. Every error is answered here, because Koa drops the headers that were set before a throw.
 *
 * @param gate asked anew for each request, so that a reload counts from the next request on
 */
export function handleRequests(gate: () => Gate): Middleware {
  const routes = createRoutes(gate)
  return async (ctx: Context, next: Next) => {
    if (ctx.req.url?.startsWith(ownPrefix)) return routes(ctx, next)
    return handle(ctx, next, gate())
  }
}

async function handle(ctx: Context, next: Next, gate: Gate): Promise<void> {
  const started = gate.nowMs()
  const outcome: Outcome = { outcome: 'failed' }
  let facts: RequestFacts | null = null
  let rule: Rule | null = null
  let error: unknown
  try {
    facts = readRequest(ctx.req, {
      trustedProxies: gate.options.trustedProxies,
      pathParameters: gate.pathParameters,
      allowSemicolon: gate.allowSemicolon,
    })
    rule = matchRule(gate.options.rules, facts)
    if (rule === null) return await next()
    await serveMedia(ctx, gate, rule, facts, outcome)
  } catch (thrown) {
    if (facts !== null && rule === null) throw thrown // of the application behind us
    error = thrown
    if (ctx.headerSent) {
      // The answer is under way and cannot be taken back: cut it, so that nobody takes it for whole.
      ctx.res.destroy()
      outcome.detail = 'cut in the middle of the answer'
    } else {
      const answered = answerError(ctx, thrown, rule)
      outcome.outcome = ctx.status >= 500 ? 'failed' : 'refused'
      outcome.reason = answered.reason
      outcome.detail = answered.detail
      error = answered.error
    }
  }
  record(ctx, gate, rule, facts, outcome, gate.nowMs() - started, error)
}

function record(
  ctx: Context,
  gate: Gate,
  rule: Rule | null,
  facts: RequestFacts | null,
  outcome: Outcome,
  tookMs: number,
  error: unknown,
): void {
  const ruleName = rule?.name ?? 'none'
  gate.metrics.request(ruleName, outcome.outcome, outcome.reason ?? '', tookMs / 1000)
  const line = {
    event: 'request',
    rule: ruleName,
    method: facts?.method,
    host: facts?.host,
    path: facts?.path,
    client: facts?.clientAddress,
    status: ctx.headerSent ? ctx.res.statusCode : ctx.status,
    tookMs,
    ...outcome,
  }
  if (error !== undefined && outcome.outcome === 'failed') {
    gate.log.error({ ...line, err: error })
  } else if (outcome.outcome === 'refused' || outcome.wouldRefuse !== undefined) {
    gate.log.warn(line)
  } else {
    const { checks: _onlyForRefusals, ...short } = line
    gate.log.info(short)
  }
}

/** For an application of our own: what no rule matches is not there. */
export function answerNotFound(ctx: Context): void {
  answerProblem(ctx, 404)
}
