import type { Context } from 'koa'
import { z } from 'zod'
import { peekEndRight, verifyEndRight } from '../session/end-right.ts'
import { spendRight } from '../session/spend-access.ts'
import { answerRefusal, withoutRedirects } from './answer-error.ts'
import { allowOrigin, forgetOrigin } from './cors.ts'
import type { Gate } from './gate.ts'
import { allowPresumed } from './presumed-rule.ts'
import { badRequest, readJsonBody } from './read-json.ts'
import { answerJson } from './routes.ts'

const bodySchema = z.strictObject({
  /** `endRight` of the refusal. */
  endRight: z.string().min(1).max(12_000),
  /** One of the `sessions` of the refusal. */
  sessionId: z.string().min(1).max(128),
})

/**
 * `POST /_playgate/session/end`: a viewer who found all his places taken ends one of his other sessions, with the right that the
 * refusal brought. Once: the next refusal brings another right.
 */
export async function answerEndSession(ctx: Context, gate: Gate): Promise<void> {
  if (allowPresumed(ctx, gate)) return
  const { endRight, sessionId } = await readJsonBody(ctx, bodySchema)
  const name = peekEndRight(endRight)
  const rule = gate.options.rules.find((one) => one.name === name)
  if (rule !== undefined) {
    forgetOrigin(ctx)
    allowOrigin(ctx, rule)
  }
  const counting = rule?.session?.counting ?? null
  const right = counting && verifyEndRight(endRight, counting.rightKeys, gate.now())
  const line = { event: 'session-end', rule: rule?.name ?? 'none', sessionId }
  const refuse = (detail: string): void => {
    answerRefusal(
      ctx,
      { reason: 'token-refused' },
      rule === undefined ? null : withoutRedirects(rule),
    )
    gate.log.warn({ ...line, outcome: 'refused', detail })
    gate.metrics.request(line.rule, 'refused', 'token-refused', 0)
  }
  if (rule === undefined || right === null) {
    refuse('not a right to end a session, or its time is over')
    return
  }
  if (!right.sessionIds.includes(sessionId)) throw badRequest('body sessionId: not one of them')
  // It is remembered for a minute beyond its end, whatever the clocks of several machines say.
  const keepSeconds = right.expiresAt - gate.now() + 60
  if (!(await spendRight(gate.store(), right.nonce, sessionId, keepSeconds))) {
    refuse('this right was used before, for another session')
    return
  }
  await gate.sessions.endForViewer(sessionId)
  gate.log.info({ ...line, outcome: 'ended' })
  gate.metrics.request(rule.name, 'ended', '', 0)
  answerJson(ctx, 200, { ended: sessionId })
}
