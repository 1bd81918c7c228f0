import type { Reader, Response } from 'maxmind'

/** Networks without a record lie between those with one; a database of nothing else is not walked to its end. */
const maxNetworks = 65_536

/** The address of that number: eight hexadecimal groups, or four decimal bytes. */
function addressText(value: bigint, bits: 32 | 128): string {
  const unit = bits === 32 ? 8 : 16
  const parts = Array.from({ length: bits / unit }, (_, index) =>
    Number((value >> BigInt(bits - unit * (index + 1))) & BigInt(2 ** unit - 1)),
  )
  return bits === 32 ? parts.join('.') : parts.map((part) => part.toString(16)).join(':')
}

/**
 * The records of the first networks of a database, in the order of their addresses: at most so many.
 *
 * @throws {Error} where the file is damaged
 */
export function firstRecords(reader: Reader<Response>, count: number): readonly unknown[] {
  const bits = reader.metadata.ipVersion === 4 ? 32 : 128
  const end = 1n << BigInt(bits)
  const records: unknown[] = []
  let at = 0n
  for (let networks = 0; networks < maxNetworks && at < end && records.length < count; networks++) {
    const [record, prefixBits] = reader.getWithPrefixLength(addressText(at, bits))
    if (record !== null) records.push(record)
    at += 1n << BigInt(bits - prefixBits)
  }
  return records
}
