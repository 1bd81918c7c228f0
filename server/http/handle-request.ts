import type { Context, Middleware, Next } from 'koa'
import type { Rule } from '../options/options.ts'
import { matchRule } from '../session/match-rule.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { answerError, answerProblem } from './answer-error.ts'
import type { Gate } from './gate.ts'
import type { Log } from './log.ts'
import { mayConcern } from './may-concern.ts'
import type { Outcome } from './outcome.ts'
import { readRequest } from './read-request.ts'
import { recordRequest } from './record-request.ts'
import { createRoutes, type Mount, ownPrefix } from './routes.ts'
import { serveMedia } from './serve-media.ts'

/** Whose the requests are that no rule matches. */
export type Remainder = 'nobody' | 'the-site'

/**
 * The gate as Koa middleware: its own endpoints, then the rules, then whatever the site's application has
 * behind it. Every error is answered here, because Koa drops the headers that were set before a throw.
 *
 * @param gate asked anew for each request, so that a reload counts from the next request on
 * @param remainder with an application behind us, an unreadable target that concerns no rule is left to it
 * @param mounts endpoints of ours that other rooms bring along
 */
export function handleRequests(
  gate: () => Gate,
  remainder: Remainder,
  mounts: readonly Mount[] = [],
): Middleware {
  const routes = createRoutes(gate, mounts)
  return async (ctx: Context, next: Next) => {
    if (ctx.req.url?.startsWith(ownPrefix)) return routes(ctx, next)
    return handle(ctx, next, gate(), remainder)
  }
}

async function handle(ctx: Context, next: Next, gate: Gate, remainder: Remainder): Promise<void> {
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
    if (rule === null) {
      if (remainder === 'the-site') return await next()
      outcome.outcome = 'not-found'
      outcome.detail = 'no rule matches host and path'
      answerProblem(ctx, 404)
    } else {
      const permitted = { rule, facts }
      await gate.during(() => serveMedia(ctx, gate, permitted.rule, permitted.facts, outcome))
    }
  } catch (thrown) {
    if (facts !== null && rule === null) throw thrown // of the application behind us
    if (facts === null && remainder === 'the-site') {
      if (!mayConcern(gate.options.rules, ctx.req.url ?? '')) return await next()
    }
    error = thrown
    if (ctx.headerSent) {
      // The answer is under way and cannot be taken back: cut it, so that nobody takes it for whole.
      ctx.res.destroy()
      outcome.outcome = 'failed'
      outcome.detail = 'cut in the middle of the answer'
    } else {
      const answered = answerError(ctx, thrown, rule)
      outcome.outcome = answered.isFailure ? 'failed' : 'refused'
      outcome.reason = answered.reason
      outcome.detail = answered.detail
      error = answered.error
    }
  }
  const event = { event: 'request' }
  recordRequest(ctx, gate, event, rule, facts, outcome, gate.nowMs() - started, error)
}

/**
 * The ear behind the ear, for an application of our own: when answering or logging fails itself, the client
 * still gets a 500 that nobody stores (threats T100).
 */
export function answerWhateverFails(log: Log): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      answerError(ctx, error, null)
      try {
        log.error({ err: error }, 'the answer could not be finished')
      } catch {
        // A log that fails was the cause, most likely; there is nobody left to tell.
      }
    }
  }
}

/** For an application of our own: what no rule matches is not there. */
export function answerNotFound(ctx: Context): void {
  answerProblem(ctx, 404)
}
