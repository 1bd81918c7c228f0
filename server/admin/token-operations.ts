import { OptionError } from '../../shared/codes.ts'
import { explain } from '../http/explain.ts'
import { badRequest } from '../http/read-json.ts'
import { mintAccess } from '../session/mint-access.ts'
import { type Operation, operation } from './operation.ts'
import { explainRequest, explanation, mintedToken, mintRequest } from './schemas.ts'

const mintToken = operation({
  method: 'POST',
  path: '/tokens',
  id: 'mintToken',
  tag: 'Tokens',
  summary: 'Mint an access token',
  description: 'For a rule, with the rule’s own key and settings.',
  bodySchema: mintRequest,
  answerSchema: mintedToken,
  status: 201,
  problems: [],
  examples: {
    body: { path: '/vod/film/*', ttlSeconds: 60, subject: 'viewer-17' },
    answer: {
      token: 'exp=1767268860~acl=/vod/film/*~id=viewer-17~hmac=…',
      parameter: 'hdnts',
      rule: 'films',
      expiresAt: 1_767_268_860,
    },
  },
  note: ({ body: { rule, subject, ttlSeconds } }) => ({ rule, subject, ttlSeconds }),
  perform: ({ gate, body }) => orNamed(() => mintAccess(gate.options, body, gate.now())),
})

const explainOperation = operation({
  method: 'POST',
  path: '/explain',
  id: 'explain',
  tag: 'Tokens',
  summary: 'Which rule a request would meet, which check, which answer',
  description: 'Nothing is opened, spent or asked of an origin.',
  bodySchema: explainRequest,
  answerSchema: explanation,
  status: 200,
  problems: [],
  examples: {
    body: {
      url: 'https://video.example.com/vod/film/0001.m4s?hdntl=…',
      headers: { 'user-agent': 'Mozilla/5.0' },
      clientAddress: '203.0.113.7',
    },
    answer: {
      rule: 'films',
      mode: 'enforce',
      checks: [
        { check: 'request-target', outcome: 'passed', detail: '/vod/film/0001.m4s' },
        { check: 'rule', outcome: 'passed', detail: 'films (rules[0])' },
        { check: 'session-token in query', outcome: 'failed', detail: 'no token by its form' },
      ],
      answer: {
        outcome: 'refused',
        status: 403,
        reason: 'token-refused',
        renew: true,
        detail: 'session-token in query: no token by its form',
      },
    },
  },
  perform: ({ gate, body }) => orNamed(() => explain(gate, body)),
})

export const tokenOperations: readonly Operation[] = [mintToken, explainOperation]

/** Members by the names that they have here, where a token's fields have others. */
const memberNames: Readonly<Record<string, string>> = {
  sessionId: 'subject',
  endTime: 'ttlSeconds',
}

/** What is wrong with a member is said of the member. */
function orNamed<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    const problems = error.problems.map(
      ({ path, message }) => `body ${memberNames[path] ?? path}: ${message}`,
    )
    throw badRequest(problems.join('\n'))
  }
}
