import { explain } from '../http/explain.ts'
import { tokensOf } from '../http/tokens-of.ts'
import { keptTokenOperations } from './kept-token-operations.ts'
import { orNamed } from './mistakes.ts'
import { type Operation, operation } from './operation.ts'
import { explainRequest, explanation } from './schemas.ts'
import { inspectedToken, inspectRequest, mintedToken, mintRequest } from './token-schemas.ts'

const mintToken = operation({
  method: 'POST',
  path: '/tokens',
  id: 'mintToken',
  tag: 'Tokens',
  summary: 'Mint an access token',
  description: 'Of any format that a rule takes, with the rule’s own key and settings.',
  bodySchema: mintRequest,
  answerSchema: mintedToken,
  status: 201,
  problems: [503],
  examples: {
    body: { path: '/vod/film/*', ttlSeconds: 60, subject: 'viewer-17' },
    answer: {
      token: 'exp=1767268860~acl=/vod/film/*~id=viewer-17~hmac=…',
      format: 'edgeauth',
      parameter: 'hdnts',
      rule: 'films',
      expiresAt: 1_767_268_860,
      id: null,
    },
  },
  note: ({ body: { rule, subject, ttlSeconds } }) => ({ rule, subject, ttlSeconds }),
  perform: ({ gate, body }) => orNamed(() => tokensOf(gate).mint(body)),
})

const inspectToken = operation({
  method: 'POST',
  path: '/tokens/inspect',
  id: 'inspectToken',
  tag: 'Tokens',
  summary: 'Take a token apart, and ask each rule about it',
  bodySchema: inspectRequest,
  answerSchema: inspectedToken,
  status: 200,
  problems: [404],
  examples: {
    body: { token: 'exp=1767268860~acl=/vod/film/*~hmac=…', path: '/vod/film/index.m3u8' },
    answer: {
      format: 'edgeauth',
      kind: 'access',
      fields: { exp: 1_767_268_860, acl: '/vod/film/*' },
      verdicts: [
        { rule: 'films', valid: true, key: 'primary', detail: 'verifies with the primary key' },
      ],
    },
  },
  perform: ({ gate, body: { token, ...asked } }) =>
    orNamed(() => tokensOf(gate).inspect(token, asked)),
})

const explainOperation = operation({
  method: 'POST',
  path: '/explain',
  id: 'explain',
  tag: 'Tokens',
  summary: 'Which rule a request would meet, which check, which answer',
  description:
    'Nothing is opened, spent or asked of an origin; what was spent and which places are taken is looked up.',
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

export const tokenOperations: readonly Operation[] = [
  mintToken,
  ...keptTokenOperations,
  inspectToken,
  explainOperation,
]
