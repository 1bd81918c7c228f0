import { setTimeout } from 'node:timers/promises'
import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { z } from 'zod'
import { answerError, answerProblem } from '../http/answer-error.ts'
import { badRequest, readJsonBody } from '../http/read-json.ts'
import type { Configuration, Playgate } from '../index.ts'
import { answerJson } from './answer-json.ts'
import { subjectOf, type Visit, type Visits } from './visits.ts'

/** Both kinds of token of the page with the two players end after so many seconds. */
const lifeSeconds = 10
/** How late a slow site's tokens are. */
const slowMs = 5_000

const prefix = '/vod/side-by-side'

/** The sample stream once more, behind tokens that end soon. */
export function sideBySideRule(stream: string): Configuration['rules'][number] {
  return {
    name: 'side-by-side',
    match: { paths: [`${prefix}/*`] },
    origin: stream,
    stripPrefix: prefix,
    access: { format: 'edgeauth', key: 'demo', maxLifetimeSeconds: lifeSeconds },
    session: { maxLifetimeSeconds: lifeSeconds, slackSeconds: 0 },
  }
}

const visitSchema = z.strictObject({ visit: z.string().max(64) })
const tokenSchema = visitSchema.extend({ player: z.enum(['stock', 'playgate']) })
const siteSchema = visitSchema.extend({ isSlow: z.boolean(), isDenied: z.boolean() })

interface Surroundings {
  readonly gate: Playgate
  readonly visits: Visits
  /** @default a timer */
  readonly wait?: (ms: number) => Promise<unknown>
}

/** What the page with the two players asks of its site. */
export function mountSideBySide(
  router: Router,
  { gate, visits, wait = setTimeout }: Surroundings,
): void {
  const serve = (path: string, perform: (ctx: Context) => Promise<unknown>): void => {
    router.post(`/side-by-side/${path}`, async (ctx: Context) => {
      try {
        const document = await perform(ctx)
        if (document !== undefined) answerJson(ctx, document)
      } catch (error) {
        answerError(ctx, error, null)
      }
    })
  }
  const visitOf = ({ visit }: { visit: string }): Visit => {
    const found = visits.find(visit)
    // The server was started anew: the page has to be, too.
    if (found === undefined) throw badRequest('no such visit', 404)
    return found
  }

  serve('visit', async () => ({ visit: visits.open().id }))
  serve('site', async (ctx) => {
    const wanted = await readJsonBody(ctx, siteSchema)
    const { isSlow, isDenied } = wanted
    Object.assign(visitOf(wanted), { isSlow, isDenied })
    return {}
  })
  serve('revoke', async (ctx) => {
    visits.revoke(visitOf(await readJsonBody(ctx, visitSchema)))
    return {}
  })
  // A real site would look at its own login here.
  serve('token', async (ctx) => {
    const wanted = await readJsonBody(ctx, tokenSchema)
    const visit = visitOf(wanted)
    if (visit.isSlow) await wait(slowMs)
    if (visit.isDenied) {
      answerProblem(ctx, 403, { reason: 'policy-refused', renew: false })
      return
    }
    const minted = gate.mintDetailed({
      path: `${prefix}/*`,
      ttlSeconds: lifeSeconds,
      subject: subjectOf(visit, wanted.player),
    })
    visits.note(minted.token)
    return { ...minted, expiresIn: lifeSeconds }
  })
}

/**
 * Stands in front of the gate and refuses the tokens that a visit had revoked, as an edge does that was told so or has got another
 * key: in mid-life, without a word to the player, and a fresh token helps.
 */
export function refuseRevoked(visits: Visits): Middleware {
  return async (ctx, next) => {
    const { url = '' } = ctx.req
    if (url.startsWith(`${prefix}/`) && visits.isRevoked(url)) {
      answerProblem(ctx, 403, { reason: 'token-refused', renew: true })
      return
    }
    await next()
    if (url !== '/_playgate/session' || ctx.status !== 200) return
    const { token }: { token?: unknown } = Object(JSON.parse(String(ctx.body)))
    if (typeof token === 'string') visits.note(token)
  }
}
