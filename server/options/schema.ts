import { z } from 'zod'

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

const edgeauthAccess = z.strictObject({
  format: z.literal('edgeauth'),
  key: z.string(),
  parameter: parameterName.default('hdnts'),
  carriers: z
    .array(z.enum(['query', 'cookie', 'header']))
    .min(1)
    .default(['query', 'cookie', 'header']),
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
  slidingSeconds: count.default(0),
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
      z.array(edgeauthAccess).max(8),
    )
    .optional(),
  session: session.optional(),
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
  keys: z
    .record(z.string(), z.strictObject({ primary: secret, transition: secret.optional() }))
    .default({}),
  cache: z
    .strictObject({
      playlistBytes: count.default(67_108_864),
      segmentBytes: count.default(268_435_456),
    })
    .prefault({}),
  rules: z.array(rule).min(1, 'at least one rule, or nothing is served').max(1024),
})

/** The configuration as it is written: every key with a default may be left out. */
export type Configuration = z.input<typeof configurationSchema>
/** The configuration with its defaults, not yet judged beyond its shape. */
export type ShapedConfiguration = z.output<typeof configurationSchema>
export type ShapedRule = ShapedConfiguration['rules'][number]

/**
 * Options of the design that this version does not carry out. To take them and do nothing would be a
 * silent hole, so they are refused by name. Read on the raw value, before the shape is judged.
 */
export const notYetAvailable: ReadonlyArray<{
  /** `[]` behind a name stands for each entry. */
  readonly path: string
  /** Values that change nothing and may stand. */
  readonly unless?: readonly unknown[]
  /** The values meant; any other is judged as usual. */
  readonly only?: readonly unknown[]
}> = [
  { path: 'geoip' },
  { path: 'remotes' },
  { path: 'rules[].remoteAuth' },
  { path: 'rules[].restrict' },
  { path: 'rules[].access[].format', only: ['ectoken', 'timed', 'managed'] },
  { path: 'rules[].session.carrier[]', only: ['define'] },
  { path: 'rules[].session.slidingSeconds', unless: [0] },
]
