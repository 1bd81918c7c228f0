import { targetQuery } from '../../shared/query.ts'
import { headerWithoutTokens, holdsToken, queryWithoutTokens } from './without-session-tokens.ts'

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
  const query = queryWithoutTokens(targetQuery(target), sessionParameters)
  const tokenHeaders = new Set(sessionParameters.map((name) => name.toLowerCase()))
  const headers = new Map<string, string>()
  for (const [name, values] of asked.headers) {
    if (tokenHeaders.has(name) || !fieldName.test(name)) continue
    const value =
      name === 'cookie'
        ? withoutCookies(values.join('; '), sessionParameters)
        : withoutTokens(values, sessionParameters)
    if (value !== null && fieldValue.test(value)) headers.set(name, value)
  }
  return { rawPath, query, host, clientAddress, cdnAddress, headers }
}

function withoutTokens(values: readonly string[], names: readonly string[]): string | null {
  const kept = values.map((value) => headerWithoutTokens(value, names))
  return kept.includes(null) ? null : kept.join(', ')
}

/** A session cookie for a whole host has the prefix (RFC 6265bis section 4.1.3.2). `null`: none is left. */
function withoutCookies(cookies: string, names: readonly string[]): string | null {
  const pairs = cookies.split(';').map((pair) => pair.trim())
  const kept = pairs.filter((pair) => {
    const name =
      pair
        .split('=', 1)[0]
        ?.trim()
        .replace(/^__Host-/i, '') ?? ''
    return pair !== '' && !names.includes(name) && !holdsToken(pair)
  })
  return kept.length === 0 ? null : kept.join('; ')
}
