import type { Context, Next } from 'koa'
import { answerProblem } from '../http/answer-error.ts'

/**
 * Lets only the demo's own pages call what stands behind it. A browser says from where a page asks (Fetch Metadata, `Sec-Fetch-Site`;
 * RFC 6454 section 7, `Origin`), and no page can have it say otherwise; who asks without a browser may.
 */
export async function sameOriginOnly(ctx: Context, next: Next): Promise<void> {
  const site = ctx.get('Sec-Fetch-Site')
  const origin = ctx.get('Origin')
  const isForeign =
    site === '' ? origin !== '' && hostOf(origin) !== ctx.get('Host') : site !== 'same-origin'
  if (isForeign) answerProblem(ctx, 403, { reason: 'bad-request' })
  else await next()
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null
}
