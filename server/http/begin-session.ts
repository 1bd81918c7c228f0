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
import { failCheck, lateChecks, type Told } from './outcome.ts'
import { refuseSpent, spendOnce } from './spend-once.ts'

/**
 * Opens a session with a verified access token, or renews one: mints its token, counts it, spends the access token last of all, and
 * tells the store behind the viewer's back.
 *
 * @param told is filled in, where something refuses the session
 * @param old the session that goes on, if it is of the same viewer; `null`: a new one
 * @param fillsVariables the player says that it does
 * @throws {PlaybackError} the session is refused, and nothing is spent; in mode `log` the last checks refuse none
 * @throws {TypeError} for a rule without sessions: a mistake of the caller
 */
export async function beginSession(
  gate: Gate,
  rule: Rule,
  grant: AccessGrant,
  facts: RequestFacts,
  lifetime: MediaLifetime,
  told: Told,
  old: Pick<SessionGrant, 'sessionId' | 'subject'> | null,
  fillsVariables = false,
): Promise<OpenedSession> {
  const { session } = rule
  if (session === null) throw new TypeError('a rule without sessions opens none')
  const { granted, grants, renewed } = await permit(gate, rule, grant, facts, told, old)
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
  const opening: Opening = { gate, rule, grant: granted, playing, facts, told }
  const counting = await countAndSpend(opening, renewed === null)
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
  const seen = factsOf(rule, playing, facts, opened.expiresAt * 1000, gate.nowMs())
  gate.sessions.tracker.opened(rule, seen, counting)
  return opened
}

/** What the access token allows after the site's own server was asked, and which session it is for. */
async function permit(
  gate: Gate,
  rule: Rule,
  grant: AccessGrant,
  facts: RequestFacts,
  told: Told,
  old: Pick<SessionGrant, 'sessionId' | 'subject'> | null,
) {
  const sessionId = newIdFor(gate, grant)
  const named = subjectOfAccess(grant.claims)
  // What was decided about the old session counts for its own subject, whom an access token without a name does not prove.
  // A life that was granted once is not granted anew by nobody having been asked.
  const isLimited = old !== null && isLifeLimited(gate, rule, old.sessionId)
  const isSame = old !== null && named !== null && old.subject === named && !isLimited
  const asksFor = isSame ? old.sessionId : sessionId
  const permission = await askPermission(gate, rule, facts, asksFor, told)
  const granted = { ...grant, claims: narrowed(grant.claims, permission) }
  const isOld = old !== null && old.subject === subjectOfAccess(granted.claims)
  return { granted, grants: { ...permission, sessionId }, renewed: isOld ? old : null }
}

/** The id of a session that opens now with that token. */
export function newIdFor(gate: Gate, { access, spendId }: AccessGrant): string {
  const openedAtMs = Math.floor(gate.nowMs())
  return newSessionId({
    openedAtMs,
    keyTag: access.keyTag,
    accessTag: accessTag(spendId),
  })
}

/** A session on its way. */
interface Opening {
  readonly gate: Gate
  readonly rule: Rule
  readonly grant: AccessGrant
  readonly playing: Playing
  readonly facts: RequestFacts
  readonly told: Told
}

/**
 * Single use is spent last of all, so that a refusal burns nothing. But where a session ends for the newcomer's sake, nobody is refused for
 * want of a place, and a token that was spent before must not end anything: there it comes first.
 *
 * @returns how it is counted; `null`: it is not
 */
async function countAndSpend(opening: Opening, isNew: boolean): Promise<Counting | null> {
  const { gate, rule, grant, playing, facts, told } = opening
  if (limitFor(rule, playing)?.onLimit === 'end-oldest') {
    // What would refuse it without a look at the places.
    const counting = countingOrNull(opening)
    await spendOnce(gate, rule, grant, facts, told)
    return count(opening, counting, isNew)
  }
  // A token that was used before is told nothing of the places, and moves none.
  await refuseSpent(gate, rule, grant, facts, told)
  const counting = await count(opening, countingOrNull(opening), isNew)
  try {
    await spendOnce(gate, rule, grant, facts, told)
  } catch (error) {
    if (counting !== null && isNew) await giveBack(gate, counting, playing)
    throw error
  }
  return counting
}

async function count(
  { gate, rule, playing, told }: Opening,
  counting: Counting | null,
  isNew: boolean,
): Promise<Counting | null> {
  if (counting === null) return null
  try {
    await claimPlace(gate, rule, playing, counting, isNew)
    return counting
  } catch (error) {
    failCheck(rule, told, lateChecks.limit, error)
    return null
  }
}

function countingOrNull({ rule, playing, facts, told }: Opening): Counting | null {
  try {
    return countingFor(rule, playing, facts)
  } catch (error) {
    failCheck(rule, told, lateChecks.limit, error)
    return null
  }
}

async function giveBack(gate: Gate, counting: Counting, { sessionId }: Playing): Promise<void> {
  try {
    await gate.sessions.store.leavePlace(counting.subject, sessionId)
  } catch (error) {
    gate.log.warn({ event: 'store', err: error }, 'a place is taken until it is idle')
  }
}
