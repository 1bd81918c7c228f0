import { removeParameters } from '../../shared/query.ts'

/** The request that a site's own server is asked about: the `RequestFacts` of a decision, and our own address. */
export interface AskedRequest {
  /** The request target as received. */
  readonly target: string
  /** Its path as received, without a path-form token. */
  readonly rawPath: string
  /** With its port when one was given. */
  readonly host: string
  readonly clientAddress: string
  /** The address at which the viewer reached us; '' when it is not known. */
  readonly cdnAddress: string
  /** By lower-case name, each with every value it was sent with. */
  readonly headers: ReadonlyMap<string, readonly string[]>
}

/** The same without our session tokens: all that a question is made of. */
export interface BareRequest {
  readonly rawPath: string
  /** Without the leading `?`; other bytes as received. */
  readonly query: string
  readonly host: string
  readonly clientAddress: string
  readonly cdnAddress: string
  /** Repeated fields joined; only what may stand in a header at all (RFC 9110 section 5.5). */
  readonly headers: ReadonlyMap<string, string>
}

const fieldName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * Takes our session tokens out of the query, the cookies and the headers. They open media for whoever has
 * them, and say nothing to a site that did not mint them. Access tokens are the site's own and stay.
 *
 * @param sessionParameters every name under which some rule takes a session token
 */
export function bareRequest(
  asked: AskedRequest,
  sessionParameters: readonly string[],
): BareRequest {
  const { target, rawPath, host, clientAddress, cdnAddress } = asked
  const mark = target.indexOf('?')
  const query = mark < 0 ? '' : removeParameters(target.slice(mark + 1), sessionParameters)
  const tokenHeaders = new Set(sessionParameters.map((name) => name.toLowerCase()))
  const headers = new Map<string, string>()
  for (const [name, values] of asked.headers) {
    if (tokenHeaders.has(name) || !fieldName.test(name)) continue
    const isCookie = name === 'cookie'
    const value = isCookie
      ? withoutCookies(values.join('; '), sessionParameters)
      : values.join(', ')
    if (fieldValue.test(value) && !(isCookie && value === '')) headers.set(name, value)
  }
  return { rawPath, query, host, clientAddress, cdnAddress, headers }
}

/** A session cookie for a whole host has the prefix (RFC 6265bis section 4.1.3.2). */
function withoutCookies(cookies: string, names: readonly string[]): string {
  const pairs = cookies.split(';').map((pair) => pair.trim())
  const kept = pairs.filter((pair) => {
    const name =
      pair
        .split('=', 1)[0]
        ?.trim()
        .replace(/^__Host-/i, '') ?? ''
    return pair !== '' && !names.includes(name)
  })
  return kept.join('; ')
}
