import { z } from 'zod'
import { accessFormats } from '../options/options.ts'
import type { InspectedToken } from '../session/inspect-token.ts'
import type { MintAccessOptions } from '../session/mint-access.ts'
import type { KeptMint, TokenList, TokenView } from '../session/tokens.ts'
import { tokenIdForm } from '../store/token-store.ts'
import { askedHeaders } from './schemas.ts'

/** What the admin API takes and answers about access tokens: see `schemas.ts`. */

const time = z.iso.datetime()
const format = z.enum(accessFormats)
const tokenText = z.string().min(1).max(8192)
const tokenId = z.string().regex(tokenIdForm, 'no id of a token').describe('Id of a token')
const name = z.string().min(1).max(256)
const realm = z.string().min(1).max(64)

const ruleName = z
  .string()
  .optional()
  .describe('Name of a rule. Left out: the first that serves something of it')
const client = z
  .string()
  .max(64)
  .optional()
  .describe('Who may use it: an address, a CIDR block, or whole bytes with a dot behind: `211.37.`')
const referrer = z
  .string()
  .max(253)
  .optional()
  .describe('Whose pages may use it: a domain, subdomains included')
const lifeSeconds = z.int().min(60).max(604_800).describe('Seconds from now until the token ends')

export const mintRequest = z
  .strictObject({
    format: format.optional().describe('Left out: the first that the rule takes'),
    path: z
      .union([z.string(), z.array(z.string()).min(1)])
      .optional()
      .describe(
        'ACL, one pattern or several: `*` any run of characters, `?` one. Left out: all that the rule matches',
      ),
    ttlSeconds: z
      .int()
      .min(1)
      .optional()
      .describe('Seconds from now until the token ends; managed tokens alone have no end'),
    subject: z
      .string()
      .optional()
      .describe(
        'Who it is for; goes over into the session. Not for ectokens and sealed timed tokens',
      ),
    ip: client,
    payload: z.string().optional().describe('Carried along as `data` of an EdgeAuth token'),
    referrer,
    params: z
      .partialRecord(
        z.enum([
          'ec_country_allow',
          'ec_country_deny',
          'ec_host_allow',
          'ec_host_deny',
          'ec_ref_allow',
          'ec_ref_deny',
          'ec_proto_allow',
          'ec_proto_deny',
        ]),
        z.union([z.string(), z.array(z.string()).min(1)]),
      )
      .optional()
      .describe('Further parameters of an ectoken'),
    rule: ruleName,
  })
  .describe('An access token to be minted') satisfies z.ZodType<MintAccessOptions>

export const timedRequest = z
  .strictObject({ lifeSeconds, clientIp: client, referrer, name: name.optional(), rule: ruleName })
  .describe('A timed token to be made. A `name` needs a rule whose timed tokens are revocable')

export const managedRequest = z
  .strictObject({
    name: name
      .optional()
      .describe('Whose it is, such as a user id: its sessions are of this subject'),
    clientIp: client,
    referrer,
    rule: ruleName,
  })
  .describe('A managed token to be made: without an end, and revocable')

export const mintedToken = z
  .object({
    token: z.string(),
    format,
    parameter: z
      .string()
      .describe('The name under which requests carry it; empty: it is the query string, bare'),
    rule: z.string(),
    expiresAt: z.int().nullable().describe('Seconds since 1970; null: it has no end'),
    id: tokenId.nullable().describe('By which it is revoked; null where nobody keeps it'),
  })
  .describe('An access token') satisfies z.ZodType<KeptMint>

export const keptToken = z
  .object({
    id: tokenId,
    format: z.enum(['managed', 'timed']),
    realm: z.string(),
    name: z.string().nullable(),
    ip: z.string().nullable(),
    referrer: z.string().nullable(),
    createdAt: time,
    endsAt: time.nullable().describe('null: it has no end'),
    usedAt: time.nullable().describe('Told to a minute; null: not used yet'),
  })
  .describe('A token that the store keeps; never its text') satisfies z.ZodType<TokenView>

export const keptTokenList = z
  .object({
    tokens: z.array(keptToken).describe('The latest made first'),
    next: z.string().nullable().describe('`cursor` of the next page; null when there is none'),
  })
  .describe('A page of tokens that the store keeps') satisfies z.ZodType<TokenList>

export const tokenPath = z.strictObject({ tokenId })

export const tokenFilter = z.strictObject({
  name: name.optional(),
  realm: realm.optional(),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'not a whole number')
    .transform(Number)
    .pipe(z.int().min(1).max(1000))
    .optional()
    .describe('Tokens a page. Left out: 100'),
  cursor: z.string().min(1).max(1024).optional().describe('`next` of the page before'),
})

export const nameQuery = z.strictObject({
  name: name.describe('Whose tokens to revoke'),
  realm: realm.optional(),
})

export const revokeSelector = z
  .strictObject({
    tokens: z.array(tokenText).min(1).max(1000).optional().describe('Their texts, or their ids'),
    name: name.optional().describe('All of that name'),
    all: z.literal(true).optional().describe('All that are kept for a realm'),
    realm: realm.optional().describe('With `name` or `all`. Left out with `all`: `default`'),
    timedOfKey: z
      .string()
      .min(1)
      .optional()
      .describe('Name of a key: all timed tokens that were sealed with it so far'),
  })
  .describe('Which tokens to revoke: exactly one of tokens, name, all and timedOfKey')
  .meta({
    oneOf: [
      { required: ['tokens'] },
      { required: ['name'] },
      { required: ['all'] },
      { required: ['timedOfKey'] },
    ],
  })

export const revokedCount = z
  .object({
    revoked: z
      .int()
      .min(0)
      .describe(
        'How many of them the store knew; sealed tokens, which it does not know, are not counted',
      ),
  })
  .describe('How many tokens were revoked')

export const inspectRequest = z
  .strictObject({
    token: tokenText,
    path: z.string().max(8192).optional().describe('Left out: its paths are not judged'),
    query: z.string().max(8192).optional().describe('Without the `?`'),
    headers: askedHeaders.optional(),
    clientAddress: z.string().max(64).optional().describe('Left out: its address is not judged'),
  })
  .describe('A token to be taken apart')

export const inspectedToken = z
  .object({
    format,
    kind: z.enum(['access', 'session']),
    fields: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('What it says; null: nothing here can open it'),
    verdicts: z.array(
      z.object({
        rule: z.string(),
        valid: z.boolean(),
        key: z.enum(['primary', 'transition']).optional(),
        reason: z.string().optional(),
        detail: z.string(),
      }),
    ),
  })
  .describe('What a token says, and what each rule says to it') satisfies z.ZodType<InspectedToken>
