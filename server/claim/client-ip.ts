import { decodeOnce } from '../../shared/query.ts'
import { isSameAddress, parseAddress } from './address.ts'
import { type ClaimAnswer, granted } from './answer.ts'

function mismatch(detail: string): ClaimAnswer<'ip_mismatch'> {
  return { ok: false, reason: 'ip_mismatch', detail }
}

/**
 * Does the request come from the address that the token names? The value is decoded once, and addresses
 * are compared, not spellings; ranges match nobody (spec/token-formats section 1.5 step 5).
 *
 * @param facts.clientIp the client's address as found by our own rules; undefined when it is not known
 */
export function checkClientIp(
  { ip }: { readonly ip: string },
  { clientIp }: { readonly clientIp?: string | undefined },
): ClaimAnswer<'ip_mismatch'> {
  const wanted = parseAddress(decodeOnce(ip))
  if (wanted === null) return mismatch('the token names no address')
  const actual = clientIp === undefined ? null : parseAddress(clientIp)
  if (actual === null) return mismatch('the address of the client is not known')
  return isSameAddress(wanted, actual) ? granted : mismatch('another client address')
}
