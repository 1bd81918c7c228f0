import { tokensOf } from '../http/tokens-of.ts'
import type { TokenView } from '../session/tokens.ts'
import { orBadRequest, orNamed } from './mistakes.ts'
import { type Operation, operation } from './operation.ts'
import {
  keptTokenList,
  managedRequest,
  mintedToken,
  nameQuery,
  revokedCount,
  revokeSelector,
  timedRequest,
  tokenFilter,
  tokenPath,
} from './token-schemas.ts'

const exampleToken: TokenView = {
  id: 'nE7jA5m_2Zk0fJp9x1lYwQ3vRrT8uKcHhB6sDgXoLz4',
  format: 'managed',
  realm: 'default',
  name: 'viewer-17',
  ip: null,
  referrer: 'example.com',
  createdAt: '2026-01-01T12:00:00.000Z',
  endsAt: null,
  usedAt: '2026-01-01T12:41:00.000Z',
}

const createTimed = operation({
  method: 'POST',
  path: '/tokens/timed',
  id: 'createTimedToken',
  tag: 'Tokens',
  summary: 'Make a timed token',
  description:
    'Opaque, good for a minute to a week. Sealed with the rule’s key, so nobody keeps it and it cannot be revoked singly, unless ' +
    'the rule says `revocable: true`.',
  bodySchema: timedRequest,
  answerSchema: mintedToken,
  status: 201,
  problems: [503],
  examples: {
    body: { lifeSeconds: 3600, clientIp: '211.37.', referrer: 'example.com' },
    answer: {
      token: 'pgt_…',
      format: 'timed',
      parameter: 'token',
      rule: 'films',
      expiresAt: 1_767_272_400,
      id: null,
    },
  },
  note: ({ body: { rule, name, lifeSeconds } }) => ({ rule, name, lifeSeconds }),
  perform: ({ gate, body: { lifeSeconds, clientIp, referrer, name, rule } }) =>
    orNamed(
      () =>
        tokensOf(gate).mint({
          format: 'timed',
          ttlSeconds: lifeSeconds,
          ip: clientIp,
          referrer,
          subject: name,
          rule,
        }),
      { ttlSeconds: 'lifeSeconds', ip: 'clientIp', subject: 'name' },
    ),
})

const createManaged = operation({
  method: 'POST',
  path: '/tokens/managed',
  id: 'createManagedToken',
  tag: 'Tokens',
  summary: 'Make a managed token',
  description:
    'Opaque, without an end, kept by its digest until it is revoked. Its text is in this answer and nowhere else.',
  bodySchema: managedRequest,
  answerSchema: mintedToken,
  status: 201,
  problems: [503],
  examples: {
    body: { name: 'viewer-17', referrer: 'example.com' },
    answer: {
      token: 'pgm_…',
      format: 'managed',
      parameter: 'token',
      rule: 'films',
      expiresAt: null,
      id: exampleToken.id,
    },
  },
  note: ({ body: { rule, name } }) => ({ rule, name }),
  perform: ({ gate, body: { clientIp, referrer, name, rule } }) =>
    orNamed(
      () => tokensOf(gate).mint({ format: 'managed', ip: clientIp, referrer, subject: name, rule }),
      { ip: 'clientIp', subject: 'name' },
    ),
})

const listManaged = operation({
  method: 'GET',
  path: '/tokens/managed',
  id: 'listManagedTokens',
  tag: 'Tokens',
  summary: 'The tokens that the store keeps',
  description: 'Managed ones, and timed ones of rules that want them revocable; never their texts.',
  querySchema: tokenFilter,
  answerSchema: keptTokenList,
  status: 200,
  problems: [503],
  examples: { answer: { tokens: [exampleToken], next: null } },
  perform: ({ gate, query }) => orBadRequest(RangeError, () => tokensOf(gate).list(query)),
})

const revokeOne = operation({
  method: 'DELETE',
  path: '/tokens/managed/{tokenId}',
  id: 'revokeManagedToken',
  tag: 'Tokens',
  summary: 'Revoke one token',
  description:
    'On this process at once, everywhere within a second, and so are the sessions that it opened. Revoking it again changes nothing.',
  pathSchema: tokenPath,
  answerSchema: revokedCount,
  status: 200,
  problems: [503],
  examples: { answer: { revoked: 1 } },
  note: ({ path }) => path,
  perform: async ({ gate, path: { tokenId } }) => ({
    revoked: await tokensOf(gate).revoke({ tokens: [tokenId] }),
  }),
})

const revokeOfName = operation({
  method: 'DELETE',
  path: '/tokens/managed',
  id: 'revokeManagedTokensOfName',
  tag: 'Tokens',
  summary: 'Revoke all tokens of a name',
  description: 'The same as `revokeTokens` with a `name`.',
  querySchema: nameQuery,
  answerSchema: revokedCount,
  status: 200,
  problems: [503],
  examples: { answer: { revoked: 3 } },
  note: ({ query }) => query,
  perform: async ({ gate, query }) => ({ revoked: await tokensOf(gate).revoke(query) }),
})

const revokeMany = operation({
  method: 'POST',
  path: '/tokens/revoke',
  id: 'revokeTokens',
  tag: 'Tokens',
  summary: 'Revoke tokens: a list, all of a name, all of a realm, or all timed ones of a key',
  bodySchema: revokeSelector,
  answerSchema: revokedCount,
  status: 200,
  problems: [503],
  examples: { body: { name: 'viewer-17' }, answer: { revoked: 3 } },
  note: ({ body: { tokens, ...rest } }) => ({ ...rest, tokens: tokens?.length }),
  perform: ({ gate, body }) =>
    orBadRequest(TypeError, async () => ({
      revoked: await tokensOf(gate).revoke(body),
    })),
})

export const keptTokenOperations: readonly Operation[] = [
  createTimed,
  createManaged,
  listManaged,
  revokeOfName,
  revokeOne,
  revokeMany,
]
