import { z } from 'zod'
import { remoteSchema } from '../remote/options.ts'

/**
 * The shape of the configuration (design section 3), as a person writes it. What a value means beyond its
 * shape (does that key exist? is it long enough?) is judged in `judge-options.ts`.
 */

const secret = z
  .string()
  .describe('the value itself, `env:NAME`, or `file:PATH` relative to the configuration file')
const count = z.int().nonnegative()
const port = z.int().min(0).max(65_535)

/** RFC 9110 section 5.6.2, token. */
const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'not a header name (RFC 9110 section 5.6.2)')
  .max(64, 'a header name of more than 64 characters')

/**
 * Names that may stand in a query, a cookie and a header alike. `_HLS_` is reserved for delivery
 * directives (rfc8216bis section 6.2.5); `-` is left out because Shaka's variables match `\w*` only.
 */
const parameterName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'not a parameter name: letters, digits and _, at most 64')
  .refine((name) => !name.startsWith('_HLS_'), 'names that begin with _HLS_ are reserved')

const accessCarriers = z
  .array(z.enum(['query', 'cookie', 'header']))
  .min(1)
  .default(['query', 'cookie', 'header'])

const edgeauthAccess = z.strictObject({
  format: z.literal('edgeauth'),
  key: z.string(),
  parameter: parameterName.default('hdnts'),
  carriers: accessCarriers,
  algorithm: z.enum(['sha256', 'sha1', 'md5']).default('sha256'),
  salt: secret.default(''),
  escapeEarly: z.boolean().default(false),
  escapeProfile: z.enum(['akamai-node', 'akamai-python']).default('akamai-node'),
  ignoreQueryString: z.boolean().default(false),
  clockSkewSeconds: count.max(300).default(0),
  singleUse: z.boolean().default(false),
  singleUseGraceSeconds: count.max(60).default(0),
  maxLifetimeSeconds: count.positive().default(86_400),
})

const ectokenAccess = z.strictObject({
  format: z.literal('ectoken'),
  key: z.string(),
  parameter: z
    .union(
      [z.literal(''), parameterName],
      "neither '' (the bare query string) nor a parameter name",
    )
    .refine((name) => name !== 'ec_token', 'ec_token is not taken as a name (token-formats 2.2)')
    .default(''),
  carriers: accessCarriers,
  ignoreCase: z.boolean().default(false),
  denyUnknownCountry: z.boolean().default(false),
  allowUnrestricted: z.boolean().default(false),
  /** Left out: as in the format, a token without an end is good for ever. */
  maxLifetimeSeconds: count.positive().optional(),
})

/** Which rules share their tokens: those of one realm. */
const realm = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'letters, digits, . _ and -, at most 64')
  .default('default')

const timedAccess = z.strictObject({
  format: z.literal('timed'),
  key: z.string().optional(),
  parameter: parameterName.default('token'),
  carriers: accessCarriers,
  revocable: z.boolean().default(false),
  realm,
})

const managedAccess = z.strictObject({
  format: z.literal('managed'),
  key: z.string().optional(),
  parameter: parameterName.default('token'),
  carriers: accessCarriers,
  realm,
})

const access = z.discriminatedUnion('format', [
  edgeauthAccess,
  ectokenAccess,
  timedAccess,
  managedAccess,
])

const entries = z.array(z.string().max(1024)).max(1024).default([])
const allowDeny = z.strictObject({ allow: entries, deny: entries }).prefault({})

const restrict = z.strictObject({
  countries: z
    .strictObject({ allow: entries, deny: entries, allowUnknown: z.boolean().default(false) })
    .prefault({}),
  referrers: allowDeny,
  hosts: allowDeny,
  protocols: allowDeny,
  addresses: allowDeny,
})

const session = z.strictObject({
  carrier: z
    .array(z.enum(['query', 'define', 'path', 'cookie', 'header', 'player']))
    .min(1)
    .default(['query']),
  key: z.string().optional(),
  parameter: parameterName.default('hdntl'),
  salt: secret.default(''),
  saltHeaders: z
    .array(headerName)
    .max(16)
    .default(['User-Agent', 'X-Playback-Session-Id', 'Origin']),
  maxLifetimeSeconds: count.positive().max(86_400, 'at most a day').default(86_400),
  slackSeconds: count.max(86_400).default(300),
  cast: z.boolean().default(false),
  slidingSeconds: z
    .union(
      [z.literal(0), z.int().min(30).max(86_400)],
      '0, or 30 to 86400: players buffer for so long',
    )
    .default(0),
  reach: z.array(z.string()).max(64).default([]),
  maxConcurrent: count.default(0),
  onLimit: z.enum(['deny', 'end-oldest']).default('deny'),
  idleSeconds: count.positive().max(86_400, 'at most a day').default(60),
})

const publicReason = z.enum([
  'token-missing',
  'token-refused',
  'token-expired',
  'policy-refused',
  'remote-refused',
  'session-limit',
  'session-ended',
])
const denialStatus = z
  .int()
  .refine(
    (status) => [301, 302, 303, 307, 308].includes(status) || (status >= 400 && status <= 499),
    'a refusal is a 4xx, or a redirect (301, 302, 303, 307, 308) with `location`',
  )

const rule = z.strictObject({
  name: z.string().min(1).max(64).optional(),
  match: z
    .strictObject({
      hosts: z.array(z.string().min(1)).min(1).optional(),
      paths: z
        .array(z.string().startsWith('/', 'a path pattern begins with /'))
        .min(1)
        .default(['/*']),
      ignoreCase: z.boolean().default(false),
    })
    .prefault({}),
  origin: z.string().min(1),
  stripPrefix: z
    .string()
    .regex(/^(\/[^/?#*]+)*$/, 'begins with /, and does not end with one')
    .default(''),
  literalSemicolons: z.boolean().default(false),
  open: z.boolean().default(false),
  mode: z.enum(['off', 'log', 'enforce']).default('enforce'),
  access: z
    .preprocess(
      (value) => (value === undefined || Array.isArray(value) ? value : [value]),
      z.array(access).max(8),
    )
    .optional(),
  session: session.optional(),
  restrict: restrict.optional(),
  remoteAuth: z.string().optional(),
  cors: z.strictObject({ origins: z.array(z.string().min(1)).max(256) }).optional(),
  denial: z
    .strictObject({
      status: denialStatus.default(403),
      location: z.string().nullable().default(null),
      byReason: z.partialRecord(publicReason, denialStatus).default({}),
    })
    .prefault({}),
})

export const configurationSchema = z.strictObject({
  listen: z
    .strictObject({ host: z.string().min(1).default('127.0.0.1'), port: port.default(8080) })
    .prefault({}),
  workers: z.union([z.literal('auto'), count.positive().max(1024)]).default(1),
  trustedProxies: z.array(z.string()).max(1024).default([]),
  store: secret.default('memory:'),
  admin: z.strictObject({ token: secret }).optional(),
  authorize: z.strictObject({ secret }).optional(),
  geoip: z
    .union(
      [z.strictObject({ database: z.string().min(1) }), z.strictObject({ header: headerName })],
      'either { database: FILE } or { header: NAME }',
    )
    .optional(),
  keys: z
    .record(z.string(), z.strictObject({ primary: secret, transition: secret.optional() }))
    .default({}),
  cache: z
    .strictObject({
      playlistBytes: count.default(67_108_864),
      segmentBytes: count.default(268_435_456),
    })
    .prefault({}),
  remotes: z
    .record(
      z.string().regex(/^[\w.-]{1,64}$/, 'letters, digits, . _ and -, at most 64'),
      remoteSchema,
    )
    .default({}),
  rules: z.array(rule).min(1, 'at least one rule, or nothing is served').max(1024),
})

/** The configuration as it is written: every key with a default may be left out. */
export type Configuration = z.input<typeof configurationSchema>
/** The configuration with its defaults, not yet judged beyond its shape. */
export type ShapedConfiguration = z.output<typeof configurationSchema>
export type ShapedRule = ShapedConfiguration['rules'][number]
