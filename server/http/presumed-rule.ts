import type { Context } from 'koa'
import type { Rule } from '../options/options.ts'
import { allowOrigin, answerPreflight, isPreflight } from './cors.ts'
import type { Gate } from './gate.ts'

/**
 * CORS for an endpoint whose rule is named by its body: until that is read, the rule that knows the asking page best speaks for
 * all. Once the rule is known, `forgetOrigin` and `allowOrigin` set it right.
 *
 * @returns whether this was a preflight, which is answered now
 */
export function allowPresumed(ctx: Context, gate: Gate): boolean {
  const presumed = presumedRule(gate, ctx.get('Origin'))
  if (isPreflight(ctx)) {
    if (presumed === undefined) ctx.status = 204
    else answerPreflight(ctx, presumed, 'POST, OPTIONS')
    return true
  }
  if (presumed !== undefined) allowOrigin(ctx, presumed)
  return false
}

function presumedRule(gate: Gate, origin: string): Rule | undefined {
  const rules = gate.options.rules.filter(({ session }) => session !== null)
  return (
    rules.find(({ cors }) => cors.origins.has(origin)) ?? rules.find(({ cors }) => cors.anyOrigin)
  )
}
