import type { HeldCredential } from './credential.ts'
import { place as placeToken } from './place.ts'
import type { RequestNote, Session, SessionPort } from './types.ts'

export { createSession } from './session.ts'
export type * from './types.ts'

/** What is used of a Shaka Player, version 5. */
export interface ShakaPlayer {
  getNetworkingEngine(): ShakaNetworkingEngine | null
  isFullyLoaded(): boolean
  dispatchEvent(event: Event): unknown
  addEventListener(type: string, listener: (event: Event) => void): void
  removeEventListener(type: string, listener: (event: Event) => void): void
}

export interface ShakaNetworkingEngine {
  registerRequestFilter(filter: (type: number, request: ShakaRequest) => Promise<void>): void
  unregisterRequestFilter(filter: (type: number, request: ShakaRequest) => Promise<void>): void
  registerResponseFilter(filter: (type: number, response: ShakaResponse) => void): void
  unregisterResponseFilter(filter: (type: number, response: ShakaResponse) => void): void
}

export interface ShakaRequest {
  uris: string[]
  headers: Record<string, string>
  allowCrossSiteCredentials: boolean
  /** Counts the tries, from 0. */
  readonly attempt: number
}

export interface ShakaResponse {
  uri: string
  originalUri: string
  readonly headers: Readonly<Record<string, string>>
  readonly originalRequest: ShakaRequest
}

/** The event `downloadfailed`, which each failed try of a request raises. */
interface DownloadFailed {
  readonly request: ShakaRequest
  readonly httpResponseCode: number
  /** Its data: the URL, the status, the body and the headers of the answer, the type, and where the answer came from. */
  readonly error: { data: unknown[] } | null
}

/** One try of a request. */
interface Try {
  readonly index: number
  /** As the player wrote it. */
  readonly uri: string
  readonly placed: string
  readonly credential: HeldCredential | null
  readonly sent: ReturnType<SessionPort['clock']>
  readonly note: { -readonly [Key in keyof RequestNote]: RequestNote[Key] }
  /** What the refused request may be tried with once more. */
  next?: Promise<HeldCredential | null>
  /** Asks for that once more. */
  renew?: () => void
}

/**
 * The members of `shaka.net.NetworkingEngine.RequestType` that may carry a token, and what the session's events
 * call them. Advertisements, reports and time servers belong to others.
 */
const kinds: Readonly<Record<number, string>> = {
  0: 'manifest',
  1: 'segment',
  2: 'license',
  5: 'server-certificate',
  6: 'key',
  8: 'content-steering',
  10: 'session-data',
  12: 'playlist',
}

/**
 * Gives each request of the player to the session's origins the session's token. A refused one is tried again
 * with the next token within Shaka's own `retryParameters` (by default once, after a second); while it waits the
 * token is renewed. After a final refusal no request is sent any more: `player.load()` rejects, or, when the
 * stream has been loaded, there is one critical `error` event of code 1001 (`BAD_HTTP_STATUS`) and what is
 * buffered plays out. Where there is no token in time, `player.load()` rejects with code 1006
 * (`REQUEST_FILTER_ERROR`), and a stream that has been loaded waits on.
 *
 * Call it before `player.load()`. It does nothing for streams that the browser plays by itself
 * (`streaming.preferNativeHls`): Shaka does not see their requests. `player.preload()` carries the token, but what
 * is refused to it is not tried again with a new one.
 *
 * @returns stops that; the destruction of the player does, too
 * @throws {TypeError} when the player has been destroyed
 */
export function attachSession(player: ShakaPlayer, session: Session): () => void {
  const { port } = session
  const engine = player.getNetworkingEngine()
  if (!engine) throw new TypeError('the player has been destroyed')
  const tries = new WeakMap<ShakaRequest, Try>()
  let attached = true

  const place = async (type: number, request: ShakaRequest) => {
    const { uris, attempt, headers } = request
    const index = attempt % uris.length
    const uri = uris[index] as string
    const kind = kinds[type]
    const url = attached && kind && port.admit(uri, !type)
    if (!url) return
    const last = tries.get(request)
    const note = { url, type: kind, status: last?.note.status ?? 0 }
    const coming = (await last?.next) ?? port.take()
    if (coming instanceof Promise) port.tell('held', note)
    const credential = await coming
    const sent = port.clock()
    const placed = credential
      ? port.place({ url: uri, headers }, credential)
      : { url: uri, headers }
    tries.set(request, { index, uri, placed: placed.url, credential, sent, note })
    uris[index] = placed.url
    request.headers = placed.headers
    request.allowCrossSiteCredentials ||= port.hasCookie
  }

  const fill = (type: number, request: ShakaRequest) => {
    let aborted = false
    const wait = (): Promise<void> =>
      place(type, request).catch((error) => {
        if (aborted || !player.isFullyLoaded()) throw error
        // Shaka would ask for one variant after the other, a hundred times a second. This request waits for ever.
        if (error.code) return new Promise<void>(() => {})
        // There was no token in time. Shaka takes what a filter throws for the end of the stream, so it waits on.
        tries.get(request)?.renew?.()
        return wait()
      })
    const promise = wait()
    // As an abortable operation: else `unload()` and `destroy()` wait for a token that nobody needs any more.
    const abort = async () => {
      aborted = true
    }
    return Object.assign(promise, { promise, abort })
  }

  /** Shaka keeps the URLs of a request from one try to the next, and shows them in its events. */
  const clean = (request: ShakaRequest) => {
    const last = tries.get(request)
    if (last) request.uris[last.index] = last.uri
    return last
  }

  const receive = (_: number, response: ShakaResponse) => {
    const last = clean(response.originalRequest)
    if (!last) return
    const { credential, sent, note } = last
    if (note.status) port.tell('recovered', note)
    const headers = new Headers(response.headers)
    const header = headers.get('playgate-session')
    response.uri = port.learn(credential, sent, response.uri, header, { headers })
    response.originalUri = last.uri
  }

  const fail = (event: Event) => {
    const { request, httpResponseCode, error } = event as Event & DownloadFailed
    const last = clean(request)
    if (!last || !error) return
    const { credential, note } = last
    // The error goes on to the page, and often from there to an error tracker. After a redirect its last URL is another one.
    const strip = (url: string) =>
      placeToken({ url }, null, 'query', new Set([credential?.parameter])).url
    error.data = error.data.map((part, index) =>
      part === last.placed ? last.uri : part && index === 5 ? strip(part as string) : part,
    )
    if (!port.renewOn.includes(httpResponseCode)) return
    const problem = new Response(error.data[2] as string).json()
    const before = note.status
    note.status = httpResponseCode
    last.renew = () => {
      last.next = port.refused(credential, note, problem, before)
      // When there is no further try nobody asks for it.
      last.next.catch(() => {})
    }
    last.renew()
  }

  const forget = session.on('denied', ({ status, reason = '' }) => {
    const error = new Error(`playback refused: ${reason || status}`)
    const detail = Object.assign(error, {
      severity: 2,
      category: 1,
      code: 1001,
      data: ['', 403, reason],
    })
    // Shaka writes to the events that it hands on, which those of the browser do not suffer.
    if (player.isFullyLoaded()) player.dispatchEvent({ type: 'error', detail } as object as Event)
  })
  engine.registerRequestFilter(fill)
  engine.registerResponseFilter(receive)
  player.addEventListener('downloadfailed', fail)
  return () => {
    // Each load has an engine of its own, with copies of the filters.
    attached = false
    forget()
    engine.unregisterRequestFilter(fill)
    engine.unregisterResponseFilter(receive)
    player.removeEventListener('downloadfailed', fail)
  }
}
