import { PlaybackError } from '../../shared/codes.ts'
import type { Rule } from '../options/options.ts'
import { mintEndRight } from '../session/end-right.ts'
import { headerText, type RequestFacts } from '../session/request-facts.ts'
import { readSessionId, subjectDigest } from '../session/session-id.ts'
import type { Admission, Counting, SessionFacts } from '../session/session-tracker.ts'
import { spendBinding } from '../session/spend-access.ts'
import type { Gate } from './gate.ts'

/** Who plays. */
export interface Playing {
  readonly sessionId: string
  readonly subject: string | null
}

/**
 * How a session is counted under the rule; `null`: it is not. Streams are counted for a subject of a key: two sites that share a
 * server, each with a user 7, do not get into each other's way.
 *
 * @throws {PlaybackError} `ERR_TOKEN_REFUSED` where nobody is named, and the limit would hold for nobody
 */
export function countingFor(
  rule: Rule,
  { sessionId, subject }: Playing,
  facts: RequestFacts,
): Counting | null {
  const limit = rule.session?.limit ?? null
  if (limit === null) return null
  const origin = readSessionId(sessionId)
  if (subject === null || origin === null) {
    throw new PlaybackError({
      code: 'ERR_TOKEN_REFUSED',
      reason: 'token-refused',
      detail:
        'the rule counts streams (session.maxConcurrent), and the token names no subject: mint it with one (its id)',
    })
  }
  return {
    subject: subjectDigest(`${origin.keyTag} ${subject}`),
    device: spendBinding(facts, ['user-agent']),
    idleSeconds: limit.idleSeconds,
    max: limit.max,
    onLimit: limit.onLimit,
  }
}

/** What is told of a session to the store. */
export function factsOf(
  rule: Rule,
  { sessionId, subject }: Playing,
  facts: RequestFacts,
  endsAtMs: number,
  nowMs: number,
): SessionFacts {
  return {
    id: sessionId,
    subject,
    rule: rule.name,
    path: facts.path.slice(0, 1024),
    client: facts.clientAddress,
    userAgent: (headerText(facts.headers, 'user-agent') ?? '').slice(0, 256),
    openedAtMs: readSessionId(sessionId)?.openedAtMs ?? Math.floor(nowMs),
    endsAtMs,
  }
}

/**
 * Counts a session that is opened or renewed.
 *
 * @throws {PlaybackError} `session-limit`; `ERR_STORE_UNAVAILABLE` where nobody can know
 */
export async function claimPlace(
  gate: Gate,
  rule: Rule,
  playing: Playing,
  counting: Counting,
  isNew: boolean,
): Promise<void> {
  const { tracker, store, endings } = gate.sessions
  const claim = (): Promise<Admission> => tracker.claim(playing.sessionId, counting, isNew)
  let admission = await claim()
  if (admission.kind === 'full') {
    // Those that somebody has ended need no place any more.
    const over = admission.others.filter((id) => endings.endedBy({ ...playing, id }) !== null)
    for (const id of over) await store.leavePlace(counting.subject, id)
    if (over.length > 0) admission = await claim()
  }
  await insistOn(gate, rule, admission)
}

/**
 * A request under a running session: seen, and counted where the rule has a limit. At once, but for the first request of a session
 * that this process has not counted yet.
 *
 * @throws {PlaybackError} `session-limit`, `session-ended`
 */
export function admitSession(
  gate: Gate,
  rule: Rule,
  playing: Playing,
  endsAtMs: number,
  facts: RequestFacts,
): void | Promise<void> {
  // Of another edge that shares the key: nothing that could be listed, and nothing to be counted by.
  if (readSessionId(playing.sessionId) === null) {
    countingFor(rule, playing, facts)
    return
  }
  const describe = () => ({
    facts: factsOf(rule, playing, facts, endsAtMs, gate.nowMs()),
    counting: countingFor(rule, playing, facts),
  })
  const admission = gate.sessions.tracker.admit(rule, playing.sessionId, endsAtMs, describe)
  if (admission instanceof Promise) return admission.then((told) => insistOn(gate, rule, told))
  if (admission.kind !== 'admitted') return insistOn(gate, rule, admission)
}

async function insistOn(gate: Gate, rule: Rule, admission: Admission): Promise<void> {
  if (admission.kind === 'admitted') return
  if (admission.kind === 'ended') {
    throw new PlaybackError({
      code: 'ERR_TOKEN_REFUSED',
      reason: 'session-ended',
      detail: 'ended to make room for another session of its subject',
    })
  }
  throw await limitReached(gate, rule, admission.others)
}

/** What a viewer is shown of his other sessions. */
interface OtherSession {
  readonly sessionId: string
  readonly path: string
  readonly userAgent: string
  readonly openedAt: string
  readonly seenAt: string
}

/** The refusal names the sessions that have the places, and brings the right to end one of them. */
async function limitReached(
  gate: Gate,
  rule: Rule,
  others: readonly string[],
): Promise<PlaybackError> {
  const limit = rule.session?.limit
  return new PlaybackError({
    code: 'ERR_TOKEN_REFUSED',
    reason: 'session-limit',
    detail: `all ${limit?.max} places of its subject are taken`,
    members: {
      maxConcurrent: limit?.max,
      sessions: await describeOthers(gate, others),
      ...(limit && { endRight: mintEndRight(rule.name, others, limit.rightKeys, gate.now()) }),
    },
  })
}

async function describeOthers(gate: Gate, ids: readonly string[]): Promise<OtherSession[]> {
  // One that was opened a moment ago is not in the store yet.
  await gate.sessions.tracker.flush()
  const found = await Promise.allSettled(ids.map((id) => gate.sessions.store.findSession(id)))
  return ids.map((sessionId, index) => {
    const result = found[index]
    const record = result?.status === 'fulfilled' ? result.value : null
    const openedAtMs = readSessionId(sessionId)?.openedAtMs ?? 0
    return {
      sessionId,
      path: record?.path ?? '',
      userAgent: record?.userAgent ?? '',
      openedAt: new Date(openedAtMs).toISOString(),
      seenAt: new Date(record?.seenAtMs ?? openedAtMs).toISOString(),
    }
  })
}
