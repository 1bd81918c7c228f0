import type { Keep } from './options.ts'

/**
 * Headers that are never copied and cannot be added: those of one connection or one message (RFC 9110
 * sections 7.6.1 and 10.1.1, RFC 9112 section 6), those that could turn an approving 200 into a 304, 206 or
 * 412 (sections 13 and 14), and those of our signature. Folded, as all names below.
 */
export const neverSent: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'content-length',
  'content-encoding',
  'expect',
  'max-forwards',
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'playgate-timestamp',
  'playgate-signature',
])

/**
 * Left out of `all`, and sent only where a list names them: credentials (threats T60, T64), the type of a body
 * that does not follow, and what a proxy would say about the way here, since the viewer can say it as well.
 */
const notInAll: ReadonlySet<string> = new Set([
  'cookie',
  'authorization',
  'content-type',
  'forwarded',
  'x-real-ip',
])
const notInAllPrefix = /^(?:x-forwarded-|(?:x-)?playgate-)/

/**
 * One text for all names that some reader takes for the same: gateways to CGI make `X_Forwarded_For` and
 * `X-Forwarded-For` one variable (RFC 3875 section 4.1.18).
 */
export function foldHeader(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-')
}

/**
 * The headers of a viewer that are sent on. A `Connection` header has no say in it (threats T61).
 *
 * @param keep names in lower case
 * @param reserved `foldHeader` of every name that we add ourselves
 */
export function keepHeaders(
  headers: ReadonlyMap<string, string>,
  keep: Keep,
  reserved: ReadonlySet<string>,
): [name: string, value: string][] {
  if (keep === 'none') return []
  return [...headers].filter(([name]) => {
    const folded = foldHeader(name)
    if (reserved.has(folded) || neverSent.has(folded)) return false
    return keep === 'all' ? !notInAll.has(folded) && !notInAllPrefix.test(folded) : keep.has(name)
  })
}
