import { pipeline } from 'node:stream/promises'
import type { Context } from 'koa'
import type { OriginAnswer } from '../origin/origin.ts'
import { neverStore, privateCacheControl } from './cache-headers.ts'

type ObjectAnswer = Extract<OriginAnswer, { kind: 'object' }>

/**
 * Streams an object through, back-pressure kept. Koa's own streaming would report each viewer who leaves
 * in mid-segment as an application error, so the response is written here.
 *
 * @param permitted to this viewer alone: shared caches are kept out
 */
export async function sendObject(
  ctx: Context,
  answer: ObjectAnswer,
  permitted: boolean,
): Promise<void> {
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined && name !== 'cache-control') ctx.set(name, value)
  }
  const freshness = answer.headers['cache-control']
  // A stale session cookie beside a good access token opens a session here too.
  if (ctx.res.hasHeader('Playgate-Session')) ctx.set('Cache-Control', neverStore)
  else if (permitted) ctx.set('Cache-Control', privateCacheControl(freshness))
  else if (freshness !== undefined) ctx.set('Cache-Control', freshness)
  ctx.status = answer.status

  const { body } = answer
  if (body === null || ctx.method === 'HEAD') {
    if (body !== null && 'destroy' in body) body.destroy()
    ctx.respond = false
    ctx.res.end()
    return
  }
  if (body instanceof Uint8Array) {
    ctx.body = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    return
  }
  ctx.respond = false
  await pipeline(body, ctx.res)
}
