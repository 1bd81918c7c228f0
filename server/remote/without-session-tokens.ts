import { locateTokens } from '../../shared/carrier.ts'
import { removeParameters } from '../../shared/query.ts'

/** The field by which a session token is known wherever it stands, and under whatever name (token-formats section 1.7). */
const marked = /(?:^|[^a-z0-9])data=hdntl(?![a-z0-9])/i
/** A URL inside a URL inside a URL: nobody escapes more often. */
const mostEscapings = 3

/**
 * A query without session tokens: neither those under their names, nor pairs in which one stands otherwise, such as a URL that is to be
 * visited next. Other pairs keep text and order.
 *
 * @param query without the leading `?`
 */
export function queryWithoutTokens(query: string, names: readonly string[]): string {
  const named = removeParameters(query, names)
  if (!holdsToken(named)) return named
  return named
    .split('&')
    .filter((pair) => !holdsToken(pair))
    .join('&')
}

/**
 * The value of a header without session tokens. Proxies tell a request's target in headers of many names (`X-Original-URI`,
 * `X-Forwarded-Uri`, `X-Envoy-Original-Path`, …), and browsers in `Referer`, so each is read as the URL that it may be: tokens go out of
 * path and query.
 *
 * @returns `null`: there is one in it still, and it should not be sent at all
 */
export function headerWithoutTokens(value: string, names: readonly string[]): string | null {
  const located = locateTokens({ target: value, names })
  if (!located.ok) return null
  const rest = located.found.length === 0 ? value : located.rest
  if (!holdsToken(rest)) return rest
  const mark = rest.indexOf('?')
  if (mark < 0) return null
  const query = queryWithoutTokens(rest.slice(mark + 1), names)
  const cut = rest.slice(0, mark) + (query === '' ? '' : `?${query}`)
  return holdsToken(cut) ? null : cut
}

/** Is there a session token in it, also an escaped one? */
export function holdsToken(text: string): boolean {
  let read = text
  for (let escapings = 0; ; escapings += 1) {
    if (marked.test(read)) return true
    if (escapings === mostEscapings || !read.includes('%')) return false
    // Byte by byte, because one broken escape elsewhere must not hide a token.
    read = read.replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    )
  }
}
