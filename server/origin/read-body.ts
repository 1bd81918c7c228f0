import type { Readable } from 'node:stream'
import { OutboundError } from './outbound-error.ts'

interface ReadLimits {
  readonly maxBytes: number
  /** Milliseconds until the end of the body. */
  readonly wholeBodyMs: number
}

/** What was read: everything, or the beginning of a body that is longer than the limit. */
export interface ReadResult {
  readonly chunks: readonly Uint8Array[]
  readonly complete: boolean
}

/**
 * Reads a body up to a limit. When there is more, the body is left where it is, to be read on or destroyed.
 *
 * @throws {OutboundError} `silent` when the body does not end in time
 * @throws what the body itself fails with
 */
export async function readBody(body: Readable, limits: ReadLimits): Promise<ReadResult> {
  const timer = setTimeout(() => {
    body.destroy(
      new OutboundError('silent', `the body did not end within ${limits.wholeBodyMs} ms`),
    )
  }, limits.wholeBodyMs)
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const piece of body.iterator({ destroyOnReturn: false })) {
      const chunk: Uint8Array = piece
      chunks.push(chunk)
      size += chunk.length
      if (size > limits.maxBytes) return { chunks, complete: false }
    }
    return { chunks, complete: true }
  } finally {
    clearTimeout(timer)
  }
}
