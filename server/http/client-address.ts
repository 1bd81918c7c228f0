import type { IncomingMessage } from 'node:http'
import { parseAddress } from '../claim/address.ts'
import { AddressSet } from '../claim/address-set.ts'
import type { RequestHeaders } from '../session/request-facts.ts'

/** This machine. */
export const loopback = new AddressSet(['127.0.0.0/8', '::1'])

/** Who asked, over which scheme and for which host, as far as proxies that we trust have told us. */
export interface Peer {
  readonly clientAddress: string
  readonly scheme: 'http' | 'https'
  /** `X-Forwarded-Host` of a trusted proxy; `null`: look at Host. */
  readonly forwardedHost: string | null
  readonly isTrustedProxy: boolean
}

/**
 * The address is the socket's. Only when the socket belongs to a trusted proxy, `X-Forwarded-For` is walked
 * from the right through further trusted proxies; the first hop that is not one of them is the client
 * (threats T52). A hop may name its port. Text that is no address ends the walk, and so does the header's end: then the last
 * trusted hop stands for the client. `X-Forwarded-Proto` and `-Host` count from a trusted socket alone.
 */
export function readPeer(
  request: IncomingMessage,
  headers: RequestHeaders,
  trustedProxies: AddressSet,
): Peer {
  const socket = request.socket
  const direct = plain(socket.remoteAddress ?? '')
  const scheme = 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http'
  if (!trustedProxies.has(direct)) {
    return { clientAddress: direct, scheme, forwardedHost: null, isTrustedProxy: false }
  }

  const proto = lastValue(headers, 'x-forwarded-proto')?.toLowerCase()
  return {
    clientAddress: walk(direct, headers, trustedProxies),
    scheme: proto === 'http' || proto === 'https' ? proto : scheme,
    forwardedHost: lastValue(headers, 'x-forwarded-host') ?? null,
    isTrustedProxy: true,
  }
}

/** The walk of `readPeer`, from an address that has been looked at. */
export function walk(direct: string, headers: RequestHeaders, trustedProxies: AddressSet): string {
  const hops = (headers.get('x-forwarded-for') ?? []).join(',').split(',').reverse()
  let client = direct
  for (const hop of hops) {
    const address = plain(withoutPort(hop.trim()))
    if (address === '') break
    client = address
    if (!trustedProxies.has(address)) break
  }
  return client
}

/**
 * `IPv4:port`, `[IPv6]:port` and `[IPv6]`, as RFC 7239 section 6 writes a node, and Azure's Application Gateway and IIS' ARR write hops. What
 * stands in brackets without a colon is no IPv6 address, and stays as it is: none.
 */
const hopPattern = /^(?:\[([^\]]*:[^\]]*)\](?::\d{1,5})?|([0-9.]+):\d{1,5})$/

function withoutPort(hop: string): string {
  const [, inBrackets, beforePort] = hopPattern.exec(hop) ?? []
  return inBrackets ?? beforePort ?? hop
}

/** One spelling for each address; '' for what is none. */
function plain(text: string): string {
  return parseAddress(text)?.toString() ?? ''
}

function lastValue(headers: RequestHeaders, name: string): string | undefined {
  return headers.get(name)?.at(-1)?.split(',').at(-1)?.trim()
}
