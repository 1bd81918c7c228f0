import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'

/** Bytes read at once. Smaller pieces cost more than they save (spec/performance section 4). */
export const chunkBytes = 256 * 1024

/** A run of bytes of a file. */
export interface Extent {
  readonly start: number
  readonly length: number
}

/**
 * Reads a run of bytes into memory.
 *
 * @throws {Error} when the file has become shorter meanwhile
 */
export async function readExtent(handle: FileHandle, extent: Extent): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(extent.length)
  let filled = 0
  while (filled < extent.length) {
    const { bytesRead } = await handle.read(
      bytes,
      filled,
      extent.length - filled,
      extent.start + filled,
    )
    if (bytesRead === 0) throw new Error('the file became shorter while it was read')
    filled += bytesRead
  }
  return bytes
}

/** A run of bytes of a file as a stream. Owns the handle: closes it at the end, on error and when destroyed. */
export class FileBody extends Readable {
  readonly #handle: FileHandle
  #position: number
  #left: number

  constructor(handle: FileHandle, { start, length }: Extent) {
    super({ highWaterMark: chunkBytes })
    this.#handle = handle
    this.#position = start
    this.#left = length
  }

  override _read(): void {
    if (this.#left === 0) {
      this.push(null)
      return
    }
    const length = Math.min(this.#left, chunkBytes)
    const extent = { start: this.#position, length }
    this.#position += length
    this.#left -= length
    readExtent(this.#handle, extent).then(
      (bytes) => this.push(bytes),
      (error) => this.destroy(error),
    )
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#handle.close().then(
      () => callback(error),
      (failure) => callback(error ?? failure),
    )
  }
}
