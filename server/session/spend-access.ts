import { createHash } from 'node:crypto'
import type { EpochSeconds } from '../../shared/units.ts'
import type { SpendOptions, Spent, Store } from '../store/store.ts'
import type { EdgeauthClaims, EdgeauthScheme } from '../token/edgeauth-verify.ts'
import type { Verified } from '../token/verified.ts'
import type { RequestFacts } from './request-facts.ts'
import { saltFacts } from './salt.ts'

/** What a token was verified with: everything that its signature covers and its claims do not show. */
export interface SpendSubject {
  /** Of the key in the configuration. Primary and transition key share it, and so do keys that share a secret. */
  readonly secretName: string
  readonly scheme: Pick<EdgeauthScheme, 'algorithm' | 'ignoreQueryString'>
  readonly salt: string
  /** Raw path and query as verified: what a URL token is bound to. Of no account for ACL tokens. */
  readonly path: string
  readonly query: string
}

/** The most that `clockSkewSeconds` may be: two rules with one key need not agree about it. */
const maxClockSkewSeconds = 300
/** On top, for the clocks of several machines. */
const marginSeconds = 60

/**
 * The identity of an access token for single use: SHA-256 over what was verified, each part framed by its
 * length, in 43 characters.
 *
 * Two texts of one grant give one id, because the received text takes no part (threat T30). Two grants do not
 * collide, because every signed field does: `id` alone would not do, since sites put their user's or session's
 * name there. Grants that agree in every field are one grant: their texts are equal as well. Whoever mints
 * tokens for single use gives each an `id` of its own.
 */
export function spendId(claims: Verified<EdgeauthClaims>, subject: SpendSubject): string {
  const { secretName, scheme, salt, path, query } = subject
  const isUrlToken = claims.acl === undefined
  // What the signature leaves out must not make one token many.
  const signedQuery = isUrlToken && !scheme.ignoreQueryString ? query : undefined
  return digest('access token', [
    secretName,
    scheme.algorithm,
    salt,
    claims.ip,
    claims.startTime?.toString(),
    claims.endTime.toString(),
    claims.acl,
    claims.sessionId,
    claims.payload,
    isUrlToken ? path : undefined,
    signedQuery,
  ])
}

/**
 * Who spends, for the grace after a lost response: the client's address and the headers that salt its session,
 * as a digest.
 *
 * @param saltHeaders lower case
 */
export function spendBinding(
  facts: Pick<RequestFacts, 'clientAddress' | 'headers' | 'host'>,
  saltHeaders: readonly string[],
): string {
  return digest('client', [facts.clientAddress, saltFacts(facts, { salt: '', saltHeaders })])
}

/**
 * Seconds for which a token has to stay spent: for the rest of its life, by anybody's clock (threat T35). The
 * end that follows is the same whenever the token is spent.
 */
export function keepSecondsFor(claims: Pick<EdgeauthClaims, 'endTime'>, now: EpochSeconds): number {
  return Math.max(claims.endTime - now, 0) + maxClockSkewSeconds + marginSeconds
}

export interface SpendRequest {
  /** Of the verified token: see `spendId`. */
  readonly spendId: string
  readonly claims: Verified<EdgeauthClaims>
  readonly facts: Pick<RequestFacts, 'clientAddress' | 'headers' | 'host'>
  /** Of the rule's session, lower case; `['user-agent']` is a sensible choice where there is none. */
  readonly saltHeaders: readonly string[]
  /** 0: no grace. */
  readonly graceSeconds: number
  readonly now: EpochSeconds
}

/**
 * Uses an access token up: the last of all checks, so that a refused request burns nothing (threat T31).
 * `first` and `repeat` may go on, `spent` is refused.
 *
 * @throws {StoreUnavailable} the first use cannot be proven: refuse
 */
export function spendAccess(store: Store, request: SpendRequest): Promise<Spent> {
  const { claims, facts, saltHeaders, graceSeconds, now } = request
  const options: SpendOptions = {
    keepSeconds: keepSecondsFor(claims, now),
    binding: spendBinding(facts, saltHeaders),
    graceSeconds,
  }
  return store.spend(request.spendId, options)
}

/**
 * Uses the right to end a session up.
 *
 * @param nonce of the verified right
 * @returns whether it was there to be used
 * @throws {StoreUnavailable}
 */
export async function spendRight(
  store: Store,
  nonce: string,
  keepSeconds: number,
): Promise<boolean> {
  const options = { keepSeconds, binding: 'right', graceSeconds: 0 }
  return (await store.spend(`right:${nonce}`, options)) === 'first'
}

/** Absent and empty differ; so do any two lists of parts. */
function digest(purpose: string, parts: readonly (string | undefined)[]): string {
  const hash = createHash('sha256').update(`playgate ${purpose}\n`)
  for (const part of parts) {
    hash.update(part === undefined ? '-;' : `${Buffer.byteLength(part)}:${part};`)
  }
  return hash.digest('base64url')
}
