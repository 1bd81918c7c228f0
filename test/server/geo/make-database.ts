/**
 * Writes small databases in MaxMind's format (MaxMind DB file format specification 2.0), for layouts and
 * damages of which no published file is at hand.
 */
export type Value = string | number | { readonly [name: string]: Value }

export interface DatabaseParts {
  readonly ipVersion?: 4 | 6
  readonly recordBits?: 24 | 28 | 32
  readonly type?: string
  /** Leading bits of an address, as text of zeros and ones, and what is known of the addresses that begin so. */
  readonly networks: readonly (readonly [bits: string, record: Value])[]
}

/** The leading bits of an IPv4 address, as they stand in a tree of either kind. */
export function ipv4Bits(address: string, prefixBits: number, ipVersion: 4 | 6 = 4): string {
  const bits = address
    .split('.')
    .map((byte) => Number(byte).toString(2).padStart(8, '0'))
    .join('')
  return '0'.repeat(ipVersion === 6 ? 96 : 0) + bits.slice(0, prefixBits)
}

function encode(value: Value): Buffer {
  if (typeof value === 'string') return sized(2, Buffer.from(value))
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return sized(6, bytes)
  }
  const members = Object.entries(value).flatMap(([name, member]) => [encode(name), encode(member)])
  return Buffer.concat([Buffer.of((7 << 5) | (members.length / 2)), ...members])
}

function sized(type: number, bytes: Buffer): Buffer {
  const head =
    bytes.length < 29 ? [(type << 5) | bytes.length] : [(type << 5) | 29, bytes.length - 29]
  return Buffer.concat([Buffer.from(head), bytes])
}

type Tree = [left: Tree | number | null, right: Tree | number | null]

function writeNode(left: number, right: number, recordBits: number): Buffer {
  const bytes = Buffer.alloc(recordBits / 4)
  if (recordBits === 28) {
    bytes.writeUIntBE(left & 0xffffff, 0, 3)
    bytes[3] = ((left >>> 24) << 4) | (right >>> 24)
    bytes.writeUIntBE(right & 0xffffff, 4, 3)
  } else {
    bytes.writeUIntBE(left, 0, recordBits / 8)
    bytes.writeUIntBE(right, recordBits / 8, recordBits / 8)
  }
  return bytes
}

export function makeDatabase({
  ipVersion = 4,
  recordBits = 24,
  type = 'test',
  networks,
}: DatabaseParts): Buffer {
  const root: Tree = [null, null]
  const data: Buffer[] = []
  let dataLength = 0
  for (const [bits, record] of networks) {
    let node = root
    for (const bit of bits.slice(0, -1)) {
      const side = Number(bit) as 0 | 1
      const known = node[side]
      const next: Tree = Array.isArray(known) ? known : [null, null]
      node[side] = next
      node = next
    }
    node[Number(bits.at(-1)) as 0 | 1] = dataLength
    const bytes = encode(record)
    data.push(bytes)
    dataLength += bytes.length
  }

  const nodes: Tree[] = [root]
  for (let index = 0; index < nodes.length; index += 1) {
    for (const side of nodes[index] as Tree) if (Array.isArray(side)) nodes.push(side)
  }
  const places = new Map(nodes.map((node, index) => [node, index]))
  const pointer = (side: Tree | number | null) => {
    if (side === null) return nodes.length
    return Array.isArray(side) ? (places.get(side) as number) : nodes.length + 16 + side
  }
  const tree = nodes.map(([left, right]) => writeNode(pointer(left), pointer(right), recordBits))
  const description = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 0,
    database_type: type,
    ip_version: ipVersion,
    node_count: nodes.length,
    record_size: recordBits,
  })
  const mark = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')
  return Buffer.concat([...tree, Buffer.alloc(16), ...data, mark, description])
}
