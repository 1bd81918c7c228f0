import { Readable } from 'node:stream'
import type { OriginJson, OriginObject } from './contract.ts'
import { decodeBody, isEncoded } from './decode-body.ts'
import { DecodeError } from './decode-error.ts'
import { badPlaylist } from './failure.ts'
import type { JudgedOptions } from './options.ts'
import { copyHeaders, mediaType, withoutTransfer } from './origin-headers.ts'
import type { OutboundAnswer } from './outbound.ts'
import { readBody } from './read-body.ts'

/** Does the content type name a JSON document? (RFC 6839 section 3.1 for `+json`.) */
export function isJsonType(contentType: string | undefined): boolean {
  return /^application\/(?:json|[^/\s]+\+json)$/.test(mediaType(contentType))
}

/**
 * Reads a JSON document whole when it is small enough to be rewritten; a larger one becomes a stream of
 * exactly what the origin sent.
 *
 * @throws {PlaybackError} `ERR_ORIGIN_PLAYLIST` when it cannot be decoded
 * @throws what the body fails with
 */
export async function readJson(
  answer: OutboundAnswer,
  options: Pick<JudgedOptions, 'maxJsonBytes' | 'timeouts'>,
): Promise<OriginJson | OriginObject> {
  const headers = copyHeaders(answer.headers)
  const whole: OriginObject = { kind: 'object', status: 200, headers, body: answer.body }
  const { maxJsonBytes: maxBytes } = options
  if (Number(headers['content-length'] ?? 0) > maxBytes) return whole
  const { wholeBodyMs } = options.timeouts
  const { chunks, complete } = await readBody(answer.body, { maxBytes, wholeBodyMs })
  if (!complete) return { ...whole, body: goOn(chunks, answer.body) }
  const encoded = Buffer.concat(chunks)
  const bytes = await decodeSmall(encoded, headers['content-encoding'], maxBytes)
  if (bytes === null) return { ...whole, body: encoded }
  const contentType = headers['content-type'] ?? 'application/json'
  return { kind: 'json', bytes, contentType, headers: withoutTransfer(headers) }
}

/** null: more than the limit once decoded. */
async function decodeSmall(
  encoded: Uint8Array,
  encoding: string | undefined,
  maxBytes: number,
): Promise<Uint8Array | null> {
  if (!isEncoded(encoding)) return encoded
  try {
    return await decodeBody(encoded, encoding, maxBytes)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    if (error.problem === 'too-large') return null
    throw badPlaylist(`the JSON document cannot be decoded, ${error.message}`, error)
  }
}

/** What was read already, followed by the rest of the body. */
function goOn(chunks: readonly Uint8Array[], rest: Readable): Readable {
  const joined = Readable.from(
    (async function* () {
      yield* chunks
      yield* rest
    })(),
    { objectMode: false },
  )
  // A generator that was never started cannot clean up.
  joined.once('close', () => rest.destroy())
  joined.on('error', () => {})
  rest.once('error', (error) => joined.destroy(error))
  return joined
}
