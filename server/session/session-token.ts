import { createHash, type KeyObject } from 'node:crypto'
import { directoryAcl, isAclWithinBounds } from '../../shared/acl.ts'
import { decodeOnce } from '../../shared/query.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import type { SessionOptions } from '../options/options.ts'
import { type EctokenParams, parseParams } from '../token/ectoken-params.ts'
import { writeParams } from '../token/ectoken-serialize.ts'
import { mintWithKey } from '../token/edgeauth-mint.ts'
import type { EdgeauthClaims } from '../token/edgeauth-verify.ts'
import type { Verified } from '../token/verified.ts'
import type { AccessClaims, Demands } from './access-claims.ts'
import type { SessionIdentity } from './endings.ts'

/**
 * The session token (`hdntl`, token-formats section 1.7): an EdgeAuth token whose `data` begins with the
 * marker `hdntl`. The session's id stands in `id`, unless the access token brought an `id` of its own: that
 * one is taken over as it is, and the session's id follows in `data` as `sid=…`.
 *
 *     exp=…~acl=/vod/film/*~id=<session id>~data=hdntl~hmac=…
 *     exp=…~acl=/vod/film/*~id=<id of the access token>~data=hdntl,<its payload>,sid=<session id>~hmac=…
 */

const marker = 'hdntl'
const sessionIdMark = 'sid='
const demandsMark = 'ec='
const concurrencyMark = 'mc='
const mostSubjectCharacters = 256

/** Read once for each token that was proven. */
const identities = new WeakMap<object, SessionIdentity>()

/** Which session a verified session token belongs to, and whose. */
export function identityOf(claims: Verified<EdgeauthClaims>): SessionIdentity {
  const known = identities.get(claims)
  if (known !== undefined) return known
  const identity = { id: sessionIdOf(claims), subject: subjectOfSession(claims) }
  identities.set(claims, identity)
  return identity
}

/**
 * What the access token asked beyond what EdgeAuth can say, read once for each token that was proven. `null`: nothing. Demands that cannot
 * be read are met by nobody.
 */
export function demandsOf(claims: Verified<EdgeauthClaims>): ReadDemands | null {
  const known = readDemands.get(claims)
  if (known !== undefined) return known
  const part = claims.payload?.split(',').find((text) => text.startsWith(demandsMark))
  const read = part === undefined ? null : parseDemands(part.slice(demandsMark.length))
  readDemands.set(claims, read)
  return read
}

export interface ReadDemands extends Omit<Demands, 'params'> {
  /** `null`: they could not be read. */
  readonly params: EctokenParams | null
}

const readDemands = new WeakMap<object, ReadDemands | null>()

/** `<flags>.<parameters of an ectoken, escaped>`; the flags are `i` (case is ignored) and `u` (no unknown country). */
function formatDemands({ params, ignoreCase, denyUnknownCountry }: Demands): string {
  const flags = (ignoreCase ? 'i' : '') + (denyUnknownCountry ? 'u' : '')
  return `${flags}.${escapePart(writeParams(params))}`
}

function parseDemands(text: string): ReadDemands {
  const [, flags = '', escaped = ''] = /^(i?u?)\.(.*)$/.exec(text) ?? []
  return {
    params: escaped === '' ? null : parseParams(decodeOnce(escaped)),
    ignoreCase: flags.includes('i'),
    denyUnknownCountry: flags.includes('u'),
  }
}

/** The id of the session that a verified session token belongs to. */
function sessionIdOf(claims: Verified<EdgeauthClaims>): string {
  const last = claims.payload?.split(',').at(-1) ?? ''
  if (last.startsWith(sessionIdMark)) return last.slice(sessionIdMark.length)
  return claims.sessionId === undefined ? '' : decodeOnce(claims.sessionId)
}

/** Who plays under a verified session token: what its access token had for an `id`. `null` where it had none. */
function subjectOfSession(claims: Verified<EdgeauthClaims>): string | null {
  const last = claims.payload?.split(',').at(-1) ?? ''
  return last.startsWith(sessionIdMark) ? subjectOfAccess(claims) : null
}

/** The same claims after the site's own server was asked: what they do not say, it may say; what they say, stays. */
export function narrowed(
  claims: Verified<AccessClaims>,
  { subject, maxConcurrent }: { readonly subject?: string; readonly maxConcurrent?: number },
): Verified<AccessClaims> {
  if (subject === undefined && maxConcurrent === undefined) return claims
  const isNamed = claims.sessionId !== undefined || subject === undefined
  return {
    ...claims,
    ...(!isNamed && { sessionId: subject.replaceAll('%', '%25') }),
    ...(maxConcurrent !== undefined && { maxConcurrent }),
  }
}

/** How many streams of its subject may play, as the site's own server said at its opening; `null`: it said nothing. */
export function maxConcurrentOf({ payload }: Verified<EdgeauthClaims>): number | null {
  if (payload?.includes(`,${concurrencyMark}`) !== true) return null
  const part = payload.split(',').find((text) => text.startsWith(concurrencyMark))
  const text = part?.slice(concurrencyMark.length) ?? ''
  // One that cannot be read would be kept by nobody: the fewest there can be.
  return /^[1-9]\d{0,5}$/.test(text) ? Number(text) : 1
}

/** Who a verified access token is for: its `id`. */
export function subjectOfAccess({ sessionId }: Pick<AccessClaims, 'sessionId'>): string | null {
  return sessionId === undefined ? null : listedSubject(decodeOnce(sessionId))
}

/** A subject as sessions are listed by: one that is too long is known by its digest. */
export function listedSubject(subject: string): string {
  if (subject.length <= mostSubjectCharacters) return subject
  return `sha256:${createHash('sha256').update(subject).digest('hex')}`
}

export interface SessionTokenGrant {
  /** What the access token allows; the session gets no more. */
  readonly parent: Verified<AccessClaims>
  /** Canonical path of the playlist that opens the session. */
  readonly path: string
  readonly sessionId: string
  readonly salt: string
  readonly expiresAt: EpochSeconds
  readonly signingKey: KeyObject
}

/**
 * Mints a session token no wider than the access token behind it: same ACL, address and id. A URL token
 * gives the directory of its playlist.
 *
 * @returns `null` when no ACL can express what the token opens: where a directory is named with `*` or `!`, any ACL would
 *   open more; one of very many alternatives would open nothing
 * @throws {TypeError} when the access token holds text that cannot travel in a session token
 */
export function mintSessionToken(
  { parent, path, sessionId, salt, expiresAt, signingKey }: SessionTokenGrant,
  session: SessionOptions,
): { token: string; acl: string } | null {
  const granted = parent.acl ?? directoryAcl(path)
  if (granted === null || granted === '') return null
  const forPath = session.carriers.includes('path')
  const acl = transportable(granted, forPath)
  if (!isAclWithinBounds(acl)) return null
  const token = mintWithKey(
    {
      mode: 'acl',
      path: acl,
      endTime: expiresAt,
      ip: parent.ip === undefined ? undefined : decodeOnce(parent.ip),
      sessionId:
        parent.sessionId === undefined ? sessionId : transportable(parent.sessionId, forPath),
      payload: sessionData(parent, sessionId),
      salt,
    },
    signingKey,
  )
  return { token, acl }
}

function sessionData(parent: Verified<AccessClaims>, sessionId: string): string {
  const parts = [marker]
  if (parent.payload !== undefined) parts.push(escapePart(decodeOnce(parent.payload)))
  if (parent.maxConcurrent !== undefined) parts.push(concurrencyMark + parent.maxConcurrent)
  if (parent.demands !== undefined) parts.push(demandsMark + formatDemands(parent.demands))
  if (parent.sessionId !== undefined) parts.push(sessionIdMark + sessionId)
  return parts.join(',')
}

/** Commas and `=` are escaped too, so that no payload can pose as a part of ours. */
function escapePart(text: string): string {
  return text.replace(/[^A-Za-z0-9\-._]+/g, escapeText)
}

/**
 * Text that survives queries, cookies and quoted strings: what would not is escaped. For an ACL that changes
 * nothing, because matching decodes once (token-formats section 1.6). In a path `/` would end the segment.
 */
function transportable(text: string, forPath: boolean): string {
  // A `%` that is no escape would keep the whole from being decoded, with the escapes that are put in.
  const isDecodable = !text.includes('%') || decodeOnce(text) !== text
  const kept = `A-Za-z0-9\\-._=:@!()*,${isDecodable ? '%' : ''}${forPath ? '' : '/'}`
  return text.replace(new RegExp(`[^${kept}]+`, 'g'), escapeText)
}

/** Percent-escapes every character, over UTF-8, in lower case as EdgeAuth writes them. */
function escapeText(text: string): string {
  let escaped = ''
  for (const byte of new TextEncoder().encode(text)) {
    escaped += `%${byte.toString(16).padStart(2, '0')}`
  }
  return escaped
}
