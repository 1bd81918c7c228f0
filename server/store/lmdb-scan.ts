import type { LmdbTable } from './lmdb-file.ts'

/** Rows looked at in one go, some milliseconds, where most of them have ended and nobody swept them yet. */
const rowsAtOnce = 2000

export interface Scan<Found> {
  readonly table: LmdbTable
  /** What the keys begin with that are looked at; empty for all. */
  readonly prefix: Buffer
  /** Only what comes before this, behind the prefix. */
  readonly before: Buffer
  /** 1 or more. */
  readonly limit: number
  /**
   * What a row stands for.
   *
   * @param key without the prefix
   * @returns `null` for what has ended
   */
  readonly read: (key: Buffer) => Found | null
}

export interface Scanned<Found> {
  /** The last first. */
  readonly found: readonly Found[]
  /** There are more than the limit. */
  readonly hasMore: boolean
}

/**
 * Looks for a page, and yields where others should have a turn; goes on with what has been written by then.
 * What has ended stays in the file until something new comes, and may be much.
 */
export function* scanPage<Found>(scan: Scan<Found>): Generator<void, Scanned<Found>, void> {
  const { table, prefix, before, limit, read } = scan
  const bounds = {
    reverse: true,
    exclusiveStart: true,
    limit: rowsAtOnce,
    ...(prefix.length > 0 && { end: prefix }),
  }
  const found: Found[] = []
  let start: Buffer = Buffer.concat([prefix, before])
  for (let isWhole = false; !isWhole; ) {
    let rows = 0
    for (const key of table.getKeys({ ...bounds, start })) {
      rows++
      start = key
      const one = read(key.subarray(prefix.length))
      if (one === null) continue
      if (found.length === limit) return { found, hasMore: true }
      found.push(one)
    }
    isWhole = rows < rowsAtOnce
    if (!isWhole) yield
  }
  return { found, hasMore: false }
}
