import type { RequestListener } from 'node:http'
import Router from '@koa/router'
import Koa from 'koa'
import { keyNew } from '../cli/key-new.ts'
import type { Log } from '../http/log.ts'
import { createPlaygate, type Playgate } from '../index.ts'
import { answerJson } from './answer-json.ts'
import { attempt, readAttempt } from './attempt.ts'
import { sameOriginOnly } from './same-origin.ts'
import { mountSideBySide, refuseRevoked, sideBySideRule } from './side-by-side.ts'
import { countryHeader, mountTokenTools, toolsRule } from './token-tools.ts'
import { Visits } from './visits.ts'

export interface DemoOptions {
  /** Directory of the sample stream. */
  readonly stream: string
  /** Directory of the built page; `null` when another server has it (Vite's, while developing). */
  readonly page: string | null
  readonly log?: Log
  readonly now?: () => number
  /** Makes each secret of the demo, in hexadecimal digits. @default random ones */
  readonly newKey?: () => string
}

export interface Demo {
  readonly gate: Playgate
  readonly listener: RequestListener
  /** Opens `/_playgate/admin/`; new with every start. */
  readonly adminToken: string
}

/** Paths that belong to the demo's server; a development server leaves them to it. */
export const demoPrefixes = ['/vod/', '/tools/', '/demo/api/', '/_playgate/'] as const

/** An access token of the demo is good for this long: a page uses it at once. */
const accessTtlSeconds = 60

/**
 * The demo: the sample stream behind a gate, the pages that play it and make tokens for it, and an API for their buttons. It is
 * a site's own Koa app with the gate as one of its middlewares.
 */
export function createDemo({ stream, page, log, now, newKey = keyNew }: DemoOptions): Demo {
  const adminToken = newKey().slice(0, 16)
  const gate = createPlaygate(
    {
      admin: { token: adminToken },
      // Nobody's country is believed on the wire: there is no trusted proxy.
      geoip: { header: countryHeader },
      keys: {
        demo: { primary: newKey() },
        tools: { primary: newKey() },
        phrase: { primary: newKey() },
      },
      rules: [
        sideBySideRule(stream),
        {
          name: 'sample',
          match: { paths: ['/vod/*'] },
          origin: stream,
          stripPrefix: '/vod/sample',
          access: { format: 'edgeauth', key: 'demo' },
          session: {},
        },
        {
          name: toolsRule,
          match: { paths: ['/tools/*'] },
          origin: stream,
          stripPrefix: '/tools/sample',
          access: [
            { format: 'edgeauth', key: 'tools' },
            { format: 'ectoken', key: 'phrase' },
            { format: 'timed', key: 'tools' },
            { format: 'managed', key: 'tools' },
          ],
          session: {},
        },
        ...(page === null ? [] : [{ name: 'page', origin: page, open: true }]),
      ],
    },
    { ...(log && { log }), ...(now && { now }) },
  )

  const router = new Router({ prefix: '/demo/api', sensitive: true, strict: true })
  router.use(sameOriginOnly)
  // A real site would look at its own login here.
  router.post('/access', (ctx) => {
    const minted = gate.mintDetailed({ path: '/vod/sample/*', ttlSeconds: accessTtlSeconds })
    answerJson(ctx, { ...minted, expiresIn: accessTtlSeconds })
  })
  router.post('/attempt', async (ctx) => {
    const wanted = await readAttempt(ctx.req)
    if (wanted === null) ctx.throw(400, 'not an attempt')
    else answerJson(ctx, await attempt(gate, wanted, ctx.req))
  })
  mountTokenTools(router, gate)

  const visits = new Visits()
  mountSideBySide(router, { gate, visits })

  const app = new Koa()
  app.use(async (ctx, next) => {
    if (ctx.req.url === '/') ctx.req.url = '/index.html'
    await next()
  })
  app.use(router.routes())
  app.use(refuseRevoked(visits))
  app.use(gate.middleware())
  return { gate, listener: app.callback(), adminToken }
}
