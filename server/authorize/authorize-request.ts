import { isBareToken, isBareTokenText, setBareToken } from '../../shared/bare-token.ts'
import { PlaybackError } from '../../shared/codes.ts'
import { targetQuery } from '../../shared/query.ts'
import { parseAddress } from '../claim/address.ts'
import { askPermission } from '../http/ask-permission.ts'
import { beginSession } from '../http/begin-session.ts'
import { limitFor } from '../http/count-streams.ts'
import type { Gate } from '../http/gate.ts'
import { freshToken } from '../http/hand-on.ts'
import { playgateSession, sessionCookie, usableCarrier } from '../http/hand-out.ts'
import type { MediaLifetime } from '../http/media-lifetime.ts'
import { isMediaName, isPlaylistName } from '../http/media-name.ts'
import { failCheck, lateChecks, type Outcome } from '../http/outcome.ts'
import { originPath } from '../http/public-path.ts'
import { badRequest } from '../http/read-json.ts'
import { readTarget } from '../http/read-request.ts'
import { type Grant, insistOnSession, permit } from '../http/serve-media.ts'
import { lifetimeOf } from '../http/session-endpoint.ts'
import { spendOnce } from '../http/spend-once.ts'
import type { Rule, SessionOptions } from '../options/options.ts'
import { tokenNames } from '../session/decide.ts'
import type { AccessGrant, SessionGrant } from '../session/decision.ts'
import { matchRule } from '../session/match-rule.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import type { Peer, Question, Verdict } from './peer.ts'

/** What is known of a question on the way to its answer; for the log, and for CORS. */
export interface Progress {
  rule: Rule | null
  facts: RequestFacts | null
  readonly outcome: Outcome
}

/**
 * The decision on a question: the one that a request of the same bytes would meet, and nothing delivered.
 *
 * @param sender address of the server that asks: the one that delivers
 * @param progress is filled in
 * @throws {PlaybackError} it is refused, or cannot be decided
 */
export async function authorizeRequest(
  gate: Gate,
  peer: Peer,
  question: Question,
  sender: string,
  progress: Progress,
): Promise<Verdict> {
  const { outcome } = progress
  const asked = factsOf(gate, peer, question, sender)
  progress.facts = asked
  const rule = matchRule(gate.options.rules, asked)
  progress.rule = rule
  if (rule === null) return nothingThere(outcome, 404, 'no rule matches host and path')
  if (isPreflight(asked)) {
    outcome.outcome = 'preflight'
    return { kind: 'preflight' }
  }
  if (asked.method !== 'GET' && asked.method !== 'HEAD') {
    return nothingThere(outcome, 405, 'another method than GET and HEAD')
  }
  const facts = withBearer(asked, rule, question.bearer)
  const { grant, query } = await permit(gate, rule, facts, outcome)
  if (isMediaName(facts.path)) insistOnSession(rule, grant, outcome)
  if (originPath(rule, facts.path) === null) {
    return nothingThere(outcome, 404, 'the path does not lie below stripPrefix')
  }
  const handed = await handOver(gate, rule, peer, facts, grant, outcome)
  if (handed === null) return nothingThere(outcome, 404, 'no playlist at the origin of the rule')
  return { kind: 'allowed', path: facts.path, query, tokenNames: tokenNames(rule), ...handed }
}

/** @throws {PlaybackError} `ERR_REQUEST_TARGET` */
function factsOf(gate: Gate, peer: Peer, question: Question, sender: string): RequestFacts {
  const { method, scheme, host, target, clientAddress } = question
  const headers = new Map(question.headers)
  headers.delete('x-playgate-secret')
  const { pathParameters, allowSemicolon } = gate
  const paths = readTarget(target, { pathParameters, allowSemicolon })
  if (!peer.isProxy && target.split('?', 1)[0] !== paths.rawPath) {
    throw badRequest('a token in the path, where the asking server takes it for a name')
  }
  return {
    method,
    target,
    ...paths,
    host,
    scheme,
    clientAddress,
    // The viewer's headers came through a server that may pass on whatever a viewer writes.
    viaTrustedProxy: false,
    serverAddress: parseAddress(sender)?.toString() ?? '',
    headers,
  }
}

/** A credential without a name stands for a token of each name that an access token may have. */
function withBearer(facts: RequestFacts, rule: Rule, bearer: string | null): RequestFacts {
  if (bearer === null) return facts
  const names = rule.access.map(({ parameter }) => parameter)
  const named = names.filter(Boolean).map((name) => [name.toLowerCase(), [bearer]] as const)
  const headers = new Map([...facts.headers, ...named])
  return { ...facts, target: withBareToken(facts.target, names, bearer), headers }
}

/** The empty name stands for the bare token of the query, and for no header; one that is there already comes first, as ever. */
function withBareToken(target: string, names: readonly string[], bearer: string): string {
  if (!names.includes('') || !isBareTokenText(bearer)) return target
  const query = targetQuery(target)
  return query.split('&').some(isBareToken) ? target : setBareToken(target, bearer)
}

function isPreflight({ method, headers }: RequestFacts): boolean {
  return (
    method === 'OPTIONS' && headers.has('origin') && headers.has('access-control-request-method')
  )
}

function nothingThere(outcome: Outcome, status: number, detail: string): Verdict {
  outcome.outcome = 'refused'
  outcome.detail = detail
  return { kind: 'denied', status, reason: null, location: null, members: {} }
}

type Handed = Pick<Verdict & { kind: 'allowed' }, 'setCookie' | 'playgateSession'>
const nothing: Handed = { setCookie: null, playgateSession: null }

/**
 * What the answer brings along. Under a running session that is a fresh token where one is due. What an access token is good for here: a session
 * where the server can hand one to the player, and else this one object. Used up is it in either case (HEAD uses nothing up, threats T31).
 *
 * @returns `null`: there is no playlist to open a session for
 */
async function handOver(
  gate: Gate,
  rule: Rule,
  peer: Peer,
  facts: RequestFacts,
  grant: Grant | null,
  outcome: Outcome,
): Promise<Handed | null> {
  const { session } = rule
  if (grant?.kind === 'session') return handFresh(gate, session, peer, facts, grant)
  if (grant === null) return nothing
  if (session !== null && canCarry(peer, session, facts)) {
    return openSession(gate, rule, session, peer, facts, grant, outcome)
  }
  // Nothing is handed on that could replace a cookie, so one that is no good counts as none.
  const alone = { ...grant, replacesCookie: false }
  if (!peer.asksForStreams && !isPlaylistName(facts.path)) insistOnSession(rule, alone, outcome)
  // Where the rule has no sessions, that was asked before.
  const told = session === null ? {} : await askPermission(gate, rule, facts, null, outcome)
  const maxConcurrent = told.maxConcurrent ?? grant.claims.maxConcurrent ?? null
  if (limitFor(rule, { maxConcurrent }) !== null) {
    const detail =
      'the rule counts streams (maxConcurrent), and the asking server hands no session on by which this one could be counted'
    const code = 'ERR_TOKEN_REFUSED'
    const refusal = new PlaybackError({ code, reason: 'token-refused', detail })
    failCheck(rule, outcome, lateChecks.limit, refusal)
  }
  if (facts.method === 'GET') await spendOnce(gate, rule, grant, facts, outcome)
  return nothing
}

function canCarry({ carries }: Peer, session: SessionOptions, facts: RequestFacts): boolean {
  return usableCarrier(session, facts) === 'cookie' ? carries.cookie : carries.header
}

/** The asking server delivers: that an answer is a playlist shows its name alone, and that it is a steering manifest nothing. */
function handFresh(
  gate: Gate,
  session: SessionOptions | null,
  { carries }: Peer,
  facts: RequestFacts,
  grant: SessionGrant,
): Handed {
  if (session === null || !isPlaylistName(facts.path)) return nothing
  const fresh = freshToken(gate, session, grant, facts, 'playlist')
  return {
    setCookie: carries.cookie ? (fresh?.setCookie ?? null) : null,
    playgateSession: carries.header ? (fresh?.playgateSession ?? null) : null,
  }
}

async function openSession(
  gate: Gate,
  rule: Rule,
  session: SessionOptions,
  { carries }: Peer,
  facts: RequestFacts,
  grant: AccessGrant,
  outcome: Outcome,
): Promise<Handed | null> {
  const lifetime = await lifetimeFor(gate, rule, facts)
  if (lifetime === null && !grant.replacesCookie) {
    if (isPlaylistName(facts.path)) return null
    insistOnSession(rule, grant, outcome)
    return nothing
  }
  if (facts.method !== 'GET') return nothing
  const begun = lifetime ?? { durationSeconds: null }
  const opened = await beginSession(gate, rule, grant, facts, begun, outcome, null)
  outcome.outcome = 'opened'
  outcome.sessionId = opened.sessionId
  gate.metrics.sessionOpened(rule.name)
  const isCookie = usableCarrier(session, facts) === 'cookie'
  return {
    setCookie: isCookie ? sessionCookie(opened) : null,
    playgateSession: carries.header ? playgateSession(opened) : null,
  }
}

/**
 * How long the media last that a session is opened for; `null`: no playlist is there. The asking server has it in any case, so where we cannot look,
 * a playlist's name is enough, and the session lives as long as a live one.
 */
async function lifetimeFor(
  gate: Gate,
  rule: Rule,
  facts: RequestFacts,
): Promise<MediaLifetime | null> {
  try {
    return await lifetimeOf(gate, rule, facts)
  } catch (error) {
    const isAway = error instanceof PlaybackError && error.reason === 'origin-unavailable'
    if (!isAway || !isPlaylistName(facts.path)) throw error
    return { durationSeconds: null }
  }
}
