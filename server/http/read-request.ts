import type { IncomingMessage } from 'node:http'
import { locateTokens } from '../../shared/carrier.ts'
import { PlaybackError } from '../../shared/codes.ts'
import { parseRequestTarget } from '../../shared/request-target.ts'
import { parseAddress } from '../claim/address.ts'
import type { AddressSet } from '../claim/address-set.ts'
import type { Rule } from '../options/options.ts'
import type { RequestFacts, RequestHeaders } from '../session/request-facts.ts'
import { readPeer } from './client-address.ts'

/** `uri-host [ ":" port ]` (RFC 9112 section 3.2), names and addresses as they occur in practice. */
const hostPattern = /^(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::\d{1,5})?$/

/**
 * More fields than any client and its proxies send. Node drops those beyond 2000 without a word: a second
 * Host, or the address that a proxy has put at the end.
 */
export const mostHeaders = 500

export interface ReadRequestOptions {
  readonly trustedProxies: AddressSet
  /** Every name under which some rule takes a token in the path. */
  readonly pathParameters: readonly string[]
  /** Some rule declares that its origin reads `;` literally; the rule itself is checked later. */
  readonly allowSemicolon: boolean
}

/**
 * Reads the raw request once and refuses what two readers could understand differently.
 *
 * @throws {PlaybackError} `ERR_REQUEST_TARGET`, 400, 414 or 431
 */
export function readRequest(request: IncomingMessage, options: ReadRequestOptions): RequestFacts {
  if (request.rawHeaders.length > 2 * mostHeaders) throw refusal('too many headers', 431)
  const headers = collectHeaders(request.rawHeaders)
  const target = request.url ?? ''
  const method = request.method ?? ''
  if ((method === 'GET' || method === 'HEAD') && hasBody(headers)) {
    throw refusal('a body on a GET or HEAD', 400)
  }
  const peer = readPeer(request, headers, options.trustedProxies)
  const { rawPath, path } = readTarget(target, options)
  return {
    method,
    target,
    rawPath,
    path,
    host: peer.forwardedHost === null ? readHost(headers) : checkedHost(peer.forwardedHost),
    scheme: peer.scheme,
    clientAddress: peer.clientAddress,
    serverAddress: parseAddress(request.socket.localAddress ?? '')?.toString() ?? '',
    viaTrustedProxy: peer.isTrustedProxy,
    headers,
  }
}

/**
 * The path of a raw target, path-form tokens cut out first: their text follows other rules than a path's.
 *
 * @throws {PlaybackError} `ERR_REQUEST_TARGET`, 400 or 414
 */
export function readTarget(
  target: string,
  { pathParameters, allowSemicolon }: Omit<ReadRequestOptions, 'trustedProxies'>,
): Pick<RequestFacts, 'rawPath' | 'path'> {
  const located = locateTokens({ target, names: pathParameters })
  if (!located.ok) throw refusal(located.detail, 400)
  const parsed = parseRequestTarget(located.rest, { allowSemicolon })
  if (!parsed.ok) throw refusal(parsed.detail, parsed.status)
  return { rawPath: parsed.rawPath, path: parsed.path }
}

/**
 * What one rule takes and another does not, although both were read alike.
 *
 * @throws {PlaybackError} `ERR_REQUEST_TARGET`, 400
 */
export function checkSemicolons(rule: Pick<Rule, 'literalSemicolons'>, path: string): void {
  if (rule.literalSemicolons || !path.includes(';')) return
  throw new PlaybackError({
    code: 'ERR_REQUEST_TARGET',
    reason: 'bad-request',
    detail: 'a semicolon in the path, and literalSemicolons is off',
  })
}

/** Names in lower case; underscores stay underscores, so `X_Forwarded_For` never passes for the real one. */
export function collectHeaders(rawHeaders: readonly string[]): RequestHeaders {
  const headers = new Map<string, string[]>()
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? ''
    const value = rawHeaders[index + 1] ?? ''
    const values = headers.get(name)
    if (values === undefined) headers.set(name, [value])
    else values.push(value)
  }
  return headers
}

/** @throws {PlaybackError} `ERR_REQUEST_TARGET`, 400 */
export function readHost(headers: RequestHeaders): string {
  // HTTP/2 names the host in a pseudo-header (RFC 9113 section 8.3.1).
  const values = headers.get('host') ?? headers.get(':authority') ?? []
  const [host] = values
  if (values.length !== 1 || host === undefined) throw refusal('not exactly one Host', 400)
  return checkedHost(host)
}

/** @throws {PlaybackError} `ERR_REQUEST_TARGET`, 400 */
export function checkedHost(text: string): string {
  const host = text.toLowerCase()
  // The pattern lets numbers through that no address and no port has; URLs are built with this later.
  if (!hostPattern.test(host) || !URL.canParse(`http://${host}`)) {
    throw refusal('a malformed Host', 400)
  }
  return host
}

/** RFC 9112 section 6: a body is announced by one of these two. */
function hasBody(headers: RequestHeaders): boolean {
  const length = headers.get('content-length')
  return headers.has('transfer-encoding') || (length !== undefined && length.join() !== '0')
}

function refusal(detail: string, status: number): PlaybackError {
  return new PlaybackError({
    code: 'ERR_REQUEST_TARGET',
    reason: 'bad-request',
    status,
    detail,
    // What follows on this connection may be framed in a way we and the sender disagree about.
    headers: { Connection: 'close' },
  })
}
