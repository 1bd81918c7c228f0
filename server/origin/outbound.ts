import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { buildConnector, Client, type Dispatcher, Pool } from 'undici'
import type { RawHeaders } from './origin-headers.ts'
import { codeOf, OutboundError, toOutboundError } from './outbound-error.ts'
import { isPrivateAddress } from './private-address.ts'

/**
 * The only way out of the server: everything that is ever sent to another machine over HTTP passes here.
 * It follows no redirect, sends no header but those it is given (and `Host`, and `User-Agent` unless given),
 * verifies certificates always, and waits for nothing without a limit.
 */
export interface OutboundOptions {
  /** `scheme://host[:port]`, judged by the caller. */
  readonly origin: string
  /** Sockets at most; further requests wait for a free one within their time limit. */
  readonly maxConnections: number
  /** Milliseconds for TCP and TLS together. */
  readonly connectMs: number
  /** Milliseconds between two pieces of a body while somebody is reading. */
  readonly bodyIdleMs: number
  /** May a connected socket lead to a loopback, private or otherwise special address? */
  readonly allowPrivate: boolean
  /** Certificates (PEM) trusted instead of the well-known ones. */
  readonly ca?: string
}

export interface OutboundRequest {
  readonly method: 'GET' | 'HEAD' | 'POST'
  /** Path and query, sent as they are. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
  /** Milliseconds until the answer's header is complete, waiting and connecting included. */
  readonly headersMs: number
  /**
   * When is it sent once more? `dropped`: when its connection drops; `kept`: when that was an old one, which had nothing of an answer yet.
   *
   * @default 'dropped', and 'never' for POST
   */
  readonly repeats?: 'dropped' | 'kept' | 'never'
}

export interface OutboundAnswer {
  readonly status: number
  readonly headers: RawHeaders
  /** Must be read to its end, destroyed or discarded. Aborting the request's signal destroys it. */
  readonly body: Readable
  /** Gives the rest of the body up; the connection is kept when little is left of it. */
  discard(): void
}

export interface Outbound {
  /**
   * @throws {OutboundError} no answer
   * @throws the reason of `request.signal` once it is aborted
   */
  send(request: OutboundRequest): Promise<OutboundAnswer>
  /** Takes no further request; resolves when those under way are over. May be called again. */
  close(): Promise<void>
}

const userAgent = 'playgate'
/** More than this of an unwanted body is not worth reading to keep a connection. */
const discardBytes = 16_384
const discardMs = 1_000

/** Opens a pool of connections to one origin. */
export function openOutbound(options: OutboundOptions): Outbound {
  const connect = judgedConnector(options)
  const pool = new Pool(options.origin, {
    connections: options.maxConnections,
    factory: (origin, settings) => new Line(origin, settings, connect),
    // Our own limit covers the header, because undici's begins only when a connection is free.
    headersTimeout: 0,
    bodyTimeout: options.bodyIdleMs,
    maxHeaderSize: 32_768,
  })
  let closed: Promise<void> | undefined
  return {
    send: (request) => send(pool, request),
    close: () => {
      closed ??= pool.close()
      return closed
    },
  }
}

/** A connector that judges the address of the connected socket: no name can change its mind in between (threats T58). */
function judgedConnector(options: OutboundOptions): buildConnector.connector {
  const connect = buildConnector({
    timeout: options.connectMs,
    // Said aloud, because an environment variable could switch it off elsewhere (threats T65).
    rejectUnauthorized: true,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  })
  if (options.allowPrivate) return connect
  return (target, callback) => {
    connect(target, (error, socket) => {
      if (error) return callback(error, null)
      if (!isPrivateAddress(socket?.remoteAddress ?? '')) return callback(null, socket)
      socket?.destroy()
      callback(new OutboundError('unreachable', 'the origin has a private address'), null)
    })
  }
}

interface KeptConnection {
  /** Did it end, and hold nothing of an answer? */
  closedUnanswered(): boolean
}

/** By the options of a request, which are passed on as they are: the kept connection that it was sent on. */
const keptFor = new WeakMap<object, KeptConnection>()

/** One connection at a time to the origin, opened anew when it is gone. Notes which requests find one that has served before. */
class Line extends Client {
  readonly #socketNow: () => Socket | null

  constructor(origin: URL, settings: object, connect: buildConnector.connector) {
    let current: Socket | null = null
    super(origin, {
      ...settings,
      connect: (target, callback) => {
        connect(target, (...[error, socket]) => {
          current = socket
          if (error === null) callback(null, socket)
          else callback(error, null)
        })
      },
    })
    this.#socketNow = () => current
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const socket = this.#socketNow()
    if (socket !== null && !socket.destroyed && socket.bytesRead > 0) {
      const { bytesRead } = socket
      keptFor.set(options, {
        closedUnanswered: () =>
          socket === this.#socketNow() && socket.destroyed && socket.bytesRead === bytesRead,
      })
    }
    return super.dispatch(options, handler)
  }
}

async function send(pool: Pool, request: OutboundRequest): Promise<OutboundAnswer> {
  const { signal, headersMs } = request
  signal.throwIfAborted()
  const control = new AbortController()
  const leave = () => control.abort(signal.reason)
  signal.addEventListener('abort', leave, { once: true })
  const deadline = setTimeout(() => {
    control.abort(new OutboundError('silent', `the origin sent no header within ${headersMs} ms`))
  }, headersMs)
  try {
    const data = await dispatchTwice(pool, request, control.signal)
    // A body is destroyed by whoever leaves first, often before its reader listens: no error may go unheard.
    data.body.on('error', ignore)
    data.body.once('close', () => signal.removeEventListener('abort', leave))
    return {
      status: data.statusCode,
      headers: data.headers,
      body: data.body,
      discard: () => discard(data.body),
    }
  } catch (error) {
    signal.removeEventListener('abort', leave)
    if (signal.aborted) throw signal.reason
    throw toOutboundError(error)
  } finally {
    clearTimeout(deadline)
  }
}

/**
 * What can be repeated is, once (RFC 9112 section 9.3.1): an idle connection may be closed by the origin in the very moment it is used
 * again (section 9.5).
 */
async function dispatchTwice(
  pool: Pool,
  request: OutboundRequest,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const { repeats = request.method === 'POST' ? 'never' : 'dropped' } = request
  const first = optionsOf(request, signal)
  try {
    return await dispatch(pool, first, signal)
  } catch (error) {
    const isDrop = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(codeOf(error))
    if (!isDrop || repeats === 'never' || signal.aborted) throw error
    if (repeats === 'kept' && !keptFor.get(first)?.closedUnanswered()) throw error
    return dispatch(pool, optionsOf(request, signal), signal)
  }
}

function optionsOf(
  { method, path, headers, body }: OutboundRequest,
  signal: AbortSignal,
): Dispatcher.RequestOptions {
  return {
    ...{ method, path, signal, body: body ?? null },
    headers: { 'user-agent': userAgent, ...headers },
  }
}

/** The pool tells a request that waits for a connection of its abort only when one is free; we do not wait for that. */
function dispatch(
  pool: Pool,
  options: Dispatcher.RequestOptions,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason)
    signal.addEventListener('abort', giveUp, { once: true })
    pool
      .request(options)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', giveUp))
  })
}

function discard(body: Dispatcher.ResponseData['body']): void {
  body.dump({ limit: discardBytes, signal: AbortSignal.timeout(discardMs) }).catch(ignore)
}

function ignore(): void {}
