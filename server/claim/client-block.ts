import { AddressSet } from './address-set.ts'
import { type ClaimAnswer, granted } from './answer.ts'

function readBlock(text: string): AddressSet | null {
  try {
    return new AddressSet([text])
  } catch {
    return null
  }
}

/** Is this one address or CIDR block? The base of a block need not be aligned. */
export function isAddressBlock(text: string): boolean {
  return readBlock(text) !== null
}

/**
 * Does the request come from this address, or from within this CIDR block? Addresses are compared, not
 * spellings (threats T53 and T54); text that is no block holds nobody.
 *
 * @param facts.clientIp the client's address as found by our own rules; undefined when it is not known
 */
export function checkClientBlock(
  { block }: { readonly block: string },
  { clientIp }: { readonly clientIp?: string | undefined },
): ClaimAnswer<'ip_mismatch'> {
  if (typeof clientIp !== 'string') {
    return { ok: false, reason: 'ip_mismatch', detail: 'the address of the client is not known' }
  }
  if (readBlock(block)?.has(clientIp) === true) return granted
  return { ok: false, reason: 'ip_mismatch', detail: 'another client address' }
}
