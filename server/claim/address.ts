import ipaddr from 'ipaddr.js'

export type Address = ipaddr.IPv4 | ipaddr.IPv6

/**
 * An address from text, in its one usual spelling family: four decimal parts without leading zeros, or
 * IPv6 without zone. Octal, hexadecimal, short and one-number forms of IPv4 are null: other readers take
 * them for other hosts (threat T53). An IPv4-mapped IPv6 address is its IPv4 address (RFC 4291 section
 * 2.5.5.2).
 */
export function parseAddress(text: string): Address | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  if (!text.includes(':') || !/^[0-9A-Fa-f:.]+$/.test(text)) return null
  const groups = withoutDottedTail(text)
  if (groups === null || !ipaddr.IPv6.isValid(groups)) return null
  const address = ipaddr.IPv6.parse(groups)
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}

/**
 * An IPv4 tail as two hexadecimal groups. ipaddr.js would take octal in it, and `::10.0.0.1` for the mapped
 * address `::ffff:10.0.0.1`.
 */
function withoutDottedTail(text: string): string | null {
  const start = text.lastIndexOf(':') + 1
  const tail = text.slice(start)
  if (!tail.includes('.')) return text
  if (!ipaddr.IPv4.isValidFourPartDecimal(tail)) return null
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(tail).octets
  return `${text.slice(0, start)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}

/** Are these the same host address? Compares bytes, not spellings. */
export function isSameAddress(one: Address, other: Address): boolean {
  return one.kind() === other.kind() && one.toNormalizedString() === other.toNormalizedString()
}
