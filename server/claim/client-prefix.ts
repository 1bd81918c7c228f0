import type { ClaimAnswer } from './answer.ts'
import { checkClientBlock, isAddressBlock } from './client-block.ts'

/** One byte in decimal, without leading zeros: others read those as octal (threat T53). */
const byte = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const wholeBytes = new RegExp(`^(?:${byte}\\.){1,3}$`)

/**
 * The clients that a token may be for, as one address or CIDR block: an address (IPv4 or IPv6), a block, or the
 * first one to three bytes of an IPv4 address, ending in a dot: `211.37.` is `211.37.0.0/16`. Null for all
 * else, such as `211.3`, which as a beginning of text would be 211.30 to 211.39 as well (spec/token-formats
 * section 3.2).
 */
export function parseClientPrefix(text: string): string | null {
  if (!wholeBytes.test(text)) return isAddressBlock(text) ? text : null
  const bytes = text.split('.').slice(0, -1)
  return `${[...bytes, '0', '0', '0'].slice(0, 4).join('.')}/${bytes.length * 8}`
}

/**
 * Does the request come from one of the clients that the token is for? Addresses are compared, not spellings;
 * text that names no clients holds nobody.
 *
 * @param facts.clientIp the client's address as found by our own rules; undefined when it is not known
 */
export function checkClientPrefix(
  { client }: { readonly client: string },
  { clientIp }: { readonly clientIp?: string | undefined },
): ClaimAnswer<'ip_mismatch'> {
  const block = parseClientPrefix(client)
  if (block !== null) return checkClientBlock({ block }, { clientIp })
  return { ok: false, reason: 'ip_mismatch', detail: 'the token names no clients' }
}
