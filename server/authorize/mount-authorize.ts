import type { Context, Middleware } from 'koa'
import { PlaybackError } from '../../shared/codes.ts'
import { answerProblem, refusalStatus, setSafetyHeaders } from '../http/answer-error.ts'
import { allowOrigin, answerPreflight } from '../http/cors.ts'
import type { Gate } from '../http/gate.ts'
import { badRequest, readText } from '../http/read-json.ts'
import { collectHeaders, mostHeaders } from '../http/read-request.ts'
import { recordRequest } from '../http/record-request.ts'
import type { Rule } from '../options/options.ts'
import { authorizeRequest, type Progress } from './authorize-request.ts'
import { giveAnswer } from './give-answer.ts'
import type { Answer, Asked, Peer, Question, Verdict } from './peer.ts'
import { peers } from './peers.ts'
import { provesAsker } from './proves-asker.ts'

const endpoint = '/_playgate/authorize'

/**
 * `ANY /_playgate/authorize/PEER`: the decision alone, for servers that deliver the media themselves (design section 5). Its path is read
 * raw, ahead of every router: behind Envoy's stands the viewer's own.
 */
export function mountAuthorize(gate: () => Gate): Middleware {
  return async (ctx: Context, next) => {
    const target = ctx.req.url ?? ''
    const rest = target.slice(endpoint.length)
    if (!target.startsWith(endpoint) || !/^(?:[/?]|$)/.test(rest)) return next()
    const current = gate()
    await current.during(() => answer(ctx, current, rest))
  }
}

/** Whoever is none of the servers we know is denied, and not told that nothing is there: to some a 404 is an allow. */
const stranger: Pick<Peer, 'answer' | 'isProxy'> = {
  isProxy: false,
  answer: (verdict) => giveAnswer(verdict, { allowed: 403, denied: 403, undecided: 503 }),
}

async function answer(ctx: Context, gate: Gate, rest: string): Promise<void> {
  const started = gate.nowMs()
  const progress: Progress = { rule: null, facts: null, outcome: { outcome: 'failed' } }
  const [, name = '', behind = ''] = /^\/([^/?]*)(.*)$/s.exec(rest) ?? []
  const peer = peers.get(name) ?? null
  let question: Question | null = null
  let verdict: Verdict
  let failure: unknown
  try {
    if (peer === null) throw notAllowed('no server of that name asks here')
    const asked = await readAsked(ctx, behind)
    const sender = ctx.req.socket.remoteAddress ?? ''
    insistOnAsker(sender, gate, peer, asked)
    if (asked.rest.startsWith('/') && !peer.asksBelow) throw badRequest('a path below the endpoint')
    const { trustedProxies } = gate.options
    question = peer.read(asked, { trustedProxies, nowMs: started })
    verdict =
      question === null
        ? { kind: 'notice' }
        : await authorizeRequest(gate, peer, question, sender, progress)
    if (question === null) progress.outcome.outcome = 'open'
  } catch (error) {
    verdict = verdictOf(error, progress)
    failure = error instanceof PlaybackError ? error.cause : error
  }
  const { rule, facts, outcome } = progress
  give(ctx, peer ?? stranger, rule, verdict, question)
  const event = { event: 'authorize', peer: peer === null ? 'none' : name }
  recordRequest(ctx, gate, event, rule, facts, outcome, gate.nowMs() - started, failure)
}

async function readAsked(ctx: Context, rest: string): Promise<Asked> {
  const { rawHeaders, method = '' } = ctx.req
  if (rawHeaders.length > 2 * mostHeaders) throw badRequest('too many headers')
  const body = method === 'POST' ? await readText(ctx) : ''
  return { method, rest, headers: collectHeaders(rawHeaders), body }
}

/** @throws {PlaybackError} `policy-refused` */
function insistOnAsker(sender: string, gate: Gate, peer: Peer, asked: Asked): void {
  const { authorize, trustedProxies } = gate.options
  if (provesAsker(asked, peer, sender, authorize, trustedProxies)) return
  throw notAllowed(
    authorize === null
      ? `${sender} is neither this machine nor one of trustedProxies, and authorize.secret is not set`
      : 'without authorize.secret, or with a wrong one',
  )
}

function notAllowed(detail: string): PlaybackError {
  return new PlaybackError({ code: 'ERR_TOKEN_REFUSED', reason: 'policy-refused', detail })
}

/** A refusal, or that nobody can tell. Nothing of an unknown error reaches the server that asks. */
function verdictOf(error: unknown, { rule, outcome }: Progress): Verdict {
  if (!(error instanceof PlaybackError)) {
    outcome.outcome = 'failed'
    outcome.reason = 'internal'
    return { kind: 'undecided', reason: null, members: {}, retryAfter: '1' }
  }
  const { reason, members, headers, limit } = error
  const status = refusalStatus(reason, rule, error.status)
  outcome.reason = limit ?? reason
  outcome.detail = error.message
  outcome.outcome = status >= 500 && limit === null ? 'failed' : 'refused'
  if (status >= 500) {
    return { kind: 'undecided', reason, members, retryAfter: headers['Retry-After'] ?? '1' }
  }
  const location = status < 400 ? (rule?.denial.location ?? null) : null
  return { kind: 'denied', status, reason, location, members }
}

function give(
  ctx: Context,
  peer: Pick<Peer, 'answer' | 'isProxy'>,
  rule: Rule | null,
  verdict: Verdict,
  question: Question | null,
): void {
  const { status, headers = {}, json, problem }: Answer = peer.answer(verdict, question)
  setSafetyHeaders(ctx)
  if (problem !== undefined) answerProblem(ctx, status, problem)
  else ctx.body = json === undefined ? '' : JSON.stringify(json)
  if (rule !== null && peer.isProxy) {
    // Without these a player sees a network error where it should see a 403.
    if (verdict.kind === 'preflight') answerPreflight(ctx, rule, 'GET, HEAD, OPTIONS')
    else allowOrigin(ctx, rule)
  }
  ctx.status = status
  ctx.set('Cache-Control', 'no-store')
  ctx.set(headers)
  if (json !== undefined) ctx.type = 'application/json'
  // nginx would take the type of an answer without a body for that of the file that it sends.
  else if (problem === undefined) ctx.remove('Content-Type')
}
