import type { Context } from 'koa'
import type { Rule } from '../options/options.ts'
import { tokenNames } from '../session/decide.ts'

/** What a player may read of an answer from another origin (spec/player section 1.6). */
const exposedHeaders =
  'Age, Content-Length, Content-Range, Date, ETag, Playgate-Session, Retry-After'

/** Request headers that a player sends and that need naming in a preflight (Fetch section 3.2). */
const allowedHeaders = [
  'Content-Type',
  'If-None-Match',
  'If-Modified-Since',
  'Range',
  'X-Playback-Session-Id',
  'CMCD-Object',
  'CMCD-Request',
  'CMCD-Session',
  'CMCD-Status',
]

/**
 * CORS headers for every answer of a rule, refusals included: without them a player sees a network error
 * where it should see a 403. Origins are compared exactly and never reflected unlisted (threats T89).
 */
export function allowOrigin(ctx: Context, rule: Rule): void {
  const { anyOrigin, origins } = rule.cors
  if (anyOrigin) {
    ctx.set('Access-Control-Allow-Origin', '*')
  } else {
    if (origins.size === 0) return
    ctx.vary('Origin')
    const origin = ctx.get('Origin')
    if (!origins.has(origin)) return
    ctx.set('Access-Control-Allow-Origin', origin)
    if (rule.session?.carriers.includes('cookie')) {
      ctx.set('Access-Control-Allow-Credentials', 'true')
    }
  }
  ctx.set('Access-Control-Expose-Headers', exposedHeaders)
}

/** Takes back what `allowOrigin` said for another rule. */
export function forgetOrigin(ctx: Context): void {
  for (const name of ['Origin', 'Credentials']) ctx.remove(`Access-Control-Allow-${name}`)
  ctx.remove('Access-Control-Expose-Headers')
}

/** Answers a preflight. It needs no token and tells nothing about what stands behind the path. */
export function answerPreflight(ctx: Context, rule: Rule, methods: string): void {
  allowOrigin(ctx, rule)
  ctx.set('Access-Control-Allow-Methods', methods)
  ctx.set(
    'Access-Control-Allow-Headers',
    [
      ...new Set([
        ...allowedHeaders,
        ...(rule.session?.saltHeaders ?? []),
        ...tokenNames(rule).filter(Boolean),
      ]),
    ].join(', '),
  )
  ctx.set('Access-Control-Max-Age', '86400')
  ctx.status = 204
}

/** A preflight is an OPTIONS with both of these (Fetch section 3.2.2). */
export function isPreflight(ctx: Context): boolean {
  return (
    ctx.method === 'OPTIONS' &&
    ctx.get('Origin') !== '' &&
    ctx.get('Access-Control-Request-Method') !== ''
  )
}
