import type { EpochSeconds } from '../../shared/units.ts'
import type { EctokenParams } from '../token/ectoken-params.ts'

/** What a proven access token allows, whatever its format: no session is wider than this. */
export interface AccessClaims {
  /** `null`: it never ends by itself. */
  readonly endTime: EpochSeconds | null
  /** Left out: it names no paths, and a session reaches as far as the directory of its playlist. */
  readonly acl?: string
  readonly ip?: string
  /** Whose it is, escaped as in an EdgeAuth token. */
  readonly sessionId?: string
  readonly payload?: string
  /** The approval of the site's own server: of one rule, see `approvalMark`. */
  readonly approvedBy?: string
  /** Streams of its subject at a time, as the site's own server says; the rule may allow fewer. */
  readonly maxConcurrent?: number
  /** What else it asks of every request. */
  readonly demands?: Demands
}

/**
 * What EdgeAuth has no words for: address blocks, countries, hosts, referrers, protocols. Said in the words of the
 * ectoken, and carried in the session token, so that a session is no wider than the access token behind it (threat T24).
 */
export interface Demands {
  /** Without `ec_expire` and `ec_url_allow`, which a session token says in its own way. */
  readonly params: EctokenParams
  readonly ignoreCase: boolean
  readonly denyUnknownCountry: boolean
}
