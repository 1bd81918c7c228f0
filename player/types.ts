import type { Instant } from './clock.ts'
import type { HeldCredential } from './credential.ts'

/** Why a token is asked for. */
export type RenewalReason =
  /** There is none yet. */
  | 'start'
  /** The one in use still works, but ends soon; playback goes on meanwhile. */
  | 'ahead'
  /** The one in use has ended; requests wait. */
  | 'expired'
  /** A server refused the one in use; requests wait. */
  | 'rejected'
  /** The page called `renew()`. */
  | 'manual'

export interface TokenRequest {
  readonly reason: RenewalReason
  /** The token in use until now; `null` at the start. */
  readonly previous: string | null
  /**
   * Aborted when nobody waits for the answer any more, which is also so once there is one; two calls side by side share it.
   * Hand it to `fetch`.
   */
  readonly signal: AbortSignal
}

export interface TokenAnswer {
  readonly token: string
  /**
   * Seconds of life left, by the issuer's clock. Without it the `exp` field of the token is believed, as far
   * as the clock of this machine can be.
   */
  readonly expiresIn?: number
  /** The same, by the name that Playgate's own answers give it. */
  readonly expiresInSeconds?: number
  /** The name under which requests carry this token. */
  readonly parameter?: string
}

/** Where requests carry the token. */
export type Transport = 'query' | 'header' | 'cookie' | 'path'

export interface SessionOptions {
  /**
   * Asks your own server for an access token (or a session token). Called for the first token and for
   * each renewal, and not again before it has answered or its `signal` is aborted; only when the token ends while
   * the call that ran ahead is still out, a second one is made beside it, the first answer counts, and the other's
   * `signal` is aborted. When it throws it is
   * called again, with growing pauses, until `timeoutMs` is over; an error with a `status` from `renewOn` is a
   * final no.
   *
   * Left out: the access token stands in the source URL, and a refusal cannot be recovered from.
   */
  readonly getToken?: (request: TokenRequest) => Promise<string | TokenAnswer>
  /**
   * Where tokens may go, as `scheme://host[:port]`. All other hosts get requests as the player made them.
   * @default the origin of the first source
   */
  readonly origins?: readonly string[]
  /**
   * Where requests carry the token. `header` costs a preflight for each URL on another origin, and a
   * redirect takes the header along. With `cookie` the browser carries the session token, and requests
   * are made with credentials. `path` puts it in front of the path.
   * @default 'query'
   */
  readonly transport?: Transport
  /**
   * The name under which requests carry the tokens of `getToken`, and of which URLs are freed once there is
   * a newer token.
   * @default 'hdnts', or 'hdntl' for a token whose `data` field is `hdntl`
   */
  readonly parameter?: string
  /**
   * The share of a token's life, 0 to less than 1, that is left when it is renewed in the background. For
   * each session it is up to a quarter less, so that an audience does not renew in the same second.
   * @default 1/3
   */
  readonly renewAhead?: number
  /**
   * The longest that a request waits for a token, in milliseconds; some 24 days at most, as with all timers of
   * browsers. @default 10_000
   */
  readonly timeoutMs?: number
  /** The statuses that mean "this token is refused". @default [401, 403] */
  readonly renewOn?: readonly number[]
  /**
   * Leaves the token in the URL that the player takes for the playlist's own. Needed for playlists with
   * `EXT-X-DEFINE:QUERYPARAM`; the price is a token in the player's events and logs.
   * @default false
   */
  readonly keepTokenInResponseUrl?: boolean
  /**
   * Where a session token is prolonged with a fresh access token, relative to the source; `false`: nowhere,
   * so that requests carry the access token itself.
   * @default '/_playgate/session'
   */
  readonly exchange?: string | false
}

/** A token and the name under which requests carry it. */
export interface Credential {
  readonly token: string
  readonly parameter: string
}

/** A request as events tell it: the URL has no query and no token. */
export interface RequestNote {
  readonly url: string
  /** Such as `manifest`, `level`, `media-fragment`, `key`. */
  readonly type: string
  /** Of the refusal that the request met last; 0 before. */
  readonly status: number
}

/** What a refusal of Playgate's says. */
export interface Problem {
  readonly reason: string
  /** `session-limit`: the viewer's other sessions, which have all the places. */
  readonly sessions:
    | readonly {
        readonly sessionId: string
        /** What is played there. */
        readonly path: string
        readonly userAgent: string
        /** ISO 8601. */
        readonly openedAt: string
        readonly seenAt: string
      }[]
    | undefined
  /**
   * `session-limit`: ends one of them, once, when it is sent within five minutes as `{ endRight, sessionId }` to
   * `POST /_playgate/session/end`. Then `renew()`, and load the source again.
   */
  readonly endRight: string | undefined
}

/** What listeners are told. Nothing in it holds a token; an `error` that the page threw is passed as it is. */
export interface SessionEvents {
  /** A token is being asked for. */
  renewing: { readonly reason: RenewalReason }
  /** A new token is in use. */
  renewed: { readonly reason: RenewalReason }
  /** A request waits for a token. */
  held: RequestNote
  /** A request was refused; unless `denied` follows, it is tried once more. */
  rejected: RequestNote
  /** A refused request went well with the next token. */
  recovered: RequestNote
  /**
   * The last word: every request fails from here on, until the page calls `renew()`. One that somebody ended
   * (`session-ended`) cannot go on: it takes a new session.
   */
  denied: {
    readonly status: number
    /** The public reason of the refusal, when it had one: `session-ended`, `session-limit`, … */
    readonly reason: string | undefined
  } & Pick<Partial<Problem>, 'sessions' | 'endRight'>
  /** `getToken` or the exchange failed; it may be tried again. */
  error: { readonly error: unknown }
}

/** `idle`: no token yet; `denied` and `destroyed`: no requests any more. */
export type SessionState = 'idle' | 'ready' | 'renewing' | 'denied' | 'destroyed'

/** One playback session, shared by all loaders and players of it. */
export interface Session {
  readonly state: SessionState
  /**
   * Seconds of life left of the token in use, negative when it has ended, `Infinity` when not known;
   * `null` without a token.
   */
  readonly expiresIn: number | null
  /**
   * The token in use, after a wait when there is none that works; `null` when there is neither a token nor
   * a `getToken`. Rejects when there is none in time, and at once after `denied`.
   */
  get(): Promise<Credential | null>
  /**
   * Asks for a new token now, even after `denied`, and joins a renewal that requests wait for. Without
   * `getToken` it only forgives the denial.
   */
  renew(): Promise<Credential | null>
  /** Listens to an event. Call what it returns to stop. */
  on<Name extends keyof SessionEvents>(
    event: Name,
    listener: (detail: SessionEvents[Name]) => void,
  ): () => void
  /** Forgets the token and the listeners. Requests fail from here on. */
  destroy(): void
  /** For adapters to players; pages have no use for it. */
  readonly port: SessionPort
}

/** An answer as hls.js hands it over: an `XMLHttpRequest`, a `Response`, or what a loader of the page made up. */
export interface AnswerDetails {
  readonly getAllResponseHeaders?: () => string
  readonly response?: string | ArrayBuffer
  readonly headers?: Headers
  readonly clone?: () => Response
}

/** What a player adapter needs of a session. */
export interface SessionPort {
  /** Requests need the browser's cookies. */
  readonly hasCookie: boolean
  clock(): Instant
  /**
   * May this URL have the token? The first source seen decides when the page named no origins.
   *
   * @returns the URL as events may tell it; `null`: the request is none of ours
   */
  admit(url: string, isSource?: boolean): string | null
  /**
   * The credential for a request: at once when there is one, or none to be had; else when it has come.
   * Rejects with `code` 403 when the session is closed, without `code` when there was none in time.
   */
  take(): HeldCredential | null | Promise<HeldCredential | null>
  /** The same request with the credential in it. */
  place<Request extends { url: string; headers?: Record<string, string> }>(
    request: Request,
    credential: HeldCredential,
  ): Request
  /**
   * The request went well; a session token that came with the answer is used from now on.
   *
   * @param sent when the request was sent
   * @param url where the answer came from
   * @param header the value of `Playgate-Session`
   * @param details the answer itself, for `learnHeaders`
   * @returns that URL without our token
   */
  learn(
    credential: HeldCredential | null,
    sent: Instant,
    url: string,
    header: string | null | undefined,
    details?: AnswerDetails | null,
  ): string
  /**
   * @param before the status of an earlier refusal of the same request, or 0
   * @returns what to try the request with once more; `null`: the refusal is to be handed on. It may reject
   *   like `take`.
   */
  refused(
    credential: HeldCredential | null,
    note: SessionEvents['rejected'],
    problem: Promise<unknown>,
    before: number,
  ): Promise<HeldCredential | null>
  /** The statuses that `refused` wants to hear of. */
  readonly renewOn: readonly number[]
  tell<Name extends keyof SessionEvents>(event: Name, detail: SessionEvents[Name]): void
}
