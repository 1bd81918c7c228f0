import { parseAddress } from '../claim/address.ts'
import type { Gate } from '../http/gate.ts'
import { badRequest } from '../http/read-json.ts'
import { sessionsOf } from '../http/sessions-of.ts'
import type { SessionView } from '../session/sessions.ts'
import { orBadRequest } from './mistakes.ts'
import { type Operation, operation } from './operation.ts'
import {
  endedCount,
  endedSession,
  endSelector,
  sessionFilter,
  sessionList,
  sessionPath,
  sessionView,
  subjectQuery,
} from './schemas.ts'
import { withoutSignatures } from './signatures.ts'

const exampleSession: SessionView = {
  sessionId: '019b76da8c003f2a5bd1e996a1c7d40e9c2f11d0',
  state: 'active',
  subject: 'viewer-17',
  rule: 'films',
  path: '/vod/film/index.m3u8',
  client: '203.0.113.7',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  openedAt: '2026-01-01T12:00:00.000Z',
  seenAt: '2026-01-01T12:41:07.250Z',
  endsAt: '2026-01-01T14:10:00.000Z',
  requests: 812,
  parent: null,
}

const listSessions = operation({
  method: 'GET',
  path: '/sessions',
  id: 'listSessions',
  tag: 'Sessions',
  summary: 'Who plays what, from where, since when',
  description:
    'The sessions of all machines that share the store, the latest opened first. A running session is told to the store ' +
    'within a second.',
  querySchema: sessionFilter,
  answerSchema: sessionList,
  status: 200,
  problems: [503],
  examples: { answer: { sessions: [exampleSession], next: null } },
  async perform({ gate, query }) {
    const client = query.client && (parseAddress(query.client)?.toString() ?? query.client)
    const page = await orBadRequest(RangeError, () => sessionsOf(gate).list({ ...query, client }))
    return { sessions: page.sessions.map(shown), next: page.next }
  },
})

const getSession = operation({
  method: 'GET',
  path: '/sessions/{sessionId}',
  id: 'getSession',
  tag: 'Sessions',
  summary: 'One session',
  pathSchema: sessionPath,
  answerSchema: sessionView,
  status: 200,
  problems: [404, 503],
  examples: { answer: exampleSession },
  async perform({ gate, path }) {
    const session = await sessionsOf(gate).get(path.sessionId)
    return session && shown(session)
  },
})

const endSession = operation({
  method: 'DELETE',
  path: '/sessions/{sessionId}',
  id: 'endSession',
  tag: 'Sessions',
  summary: 'End one session',
  description:
    'On this process at once, everywhere within a second: its requests are refused with the reason `session-ended`. One that ' +
    'the store does not know is ended all the same, and ending it again changes nothing.',
  pathSchema: sessionPath,
  answerSchema: endedSession,
  status: 200,
  problems: [503],
  examples: { answer: { sessionId: exampleSession.sessionId, ended: true, known: true } },
  note: ({ path }) => path,
  async perform({ gate, path: { sessionId } }) {
    return { sessionId, ended: true, known: await sessionsOf(gate).end(sessionId) } as const
  },
})

const endSessions = operation({
  method: 'POST',
  path: '/sessions/end',
  id: 'endSessions',
  tag: 'Sessions',
  summary: 'End all sessions of a subject, an access token or a key, or all there are',
  description:
    'One entry in the store, whatever their number. Access tokens that are out already go on opening sessions until they ' +
    'end, but for one named by `accessToken`.',
  bodySchema: endSelector,
  answerSchema: endedCount,
  status: 200,
  problems: [503],
  examples: { body: { subject: 'viewer-17' }, answer: { ended: 2, more: false } },
  note: ({ body: { subject, key, all, accessToken, openedBefore } }) => ({
    subject,
    key,
    all,
    byAccessToken: accessToken === undefined ? undefined : true,
    openedBefore,
  }),
  perform({ gate, body }) {
    if (body.key !== undefined) checkKey(gate, body.key)
    return orBadRequest(TypeError, () => sessionsOf(gate).endAll(body))
  },
})

const endSessionsOfSubject = operation({
  method: 'DELETE',
  path: '/sessions',
  id: 'endSessionsOfSubject',
  tag: 'Sessions',
  summary: 'End all sessions of a subject',
  description: 'The same as `endSessions` with a `subject`.',
  querySchema: subjectQuery,
  answerSchema: endedCount,
  status: 200,
  problems: [503],
  examples: { answer: { ended: 2, more: false } },
  note: ({ query }) => query,
  perform: ({ gate, query }) => sessionsOf(gate).endAll(query),
})

export const sessionOperations: readonly Operation[] = [
  listSessions,
  endSessionsOfSubject,
  endSessions,
  getSession,
  endSession,
]

/** A name that was mistyped must not pass for "none of them was running". */
function checkKey({ options }: Gate, key: string): void {
  const names = new Set(
    options.rules.flatMap(({ access }) => access.flatMap(({ keyName }) => keyName ?? [])),
  )
  if (names.has(key)) return
  const there = [...names].join(', ') || 'none'
  throw badRequest(`body key: no rule takes access tokens of a key of that name (there: ${there})`)
}

function shown(session: SessionView): SessionView {
  const { path, userAgent } = session
  return { ...session, path: withoutSignatures(path), userAgent: withoutSignatures(userAgent) }
}
