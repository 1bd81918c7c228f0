import { runInNewContext } from 'node:vm'
import { Decompress } from 'fzstd'
import { DecodeError } from './decode-error.ts'
import { codeOf } from './outbound-error.ts'

/** RFC 9659 section 3: content coded as zstd needs no larger window, and none may be asked of a decoder. */
const maxWindow = 8 * 1024 * 1024
/** RFC 8878 section 3.1.1.2.4 */
const maxBlock = 128 * 1024
/** Ends a decoding that makes no progress. Eight MiB take a tenth of it. */
const decodeMs = 1_000

/**
 * Decodes a zstd body. The frames are measured before anything is decoded, because the decoder allocates the
 * window that a header names; and it runs against a limit of time, because it does not check how much a
 * sequence copies.
 *
 * @throws {DecodeError}
 */
export async function decodeZstd(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  measureFrames(bytes, maxBytes)
  const chunks: Uint8Array[] = []
  let size = 0
  const decoder = new Decompress((chunk) => {
    size += chunk.length
    if (size > maxBytes) throw new DecodeError('too-large', 'zstd')
    chunks.push(chunk)
  })
  try {
    // The one way to interrupt a function that does not return; nothing foreign is evaluated.
    runInNewContext('decode()', { decode: () => decoder.push(bytes, true) }, { timeout: decodeMs })
  } catch (error) {
    if (error instanceof DecodeError) throw error
    const endless = codeOf(error) === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
    throw new DecodeError(endless ? 'too-large' : 'broken', 'zstd', error)
  }
  return Buffer.concat(chunks, size)
}

/** Walks frame and block headers (RFC 8878 section 3.1) and judges every size they state. */
function measureFrames(bytes: Uint8Array, maxBytes: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let stated = 0
  try {
    for (let at = 0; at < bytes.length; ) {
      const magic = view.getUint32(at, true)
      if (magic >>> 4 === 0x184d2a5) {
        at += 8 + view.getUint32(at + 4, true)
        continue
      }
      if (magic !== 0xfd2fb528) throw new DecodeError('broken', 'zstd: not a frame')
      const header = readFrameHeader(view, at + 4, maxBytes)
      const blocks = measureBlocks(view, header.end, Math.min(header.window, maxBlock))
      stated += blocks.stated
      if (stated > maxBytes) throw new DecodeError('too-large', 'zstd')
      at = blocks.end + (header.hasChecksum ? 4 : 0)
      if (at > bytes.length) throw new DecodeError('broken', 'zstd: cut off')
    }
  } catch (error) {
    if (error instanceof DecodeError) throw error
    throw new DecodeError('broken', 'zstd: cut off', error)
  }
}

interface FrameHeader {
  readonly end: number
  readonly window: number
  readonly hasChecksum: boolean
}

/** RFC 8878 section 3.1.1.1; `start` is behind the magic number. */
function readFrameHeader(view: DataView, start: number, maxBytes: number): FrameHeader {
  const descriptor = view.getUint8(start)
  const isSingle = (descriptor & 0x20) !== 0
  if ((descriptor & 0x03) !== 0) throw new DecodeError('unknown', 'zstd: needs a dictionary')
  let at = start + 1
  let window = 0
  if (!isSingle) {
    const exponent = view.getUint8(at) >> 3
    const base = 2 ** (10 + exponent)
    window = base + (base / 8) * (view.getUint8(at) & 7)
    at += 1
  }
  const flag = descriptor >> 6
  let content = 0
  if (flag === 0 && isSingle) content = view.getUint8(at)
  if (flag === 1) content = view.getUint16(at, true) + 256
  if (flag === 2) content = view.getUint32(at, true)
  if (flag === 3) content = Number(view.getBigUint64(at, true))
  at += flag === 0 ? Number(isSingle) : 2 ** flag
  if (isSingle) window = content
  if (content > maxBytes || window > Math.max(maxWindow, isSingle ? maxBytes : 0)) {
    throw new DecodeError('too-large', 'zstd')
  }
  return { end: at, window, hasChecksum: (descriptor & 0x04) !== 0 }
}

/** RFC 8878 section 3.1.1.2. `stated` is what raw and repeated blocks will come to; others show it when decoded. */
function measureBlocks(
  view: DataView,
  start: number,
  blockLimit: number,
): { end: number; stated: number } {
  let at = start
  let stated = 0
  for (let isLast = false; !isLast; ) {
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16)
    isLast = (header & 1) !== 0
    const type = (header >> 1) & 3
    const size = header >> 3
    if (type === 3 || size > blockLimit) throw new DecodeError('broken', 'zstd: not a block')
    if (type !== 2) stated += size
    at += 3 + (type === 1 ? 1 : size)
  }
  return { end: at, stated }
}
