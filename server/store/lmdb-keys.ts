import type { LmdbTable } from './lmdb-file.ts'

/** Numbers and times are whole and below 2^48: in milliseconds, the year 10889. */
export const numberBytes = 6

/** Big-endian, so that keys sort by number. */
export function numberBuffer(number: number): Buffer {
  const bytes = Buffer.alloc(numberBytes)
  bytes.writeUIntBE(number, 0, numberBytes)
  return bytes
}

/** @returns 0 where nothing is written */
export function readNumber(bytes: Buffer | undefined, place = 0): number {
  return bytes === undefined ? 0 : bytes.readUIntBE(place * numberBytes, numberBytes)
}

/** What stands in a table whose keys say everything: the binding does not take an empty value. */
export const nothing = Buffer.from([1])

/** A key of a table that tells in which order others end. */
export function endKey(endsAtMs: number, key: Buffer): Buffer {
  return Buffer.concat([numberBuffer(endsAtMs), key])
}

export function readEndKey(bytes: Buffer): { readonly endsAtMs: number; readonly key: Buffer } {
  return { endsAtMs: readNumber(bytes), key: bytes.subarray(numberBytes) }
}

/** The keys of such a table that have ended by then, the earliest first. */
export function endedKeys(ends: LmdbTable, nowMs: number, limit: number): Buffer[] {
  return [...ends.getKeys({ end: numberBuffer(nowMs + 1), limit })]
}
