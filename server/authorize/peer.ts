import type { PublicReason } from '../../shared/codes.ts'
import type { AddressSet } from '../claim/address-set.ts'
import type { RequestHeaders } from '../session/request-facts.ts'

/** A request of a server that asks, as it came. */
export interface Asked {
  readonly method: string
  /** What stands in the request line behind the endpoint's own path, raw: '', or begins with `/` or `?`. */
  readonly rest: string
  readonly headers: RequestHeaders
  readonly body: string
}

/** What a viewer wants of the server that asks, in the viewer's own bytes wherever the server passes them on. */
export interface Question {
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** Lower case; '' where the server names none. */
  readonly host: string
  /** Raw path and query. */
  readonly target: string
  readonly clientAddress: string
  /** The viewer's, as far as the server passes them on. */
  readonly headers: RequestHeaders
  /** A credential that came without a name. */
  readonly bearer: string | null
  /** nginx: where `X-Accel-Redirect` is to lead; `null`: it only asks. */
  readonly accelPrefix: string | null
}

/** The decision, before it has any server's shape. */
export type Verdict =
  | {
      readonly kind: 'allowed'
      /** Canonical, without a token; the query likewise. */
      readonly path: string
      readonly query: string
      /** Of a session that was opened, or got a fresh token, as far as the server can hand it on. */
      readonly setCookie: string | null
      readonly playgateSession: string | null
      /** Names under which the rule takes tokens. */
      readonly tokenNames: readonly string[]
    }
  /** A preflight needs no token and gets nothing but permission to ask (Fetch section 3.2.2). */
  | { readonly kind: 'preflight' }
  /** There is nothing to decide: the server only tells. */
  | { readonly kind: 'notice' }
  | Denied
  | {
      readonly kind: 'undecided'
      readonly reason: PublicReason | null
      /** Further members of the problem document. */
      readonly members: Readonly<Record<string, unknown>>
      /** Seconds. */
      readonly retryAfter: string
    }

export interface Denied {
  readonly kind: 'denied'
  /** As the rule's `denial` says; for servers that pass it on. */
  readonly status: number
  /** `null`: nothing is served there at all. */
  readonly reason: PublicReason | null
  readonly location: string | null
  /** Further members of the problem document. */
  readonly members: Readonly<Record<string, unknown>>
}

/** Bytes for the server that asked; the body is JSON, a problem document (RFC 9457), or empty. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  /** Members of the problem document. */
  readonly problem?: Readonly<Record<string, unknown>>
}

export interface Surroundings {
  readonly trustedProxies: AddressSet
  /** Milliseconds since 1970. */
  readonly nowMs: number
}

/** A kind of server that asks: how its question reads, and how it wants its answer. Pure. */
export interface Peer {
  /** Where it shows that it may ask. Never a place that viewers write to. */
  readonly proof: 'header' | 'header-or-query' | 'signature'
  /** Stands in the viewer's way: passes headers of ours on to players, and may have cut a token out of the path. */
  readonly isProxy: boolean
  /** Asks below its endpoint: the viewer's own path follows. */
  readonly asksBelow: boolean
  /** Knows streams by names and asks once for each playback; the others ask for every object. */
  readonly asksForStreams: boolean
  /** What of a session it can hand to the player. */
  readonly carries: { readonly cookie: boolean; readonly header: boolean }
  /**
   * @returns `null`: it asks for nothing
   * @throws {PlaybackError} `bad-request` for what is malformed or said twice, `policy-refused` for what is not ours to allow
   */
  read(asked: Asked, surroundings: Surroundings): Question | null
  /** @param question `null` when it could not be read */
  answer(verdict: Verdict, question: Question | null): Answer
}
