import type { AttemptAnswer, AttemptKind } from './attempt.ts'

/** What the page asks of its own site, and of the gate in front of the stream. */

export const source = '/vod/sample/index.m3u8'

/** A token that was just handed out. */
export interface IssuedToken {
  readonly token: string
  /** The name under which requests carry it. */
  readonly parameter: string
  /** Seconds, from the moment it was asked for. */
  readonly expiresIn: number
}

export interface IssuedSession extends IssuedToken {
  readonly sessionId: string
}

/** The site or the gate did not give what it was asked for. */
export class SiteError extends Error {
  override readonly name = 'SiteError'
  /** HTTP status; 0: no answer at all. */
  readonly status: number
  /** From the refusal, when there is one. */
  readonly reason: string | null

  constructor(status: number, reason: string | null = null) {
    super(status === 0 ? 'no answer' : `answered ${status}${reason === null ? '' : ` ${reason}`}`)
    this.status = status
    this.reason = reason
  }
}

/** @throws {SiteError} */
export async function requestAccess(signal: AbortSignal): Promise<IssuedToken> {
  const answer = await post('/demo/api/access', {}, signal)
  return {
    token: String(answer.token),
    parameter: String(answer.parameter),
    expiresIn: Number(answer.expiresIn),
  }
}

/**
 * Access token -> session token, before the first playlist is asked for: so no link that plays ever holds
 * the access token.
 *
 * @param sessionToken of a session that goes on
 * @throws {SiteError}
 */
export async function exchangeAccess(
  accessToken: string,
  sessionToken: string | null,
  signal: AbortSignal,
): Promise<IssuedSession> {
  const answer = await post(
    '/_playgate/session',
    { accessToken, path: source, ...(sessionToken !== null && { sessionToken }) },
    signal,
  )
  return {
    token: String(answer.token),
    parameter: String(answer.parameter),
    expiresIn: Number(answer.expiresInSeconds),
    sessionId: String(answer.sessionId),
  }
}

/**
 * Has the server ask itself for a link, changed as a thief would.
 *
 * @throws {SiteError}
 */
export async function tryLink(kind: AttemptKind, url: string): Promise<AttemptAnswer> {
  const answer = await post('/demo/api/attempt', { kind, url }, AbortSignal.timeout(10_000))
  return answer as unknown as AttemptAnswer
}

export async function post(
  url: string,
  body: object,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  }).catch((error: unknown) => {
    if (
      signal.aborted &&
      !(signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError')
    )
      throw error
    throw new SiteError(0)
  })
  const answer: Record<string, unknown> = Object(await response.json().catch(() => null))
  if (response.ok) return answer
  const { reason } = answer
  throw new SiteError(response.status, typeof reason === 'string' ? reason : null)
}
