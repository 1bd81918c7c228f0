import type { Context } from 'koa'
import { z } from 'zod'
import { PlaybackError } from '../../shared/codes.ts'
import { removeParameters } from '../../shared/query.ts'
import type { Rule } from '../options/options.ts'
import { discardBody } from '../origin/discard-body.ts'
import { continueSession } from '../session/continue-session.ts'
import type { AccessGrant, Check, Refusal } from '../session/decision.ts'
import { matchRule } from '../session/match-rule.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { verifyAccess } from '../session/verify-access.ts'
import { answerProblem, answerRefusal } from './answer-error.ts'
import { allowOrigin, answerPreflight, forgetOrigin, isPreflight } from './cors.ts'
import type { Gate } from './gate.ts'
import { playgateSession, sessionCookie, usableCarrier } from './hand-out.ts'
import { type MediaLifetime, mediaLifetime } from './media-lifetime.ts'
import { openSession } from './open-session.ts'
import { originPath } from './public-path.ts'
import { checkSemicolons, collectHeaders, readRequest, readTarget } from './read-request.ts'
import { answerJson } from './routes.ts'
import { spendOnce } from './spend-once.ts'

const mostBodyBytes = 16_384

const bodySchema = z.strictObject({
  accessToken: z.string().min(1).max(4096),
  /** Path of the playlist, its query allowed. */
  path: z.string().min(1).max(8192),
  /** The session token to be renewed: the new one keeps its session id. */
  sessionToken: z.string().min(1).max(4096).optional(),
})

/**
 * `POST /_playgate/session`: access token -> session token without asking for the playlist; with the old
 * session token, a renewal that keeps the session's id. The body must be JSON: no form of another site can
 * send that without a preflight (threats T90).
 */
export async function answerSession(ctx: Context, gate: Gate): Promise<void> {
  const started = gate.nowMs()
  const headers = collectHeaders(ctx.req.rawHeaders)
  // The rule is named by the body: until that is read, the one that knows the asking page best speaks for all.
  const presumed = presumedRule(gate, ctx.get('Origin'))
  if (isPreflight(ctx)) {
    if (presumed === undefined) ctx.status = 204
    else answerPreflight(ctx, presumed, 'POST, OPTIONS')
    return
  }
  if (presumed !== undefined) allowOrigin(ctx, presumed)
  const facts = readRequest(ctx.req, {
    trustedProxies: gate.options.trustedProxies,
    pathParameters: [],
    allowSemicolon: false,
  })
  const body = await readBody(ctx, headers.get('content-type')?.[0] ?? '')
  const asked = askedFor(gate, facts, body.path)
  const rule = matchRule(gate.options.rules, asked)
  if (rule === null || rule.session === null) {
    throw badRequest('no rule with sessions serves that path')
  }
  forgetOrigin(ctx)
  allowOrigin(ctx, rule)
  checkSemicolons(rule, asked.path)

  const checks: Check[] = []
  const grant = verifyBody(asked, rule, body.accessToken, gate, checks)
  const line = { event: 'session', rule: rule.name, path: asked.path, client: facts.clientAddress }
  const count = (outcome: string, reason = '') =>
    gate.metrics.request(rule.name, outcome, reason, (gate.nowMs() - started) / 1000)
  if (grant.kind === 'refused') {
    const { reason, detail } = grant
    gate.log.warn({ ...line, outcome: 'refused', reason, detail, checks })
    count('refused', reason)
    answerRefusal(ctx, { reason }, rule)
    return
  }
  const sessionId = renewedId(asked, rule, body.sessionToken, gate, checks)
  const lifetime = await lifetimeOf(gate, rule, asked)
  if (lifetime === null) {
    gate.log.warn({ ...line, outcome: 'missing' })
    count('missing')
    answerProblem(ctx, 404, { detail: 'no playlist at that path' })
    return
  }
  const opened = openSession(grant, rule.session, asked, lifetime, gate.now(), sessionId)
  await spendOnce(gate, rule, grant, asked)
  const outcome = sessionId === undefined ? 'opened' : 'renewed'
  if (outcome === 'opened') gate.metrics.sessionOpened(rule.name)
  count(outcome)
  gate.log.info({ ...line, outcome, sessionId: opened.sessionId })

  ctx.set('Playgate-Session', playgateSession(opened))
  if (usableCarrier(rule.session, asked) === 'cookie')
    ctx.append('Set-Cookie', sessionCookie(opened))
  answerJson(ctx, 200, {
    token: opened.token,
    parameter: opened.parameter,
    expiresInSeconds: opened.expiresInSeconds,
    sessionId: opened.sessionId,
  })
}

function presumedRule(gate: Gate, origin: string): Rule | undefined {
  const rules = gate.options.rules.filter(({ session }) => session !== null)
  return (
    rules.find(({ cors }) => cors.origins.has(origin)) ?? rules.find(({ cors }) => cors.anyOrigin)
  )
}

/** The facts of this request, as though it had asked for that playlist. */
function askedFor(gate: Gate, facts: RequestFacts, target: string): RequestFacts {
  const { pathParameters, allowSemicolon } = gate
  return {
    ...facts,
    method: 'GET',
    target,
    ...readTarget(target, { pathParameters, allowSemicolon }),
  }
}

function verifyBody(
  asked: RequestFacts,
  rule: Rule,
  token: string,
  gate: Gate,
  checks: Check[],
): AccessGrant | Refusal {
  let refused: Refusal | null = null
  for (const access of rule.access) {
    const found = { name: access.parameter, location: 'query', token } as const
    const decision = verifyAccess(asked, access, found, gate.now(), checks, false)
    if (decision.kind === 'access') return decision
    refused ??= decision
  }
  return refused ?? { kind: 'refused', reason: 'token-missing', detail: 'the rule has no access' }
}

/** The id to keep; an old token that no longer verifies gives none, and a new session begins. */
function renewedId(
  asked: RequestFacts,
  rule: Rule,
  token: string | undefined,
  gate: Gate,
  checks: Check[],
): string | undefined {
  const memory = gate.proofsOf(rule)
  if (token === undefined || rule.session === null || memory === null) return undefined
  const found = { name: rule.session.parameter, location: 'query', token } as const
  const decision = continueSession(asked, rule.session, memory, found, gate.now(), checks)
  return decision.kind === 'session' && decision.sessionId !== '' ? decision.sessionId : undefined
}

/** `null` when no playlist stands there. */
async function lifetimeOf(
  gate: Gate,
  rule: Rule,
  asked: RequestFacts,
): Promise<MediaLifetime | null> {
  const below = originPath(rule, asked.path)
  if (below === null) throw badRequest('the path does not lie below stripPrefix')
  // The origin's own limits end this; a caller who leaves may well ask again for the same.
  const { signal } = new AbortController()
  const mark = asked.target.indexOf('?')
  const query = mark < 0 ? '' : asked.target.slice(mark + 1)
  const answer = await gate.originOf(rule).get({
    method: 'GET',
    path: below,
    query: removeParameters(query, [...gate.tokenParameters, 'CMCD']),
    headers: {},
    signal,
  })
  if (answer.kind === 'playlist') return mediaLifetime(gate, rule, answer, below)
  discardBody(answer)
  return null
}

async function readBody(ctx: Context, type: string): Promise<z.output<typeof bodySchema>> {
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw badRequest('the body is not application/json')
  if (ctx.req.readableEnded) {
    throw badRequest(
      'a body parser in front of the gate has read the body: mount the gate before it',
    )
  }
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of ctx.req as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > mostBodyBytes) throw badRequest('a body of more than 16 KiB', 413)
    chunks.push(chunk)
  }
  let document: unknown
  try {
    document = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw badRequest('the body is not JSON')
  }
  const parsed = bodySchema.safeParse(document)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    // Names that a caller invents are not repeated: they could be a token.
    const what = issue?.code === 'unrecognized_keys' ? 'an unknown member' : issue?.message
    throw badRequest(`body ${issue?.path.join('.')}: ${what}`)
  }
  return parsed.data
}

function badRequest(detail: string, status?: number): PlaybackError {
  const options = { code: 'ERR_REQUEST_TARGET', reason: 'bad-request', detail } as const
  return new PlaybackError(status === undefined ? options : { ...options, status })
}
