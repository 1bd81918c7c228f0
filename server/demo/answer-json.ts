import type { Context } from 'koa'

/** For the demo's own pages, and nobody's cache. */
export function answerJson(ctx: Context, document: unknown): void {
  ctx.set('Cache-Control', 'no-store')
  ctx.type = 'application/json'
  ctx.body = JSON.stringify(document)
}
