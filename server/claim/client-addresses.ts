import { parseAddress } from './address.ts'
import type { AddressSet } from './address-set.ts'
import { type ClaimAnswer, granted } from './answer.ts'

/** Whose requests are served, and whose are not. Either may be left out. */
export interface AddressLists {
  readonly allow?: AddressSet | undefined
  readonly deny?: AddressSet | undefined
}

function refuse(detail: string): ClaimAnswer<'address_not_allowed'> {
  return { ok: false, reason: 'address_not_allowed', detail }
}

/**
 * May a client of this address ask? Not when `deny` holds it, nor when there is an `allow` that does not. An address
 * that is not known is refused by either.
 *
 * @param facts.clientIp the client's address as found by our own rules; undefined when it is not known
 */
export function checkClientAddresses(
  { allow, deny }: AddressLists,
  { clientIp }: { readonly clientIp?: string | undefined },
): ClaimAnswer<'address_not_allowed'> {
  if (allow === undefined && deny === undefined) return granted
  if (typeof clientIp !== 'string' || parseAddress(clientIp) === null) {
    return refuse('the address of the client is not known')
  }
  if (deny?.has(clientIp) === true) return refuse('a denied client address')
  return allow?.has(clientIp) === false ? refuse('another client address') : granted
}
