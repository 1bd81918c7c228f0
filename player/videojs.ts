import type { HeldCredential } from './credential.ts'
import type { Session } from './types.ts'

export { createSession } from './session.ts'
export type * from './types.ts'

/** What is used of a Video.js player, version 8. */
export interface VideojsPlayer {
  on(type: string, listener: () => void): void
  off(type: string, listener: () => void): void
  /** Its `vhs` is there while Video.js plays a stream by its own engine. */
  tech(safety: true): object | undefined
  /** Takes a code and a message; its types ask for a whole `MediaError`. */
  error(error: never): unknown
}

/** What the engine asks for. */
interface VhsOptions {
  readonly uri: string
  readonly requestType: string
  readonly headers?: Record<string, string>
  readonly withCredentials?: boolean
  readonly xhr?: VhsRequest
}

/** An `XMLHttpRequest` with what the engine reads and writes on it. */
type VhsRequest = XMLHttpRequest & {
  uri?: string
  url?: string
  requestType?: string
  requestTime?: number
  aborted?: boolean
  timedout?: boolean
  bandwidth?: number
  responseHeaders?: Readonly<Record<string, string>>
}

type VhsCallback = (error: unknown, request: VhsRequest) => void
type VhsXhr = (options: VhsOptions, callback: VhsCallback) => VhsRequest

/**
 * Gives each request of the player to the session's origins the session's token. A refused one is tried again
 * with the next token before Video.js hears of it. A final refusal becomes the player's error of code 2
 * (`MEDIA_ERR_NETWORK`), no request is sent any more, and what is buffered plays out.
 *
 * Call it before the player gets its source. It does nothing for streams that the browser plays by itself: set
 * `html5.vhs.overrideNative` where Safari would.
 *
 * @returns stops that; the disposal of the player does, too
 */
export function attachSession(player: VideojsPlayer, session: Session): () => void {
  const { port } = session
  let attached = true

  const send = (original: VhsXhr, options: VhsOptions, callback: VhsCallback): VhsRequest => {
    const { uri, requestType, headers = {} } = options
    const url = attached && port.admit(uri, requestType === 'hls-playlist')
    if (!url) return original(options, callback)
    const note = { url, type: requestType, status: 0 }
    // One object for all attempts: the engine listens to it, and aborts it.
    const request: VhsRequest = Object.assign(new XMLHttpRequest(), {
      uri,
      requestType,
      requestTime: Date.now(),
    })

    const hold = (
      coming: Promise<HeldCredential | null>,
      proceed: (credential: HeldCredential | null) => void,
    ) => {
      // The browser says nothing when a request is aborted that is not under way, and the engine waits for this.
      request.abort = () => {
        request.aborted = true
        request.dispatchEvent(new Event('loadend'))
      }
      coming.then(
        (credential) => request.aborted || proceed(credential),
        (error) => {
          request.timedout = !error.code
          // After a final refusal the engine would ask for one rendition after the other.
          if (!request.aborted && session.state !== 'denied') callback(error, request)
        },
      )
    }

    const attempt = (credential: HeldCredential | null) => {
      const sent = port.clock()
      const placed = credential ? port.place({ url: uri, headers }, credential) : null
      // What is left of the attempt before.
      Object.assign(request, { abort: XMLHttpRequest.prototype.abort, bandwidth: 0 })
      const changed = {
        ...options,
        uri: placed?.url ?? uri,
        headers: placed?.headers ?? headers,
        withCredentials: port.hasCookie || !!options.withCredentials,
        xhr: request,
      }
      original(changed, (error) => {
        if (!request.aborted && port.renewOn.includes(request.status)) {
          const problem = new Response(request.response).json()
          const before = note.status
          note.status = request.status
          hold(port.refused(credential, note, problem, before), (next) =>
            next ? attempt(next) : session.state === 'denied' || callback(error, request),
          )
          return
        }
        if (!error) {
          if (note.status) port.tell('recovered', note)
          const header = request.responseHeaders?.['playgate-session']
          const value = port.learn(credential, sent, request.responseURL, header, request)
          // The engine takes it for the playlist's own URL.
          Object.defineProperty(request, 'responseURL', { value, configurable: true })
        }
        callback(error, request)
      })
      Object.assign(request, { uri, url: uri })
    }

    const credential = port.take()
    if (credential instanceof Promise) {
      port.tell('held', note)
      hold(credential, attempt)
    } else attempt(credential)
    return request
  }

  const wrap = () => {
    const vhs: { xhr: VhsXhr } | undefined = Object(player.tech(true)).vhs
    // A proxy, because the page's hooks (`xhr.onRequest`) are kept on the function itself.
    if (vhs)
      vhs.xhr = new Proxy(vhs.xhr, {
        apply: (original, _, [options, callback]) => send(original, options, callback),
      })
  }
  const forget = session.on('denied', ({ status, reason }) => {
    player.error({ code: 2, message: `playback refused: ${reason ?? status}` } as never)
  })
  const detach = () => {
    attached = false
    forget()
    player.off('xhr-hooks-ready', wrap)
    player.off('dispose', detach)
  }
  player.on('xhr-hooks-ready', wrap)
  player.on('dispose', detach)
  wrap()
  return detach
}
