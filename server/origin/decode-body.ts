import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib'
import { DecodeError } from './decode-error.ts'
import { decodeZstd } from './decode-zstd.ts'
import { codeOf } from './outbound-error.ts'

/** What we ask for: everything that `decodeBody` undoes. */
export const acceptedEncodings = 'gzip, br, deflate, zstd'

/** More layers than this serve nobody but a bomb. */
const maxLayers = 2

type Decoder = (bytes: Uint8Array, maxBytes: number) => Promise<Uint8Array>

/** The platform's decoders stop by themselves at the limit, whatever would follow. */
function native(
  decode: (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>,
): Decoder {
  return async (bytes, maxBytes) => {
    try {
      return await decode(bytes, { maxOutputLength: maxBytes })
    } catch (error) {
      const code = codeOf(error)
      throw new DecodeError(code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'broken', code, error)
    }
  }
}

const decodeGzip = native(promisify(gunzip))
const decodeZlib = native(promisify(inflate))
const decodeRaw = native(promisify(inflateRaw))

/** RFC 9110 section 8.4.1, RFC 9659 for zstd. */
const decoders: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', decodeGzip],
  ['x-gzip', decodeGzip],
  ['br', native(promisify(brotliDecompress))],
  // "deflate" means zlib, yet some servers send it without the wrapper (RFC 9110 section 8.4.1.2).
  ['deflate', (bytes, max) => (hasZlibHeader(bytes) ? decodeZlib : decodeRaw)(bytes, max)],
  ['zstd', decodeZstd],
])

/** RFC 1950 section 2.2: method 8, and both bytes together a multiple of 31. */
function hasZlibHeader(bytes: Uint8Array): boolean {
  const [method = 0, flags = 0] = bytes
  return (method & 0x0f) === 8 && ((method << 8) | flags) % 31 === 0
}

/**
 * Undoes the codings of a body, last one first. Memory is bounded by the limit for each layer.
 *
 * @param contentEncoding the header's value
 * @param maxBytes of each layer's result
 * @throws {DecodeError} `too-large`, `broken` or `unknown`
 */
export async function decodeBody(
  encoded: Uint8Array,
  contentEncoding: string | undefined,
  maxBytes: number,
): Promise<Uint8Array> {
  const layers = parseCodings(contentEncoding)
  if (layers.length > maxLayers) {
    throw new DecodeError('unknown', `more than ${maxLayers} layers of encoding`)
  }
  let bytes = encoded
  for (const name of layers.reverse()) {
    const decode = decoders.get(name)
    if (decode === undefined)
      throw new DecodeError('unknown', 'a content encoding nobody asked for')
    bytes = await decode(bytes, maxBytes)
  }
  return bytes
}

/** Is there anything to undo? */
export function isEncoded(contentEncoding: string | undefined): boolean {
  return parseCodings(contentEncoding).length > 0
}

function parseCodings(contentEncoding = ''): string[] {
  return contentEncoding
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity')
}
