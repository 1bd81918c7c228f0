import type { Session } from './types.ts'

interface ByteRange {
  readonly start: number
  readonly end?: number | undefined
}

/**
 * What p2p-media-loader calls before it downloads a segment by itself, past hls.js and its loaders
 * (`core.httpRequestSetup`): the request carries the token, after a wait when there is none that works.
 *
 * Refusals do not come back to the session that way; call `session.renew()` when the engine tells of an
 * `onSegmentError` of type `http-error`.
 */
export function p2pRequestSetup({ port }: Session) {
  return async (
    url: string,
    _segmentRange?: ByteRange,
    signal?: AbortSignal,
    range?: ByteRange,
  ): Promise<Request | undefined> => {
    const credential = port.admit(url) ? await port.take() : null
    // Nothing of ours: the engine makes the request itself.
    if (!credential) return
    const headers: Record<string, string> = range
      ? { range: `bytes=${range.start}-${range.end ?? ''}` }
      : {}
    const request = port.place({ url, headers }, credential)
    return new Request(request.url, {
      headers: request.headers,
      credentials: port.hasCookie ? 'include' : 'same-origin',
      signal: signal ?? null,
    })
  }
}
