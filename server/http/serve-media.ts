import type { Context } from 'koa'
import { placeInQuery } from '../../shared/carrier.ts'
import { PlaybackError } from '../../shared/codes.ts'
import { removeParameters, targetQuery } from '../../shared/query.ts'
import { parseRequestTarget } from '../../shared/request-target.ts'
import type { Rule } from '../options/options.ts'
import { discardBody } from '../origin/discard-body.ts'
import type { OriginAnswer, OriginRequest } from '../origin/origin.ts'
import type { AccessGrant, Check, Decision, SessionGrant } from '../session/decision.ts'
import { headerText, type RequestFacts } from '../session/request-facts.ts'
import { answerProblem, setSafetyHeaders } from './answer-error.ts'
import { askAgain, askPermission } from './ask-permission.ts'
import { beginSession } from './begin-session.ts'
import { bindReceiver } from './bind-receiver.ts'
import { allowOrigin, answerPreflight, isPreflight } from './cors.ts'
import { admitSession } from './count-streams.ts'
import { decideRequest } from './decide-request.ts'
import type { Gate } from './gate.ts'
import { handOn } from './hand-on.ts'
import { handOut, type Placement } from './hand-out.ts'
import { noteUse } from './judging-for.ts'
import { mediaLifetime } from './media-lifetime.ts'
import { isMediaName, isPlaylistName } from './media-name.ts'
import { failCheck, lateChecks, type Outcome, type Told } from './outcome.ts'
import { originPath, publicPath } from './public-path.ts'
import { checkSemicolons } from './read-request.ts'
import { refusalError } from './refusal-error.ts'
import { sendObject } from './send-object.ts'
import { sendJson, sendPlaylist } from './send-playlist.ts'
import { spendOnce } from './spend-once.ts'

const methods = 'GET, HEAD, OPTIONS'

/**
 * Serves one request of a rule (design section 4, steps 3 to 7).
 *
 * @throws {PlaybackError} for the caller to answer
 */
export async function serveMedia(
  ctx: Context,
  gate: Gate,
  rule: Rule,
  facts: RequestFacts,
  outcome: Outcome,
): Promise<void> {
  setSafetyHeaders(ctx)
  if (isPreflight(ctx)) {
    answerPreflight(ctx, rule, methods)
    outcome.outcome = 'preflight'
    return
  }
  allowOrigin(ctx, rule)
  if (facts.method !== 'GET' && facts.method !== 'HEAD') {
    answerProblem(ctx, 405)
    ctx.set('Allow', methods)
    outcome.outcome = 'refused'
    outcome.detail = `method ${facts.method}`
    return
  }
  const { grant, query } = await permit(gate, rule, facts, outcome)
  await deliver(ctx, gate, rule, facts, grant, query, outcome)
}

export type Grant = Exclude<Decision, { kind: 'refused' }>

/**
 * Steps 3 to 6 of design section 4: may this be had? Whoever asks, and whoever delivers it then.
 *
 * @returns what was granted, `null` where nothing had to be; and the query without any token of ours
 * @throws {PlaybackError} it may not
 */
export async function permit(
  gate: Gate,
  rule: Rule,
  facts: RequestFacts,
  outcome: Outcome,
): Promise<{ grant: Grant | null; query: string }> {
  checkSemicolons(rule, facts.path)
  // What was ended before our start has to be known; for some milliseconds after it, no longer.
  if (rule.access.length > 0 && gate.sessions.loading !== null) await gate.sessions.loading

  const asked = decideFor(gate, rule, facts)
  const { decision, query: rest, checks } = asked instanceof Promise ? await asked : asked
  // A playlist may name what another rule serves, so tokens of every rule are kept from every origin.
  const query = gate.withoutTokens(rest)
  if (checks.length > 0) outcome.checks = checks
  if (decision !== null && 'sessionId' in decision) outcome.sessionId = decision.sessionId
  if (decision === null) {
    outcome.outcome = 'open'
  } else if (decision.kind !== 'refused') {
    outcome.outcome = decision.kind
    if (decision.kind === 'session') await admit(gate, rule, decision, facts, outcome)
    else {
      noteUse(gate, decision)
      if (rule.session === null) await askPermission(gate, rule, facts, null, outcome)
    }
  } else if (rule.mode === 'log') {
    outcome.outcome = 'open'
    outcome.wouldRefuse = refusalError(decision).limit ?? decision.reason
    outcome.detail = decision.detail
  } else {
    throw refusalError(decision)
  }
  return { grant: decision?.kind === 'refused' ? null : decision, query }
}

/**
 * What a request under a good session token still has to pass.
 *
 * @throws {PlaybackError} `token-refused`, `remote-refused`, `session-limit`, `session-ended`; in mode `log`, none
 */
export async function admit(
  gate: Gate,
  rule: Rule,
  grant: SessionGrant,
  facts: RequestFacts,
  told: Told,
): Promise<void> {
  try {
    const bound = bindReceiver(gate, grant, facts)
    if (bound !== undefined) await bound
  } catch (error) {
    failCheck(rule, told, lateChecks.receiver, error)
  }
  const asked = askAgain(gate, rule, facts, grant, told)
  if (asked !== undefined) await asked
  try {
    await admitSession(gate, rule, grant, grant.claims.endTime * 1000, facts)
  } catch (error) {
    failCheck(rule, told, lateChecks.limit, error)
  }
}

interface DecidedFor {
  /** `null`: the rule asks for nothing. */
  readonly decision: Decision | null
  readonly query: string
  readonly checks: readonly Check[]
}

/** Waits for nothing but the store, where that keeps the request's token. */
function decideFor(gate: Gate, rule: Rule, facts: RequestFacts): DecidedFor | Promise<DecidedFor> {
  if (rule.mode !== 'off') return decideRequest(gate, rule, facts)
  return { decision: null, query: targetQuery(facts.target), checks: [] }
}

async function deliver(
  ctx: Context,
  gate: Gate,
  rule: Rule,
  facts: RequestFacts,
  grant: Exclude<Decision, { kind: 'refused' }> | null,
  query: string,
  outcome: Outcome,
): Promise<void> {
  const insist = (): void => insistOnSession(rule, grant, outcome)
  if (isMediaName(facts.path)) insist()

  const below = originPath(rule, facts.path)
  if (below === null) return answerMissing(ctx, 404, outcome)
  const departure = new AbortController()
  const onClose = (): void => departure.abort()
  ctx.res.once('close', onClose)
  try {
    // What each viewer reports of himself would make each playlist another one (threats T96).
    const asked = isPlaylistName(below) ? removeParameters(query, ['CMCD']) : query
    const answer = await gate.originOf(rule).get(outgoing(facts, below, asked, departure.signal))
    let placement: Placement
    try {
      if (answer.kind === 'json' || answer.kind === 'object') insist()
      placement = await placementFor(ctx, gate, rule, facts, grant, answer, below, outcome)
    } catch (error) {
      discardBody(answer)
      throw error
    }
    switch (answer.kind) {
      case 'missing':
        return answerMissing(ctx, answer.status, outcome)
      case 'redirect':
        return passRedirect(ctx, rule, answer, grant, placement)
      case 'playlist':
        return await sendPlaylist(ctx, gate, rule, facts, answer, placement, asked)
      case 'json':
        return await sendJson(ctx, rule, facts, answer, placement, asked)
      case 'object':
        return await sendObject(ctx, answer, grant !== null)
    }
  } catch (error) {
    if (departure.signal.aborted && !ctx.res.writableEnded) {
      outcome.detail = 'the client left'
      ctx.respond = false
      return
    }
    throw error
  } finally {
    ctx.res.off('close', onClose)
  }
}

function outgoing(
  facts: RequestFacts,
  path: string,
  query: string,
  signal: AbortSignal,
): OriginRequest {
  const asked = {
    range: headerText(facts.headers, 'range'),
    ifRange: headerText(facts.headers, 'if-range'),
    ifNoneMatch: headerText(facts.headers, 'if-none-match'),
    ifModifiedSince: headerText(facts.headers, 'if-modified-since'),
  }
  const given = Object.entries(asked).filter(([, value]) => value !== undefined)
  return {
    method: facts.method === 'HEAD' ? 'HEAD' : 'GET',
    path,
    query,
    headers: Object.fromEntries(given),
    signal,
  }
}

/** Opens the session where this request does, and says how the answer is changed. */
async function placementFor(
  ctx: Context,
  gate: Gate,
  rule: Rule,
  facts: RequestFacts,
  grant: Exclude<Decision, { kind: 'refused' }> | null,
  answer: OriginAnswer,
  path: string,
  outcome: Outcome,
): Promise<Placement> {
  if (grant === null) return { mode: 'open' }
  if (answer.kind === 'missing') return { mode: 'none' }
  if (grant.kind === 'session') {
    if (rule.session === null) return { mode: 'none' }
    return handOn(ctx, gate, rule.session, grant, facts, answer)
  }
  if (rule.session === null) {
    // Plain token authentication: the token itself goes on every URI, or only the first request would pass.
    const isDelivered = answer.kind !== 'redirect' && facts.method === 'GET'
    const { parameter } = grant.access
    if (grant.place !== 'query') {
      if (isDelivered) await spendOnce(gate, rule, grant, facts, outcome)
      return { mode: 'none' }
    }
    // Whoever issued it may have signed what ends a line, a quoted string or a parameter (threats T68).
    if (!/^[A-Za-z0-9\-._~=:@!()*/,%+]+$/.test(grant.token)) {
      const detail = 'the access token holds text that no URI can carry'
      throw refusalError({ reason: 'token-refused', detail })
    }
    if (isDelivered) await spendOnce(gate, rule, grant, facts, outcome)
    return { mode: 'query', parameter, token: grant.token }
  }
  // HEAD opens nothing (threats T31): what it would cost to know the token's length is not worth it.
  const isDocument = answer.kind === 'object' || answer.kind === 'json'
  const opens = answer.kind === 'playlist' || (isDocument && grant.replacesCookie)
  if (!opens) return { mode: 'none' }
  if (facts.method !== 'GET') return { mode: 'unknown' }

  const lifetime =
    answer.kind === 'playlist'
      ? await mediaLifetime(gate, rule, answer, path)
      : { durationSeconds: null }
  const opened = await beginSession(gate, rule, grant, facts, lifetime, outcome, null)
  outcome.outcome = 'opened'
  outcome.sessionId = opened.sessionId
  gate.metrics.sessionOpened(rule.name)
  return handOut(ctx, opened)
}

/** A redirect inside the origin goes on to the client with its token, because relative URIs resolve against it. */
function passRedirect(
  ctx: Context,
  rule: Rule,
  answer: Extract<OriginAnswer, { kind: 'redirect' }>,
  grant: Exclude<Decision, { kind: 'refused' }> | null,
  placement: Placement,
): void {
  let location = publicPath(rule, answer.path) + (answer.query === '' ? '' : `?${answer.query}`)
  // `//host/…` would lead the client, and its token, to another host; the rest we would refuse when it comes back.
  if (!parseRequestTarget(location, { allowSemicolon: rule.literalSemicolons }).ok) {
    throw new PlaybackError({
      code: 'ERR_ORIGIN_UNAVAILABLE',
      reason: 'origin-unavailable',
      detail: 'the origin redirects to what no client may ask for',
    })
  }
  if (placement.mode === 'path') location = `/${placement.parameter}=${placement.token}${location}`
  else if (placement.mode === 'query' || placement.mode === 'define') {
    location = placeInQuery(location, placement.parameter, placement.token)
  } else if (grant?.kind === 'access' && grant.place === 'query') {
    location = placeInQuery(location, grant.access.parameter, grant.token)
  } else if (grant?.kind === 'session' && grant.place === 'query' && rule.session !== null) {
    location = placeInQuery(location, rule.session.parameter, grant.token)
  }
  ctx.status = answer.status
  ctx.set('Location', location)
  ctx.set('Cache-Control', 'private, no-store')
  ctx.body = ''
}

function answerMissing(ctx: Context, status: number, outcome: Outcome): void {
  outcome.outcome = 'missing'
  answerProblem(ctx, status)
}

/** @throws {PlaybackError} `token-missing` where the session token is due; in mode `log`, none */
export function insistOnSession(rule: Rule, grant: Grant | null, outcome: Outcome): void {
  if (grant === null || !needsSessionToken(rule, grant)) return
  if (rule.mode !== 'log') {
    throw refusalError({ reason: 'token-missing', detail: sessionNeededDetail })
  }
  outcome.wouldRefuse = 'token-missing'
  outcome.detail = sessionNeededDetail
}

/** Is this an access token where, but for playlists, the session token is due? */
export function needsSessionToken(rule: Rule, grant: SessionGrant | AccessGrant): boolean {
  return grant.kind === 'access' && rule.session !== null && !grant.replacesCookie
}

/** Told by `explain` as well. */
export const sessionNeededDetail =
  'an access token opens playlists; everything else needs the session token'
