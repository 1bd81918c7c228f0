import type { KeyObject } from 'node:crypto'
import { decodeOnce } from '../../shared/query.ts'
import { isAmbiguousPath } from '../../shared/request-target.ts'
import { parseTokenText, type TokenFields } from '../../shared/token-text.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import type { ClaimAnswer } from '../claim/answer.ts'
import { checkClientIp } from '../claim/client-ip.ts'
import { checkPathAcl } from '../claim/path-acl.ts'
import { checkTimeWindow } from '../claim/time-window.ts'
import { type Algorithm, hmacDigits } from './algorithm.ts'
import { type EscapeProfile, escapeEarly } from './escape.ts'
import { isMac } from './mac.ts'
import { signedText } from './signed-text.ts'
import { proven, type Verified } from './verified.ts'

/**
 * What a token was found to say. Texts are exactly as in the token, which does not tell whether they were
 * escaped: decode `ip`, `sessionId` and `payload` once if the generator escapes.
 */
export interface EdgeauthClaims {
  readonly ip?: string
  readonly startTime?: EpochSeconds
  readonly endTime: EpochSeconds
  /** Left out: a URL token, good for the URL it was verified with. */
  readonly acl?: string
  readonly sessionId?: string
  readonly payload?: string
}

/** Why a token is refused; the first of the checks of spec/token-formats section 1.5 that fails. */
export type EdgeauthReason =
  | 'malformed'
  | 'path_not_allowed'
  | 'bad_signature'
  | 'not_yet_valid'
  | 'expired'
  | 'ip_mismatch'

/** How one kind of token is verified: read from the options once, used for every request. */
export interface EdgeauthScheme {
  /** In the order in which they are tried: primary, then transition. */
  readonly keys: readonly KeyObject[]
  readonly algorithm: Algorithm
  /** How the URL is escaped before signing; null: not at all. */
  readonly urlEscape: EscapeProfile | null
  readonly ignoreQueryString: boolean
  readonly clockSkewSeconds: number
}

/** What the signature of a token may be bound to. */
export interface ProofSubject {
  /** Raw path of the request, without token. */
  readonly path: string
  /** Raw query without `?` and without the token's own parameter; '' for none. */
  readonly query: string
  /** '' for none. */
  readonly salt: string
}

/** Who asks, when, and for what. */
export interface ClaimFacts {
  readonly path: string
  readonly clientIp: string | undefined
  readonly now: EpochSeconds
  readonly clockSkewSeconds: number
}

export interface EdgeauthRequest extends ProofSubject {
  readonly clientIp: string | undefined
  readonly now: EpochSeconds
}

export interface EdgeauthRefusal {
  readonly ok: false
  readonly reason: EdgeauthReason
  /** For the log. Holds nothing of the token. */
  readonly detail: string
}

export interface EdgeauthProof {
  readonly ok: true
  readonly claims: Verified<EdgeauthClaims>
  /** Which key signed: 0 the primary, 1 the transition key. */
  readonly keyIndex: number
  /** The text that verified: as received, or decoded once. One token has one such text. */
  readonly token: string
}

function refuse(reason: EdgeauthReason, detail: string): EdgeauthRefusal {
  return { ok: false, reason, detail }
}

function claimsOf({ ip, st, exp, acl, id, data }: TokenFields): EdgeauthClaims {
  return {
    endTime: exp,
    ...(ip !== undefined && { ip }),
    ...(st !== undefined && { startTime: st }),
    ...(acl !== undefined && { acl }),
    ...(id !== undefined && { sessionId: id }),
    ...(data !== undefined && { payload: data }),
  }
}

/** The URL as its generator signed it. */
function signedUrl(scheme: EdgeauthScheme, subject: ProofSubject): string {
  const hasQuery = !scheme.ignoreQueryString && subject.query !== ''
  const url = hasQuery ? `${subject.path}?${subject.query}` : subject.path
  return scheme.urlEscape === null ? url : escapeEarly(url, scheme.urlEscape)
}

/** Half a surrogate pair has no UTF-8 and cannot be escaped; no request line holds one. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

/**
 * Form, path and signature: steps 1 to 3 of spec/token-formats section 1.5. For an ACL token the outcome
 * depends on its text and the salt alone and may be remembered; `judgeClaims` is due for each request.
 */
export function proveToken(
  text: string,
  scheme: EdgeauthScheme,
  subject: ProofSubject,
): EdgeauthProof | EdgeauthRefusal {
  const parsed = parseTokenText(text, hmacDigits[scheme.algorithm])
  if (!parsed.ok) return refuse('malformed', parsed.detail)
  if (isAmbiguousPath(subject.path) || !isWellFormed(subject.path + subject.query)) {
    return refuse('path_not_allowed', 'an ambiguous path')
  }

  const url = parsed.fields.acl === undefined ? signedUrl(scheme, subject) : null
  const signed = signedText({ fields: parsed.signedText, url, salt: subject.salt })
  const keyIndex = scheme.keys.findIndex((key) => isMac(scheme.algorithm, key, signed, parsed.hmac))
  if (keyIndex < 0) return refuse('bad_signature', 'no key made this signature')
  return { ok: true, claims: proven(claimsOf(parsed.fields)), keyIndex, token: text }
}

/** Time, address and ACL, in this order: steps 4 to 6 of spec/token-formats section 1.5. */
export function judgeClaims(
  claims: Verified<EdgeauthClaims>,
  facts: ClaimFacts,
): ClaimAnswer<EdgeauthReason> {
  const { ip, acl } = claims
  const time = checkTimeWindow(claims, facts)
  if (!time.ok) return time
  const address = ip === undefined ? time : checkClientIp({ ip }, facts)
  if (!address.ok) return address
  return acl === undefined ? address : checkPathAcl({ acl }, facts)
}

/**
 * Proves a token as it came over the wire. Clients and proxies percent-encode tokens, so a text that is
 * no good as received is decoded once, never twice, and checked again as a whole. Decoding first would
 * break tokens whose own escapes were signed (spec/token-formats section 1.5).
 */
export function proveReceived(
  text: string,
  scheme: EdgeauthScheme,
  subject: ProofSubject,
): EdgeauthProof | EdgeauthRefusal {
  const proof = proveToken(text, scheme, subject)
  if (proof.ok || proof.reason === 'path_not_allowed' || !text.includes('%')) return proof
  const retried = proveToken(decodeOnce(text), scheme, subject)
  return !retried.ok && retried.reason === 'malformed' ? proof : retried
}

function judged(
  proof: EdgeauthProof | EdgeauthRefusal,
  scheme: EdgeauthScheme,
  { path, clientIp, now }: EdgeauthRequest,
): EdgeauthProof | EdgeauthRefusal {
  if (!proof.ok) return proof
  const { clockSkewSeconds } = scheme
  const answer = judgeClaims(proof.claims, { path, clientIp, now, clockSkewSeconds })
  return answer.ok ? proof : answer
}

/** The whole of spec/token-formats section 1.5, for the text as it is. */
export function verifyToken(
  text: string,
  scheme: EdgeauthScheme,
  request: EdgeauthRequest,
): EdgeauthProof | EdgeauthRefusal {
  return judged(proveToken(text, scheme, request), scheme, request)
}

/** The same for a text as it came over the wire: see `proveReceived`. */
export function verifyReceived(
  text: string,
  scheme: EdgeauthScheme,
  request: EdgeauthRequest,
): EdgeauthProof | EdgeauthRefusal {
  return judged(proveReceived(text, scheme, request), scheme, request)
}
