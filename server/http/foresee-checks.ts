import { PlaybackError } from '../../shared/codes.ts'
import type { ConcurrencyLimit, Rule } from '../options/options.ts'
import type { AccessGrant, Check, Refusal, SessionGrant } from '../session/decision.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { isAccessSpent } from '../session/spend-access.ts'
import { subjectOfAccess } from '../session/subject.ts'
import { type Counting, placeHolder } from '../session/tracked-session.ts'
import type { PlaceOutcome } from '../store/session-store.ts'
import { newIdFor } from './begin-session.ts'
import {
  countingFor,
  describeFull,
  limitFor,
  madeRoomDetail,
  type Playing,
} from './count-streams.ts'
import type { Gate } from './gate.ts'
import { type LateCheck, lateChecks } from './outcome.ts'
import { spendRequestFor, usedBefore } from './spend-once.ts'

/** What somebody wants to know who asks nobody but the store. */
export interface Asked {
  readonly gate: Gate
  readonly rule: Rule
  readonly facts: RequestFacts
  readonly grant: SessionGrant | AccessGrant
  /** See `ExplainRequest.sharesStore`. */
  readonly sharesStore: boolean
}

export interface Foreseen {
  readonly checks: readonly Check[]
  /** `null`: nothing refuses, as far as can be seen. */
  readonly refusal: Pick<Refusal, 'reason' | 'detail'> | null
}

const nothing: Foreseen = { checks: [], refusal: null }

/**
 * The checks that come after the tokens (design section 4, step 4), as a request would meet them now. Changes nothing: no
 * place is taken, nothing is spent, bound, or asked of the site's own server.
 */
export async function foreseeChecks(asked: Asked): Promise<Foreseen> {
  const { rule, grant } = asked
  const limit = await foreseeLimit(asked)
  const use = await foreseeSingleUse(asked)
  return {
    checks: [...receiverCheck(grant), ...remoteCheck(rule, grant), ...limit.checks, ...use.checks],
    // A token that was used before is told nothing of the places.
    refusal: use.refusal ?? limit.refusal,
  }
}

/** Whose device it is for is known when it asks, and explaining binds nobody. */
function receiverCheck(grant: SessionGrant | AccessGrant): readonly Check[] {
  if (grant.kind !== 'session' || grant.parent === undefined) return []
  const detail = 'good for the device that uses it first, and for no other'
  return skipped(lateChecks.receiver, detail).checks
}

/** What the site's own server would say is known when it is asked, and explaining asks nobody. */
function remoteCheck(
  { remoteAuth, session }: Rule,
  { kind }: SessionGrant | AccessGrant,
): readonly Check[] {
  if (remoteAuth === null) return []
  const when = session === null ? 'for each object' : 'when a session opens'
  if (session !== null && kind !== 'access') return []
  return skipped(lateChecks.remote, `${remoteAuth} is asked ${when}`).checks
}

async function foreseeLimit(asked: Asked): Promise<Foreseen> {
  const check = lateChecks.limit
  const { gate, rule, facts, grant, sharesStore } = asked
  const playing = playingOf(gate, grant)
  const limit = limitFor(rule, playing)
  if (limit === null) return nothing
  const isNew = grant.kind === 'access'
  if (isNew && facts.method !== 'GET') return skipped(check, `${facts.method} opens no session`)
  const remote = isNew ? rule.remoteAuth : null
  if (remote !== null && playing.subject === null) {
    return skipped(check, `the token names no subject, and ${remote} may, when it is asked`)
  }
  let counting: Counting | null
  try {
    counting = countingFor(rule, playing, facts)
  } catch (error) {
    return failed(check, error)
  }
  if (counting === null) return nothing
  if (!sharesStore) {
    const what = 'how many streams of its subject are playing'
    return skipped(check, `${what}, only the running server knows`)
  }
  try {
    const claim = { ...counting, sessionId: holderOf(playing), isNew }
    return found(await gate.sessions.peekPlace(claim, playing.subject), limit, remote)
  } catch (error) {
    if (isNew) return failed(check, error)
    return skipped(check, 'the store does not answer, and a running session goes on without it')
  }
}

function found(outcome: PlaceOutcome, limit: ConcurrencyLimit, remote: string | null): Foreseen {
  const check = lateChecks.limit
  if (outcome.kind === 'full') {
    return refusing(check, { reason: 'session-limit', detail: describeFull(limit) })
  }
  if (outcome.kind === 'ended') {
    return refusing(check, { reason: 'session-ended', detail: madeRoomDetail })
  }
  const detail =
    outcome.ended.length > 0
      ? 'another session of its subject would be ended to make room (onLimit: end-oldest)'
      : `a place is there: ${limit.max} at most for streams of its subject`
  if (remote === null) return passed(check, detail)
  return skipped(check, `${detail}; ${remote} may set a lower limit when it is asked`)
}

async function foreseeSingleUse(asked: Asked): Promise<Foreseen> {
  const check = lateChecks.singleUse
  const { gate, rule, facts, grant, sharesStore } = asked
  if (grant.kind !== 'access') return nothing
  const request = spendRequestFor(gate, rule, grant, facts)
  if (request === null) return nothing
  if (facts.method !== 'GET') return skipped(check, `${facts.method} uses nothing up`)
  if (!sharesStore)
    return skipped(check, 'whether the token was used before, only the running server knows')
  try {
    if (await isAccessSpent(gate.store(), request)) return failed(check, usedBefore())
  } catch (error) {
    return failed(check, error)
  }
  const grace = request.graceSeconds > 0 ? ', or by this client within the grace' : ''
  return passed(check, `the token was not used before${grace}`)
}

/** Who would play: for an access token in a session of its own. */
function playingOf(gate: Gate, grant: SessionGrant | AccessGrant): Playing {
  if (grant.kind === 'session') return grant
  const { claims } = grant
  const sessionId = newIdFor(gate, grant)
  return {
    sessionId,
    subject: subjectOfAccess(claims),
    maxConcurrent: claims.maxConcurrent ?? null,
  }
}

function holderOf({ sessionId, parent }: Playing): string {
  return placeHolder({ id: sessionId, ...(parent !== undefined && { parent }) })
}

function passed(check: LateCheck, detail: string): Foreseen {
  return { checks: [{ check, outcome: 'passed', detail }], refusal: null }
}

function skipped(check: LateCheck, detail: string): Foreseen {
  return { checks: [{ check, outcome: 'skipped', detail }], refusal: null }
}

function refusing(check: LateCheck, refusal: Pick<Refusal, 'reason' | 'detail'>): Foreseen {
  return { checks: [{ check, outcome: 'failed', detail: refusal.detail }], refusal }
}

/** @throws what is no refusal */
function failed(check: LateCheck, error: unknown): Foreseen {
  if (!(error instanceof PlaybackError)) throw error
  return refusing(check, { reason: error.reason, detail: error.message })
}
