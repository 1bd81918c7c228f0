import type { RequestListener } from 'node:http'
import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import { keyNew } from '../cli/key-new.ts'
import type { Log } from '../http/log.ts'
import { createPlaygate, type Playgate } from '../index.ts'
import { attempt, readAttempt } from './attempt.ts'

export interface DemoOptions {
  /** Directory of the sample stream. */
  readonly stream: string
  /** Directory of the built page; `null` when another server has it (Vite's, while developing). */
  readonly page: string | null
  readonly log?: Log
  readonly now?: () => number
}

export interface Demo {
  readonly gate: Playgate
  readonly listener: RequestListener
  /** Opens `/_playgate/admin/`; new with every start. */
  readonly adminToken: string
}

/** Paths that belong to the demo's server; a development server leaves them to it. */
export const demoPrefixes = ['/vod/', '/demo/api/', '/_playgate/'] as const

/** An access token of the demo is good for this long: a page uses it at once. */
const accessTtlSeconds = 60

/**
 * The demo: the sample stream behind a gate, the page that plays it, and an API for the page's buttons. It is
 * a site's own Koa app with the gate as one of its middlewares.
 */
export function createDemo({ stream, page, log, now }: DemoOptions): Demo {
  const adminToken = keyNew().slice(0, 16)
  const gate = createPlaygate(
    {
      admin: { token: adminToken },
      keys: { demo: { primary: keyNew() } },
      rules: [
        {
          name: 'sample',
          match: { paths: ['/vod/*'] },
          origin: stream,
          stripPrefix: '/vod/sample',
          access: { format: 'edgeauth', key: 'demo' },
          session: {},
        },
        ...(page === null ? [] : [{ name: 'page', origin: page, open: true }]),
      ],
    },
    { ...(log && { log }), ...(now && { now }) },
  )

  const router = new Router({ prefix: '/demo/api', sensitive: true, strict: true })
  // A real site would look at its own login here.
  router.post('/access', (ctx) => {
    const minted = gate.mintDetailed({ path: '/vod/sample/*', ttlSeconds: accessTtlSeconds })
    answer(ctx, { ...minted, expiresIn: accessTtlSeconds })
  })
  router.post('/attempt', async (ctx) => {
    const wanted = await readAttempt(ctx.req)
    if (wanted === null) ctx.throw(400, 'not an attempt')
    else answer(ctx, await attempt(gate, wanted, ctx.req))
  })

  const app = new Koa()
  app.use(async (ctx, next) => {
    if (ctx.req.url === '/') ctx.req.url = '/index.html'
    await next()
  })
  app.use(router.routes())
  app.use(gate.middleware())
  return { gate, listener: app.callback(), adminToken }
}

function answer(ctx: Context, document: unknown): void {
  ctx.set('Cache-Control', 'no-store')
  ctx.type = 'application/json'
  ctx.body = JSON.stringify(document)
}
