import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Context } from 'koa'
import { PlaybackError, type PublicReason, reasons } from '../../shared/codes.ts'
import type { Rule } from '../options/options.ts'

/** What an answer may have set before it failed, and what must not stand on an error. */
const answerHeaders = [
  'Accept-Ranges',
  'Age',
  'Cache-Control',
  'Content-Encoding',
  'Content-Length',
  'Content-Range',
  'Content-Type',
  'ETag',
  'Last-Modified',
  'Playgate-Session',
  'Set-Cookie',
]

/** Headers of every answer: nothing sniffed, no URL with a token in a Referer (threats T82, T91). */
export function setSafetyHeaders(ctx: Context): void {
  ctx.set('X-Content-Type-Options', 'nosniff')
  ctx.set('Referrer-Policy', 'no-referrer')
}

/**
 * A refusal or failure as an RFC 9457 problem document, the same bytes for every request with that reason; but for
 * `session-limit`, which names the viewer's other sessions.
 */
export function answerRefusal(
  ctx: Context,
  {
    reason,
    status,
    members,
  }: {
    reason: PublicReason
    status?: number | null
    members?: Readonly<Record<string, unknown>>
  },
  rule: Rule | null,
): void {
  const decided = refusalStatus(reason, rule, status)
  if (decided < 400 && rule?.denial.location) ctx.set('Location', rule.denial.location)
  answerProblem(ctx, decided, { reason, renew: reasons[reason].renew, ...members })
  if (decided === 503) ctx.set('Retry-After', '1')
}

/**
 * The status of a refusal: the reason's own, where it has one (an error may name a nearer one: 414, 504), or
 * what the rule's `denial` says.
 */
export function refusalStatus(
  reason: PublicReason,
  rule: Rule | null,
  nearer?: number | null,
): number {
  const own = reasons[reason].status
  if (own !== null) return nearer ?? own
  return rule?.denial.byReason[reason] ?? rule?.denial.status ?? 403
}

/**
 * The rule as it refuses what scripts ask for: `fetch` would follow a redirect, and take the page that it leads to for the answer.
 */
export function withoutRedirects(rule: Rule): Rule {
  const plain = (status: number): number => (status < 400 ? 403 : status)
  const { status, byReason } = rule.denial
  const told = Object.entries(byReason).map(([reason, one]) => [reason, plain(one)])
  const denial = { status: plain(status), location: null, byReason: Object.fromEntries(told) }
  return { ...rule, denial }
}

/** A problem document without one of the public reasons: not found, method not allowed, internal error. */
export function answerProblem(
  ctx: Context,
  status: number,
  members: Readonly<Record<string, unknown>> = {},
): void {
  for (const name of answerHeaders) ctx.remove(name)
  setSafetyHeaders(ctx)
  ctx.status = status
  // RFC 9110 section 15.5.2: a 401 has to say how one might do better.
  if (status === 401) ctx.set('WWW-Authenticate', 'Bearer')
  ctx.set('Cache-Control', 'no-store')
  ctx.set('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'")
  ctx.type = 'application/problem+json'
  ctx.body = JSON.stringify(problemDocument(status, members))
}

/** The members of a problem document (RFC 9457 section 3.1), ours last. */
export function problemDocument(
  status: number,
  members: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, ...members }
}

export interface Answered {
  /** For the log. */
  readonly reason: string
  readonly detail: string
  /** Ours or the origin's; otherwise a refusal. */
  readonly isFailure: boolean
  readonly error?: unknown
}

/** Turns whatever was thrown into an answer. Nothing of an unknown error reaches the client but an id. */
export function answerError(ctx: Context, error: unknown, rule: Rule | null): Answered {
  if (error instanceof PlaybackError) {
    answerRefusal(ctx, error, rule)
    ctx.set(error.headers)
    const isFailure = ctx.status >= 500 && error.limit === null
    const answered = { reason: error.limit ?? error.reason, detail: error.message, isFailure }
    return error.cause === undefined ? answered : { ...answered, error: error.cause }
  }
  const id = randomUUID()
  answerProblem(ctx, 500, { id })
  return { reason: 'internal', detail: id, isFailure: true, error }
}
