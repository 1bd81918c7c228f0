import type { LocatedToken } from '../../shared/carrier.ts'
import type { Verified } from '../token/verified.ts'
import type { AccessClaims } from './access-claims.ts'
import type { Refusal } from './decision.ts'
import type { Judging } from './judging.ts'
import type { RequestFacts } from './request-facts.ts'

/** An access token of some format that is good for this request, as far as it says itself. */
export interface ProvenAccess {
  readonly ok: true
  /** As it was made: decoded once, if a client had escaped it. */
  readonly token: string
  readonly claims: Verified<AccessClaims>
  /** Its identity, whatever its text. */
  readonly spendId: string
  /** Milliseconds since 1970; `null` where the format does not say. */
  readonly madeAtMs: number | null
  /** For the log. */
  readonly detail: string
}

export interface FailedAccess extends Pick<Refusal, 'reason' | 'detail' | 'retryAfterSeconds'> {
  readonly ok: false
  /** By its form it is a token of that format: of several refusals, this one is to the point. */
  readonly isOfFormat: boolean
}

/** What has to be known of a format of access tokens: one a file. */
export interface AccessFormat<Access> {
  /** Judges a token: what it was made with, when, and everything that it asks of the request. */
  verify(
    access: Access,
    found: LocatedToken,
    facts: RequestFacts,
    judging: Judging,
  ): ProvenAccess | FailedAccess
  /**
   * Finds out which token it is, whether its time has come, is over, or not; `null` for one that such a rule never takes.
   */
  identify(access: Access, token: string): TokenIdentity | null
}

export interface TokenIdentity
  extends Pick<AccessClaims, 'endTime'>,
    Pick<ProvenAccess, 'spendId' | 'madeAtMs'> {}

export function failed(
  detail: string,
  {
    reason = 'token-refused',
    isOfFormat = true,
    ...more
  }: Partial<Omit<FailedAccess, 'ok' | 'detail'>> = {},
): FailedAccess {
  return { ok: false, reason, detail, isOfFormat, ...more }
}
