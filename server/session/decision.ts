import type { TokenLocation } from '../../shared/carrier.ts'
import type { PublicReason } from '../../shared/codes.ts'
import type { AccessOptions } from '../options/options.ts'
import type { EdgeauthClaims } from '../token/edgeauth-verify.ts'
import type { Verified } from '../token/verified.ts'
import type { AccessClaims } from './access-claims.ts'

/** One thing that was looked at on the way to a decision; for the log and for `explain`, never for clients. */
export interface Check {
  readonly check: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Holds no token. */
  readonly detail: string
}

/** A session token that verified. */
export interface SessionGrant {
  readonly kind: 'session'
  /** As it was signed: decoded once, if a client had escaped it. */
  readonly token: string
  readonly place: TokenLocation
  readonly sessionId: string
  /** Who plays: what the access token had for an `id`. */
  readonly subject: string | null
  /** Which rule's server of the site approved of it, see `approvalMark`; `null`: none was asked, or none answered. */
  readonly approvedBy: string | null
  /** Streams of that subject, where the site's own server set a limit; `null`: it did not. */
  readonly maxConcurrent: number | null
  /** The player said that it fills in variables: it gets playlists that are the same for everybody. */
  readonly fillsVariables: boolean
  /** The session that gave it away as a link for another device. */
  readonly parent?: string
  readonly claims: Verified<EdgeauthClaims>
  /** Which of the scheme's keys signed it. */
  readonly keyIndex: number
}

/** An access token that verified. */
export interface AccessGrant {
  readonly kind: 'access'
  readonly access: AccessOptions
  /** As it was signed: decoded once, if a client had escaped it. */
  readonly token: string
  readonly place: TokenLocation
  readonly claims: Verified<AccessClaims>
  /** Its identity, whatever its text. */
  readonly spendId: string
  /** A session cookie stood beside it and was no good (the one documented fallback). */
  readonly replacesCookie: boolean
}

export interface Refusal {
  readonly kind: 'refused'
  /** Of a session token that verified, and whose session was ended. */
  readonly sessionId?: string
  readonly reason: PublicReason
  readonly detail: string
  /** Too many unknown tokens came from one address: for so long the store is not asked for another one of its. */
  readonly retryAfterSeconds?: number
}

export type Decision = SessionGrant | AccessGrant | Refusal
