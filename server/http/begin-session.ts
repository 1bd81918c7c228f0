import { PlaybackError } from '../../shared/codes.ts'
import type { Rule } from '../options/options.ts'
import type { AccessGrant, SessionGrant } from '../session/decision.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { accessTag, newSessionId } from '../session/session-id.ts'
import { narrowed } from '../session/session-token.ts'
import { subjectOfAccess } from '../session/subject.ts'
import type { Counting } from '../session/tracked-session.ts'
import { askPermission, isLifeLimited } from './ask-permission.ts'
import { claimPlace, countingFor, factsOf, limitFor, type Playing } from './count-streams.ts'
import type { Gate } from './gate.ts'
import type { MediaLifetime } from './media-lifetime.ts'
import { type OpenedSession, openSession } from './open-session.ts'
import { refuseSpent, spendOnce } from './spend-once.ts'

/**
 * Opens a session with a verified access token, or renews one: mints its token, counts it, spends the access token last of all, and
 * tells the store behind the viewer's back.
 *
 * @param old the session that goes on, if it is of the same viewer; `null`: a new one
 * @param fillsVariables the player says that it does
 * @throws {PlaybackError} the session is refused, and nothing is spent
 * @throws {TypeError} for a rule without sessions: a mistake of the caller
 */
export async function beginSession(
  gate: Gate,
  rule: Rule,
  grant: AccessGrant,
  facts: RequestFacts,
  lifetime: MediaLifetime,
  old: Pick<SessionGrant, 'sessionId' | 'subject'> | null,
  fillsVariables = false,
): Promise<OpenedSession> {
  const { session } = rule
  if (session === null) throw new TypeError('a rule without sessions opens none')
  const { granted, grants, renewed } = await permit(gate, rule, grant, facts, old)
  const { claims } = granted
  const playing: Playing = {
    sessionId: renewed?.sessionId ?? grants.sessionId,
    subject: subjectOfAccess(claims),
    maxConcurrent: claims.maxConcurrent ?? null,
  }
  const most = grants.maxLifetimeSeconds ?? session.maxLifetimeSeconds
  const opened = openSession(granted, session, facts, lifetime, gate.now(), {
    sessionId: playing.sessionId,
    maxLifetimeSeconds: Math.min(most, session.maxLifetimeSeconds),
    fillsVariables,
  })
  const counting = await countAndSpend(gate, rule, granted, playing, facts, renewed === null)
  // All this took its time, in which somebody may have ended what it began with.
  const isEnded = gate.sessions.endings.isAccessEnded(accessTag(grant.spendId))
  if (isEnded && rule.mode !== 'log') {
    if (counting !== null) await giveBack(gate, counting, playing)
    throw new PlaybackError({
      code: 'ERR_TOKEN_REFUSED',
      reason: 'token-refused',
      detail: 'everything that the access token opens was ended meanwhile',
    })
  }
  const told = factsOf(rule, playing, facts, opened.expiresAt * 1000, gate.nowMs())
  gate.sessions.tracker.opened(rule, told, counting)
  return opened
}

/** What the access token allows after the site's own server was asked, and which session it is for. */
async function permit(
  gate: Gate,
  rule: Rule,
  grant: AccessGrant,
  facts: RequestFacts,
  old: Pick<SessionGrant, 'sessionId' | 'subject'> | null,
) {
  const sessionId = newIdFor(gate, grant)
  const named = subjectOfAccess(grant.claims)
  // What was decided about the old session counts for its own subject, whom an access token without a name does not prove.
  // A life that was granted once is not granted anew by nobody having been asked.
  const isLimited = old !== null && isLifeLimited(gate, rule, old.sessionId)
  const isSame = old !== null && named !== null && old.subject === named && !isLimited
  const told = await askPermission(gate, rule, facts, isSame ? old.sessionId : sessionId)
  const granted = { ...grant, claims: narrowed(grant.claims, told) }
  const isOld = old !== null && old.subject === subjectOfAccess(granted.claims)
  return { granted, grants: { ...told, sessionId }, renewed: isOld ? old : null }
}

function newIdFor(gate: Gate, { access, spendId }: AccessGrant): string {
  const openedAtMs = Math.floor(gate.nowMs())
  return newSessionId({
    openedAtMs,
    keyTag: access.keyTag,
    accessTag: accessTag(spendId),
  })
}

/**
 * Single use is spent last of all, so that a refusal burns nothing. But where a session ends for the newcomer's sake, nobody is refused for
 * want of a place, and a token that was spent before must not end anything: there it comes first.
 */
async function countAndSpend(
  gate: Gate,
  rule: Rule,
  grant: AccessGrant,
  playing: Playing,
  facts: RequestFacts,
  isNew: boolean,
): Promise<Counting | null> {
  if (limitFor(rule, playing)?.onLimit === 'end-oldest') {
    // What would refuse it without a look at the places.
    countingOrNull(gate, rule, playing, facts)
    await spendOnce(gate, rule, grant, facts)
    return count(gate, rule, playing, facts, isNew)
  }
  // A token that was used before is told nothing of the places, and moves none.
  await refuseSpent(gate, rule, grant, facts)
  const counting = await count(gate, rule, playing, facts, isNew)
  try {
    await spendOnce(gate, rule, grant, facts)
  } catch (error) {
    if (counting !== null && isNew) await giveBack(gate, counting, playing)
    throw error
  }
  return counting
}

/** @returns how it is counted; `null`: it is not */
async function count(
  gate: Gate,
  rule: Rule,
  playing: Playing,
  facts: RequestFacts,
  isNew: boolean,
): Promise<Counting | null> {
  const counting = countingOrNull(gate, rule, playing, facts)
  if (counting === null) return null
  try {
    await claimPlace(gate, rule, playing, counting, isNew)
    return counting
  } catch (error) {
    return letThrough(gate, rule, facts, error)
  }
}

function countingOrNull(
  gate: Gate,
  rule: Rule,
  playing: Playing,
  facts: RequestFacts,
): Counting | null {
  try {
    return countingFor(rule, playing, facts)
  } catch (error) {
    return letThrough(gate, rule, facts, error)
  }
}

/** Mode `log` lets through what it would refuse, and says so; any other throws. */
function letThrough(gate: Gate, rule: Rule, facts: RequestFacts, error: unknown): null {
  if (rule.mode !== 'log' || !(error instanceof PlaybackError)) throw error
  const { reason, message } = error
  gate.log.warn({ event: 'session-limit', rule: rule.name, path: facts.path, reason }, message)
  return null
}

async function giveBack(gate: Gate, counting: Counting, { sessionId }: Playing): Promise<void> {
  try {
    await gate.sessions.store.leavePlace(counting.subject, sessionId)
  } catch (error) {
    gate.log.warn({ event: 'store', err: error }, 'a place is taken until it is idle')
  }
}
