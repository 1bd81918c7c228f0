import type { KeyObject } from 'node:crypto'
import { directoryAcl, isAclWithinBounds } from '../../shared/acl.ts'
import { decodeOnce } from '../../shared/query.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import type { SessionOptions } from '../options/options.ts'
import { mintWithKey } from '../token/edgeauth-mint.ts'
import type { Verified } from '../token/verified.ts'
import type { AccessClaims } from './access-claims.ts'
import { escapePart, escapeText, formatDemands, marker, partMarks } from './session-terms.ts'

/**
 * The session token (`hdntl`, token-formats section 1.7): an EdgeAuth token whose `data` begins with the
 * marker `hdntl`. The session's id stands in `id`, unless the access token brought an `id` of its own: that
 * one is taken over as it is, and the session's id follows in `data` as `sid=…`.
 *
 *     exp=…~acl=/vod/film/*~id=<session id>~data=hdntl~hmac=…
 *     exp=…~acl=/vod/film/*~id=<id of the access token>~data=hdntl,<its payload>,sid=<session id>~hmac=…
 */

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

export interface SessionTokenGrant {
  /** What the access token allows; the session gets no more. */
  readonly parent: Verified<AccessClaims>
  /** Canonical path of the playlist that opens the session. */
  readonly path: string
  readonly sessionId: string
  readonly salt: string
  readonly expiresAt: EpochSeconds
  readonly signingKey: KeyObject
  /** Until when it may be prolonged; `null`: as long after its opening as the rule's sessions live at most. */
  readonly until: EpochSeconds | null
  /** The player fills in variables, and the session's playlists are those that are the same for everybody. */
  readonly fillsVariables: boolean
}

export interface MintedToken {
  readonly token: string
  readonly acl: string
}

/**
 * Mints a session token no wider than the access token behind it: same ACL, address and id. A URL token
 * gives the directory of its playlist.
 *
 * Variables are decoded at each level of playlists (spec/manifest-uris section 9), which no escape survives. So a token for a player
 * that fills them in has none, or is none for it: see `survivesVariables`.
 *
 * @returns `null` when no ACL can express what the token opens: where a directory is named with `*` or `!`, any ACL would
 *   open more; one of very many alternatives would open nothing
 * @throws {TypeError} when the access token holds text that cannot travel in a session token
 */
export function mintSessionToken(
  grant: SessionTokenGrant,
  session: SessionOptions,
): MintedToken | null {
  const { parent, path, sessionId, salt, expiresAt, signingKey, fillsVariables } = grant
  const granted = parent.acl ?? directoryAcl(path)
  if (granted === null || granted === '') return null
  const forPath = session.carriers.includes('path') && !fillsVariables
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
      payload: sessionData(grant),
      salt,
    },
    signingKey,
  )
  return { token, acl }
}

function sessionData({ parent, sessionId, until, fillsVariables }: SessionTokenGrant): string {
  const { payload, maxConcurrent, demands } = parent
  const parts: string[] = [marker]
  if (payload !== undefined) parts.push(escapePart(decodeOnce(payload)))
  if (maxConcurrent !== undefined) parts.push(partMarks.streams + maxConcurrent)
  if (demands !== undefined) parts.push(partMarks.demands + formatDemands(demands))
  if (until !== null) parts.push(partMarks.until + until)
  if (fillsVariables) parts.push(`${partMarks.carrier}define`)
  if (parent.sessionId !== undefined) parts.push(partMarks.sessionId + sessionId)
  return parts.join(',')
}

/** Does a player that fills this token in as a variable send it as it is? */
export function survivesVariables(token: string): boolean {
  return !token.includes('%')
}

/**
 * Text that survives queries, cookies and quoted strings: what would not is escaped. For an ACL that changes
 * nothing, because matching decodes once (token-formats section 1.6). In a path `/` would end the segment.
 */
export function transportable(text: string, forPath: boolean): string {
  // A `%` that is no escape would keep the whole from being decoded, with the escapes that are put in.
  const isDecodable = !text.includes('%') || decodeOnce(text) !== text
  const kept = `A-Za-z0-9\\-._=:@!()*,${isDecodable ? '%' : ''}${forPath ? '' : '/'}`
  return text.replace(new RegExp(`[^${kept}]+`, 'g'), escapeText)
}
