import { createHash } from 'node:crypto'
import { removeParameters, targetQuery } from '../../shared/query.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import type { EdgeauthAccess } from '../options/options.ts'
import type { SpendOptions, Spent, Store } from '../store/store.ts'
import type { EdgeauthClaims, EdgeauthScheme } from '../token/edgeauth-verify.ts'
import type { Verified } from '../token/verified.ts'
import type { AccessClaims } from './access-claims.ts'
import type { RequestFacts } from './request-facts.ts'
import { saltFacts } from './salt.ts'

/** What a token was verified with: everything that its signature covers and its claims do not show. */
export interface SpendSubject {
  /** Of the secret that made the signature, wherever it stands in the configuration: see `Keyring.secretNames`. */
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

/** The identity of a token that has one text and no other. */
export function sealedId(format: string, secretName: string, token: string): string {
  return digest(format, [secretName, token])
}

/** What this access token was verified with. */
export function spendSubject(
  { keys, scheme, salt, parameter }: EdgeauthAccess,
  { rawPath, target }: Pick<RequestFacts, 'rawPath' | 'target'>,
  keyIndex: number,
): SpendSubject {
  const secretName = keys.secretNames[keyIndex] ?? ''
  return { secretName, scheme, salt, path: rawPath, query: signedQuery(target, parameter) }
}

/** The query as a URL token signs it: its own parameter is no part of it (token-formats section 1.2). */
export function signedQuery(target: string, parameter: string): string {
  return removeParameters(targetQuery(target), [parameter])
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
export function keepSecondsFor(claims: Pick<AccessClaims, 'endTime'>, now: EpochSeconds): number {
  return Math.max(keptUntil(claims) - now, maxClockSkewSeconds + marginSeconds)
}

/** From then on nobody takes the token, by any clock. Seconds since 1970. */
export function keptUntil({ endTime }: Pick<AccessClaims, 'endTime'>): number {
  return (endTime ?? Infinity) + maxClockSkewSeconds + marginSeconds
}

export interface SpendRequest {
  /** Of the verified token: see `spendId`. */
  readonly spendId: string
  readonly claims: Verified<AccessClaims>
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
  return store.spend(request.spendId, optionsFor(request))
}

/**
 * Would `spendAccess` be told that the token was used before? Uses nothing up.
 *
 * @throws {StoreUnavailable}
 */
export function isAccessSpent(store: Store, request: SpendRequest): Promise<boolean> {
  return store.isSpent(request.spendId, optionsFor(request))
}

function optionsFor({ claims, facts, saltHeaders, graceSeconds, now }: SpendRequest): SpendOptions {
  const binding = spendBinding(facts, saltHeaders)
  return { keepSeconds: keepSecondsFor(claims, now), binding, graceSeconds }
}

/**
 * Uses the right to end a session up, for that session: to end the same one once more, when the answer was lost or the store failed in between,
 * it may be used again.
 *
 * @param nonce of the verified right
 * @param keepSeconds for which the right is good by any clock
 * @returns whether it was there to be used
 * @throws {StoreUnavailable}
 */
export async function spendRight(
  store: Store,
  nonce: string,
  sessionId: string,
  keepSeconds: number,
): Promise<boolean> {
  const options = { keepSeconds, binding: sessionId, graceSeconds: keepSeconds }
  return (await store.spend(`right:${nonce}`, options)) !== 'spent'
}

/** A week and a day: longer than any link for another device is remembered. */
const longestBoundSeconds = 8 * 86_400

/**
 * Binds a link for another device to the client that uses it first. For that one it stays good, as often as it asks.
 *
 * @param sessionId of the verified link
 * @param keepSeconds for which there may be links of that id, by any clock
 * @returns whether it is this client's
 * @throws {StoreUnavailable} nobody knows whose it is
 */
export async function bindCast(
  store: Store,
  sessionId: string,
  binding: string,
  keepSeconds: number,
): Promise<boolean> {
  const options = { keepSeconds, binding, graceSeconds: longestBoundSeconds }
  return (await store.spend(`cast:${sessionId}`, options)) !== 'spent'
}

/** Absent and empty differ; so do any two lists of parts. */
function digest(purpose: string, parts: readonly (string | undefined)[]): string {
  const hash = createHash('sha256').update(`playgate ${purpose}\n`)
  for (const part of parts) {
    hash.update(part === undefined ? '-;' : `${Buffer.byteLength(part)}:${part};`)
  }
  return hash.digest('base64url')
}
