import { decodeOnce, readParameter } from '../../shared/query.ts'

/** The prefix is reserved for delivery directives (rfc8216bis section 6.2.5). */
const prefix = '_HLS_'

function isDirective(pair: string): boolean {
  const equals = pair.indexOf('=')
  return decodeOnce(equals < 0 ? pair : pair.slice(0, equals)).startsWith(prefix)
}

/**
 * The query with its delivery directives behind the other pairs, in byte order: players send them in different
 * orders, and one spelling is one fetch (rfc8216bis section 6.2.5). Other pairs keep their text and order.
 *
 * @param query without the leading `?`
 */
export function sortDirectives(query: string): string {
  if (!query.includes('HLS_')) return query
  const pairs = query.split('&')
  const others = pairs.filter((pair) => !isDirective(pair))
  return [...others, ...pairs.filter(isDirective).sort(compare)].join('&')
}

function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right)
}

/** Does the query ask for a media sequence number, so that the origin may hold the answer back? */
export function isBlocking(query: string): boolean {
  return readParameter(query, '_HLS_msn').length > 0
}
