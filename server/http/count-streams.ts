import { PlaybackError } from '../../shared/codes.ts'
import type { ConcurrencyLimit, Rule } from '../options/options.ts'
import { mintEndRight } from '../session/end-right.ts'
import { headerText, type RequestFacts } from '../session/request-facts.ts'
import { readSessionId, subjectDigest } from '../session/session-id.ts'
import { spendBinding } from '../session/spend-access.ts'
import type { Admission, Counting, SessionFacts } from '../session/tracked-session.ts'
import type { Gate } from './gate.ts'

/** Who plays. */
export interface Playing {
  readonly sessionId: string
  readonly subject: string | null
  /** Streams of that subject, where the site's own server set a limit; the rule may allow fewer. */
  readonly maxConcurrent: number | null
  /** The session that gave it away as a link for another device. */
  readonly parent?: string
}

/** The limit that a session is counted under; `null`: none. */
export function limitFor(
  { session }: Rule,
  { maxConcurrent }: Pick<Playing, 'maxConcurrent'>,
): ConcurrencyLimit | null {
  if (session === null) return null
  if (maxConcurrent === null) return session.limit
  const max = Math.min(maxConcurrent, session.limit?.max ?? Infinity)
  return session.counting && { ...session.counting, max }
}

/**
 * How a session is counted under the rule; `null`: it is not. Streams are counted for a subject of a key: two sites that share a
 * server, each with a user 7, do not get into each other's way.
 *
 * @throws {PlaybackError} `ERR_TOKEN_REFUSED` where nobody is named, and the limit would hold for nobody
 */
export function countingFor(rule: Rule, playing: Playing, facts: RequestFacts): Counting | null {
  const { sessionId, subject } = playing
  const limit = limitFor(rule, playing)
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
  // On trial, a rule counts for itself and ends nothing.
  const isTrial = rule.mode === 'log'
  const counted = isTrial ? `${subject} on trial at ${rule.name}` : subject
  return {
    subject: subjectDigest(`${origin.keyTag} ${counted}`),
    device: spendBinding(facts, ['user-agent']),
    idleSeconds: limit.idleSeconds,
    max: limit.max,
    onLimit: isTrial ? 'deny' : limit.onLimit,
  }
}

/** What is told of a session to the store. */
export function factsOf(
  rule: Rule,
  { sessionId, subject, parent }: Playing,
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
    ...(parent !== undefined && { parent }),
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
  const { sessionId, subject } = playing
  const admission = await gate.sessions.tracker.claim(sessionId, subject, counting, isNew)
  await insistOn(gate, rule, playing, admission)
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
  if (admission instanceof Promise)
    return admission.then((told) => insistOn(gate, rule, playing, told))
  if (admission.kind !== 'admitted') return insistOn(gate, rule, playing, admission)
}

/** Told by `explain` as well. */
export const madeRoomDetail = 'ended to make room for another session of its subject'

/** Told by `explain` as well. */
export function describeFull(limit: Pick<ConcurrencyLimit, 'max'> | null): string {
  return `${limit?.max} streams of its subject are playing (session.maxConcurrent)`
}

async function insistOn(
  gate: Gate,
  rule: Rule,
  playing: Playing,
  admission: Admission,
): Promise<void> {
  if (admission.kind === 'admitted') return
  if (admission.kind === 'ended') {
    throw new PlaybackError({
      code: 'ERR_TOKEN_REFUSED',
      reason: 'session-ended',
      detail: madeRoomDetail,
    })
  }
  throw await limitReached(gate, rule, playing, admission.others)
}

/** Nobody reads a longer list, and the right to end one of them has to name them all. */
const mostNamed = 50

/** What a viewer is shown of his other sessions. */
export interface OtherSession {
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
  playing: Playing,
  holders: readonly string[],
): Promise<PlaybackError> {
  const limit = limitFor(rule, playing)
  const others = holders.slice(0, mostNamed)
  return new PlaybackError({
    code: 'ERR_TOKEN_REFUSED',
    reason: 'session-limit',
    detail: describeFull(limit),
    members: {
      maxConcurrent: limit?.max,
      sessions: await describeOthers(gate, others),
      ...(limit && { endRight: mintEndRight(rule.name, others, limit.rightKeys, gate.now()) }),
    },
  })
}

async function describeOthers(gate: Gate, ids: readonly string[]): Promise<OtherSession[]> {
  return Promise.all(
    ids.map(async (id) => {
      const known = gate.otherSessions.get(id)
      if (known !== undefined) return known
      const other = await describeOther(gate, id)
      gate.otherSessions.set(id, other)
      return other
    }),
  )
}

async function describeOther({ sessions }: Gate, sessionId: string): Promise<OtherSession> {
  // One that was opened a moment ago is known to this process, and not to the store yet.
  const { tracker, store } = sessions
  const record = tracker.find(sessionId) ?? (await store.findSession(sessionId).catch(() => null))
  const openedAtMs = readSessionId(sessionId)?.openedAtMs ?? 0
  return {
    sessionId,
    path: record?.path ?? '',
    userAgent: record?.userAgent ?? '',
    openedAt: new Date(openedAtMs).toISOString(),
    seenAt: new Date(record?.seenAtMs ?? openedAtMs).toISOString(),
  }
}
