import type { Context } from 'koa'
import { z } from 'zod'
import { PlaybackError } from '../../shared/codes.ts'
import { removeParameters, targetQuery } from '../../shared/query.ts'
import type { Rule, SessionOptions } from '../options/options.ts'
import { discardBody } from '../origin/discard-body.ts'
import { judgeAccessToken } from '../session/decide.ts'
import type { Check, Refusal } from '../session/decision.ts'
import { matchRule } from '../session/match-rule.ts'
import { renewSession } from '../session/renew-session.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { answerError, answerProblem, withoutRedirects } from './answer-error.ts'
import { beginSession } from './begin-session.ts'
import { allowOrigin, forgetOrigin } from './cors.ts'
import type { Gate } from './gate.ts'
import { playgateSession, sessionCookie } from './hand-out.ts'
import { judgingFor, lookUp, noteUse } from './judging-for.ts'
import { type MediaLifetime, mediaLifetime } from './media-lifetime.ts'
import { noteRefusal } from './note-refusal.ts'
import type { OpenedSession } from './open-session.ts'
import type { Told } from './outcome.ts'
import { beginCast, permitCast } from './permit-cast.ts'
import { allowPresumed } from './presumed-rule.ts'
import { originPath } from './public-path.ts'
import { badRequest, readJsonBody } from './read-json.ts'
import { checkSemicolons, readRequest, readTarget } from './read-request.ts'
import { refusalError } from './refusal-error.ts'
import { answerJson } from './routes.ts'

const token = z.string().min(1).max(4096)
/** Path of the playlist, its query allowed. */
const path = z.string().min(1).max(8192)

const bodySchema = z.discriminatedUnion('purpose', [
  z.strictObject({
    purpose: z.undefined().optional(),
    accessToken: token,
    path,
    /** The session token to be renewed: the new one keeps its session id. */
    sessionToken: token.optional(),
    /** The player fills in variables of playlists (`EXT-X-DEFINE:QUERYPARAM`). */
    carrier: z.literal('define').optional(),
  }),
  /** A link for another device. */
  z.strictObject({
    purpose: z.literal('cast'),
    path,
    /** Of the session that gives it away. */
    sessionToken: token,
    accessToken: token.optional(),
  }),
])
type Body = z.output<typeof bodySchema>

/**
 * `POST /_playgate/session`: access token -> session token without asking for the playlist; with the old
 * session token, a renewal that keeps the session's id; for the purpose `cast`, session token -> a link that one other device can use. The
 * body must be JSON: no form of another site can send that without a preflight (threats T90). Never redirects, whatever the rule's `denial`.
 */
export async function answerSession(ctx: Context, gate: Gate): Promise<void> {
  const started = gate.nowMs()
  if (allowPresumed(ctx, gate)) return
  const facts = readRequest(ctx.req, {
    trustedProxies: gate.options.trustedProxies,
    pathParameters: [],
    allowSemicolon: false,
  })
  const body = await readJsonBody(ctx, bodySchema)
  await gate.sessions.loading
  const asked = askedFor(gate, facts, body.path)
  const rule = matchRule(gate.options.rules, asked)
  if (rule === null || rule.session === null) {
    throw badRequest('no rule with sessions serves that path')
  }
  forgetOrigin(ctx)
  allowOrigin(ctx, rule)
  checkSemicolons(rule, asked.path)

  const checks: Check[] = []
  const permitted = await permit(gate, rule, rule.session, asked, body, checks)
  const line = { event: 'session', rule: rule.name, path: asked.path, client: facts.clientAddress }
  const count = (outcome: string, reason = '') =>
    gate.metrics.request(rule.name, outcome, reason, (gate.nowMs() - started) / 1000)
  const told: Told = { checks }
  const { sessionId = null } = permitted
  const note = (reason: string, detail: string, id: string | null): void => {
    const { method, host, clientAddress: client } = facts
    const request = { rule: rule.name, method, host, path: asked.path, client }
    noteRefusal(gate, ctx, request, { reason, detail, sessionId: id })
  }
  const refuse = (error: PlaybackError): void => {
    const reason = error.limit ?? error.reason
    const detail = error.message
    const { checks } = told
    gate.log.warn({ ...line, outcome: 'refused', reason, detail, sessionId, checks })
    count('refused', reason)
    note(reason, detail, sessionId)
  }
  if (permitted.kind === 'refused') {
    const error = refusalError(permitted)
    answerError(ctx, error, withoutRedirects(rule))
    refuse(error)
    return
  }
  const lifetime = await lifetimeOf(gate, rule, asked)
  if (lifetime === null) {
    gate.log.warn({ ...line, outcome: 'missing' })
    count('missing')
    answerProblem(ctx, 404, { detail: 'no playlist at that path' })
    return
  }
  let opened: OpenedSession & { readonly url?: string }
  try {
    opened = await permitted.begin(lifetime, told)
  } catch (error) {
    // A failure of ours is no refusal.
    if (!(error instanceof PlaybackError) || (error.status ?? 0) >= 500) throw error
    answerError(ctx, error, withoutRedirects(rule))
    refuse(error)
    return
  }
  const { outcome } = permitted
  if (outcome === 'opened') gate.metrics.sessionOpened(rule.name)
  // A link is for somebody else than who asks for it.
  if (outcome !== 'cast') ctx.set('Playgate-Session', playgateSession(opened))
  if (opened.carrier === 'cookie') ctx.append('Set-Cookie', sessionCookie(opened))
  const { token, parameter, expiresInSeconds, carrier, url } = opened
  const answer = { token, parameter, expiresInSeconds, sessionId: opened.sessionId, carrier }
  answerJson(ctx, 200, url === undefined ? answer : { ...answer, url })
  const { wouldRefuse, detail = '' } = told
  const done = { ...line, outcome, sessionId: opened.sessionId }
  if (wouldRefuse === undefined) {
    count(outcome)
    gate.log.info(done)
  } else {
    count('let-through', wouldRefuse)
    gate.log.warn({ ...done, ...told })
    note(wouldRefuse, detail, opened.sessionId)
  }
}

interface Permitted {
  readonly kind: 'permitted'
  readonly outcome: 'opened' | 'renewed' | 'cast'
  /** Of a session that is there already. */
  readonly sessionId?: string
  begin(lifetime: MediaLifetime, told: Told): Promise<OpenedSession & { readonly url?: string }>
}

async function permit(
  gate: Gate,
  rule: Rule,
  session: SessionOptions,
  asked: RequestFacts,
  body: Body,
  checks: Check[],
): Promise<Permitted | Refusal> {
  const { accessToken, sessionToken } = body
  const kept = await lookUp(
    gate,
    accessToken === undefined ? [] : [accessToken],
    asked.clientAddress,
  )
  const judging = judgingFor(gate, rule, { kept })
  if (body.purpose === 'cast') {
    const parent = permitCast(rule, session, asked, body, judging, checks)
    if (parent.kind === 'refused') return parent
    return {
      kind: 'permitted',
      outcome: 'cast',
      sessionId: parent.sessionId,
      begin: (lifetime, told) => beginCast(gate, rule, session, parent, asked, lifetime, told),
    }
  }
  const grant = judgeAccessToken(asked, rule, body.accessToken, judging, checks)
  if (grant.kind === 'refused') return grant
  const asksRemote = rule.remoteAuth !== null
  const renewed =
    sessionToken === undefined
      ? null
      : renewSession(asked, session, sessionToken, grant, judging, checks, asksRemote)
  if (renewed?.kind === 'refused') return renewed
  noteUse(gate, grant)
  const fillsVariables = body.carrier === 'define' || renewed?.fillsVariables
  return {
    kind: 'permitted',
    outcome: renewed === null ? 'opened' : 'renewed',
    ...(renewed !== null && { sessionId: renewed.sessionId }),
    begin: (lifetime, told) =>
      beginSession(gate, rule, grant, asked, lifetime, told, renewed, fillsVariables),
  }
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

/** How long the media of that playlist last; `null` when no playlist stands there. */
export async function lifetimeOf(
  gate: Gate,
  rule: Rule,
  asked: RequestFacts,
): Promise<MediaLifetime | null> {
  const below = originPath(rule, asked.path)
  if (below === null) throw badRequest('the path does not lie below stripPrefix')
  // The origin's own limits end this; a caller who leaves may well ask again for the same.
  const { signal } = new AbortController()
  const query = targetQuery(asked.target)
  const answer = await gate.originOf(rule).get({
    method: 'GET',
    path: below,
    query: removeParameters(gate.withoutTokens(query), ['CMCD']),
    headers: {},
    signal,
  })
  if (answer.kind === 'playlist') return mediaLifetime(gate, rule, answer, below)
  discardBody(answer)
  return null
}
