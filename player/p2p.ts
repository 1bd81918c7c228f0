import type { Session } from './types.ts'

interface ByteRange {
  readonly start: number
  readonly end?: number | undefined
}

/** More than the engine has under way at once; each is a URL's length of memory. */
const mostAsked = 100

/**
 * What p2p-media-loader calls before it downloads a segment by itself, past hls.js and its loaders
 * (`core.httpRequestSetup`): the request carries the token, after a wait when there is none that works.
 *
 * Refusals do not come back to the session that way; call `session.renew()` when the engine tells of an
 * `onSegmentError` of type `http-error`. The engine tries three times (`httpErrorRetries`) and leaves no pause between
 * them: a second try waits for that renewal, so that the player hears nothing of the refusal. The engine takes a wait
 * for silence of the server (`httpNotReceivingBytesTimeoutMs`).
 */
export function p2pRequestSetup(session: Session) {
  const { port } = session
  /** The last segments that were asked for: of one that comes again the last try may have failed. */
  const asked = new Set<string>()
  /** Nobody knows anything against the token in use. */
  let isAhead = false
  session.on('renewing', ({ reason }) => {
    isAhead = reason === 'ahead'
  })

  function isAgain(segment: string): boolean {
    const wasAsked = asked.delete(segment)
    asked.add(segment)
    const [oldest = ''] = asked
    if (asked.size > mostAsked) asked.delete(oldest)
    return wasAsked
  }

  return async (
    url: string,
    segmentRange?: ByteRange,
    signal?: AbortSignal,
    range?: ByteRange,
  ): Promise<Request | undefined> => {
    // Nothing of ours: the engine makes the request itself.
    if (!port.admit(url)) return
    if (isAgain(`${url} ${segmentRange?.start}`)) {
      // The session tells a little later of what it does.
      await new Promise<void>(queueMicrotask)
      if (session.state === 'renewing' && !isAhead) await session.renew()
    }
    const credential = await port.take()
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
