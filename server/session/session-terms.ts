import { decodeOnce } from '../../shared/query.ts'
import { parseTime } from '../../shared/token-text.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import { type EctokenParams, parseParams } from '../token/ectoken-params.ts'
import { writeParams } from '../token/ectoken-serialize.ts'
import type { EdgeauthClaims } from '../token/edgeauth-verify.ts'
import type { Verified } from '../token/verified.ts'
import type { Demands } from './access-claims.ts'
import type { SessionIdentity } from './endings.ts'
import { subjectOfAccess } from './subject.ts'

/**
 * The `data` of a session token: the marker, the payload of its access token, and parts of ours, in this order. `session-token.ts` writes
 * it.
 *
 *     hdntl,<payload>,mc=<streams>,ra=<approval>,ec=<demands>,u=<time>,c=define,ps=<session id>,p=cast,sid=<session id>
 *
 * All may be left out but the marker. In the payload commas and `=` are escaped, so that it cannot pose as a part of ours.
 */
export const marker = 'hdntl'
export const partMarks = {
  /** Streams of its subject, as the site's own server said. */
  streams: 'mc=',
  /** The approval of the site's own server: rule and server in one short text. */
  approval: 'ra=',
  /** What the access token asked beyond what EdgeAuth can say. */
  demands: 'ec=',
  /** Until when the session may be prolonged, in seconds since 1970, where that is not what its id and the rule say. */
  until: 'u=',
  /** How the player said that it can take playlists. */
  carrier: 'c=',
  /** The session that gave this one away. */
  parent: 'ps=',
  /** What it is for, if not for the client that opened it: see `cast-session.ts`. */
  purpose: 'p=',
  /** Its session's id, where the access token brought an `id` of its own. */
  sessionId: 'sid=',
} as const

/** What a verified session token says of its session. */
export interface SessionTerms {
  /** The same object each time: endings are remembered by it. */
  readonly identity: SessionIdentity
  /** Streams of its subject at a time, as the site's own server said at its opening; `null`: it said nothing. */
  readonly maxConcurrent: number | null
  /** Which rule's server of the site approved of it, see `approvalMark`; `null`: none was asked, or none answered. */
  readonly approvedBy: string | null
  /** `null`: none. */
  readonly demands: ReadDemands | null
  /** The player said that it fills in variables (`EXT-X-DEFINE:QUERYPARAM`). */
  readonly fillsVariables: boolean
  /** `null`: as long after its opening as the rule's sessions live at most. */
  readonly until: EpochSeconds | null
}

export interface ReadDemands extends Omit<Demands, 'params'> {
  /** `null`: they could not be read, and are met by nobody. */
  readonly params: EctokenParams | null
}

/** Read once for each token that was proven. */
const known = new WeakMap<object, SessionTerms>()

export function termsOf(claims: Verified<EdgeauthClaims>): SessionTerms {
  const read = known.get(claims)
  if (read !== undefined) return read
  const parts = claims.payload?.split(',') ?? []
  const part = (mark: string): string | null =>
    parts.find((text) => text.startsWith(mark))?.slice(mark.length) ?? null
  const [streams, demands] = [part(partMarks.streams), part(partMarks.demands)]
  const until = part(partMarks.until)
  const terms: SessionTerms = {
    identity: identityOf(claims, parts.at(-1) ?? '', part(partMarks.parent)),
    maxConcurrent: streams === null ? null : parseStreams(streams),
    approvedBy: part(partMarks.approval),
    demands: demands === null ? null : parseDemands(demands),
    fillsVariables: part(partMarks.carrier) === 'define',
    // One that cannot be read is no longer than the token.
    until: until === null ? null : (parseTime(until) ?? claims.endTime),
  }
  known.set(claims, terms)
  return terms
}

function identityOf(
  claims: Verified<EdgeauthClaims>,
  lastPart: string,
  parent: string | null,
): SessionIdentity {
  const given = parent === null ? {} : { parent }
  if (lastPart.startsWith(partMarks.sessionId)) {
    const id = lastPart.slice(partMarks.sessionId.length)
    return { id, subject: subjectOfAccess(claims), ...given }
  }
  const id = claims.sessionId === undefined ? '' : decodeOnce(claims.sessionId)
  return { id, subject: null, ...given }
}

function parseStreams(text: string): number {
  // One that cannot be read would be kept by nobody: the fewest there can be.
  return /^[1-9]\d{0,5}$/.test(text) ? Number(text) : 1
}

/** `<flags>.<parameters of an ectoken, escaped>`; the flags are `i` (case is ignored) and `u` (no unknown country). */
export function formatDemands({ params, ignoreCase, denyUnknownCountry }: Demands): string {
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

/** Commas and `=` are escaped too, so that no payload can pose as a part of ours. */
export function escapePart(text: string): string {
  return text.replace(/[^A-Za-z0-9\-._]+/g, escapeText)
}

/** Percent-escapes every character, over UTF-8, in lower case as EdgeAuth writes them. */
export function escapeText(text: string): string {
  let escaped = ''
  for (const byte of new TextEncoder().encode(text)) {
    escaped += `%${byte.toString(16).padStart(2, '0')}`
  }
  return escaped
}
