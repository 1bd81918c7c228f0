import type { Context } from 'koa'
import type { Gate } from './gate.ts'
import type { LoggedRefusal } from './refusal-log.ts'

/** Shows a refusal on the admin page. To be called when the answer's status stands. */
export function noteRefusal(
  gate: Gate,
  ctx: Context,
  asked: Pick<LoggedRefusal, 'rule' | 'method' | 'host' | 'path' | 'client'>,
  why: Pick<LoggedRefusal, 'reason' | 'detail' | 'sessionId'>,
): void {
  const at = new Date(gate.nowMs()).toISOString()
  gate.refusals.add({ at, ...asked, status: ctx.status, ...why })
}
