import type ipaddr from 'ipaddr.js'
import { parseAddress } from './address.ts'

type Address = ipaddr.IPv4 | ipaddr.IPv6
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

function parseBlock(entry: string): Block {
  const slash = entry.indexOf('/')
  const address = parseAddress(slash < 0 ? entry : entry.slice(0, slash))
  if (address === null) throw new TypeError(`not an address or CIDR block: ${entry}`)
  const longest = address.kind() === 'ipv4' ? 32 : 128
  if (slash < 0) return [address, longest]
  const bits = entry.slice(slash + 1)
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > longest) {
    throw new TypeError(`not a prefix length between 0 and ${longest}: ${entry}`)
  }
  return [address, Number(bits)]
}

function contains([base, bits]: Block, address: Address): boolean {
  if (base.kind() === 'ipv4')
    return address.kind() === 'ipv4' && (address as ipaddr.IPv4).match(base as ipaddr.IPv4, bits)
  return address.kind() === 'ipv6' && (address as ipaddr.IPv6).match(base as ipaddr.IPv6, bits)
}
