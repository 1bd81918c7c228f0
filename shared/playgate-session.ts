/**
 * The response header `Playgate-Session` (design section 5): how a playlist answer tells the player
 * which session token it opened or renewed. A Dictionary of RFC 9651 section 3.2:
 *
 *     Playgate-Session: token="…", parameter="hdntl", expires-in=3600, session-id="…"
 */

export interface PlaygateSession {
  readonly token: string
  /** The name under which requests carry the token. */
  readonly parameter: string
  /** Whole seconds of life left when the answer was made. */
  readonly expiresInSeconds?: number | undefined
  readonly sessionId?: string | undefined
}

/** The members of the field by their names: texts and numbers. */
export type PlaygateSessionMembers = Readonly<Partial<Record<string, string | number>>>

/**
 * Reads the value of the header, which comes without blanks at its ends. Of a repeated member the last
 * counts (RFC 9651 section 4.2.2).
 *
 * @returns `null` when any part does not fit: RFC 9651 section 4.2 has the whole field ignored then
 */
export function readPlaygateSession(value: string): PlaygateSessionMembers | null {
  // Keys, strings and integers (RFC 9651 sections 3.1.2, 3.3.3, 3.3.1), all that this field is made of,
  // are those of JSON but for the equals sign. A character that fits nowhere becomes `"":`: no JSON.
  const json = value.replace(
    /([a-z*][\w.*-]*)=("(?:[ !#-[\]-~]|\\["\\])*"|\d{1,15})(\s*,\s*|$)|./gs,
    '"$1":$2$3',
  )
  try {
    return JSON.parse(`{${json}}`)
  } catch {
    return null
  }
}

/**
 * The same with the members judged. Those of other names are ignored.
 *
 * @returns `null` when one has not got the type that it should have
 */
export function parsePlaygateSession(value: string): PlaygateSession | null {
  const {
    token,
    parameter,
    'expires-in': expiresInSeconds,
    'session-id': sessionId,
  } = readPlaygateSession(value) ?? {}
  const isText = (member: unknown): member is string => typeof member === 'string' && member !== ''
  return isText(token) &&
    isText(parameter) &&
    (sessionId === undefined || isText(sessionId)) &&
    (expiresInSeconds === undefined || typeof expiresInSeconds === 'number')
    ? { token, parameter, expiresInSeconds, sessionId }
    : null
}

function sfString(name: string, text: string): string {
  // The text may be a token, so the message must not quote it.
  if (!/^[ -~]+$/.test(text)) {
    throw new TypeError(`${name}: empty, or holds what a header string cannot hold`)
  }
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/**
 * Writes the value of the header, always in the same order.
 *
 * @throws {TypeError} when a text is empty or holds anything but printable ASCII (RFC 9651 section 3.3.3)
 * @throws {RangeError} when the life is not a whole number of 0 to 15 nines (RFC 9651 section 3.3.1)
 */
export function formatPlaygateSession(session: PlaygateSession): string {
  const { token, parameter, expiresInSeconds, sessionId } = session
  const members = [
    `token=${sfString('token', token)}`,
    `parameter=${sfString('parameter', parameter)}`,
  ]
  if (expiresInSeconds !== undefined) {
    if (!/^\d{1,15}$/.test(String(expiresInSeconds))) {
      throw new RangeError(`expiresInSeconds: not a whole number of seconds: ${expiresInSeconds}`)
    }
    members.push(`expires-in=${expiresInSeconds}`)
  }
  if (sessionId !== undefined) members.push(`session-id=${sfString('session-id', sessionId)}`)
  return members.join(', ')
}
