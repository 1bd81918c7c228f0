import { z } from 'zod'
import { type PublicReason, reasons } from '../../shared/codes.ts'
import type { Explanation } from '../http/explain.ts'
import type { ExplainRequest } from '../http/explain-request.ts'
import type { LoggedRefusal } from '../http/refusal-log.ts'
import type { EndedCount, SessionList, SessionView } from '../session/sessions.ts'

/**
 * What the admin API takes and answers. Requests are judged by these, and the OpenAPI document is made from them. What is
 * taken is closed: an unknown member is an error. What is answered may grow.
 */

const time = z.iso.datetime()
const text = z.string().min(1).max(1024)
/** Session ids are ours, or those of another edge that shares the key. */
const sessionIdText = z
  .string()
  .regex(/^[!-~]{1,119}$/, 'no session id')
  .describe('Id of a session')
const sessionState = z.enum(['active', 'idle', 'ended'])

export const problem = z
  .looseObject({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string().optional().describe('What is wrong with the request'),
    reason: z
      .enum(Object.keys(reasons) as PublicReason[])
      .optional()
      .describe('One of a closed list'),
    renew: z.boolean().optional(),
    id: z.string().optional().describe('Of the log line that tells more'),
  })
  .describe('A problem document (RFC 9457)')

export const sessionView = z
  .object({
    sessionId: z.string(),
    state: sessionState.describe(
      '`active`: asked for something within a minute; `idle`: it did not; `ended`: it was ended',
    ),
    subject: z.string().nullable().describe('Who: the `id` of the access token'),
    rule: z.string(),
    path: z.string().describe('What: path of the playlist that opened it'),
    client: z.string().describe('Where: address of the client that opened it'),
    userAgent: z.string(),
    openedAt: time,
    seenAt: time.describe('Of its last request'),
    endsAt: time.describe('When its last token ends'),
    requests: z.int().min(0),
    parent: z
      .string()
      .nullable()
      .describe(
        'Id of the session that gave this one away as a link for another device; null for all others',
      ),
  })
  .describe('A session') satisfies z.ZodType<SessionView>

export const sessionList = z
  .object({
    sessions: z.array(sessionView).describe('The latest opened first'),
    next: z
      .string()
      .nullable()
      .describe(
        '`cursor` of the next page; null when there is none. A page may be short and yet have a next one: where few ' +
          'sessions fit the filter, it ends after so many were looked at',
      ),
  })
  .describe('A page of sessions whose last token has not ended') satisfies z.ZodType<SessionList>

export const sessionPath = z.strictObject({ sessionId: sessionIdText })

export const sessionFilter = z.strictObject({
  subject: text.optional().describe('Whose: the `id` of their access tokens'),
  rule: text.optional().describe('Name of a rule'),
  client: text.optional().describe('Address of the client'),
  path: text.optional().describe('What the path begins with'),
  state: z
    .enum([...sessionState.options, 'all'])
    .optional()
    .describe('Left out: all but the ended ones'),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'not a whole number')
    .transform(Number)
    .pipe(z.int().min(1).max(1000))
    .optional()
    .describe('Sessions a page. Left out: 100'),
  cursor: text.optional().describe('`next` of the page before'),
})

export const subjectQuery = z.strictObject({ subject: text.describe('Whose sessions to end') })

export const endSelector = z
  .strictObject({
    subject: text.optional().describe('The `id` of their access tokens'),
    accessToken: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .describe('The access token that opened them; from then on it opens nothing more'),
    key: text.optional().describe('Name of the key of their access tokens'),
    all: z.literal(true).optional(),
    openedBefore: z
      .union([z.iso.datetime({ offset: true }), z.int().min(0).max(281_474_976_710_655)])
      .optional()
      .describe('Only those opened before this time, in ISO 8601 or milliseconds. Left out: now'),
  })
  .describe(
    'Which sessions to end: exactly one of subject, accessToken, key and all, or a subject and a key',
  )
  .meta({
    oneOf: [
      { required: ['subject'] },
      { required: ['accessToken'] },
      { required: ['key'], not: { required: ['subject'] } },
      { required: ['all'] },
    ],
  })

export const endedCount = z
  .object({
    ended: z
      .int()
      .min(0)
      .describe('Sessions that the store knows were running and are ended by it'),
    more: z.boolean().describe('Only the latest sessions were counted; all are ended'),
  })
  .describe('How many sessions were ended') satisfies z.ZodType<EndedCount>

export const endedSession = z
  .object({
    sessionId: z.string(),
    ended: z.literal(true),
    known: z.boolean().describe('Did the store know it? It is ended in any case'),
  })
  .describe('A session that is ended')

/** A field that the client sends several times has a list. */
export const askedHeaders = z.record(
  z.string().min(1).max(256),
  z.union([z.string(), z.array(z.string()).min(1).max(64)]),
)

export const explainRequest = z
  .strictObject({
    url: z
      .string()
      .min(1)
      .max(16_384)
      .describe('An absolute URL, or a path with its query; taken as it stands'),
    method: z.string().min(1).max(32).optional().describe('Left out: GET'),
    headers: askedHeaders.describe('Header fields as the client would send them').optional(),
    clientAddress: z.string().max(64).optional().describe('Left out: 127.0.0.1'),
    viaTrustedProxy: z
      .boolean()
      .optional()
      .describe('A trusted proxy brought it: its country header is believed'),
    now: z
      .int()
      .min(0)
      .max(999_999_999_999_999)
      .optional()
      .describe('Seconds since 1970. Left out: now'),
  })
  .describe('A request to be explained') satisfies z.ZodType<ExplainRequest>

export const check = z.object({
  check: z.string(),
  outcome: z.enum(['passed', 'failed', 'skipped']),
  detail: z.string(),
})

export const explanation = z
  .object({
    rule: z.string().nullable(),
    mode: z.enum(['off', 'log', 'enforce']).nullable(),
    checks: z.array(check).describe('In the order in which the server makes them'),
    answer: z.object({
      outcome: z.enum(['open', 'session', 'access', 'refused', 'not-found']),
      status: z.int().nullable().describe('null where the origin decides'),
      reason: problem.shape.reason.unwrap().nullable(),
      renew: z.boolean().describe('Would a fresh access token help?'),
      detail: z.string(),
    }),
  })
  .describe(
    'Which rule a request would meet, each check, and the answer',
  ) satisfies z.ZodType<Explanation>

export const refusal = z
  .object({
    at: time,
    rule: z.string(),
    method: z.string(),
    host: z.string(),
    path: z.string().describe('Without a token'),
    client: z.string(),
    status: z.int(),
    reason: z.string(),
    detail: z.string().describe('Which check, and what it found'),
    sessionId: z.string().nullable(),
  })
  .describe('A refused request') satisfies z.ZodType<LoggedRefusal>

export const refusalList = z
  .object({ refusals: z.array(refusal).max(200).describe('The latest first') })
  .describe('The latest refusals of this server: of all its processes, and of no other machine')

export const summary = z
  .object({
    version: z.string(),
    now: time.describe('By the clock of the server'),
    sessions: z
      .object({ active: z.int().min(0), idle: z.int().min(0), more: z.boolean() })
      .nullable()
      .describe(
        'Of the latest thousand sessions; `more`: there are further ones. null while the store does not answer',
      ),
    refusals: z
      .object({ lately: z.int().min(0), minutes: z.int(), more: z.boolean() })
      .describe('Refused in the last minutes; `more`: further ones are not remembered'),
    store: z.object({
      kind: z.enum(['memory', 'lmdb', 'redis']),
      isUp: z.boolean(),
      silentSeconds: z
        .number()
        .min(0)
        .nullable()
        .describe('Since it was last heard; null: it never was'),
    }),
    rules: z.array(
      z.object({
        name: z.string(),
        mode: z.enum(['off', 'log', 'enforce']),
        hosts: z.array(z.string()).nullable().describe('null: any'),
        paths: z.array(z.string()),
        hasSessions: z.boolean(),
      }),
    ),
  })
  .describe('What goes on, in a few figures')
export type Summary = z.infer<typeof summary>

/** An OpenAPI document; its own schema is the specification. */
export const apiDescription = z.looseObject({ openapi: z.string() }).describe('This document')
