import type { Explanation } from './check-list.ts'

/** What the buttons try with a link, and what the server says to it. */

export const attemptKinds = ['other-agent', 'other-path', 'expired', 'forged', 'same'] as const
export type AttemptKind = (typeof attemptKinds)[number]

export interface AttemptAnswer {
  /** Path and query that were asked for, changed as the kind says. */
  readonly url: string
  readonly userAgent: string
  /** Seconds since 1970; `null`: judged as of now. */
  readonly asOf: number | null
  readonly status: number
  /** The body of the refusal; `null` when the object came. */
  readonly problem: Readonly<Record<string, unknown>> | null
  readonly explanation: Explanation
}

export const attemptNames: Readonly<Record<AttemptKind, string>> = {
  'other-agent': 'Another browser',
  'other-path': 'Another film',
  expired: 'Too late',
  forged: 'A forged digit',
  same: 'This browser',
}

/** The public reason of a refusal; `null` when there was none. */
export function reasonOf({ problem }: AttemptAnswer): string | null {
  const reason = problem?.reason
  return typeof reason === 'string' ? reason : null
}

export function isOpened(status: number): boolean {
  return status >= 200 && status < 300
}

const expected: Readonly<Record<AttemptKind, string>> = {
  'other-agent':
    'The signature was made with this browser’s User-Agent mixed in. With another one it does not come out.',
  'other-path': 'The token’s list of paths covers this film and nothing else.',
  expired: 'The token had ended one second before. A player would have renewed it; a link cannot.',
  forged: 'One digit differs, and the signature no longer fits what it signs.',
  same: 'Same browser, same path, token still good: this is the viewer the token was made for.',
}

/** The closed list of reasons that Playgate tells anybody, in plain words. */
const reasonWords: Readonly<Record<string, string>> = {
  'token-missing': 'The request carried no token.',
  'token-refused': 'The token does not fit this request.',
  'token-expired': 'The token was real, but its time is over.',
  'policy-refused': 'The token is good; the rule does not allow this request.',
  'remote-refused': 'The site’s own server said no.',
  'session-limit': 'Too many playbacks at once for this viewer.',
  'session-ended': 'The session was ended.',
  'store-unavailable': 'The session store does not answer, so nothing is opened.',
  'origin-unavailable': 'The token was accepted, but the origin behind Playgate does not answer.',
  'bad-request': 'The request could be read in more than one way.',
}

export function describeReason(reason: string | null): string {
  return (reason !== null && reasonWords[reason]) || 'There is no such object.'
}

/** Why the answer is what it is, in a sentence or two. */
export function describeAttempt(kind: AttemptKind, status: number, reason: string | null): string {
  if (isOpened(status)) {
    return kind === 'same' ? expected.same : 'This link opened. It should not have.'
  }
  if (kind === 'same') return `${describeReason(reason)} Pick a newer link from the log.`
  const wanted = kind === 'expired' ? 'token-expired' : 'token-refused'
  return reason === wanted ? expected[kind] : describeReason(reason)
}
