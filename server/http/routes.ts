import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { type Answered, answerError, answerProblem, setSafetyHeaders } from './answer-error.ts'
import { answerEndSession } from './end-session-endpoint.ts'
import type { Gate } from './gate.ts'
import { Readiness } from './readiness.ts'
import { answerSession } from './session-endpoint.ts'
import { answerValidate } from './validate-endpoint.ts'

export const ownPrefix = '/_playgate/'

/**
 * Endpoints that another room brings along. Their middleware answers what is its own, and calls `next` for everything else;
 * what it throws is answered here.
 *
 * @param gate asked anew for each request
 */
export type Mount = (gate: () => Gate) => Middleware

/** Our own endpoints (design section 5). What is not among them is not there, whatever the rules say. */
export function createRoutes(gate: () => Gate, mounts: readonly Mount[] = []): Middleware {
  const router = new Router({ prefix: '/_playgate', sensitive: true, strict: true })
  router.get('/health', (ctx) => answerJson(ctx, 200, { status: 'ok' }))
  const readiness = new Readiness()
  router.get('/ready', async (ctx) => {
    const { status, document } = await readiness.of(gate())
    answerJson(ctx, status, document)
  })
  router.get('/metrics', (ctx) => answerMetrics(ctx, gate()))
  const session = (ctx: Context): Promise<void> => {
    const current = gate()
    return current.during(() => answerSession(ctx, current))
  }
  router.post('/session', session)
  router.options('/session', session)
  const end = (ctx: Context): Promise<void> => {
    const current = gate()
    return current.during(() => answerEndSession(ctx, current))
  }
  router.post('/session/end', end)
  router.options('/session/end', end)
  router.get('/validate', (ctx) => {
    const current = gate()
    return current.during(() => answerValidate(ctx, current))
  })
  const routes = router.routes()
  const otherMethods = router.allowedMethods()
  const own: Middleware = (ctx) =>
    routes(ctx as never, async () => {
      await otherMethods(ctx as never, async () => undefined)
      if (ctx.status === 404) answerProblem(ctx, 404)
      else if (ctx.status === 405 || ctx.status === 501) answerProblem(ctx, ctx.status)
    })
  const handlers = [...mounts.map((mount) => mount(gate)), own]

  return async (ctx: Context) => {
    setSafetyHeaders(ctx)
    // A request that was cut short has no socket any more.
    const client = ctx.req.socket.remoteAddress
    try {
      await pass(ctx, handlers)
    } catch (error) {
      reportFailure(ctx, gate(), client, answerError(ctx, error, null))
    }
  }
}

/** Gives the request to one handler after the other, until one of them does not pass it on. */
async function pass(ctx: Context, [first, ...rest]: readonly Middleware[]): Promise<void> {
  await first?.(ctx as never, () => pass(ctx, rest))
}

/** A mistake in how an endpoint of ours is called is told to the caller too: it is no viewer's request. */
function reportFailure(
  ctx: Context,
  gate: Gate,
  client: string | undefined,
  { reason, detail, isFailure, error }: Answered,
): void {
  const { status } = ctx
  const line = { event: 'endpoint', method: ctx.method, client, status, reason, detail }
  if (isFailure) gate.log.error({ ...line, ...(error !== undefined && { err: error }) })
  else gate.log.warn(line)
  gate.metrics.request('none', isFailure ? 'failed' : 'refused', reason, 0)
  if (reason === 'bad-request') answerProblem(ctx, status, { reason, renew: false, detail })
}

async function answerMetrics(ctx: Context, gate: Gate): Promise<void> {
  ctx.set('Cache-Control', 'no-store')
  ctx.type = gate.metrics.registry.contentType
  ctx.body = await gate.peers.metrics()
}

export function answerJson(ctx: Context, status: number, document: unknown): void {
  ctx.status = status
  ctx.set('Cache-Control', 'no-store')
  ctx.type = 'application/json'
  ctx.body = JSON.stringify(document)
}
