import type ipaddr from 'ipaddr.js'
import { type Address, parseAddress } from './address.ts'

type Block = readonly [base: Address, prefixBits: number]

/** Addresses and CIDR blocks, v4 and v6. */
export class AddressSet {
  readonly #blocks: readonly Block[]

  /** @throws {TypeError} naming the entry that is neither an address nor a CIDR block */
  constructor(entries: readonly string[]) {
    this.#blocks = entries.map(parseBlock)
  }

  /** False for text that is no address. */
  has(text: string): boolean {
    const address = parseAddress(text)
    return address !== null && this.#blocks.some((block) => contains(block, address))
  }
}

/** The bits in front of an IPv4 address that is written as an IPv6 one (RFC 4291 section 2.5.5.2). */
const mappedBits = 96

function parseBlock(entry: string): Block {
  const slash = entry.indexOf('/')
  const text = slash < 0 ? entry : entry.slice(0, slash)
  const address = parseAddress(text)
  if (address === null) throw new TypeError(`not an address or CIDR block: ${entry}`)
  const longest = text.includes(':') ? 128 : 32
  // `::ffff:10.0.0.0/104` is 10.0.0.0/8: the length counts bits of what is written.
  const shortest = longest === 128 && address.kind() === 'ipv4' ? mappedBits : 0
  const bits = slash < 0 ? String(longest) : entry.slice(slash + 1)
  if (!/^(?:0|[1-9]\d{0,2})$/.test(bits) || Number(bits) < shortest || Number(bits) > longest) {
    throw new TypeError(`not a prefix length between ${shortest} and ${longest}: ${entry}`)
  }
  return [address, Number(bits) - shortest]
}

function contains([base, bits]: Block, address: Address): boolean {
  if (base.kind() === 'ipv4')
    return address.kind() === 'ipv4' && (address as ipaddr.IPv4).match(base as ipaddr.IPv4, bits)
  return address.kind() === 'ipv6' && (address as ipaddr.IPv6).match(base as ipaddr.IPv6, bits)
}
