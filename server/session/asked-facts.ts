import { OptionError } from '../../shared/codes.ts'
import { parseAddress } from '../claim/address.ts'
import type { RequestHeaders } from './request-facts.ts'

/** Facts of a request that somebody describes instead of sending it, for `explain` and `inspect`. */

/** Header fields by any spelling of their names; a list is a field that was sent several times. */
export type AskedHeaders = Readonly<Record<string, string | readonly string[]>>

/** The fields as the server would read them from a request. */
export function readAskedHeaders(asked: AskedHeaders): RequestHeaders {
  const headers = new Map<string, readonly string[]>()
  for (const [spelling, value] of Object.entries(asked)) {
    const name = spelling.toLowerCase()
    headers.set(name, [...(headers.get(name) ?? []), value].flat())
  }
  return headers
}

/**
 * The client's address in the server's one spelling. '' for a neighbour on the link, whom sockets call `fe80::1%eth0`: to the
 * server he has no address either.
 *
 * @throws {OptionError} `clientAddress`, for what is no address
 */
export function readAskedAddress(text: string): string {
  const [before = '', zone] = typeof text === 'string' ? text.split('%', 2) : []
  const address = parseAddress(before)
  if (address !== null && zone === undefined) return address.toString()
  if (address?.kind() === 'ipv6' && zone !== '') return ''
  throw new OptionError([
    { path: 'clientAddress', message: 'must be one IPv4 or IPv6 address, as the server sees it' },
  ])
}
