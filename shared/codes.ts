/**
 * The closed list of reasons that a client may be told (design section 4). What was checked, and with
 * which outcome, goes to the log and to `explain`, never into the answer.
 */
export type PublicReason =
  | 'token-missing'
  | 'token-refused'
  | 'token-expired'
  | 'policy-refused'
  | 'remote-refused'
  | 'session-limit'
  | 'session-ended'
  | 'store-unavailable'
  | 'origin-unavailable'
  | 'bad-request'

interface ReasonFacts {
  /** HTTP status unless the rule's `denial` says otherwise; `null`: the rule decides. */
  readonly status: number | null
  /** Would a fresh access token help? Told to the client as `renew`. */
  readonly renew: boolean
}

/** Everything that is the same for every refusal with that reason. */
export const reasons: Readonly<Record<PublicReason, ReasonFacts>> = {
  'token-missing': { status: null, renew: true },
  'token-refused': { status: null, renew: true },
  'token-expired': { status: null, renew: true },
  'policy-refused': { status: null, renew: false },
  'remote-refused': { status: null, renew: false },
  'session-limit': { status: null, renew: false },
  'session-ended': { status: null, renew: false },
  'store-unavailable': { status: 503, renew: false },
  'origin-unavailable': { status: 502, renew: false },
  'bad-request': { status: 400, renew: false },
}

/** Codes carried by the errors this package throws. */
export type ErrorCode =
  | 'ERR_REQUEST_TARGET'
  | 'ERR_TOKEN_MISSING'
  | 'ERR_TOKEN_REFUSED'
  | 'ERR_ORIGIN_UNAVAILABLE'
  | 'ERR_ORIGIN_PLAYLIST'
  | 'ERR_STORE_UNAVAILABLE'
  | 'ERR_OPTION'

interface PlaybackErrorOptions {
  readonly code: ErrorCode
  readonly reason: PublicReason
  /** Overrides the status of the reason: 504 for a silent origin, 414 for a long target, … */
  readonly status?: number
  /** For the log: which check, and what it found. Must never hold a token. */
  readonly detail: string
  readonly headers?: Readonly<Record<string, string>>
  /** Further members of the problem document (RFC 9457 section 3.2): told to the client. */
  readonly members?: Readonly<Record<string, unknown>>
  /** A limit of ours that was reached, by the name that log and figures have for it: no failure, whatever the status. */
  readonly limit?: string
  readonly cause?: unknown
}

/**
 * A request that cannot be served. Owns everything its answer needs, because Koa wipes the headers that
 * were set before a throw.
 */
export class PlaybackError extends Error {
  override readonly name = 'PlaybackError'
  readonly code: ErrorCode
  readonly reason: PublicReason
  readonly status: number | null
  readonly headers: Readonly<Record<string, string>>
  readonly members: Readonly<Record<string, unknown>>
  readonly limit: string | null

  constructor(options: PlaybackErrorOptions) {
    super(options.detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = options.code
    this.reason = options.reason
    this.status = options.status ?? reasons[options.reason].status
    this.headers = options.headers ?? {}
    this.members = options.members ?? {}
    this.limit = options.limit ?? null
  }
}

/** A mistake in the options, found when they are judged. Its message begins with the option's path. */
export class OptionError extends TypeError {
  override readonly name = 'OptionError'
  readonly code = 'ERR_OPTION'
  /** Each mistake: where it stands and what is wrong. */
  readonly problems: readonly OptionProblem[]

  constructor(problems: readonly OptionProblem[]) {
    super(problems.map(({ path, message }) => `${path || 'configuration'}: ${message}`).join('\n'))
    this.problems = problems
  }
}

export interface OptionProblem {
  /** Such as `rules[0].access.key`; empty for the whole. */
  readonly path: string
  readonly message: string
}
