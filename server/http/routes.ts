import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { answerError, answerProblem, setSafetyHeaders } from './answer-error.ts'
import type { Gate } from './gate.ts'
import { Readiness } from './readiness.ts'
import { answerSession } from './session-endpoint.ts'

export const ownPrefix = '/_playgate/'

/** Our own endpoints (design section 5). What is not among them is not there, whatever the rules say. */
export function createRoutes(gate: () => Gate): Middleware {
  const router = new Router({ prefix: '/_playgate', sensitive: true, strict: true })
  router.get('/health', (ctx) => answerJson(ctx, 200, { status: 'ok' }))
  const readiness = new Readiness()
  router.get('/ready', async (ctx) => {
    const { status, document } = await readiness.of(gate())
    answerJson(ctx, status, document)
  })
  router.get('/metrics', (ctx) => answerMetrics(ctx, gate()))
  router.post('/session', (ctx) => answerSession(ctx, gate()))
  router.options('/session', (ctx) => answerSession(ctx, gate()))
  const routes = router.routes()
  const otherMethods = router.allowedMethods()

  return async (ctx: Context) => {
    setSafetyHeaders(ctx)
    try {
      await routes(ctx as never, async () => {
        await otherMethods(ctx as never, async () => undefined)
        if (ctx.status === 404) answerProblem(ctx, 404)
        else if (ctx.status === 405 || ctx.status === 501) answerProblem(ctx, ctx.status)
      })
    } catch (error) {
      const answered = answerError(ctx, error, null)
      if (answered.error !== undefined) gate().log.error({ err: answered.error }, answered.detail)
    }
  }
}

async function answerMetrics(ctx: Context, gate: Gate): Promise<void> {
  const { registry } = gate.metrics
  ctx.set('Cache-Control', 'no-store')
  ctx.type = registry.contentType
  ctx.body = await registry.metrics()
}

export function answerJson(ctx: Context, status: number, document: unknown): void {
  ctx.status = status
  ctx.set('Cache-Control', 'no-store')
  ctx.type = 'application/json'
  ctx.body = JSON.stringify(document)
}
