import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'

/** One request as the origin saw it. */
export interface SeenRequest {
  readonly method: string
  /** With the query, exactly as it stood in the request line. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[]
  /** The client left before the answer was complete. */
  aborted: boolean
  /** Resolves when the exchange is over, one way or the other. */
  readonly over: Promise<'answered' | 'aborted'>
}

export type OriginHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  seen: SeenRequest,
) => void | Promise<void>

export interface FakeOrigin {
  /** `http://127.0.0.1:port`, or with `https:` */
  readonly url: string
  readonly port: number
  /** In order of arrival. */
  readonly requests: readonly SeenRequest[]
  /** Sockets open now. */
  readonly connections: number
  /** Sockets ever opened. */
  readonly accepted: number
  /** Answers requests for that path (without query) from now on. */
  route(path: string, handler: OriginHandler): void
  /** Resolves with the request of that number (from 0), as soon as it has arrived. */
  arrival(index: number): Promise<SeenRequest>
  close(): Promise<void>
}

export interface FakeOriginOptions {
  /** Speak TLS with this key and certificate (PEM). */
  readonly tls?: { readonly key: string; readonly cert: string }
}

/**
 * An HTTP origin on a free loopback port that answers by path and remembers everything it was asked. A path
 * without a route is 404; a handler that throws is a 500.
 */
export async function startFakeOrigin(
  routes: Readonly<Record<string, OriginHandler>> = {},
  options: FakeOriginOptions = {},
): Promise<FakeOrigin> {
  const handlers = new Map(Object.entries(routes))
  const requests: SeenRequest[] = []
  const sockets = new Set<Socket>()
  const waiting: { index: number; resolve: (seen: SeenRequest) => void }[] = []
  let accepted = 0

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const seen = record(request, response)
    requests.push(seen)
    for (const { index, resolve } of waiting) if (index === requests.length - 1) resolve(seen)
    const handler = handlers.get((request.url ?? '').split('?', 1)[0] ?? '')
    try {
      if (handler === undefined) response.writeHead(404).end()
      else await handler(request, response, seen)
    } catch (error) {
      if (!response.headersSent) response.writeHead(500)
      response.end(String(error))
    }
  }

  const server: Server = options.tls
    ? createTlsServer({ ...options.tls }, answer)
    : createServer(answer)
  server.on('connection', (socket: Socket) => {
    accepted += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    requests,
    get connections() {
      return sockets.size
    },
    get accepted() {
      return accepted
    },
    route: (path, handler) => void handlers.set(path, handler),
    arrival: (index) => {
      const seen = requests[index]
      if (seen !== undefined) return Promise.resolve(seen)
      return new Promise((resolve) => waiting.push({ index, resolve }))
    },
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()))
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function record(request: IncomingMessage, response: ServerResponse): SeenRequest {
  const over = new Promise<'answered' | 'aborted'>((resolve) => {
    response.once('close', () => {
      seen.aborted = !response.writableFinished
      resolve(seen.aborted ? 'aborted' : 'answered')
    })
  })
  const seen: SeenRequest = {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    aborted: false,
    over,
  }
  return seen
}

/** A handler that always gives this answer. */
export function reply(
  status: number,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
  body: string | Uint8Array = '',
): OriginHandler {
  return (_request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    response.writeHead(status).end(body)
  }
}

/** A handler that answers a playlist. */
export function replyPlaylist(
  text: string,
  headers: Readonly<Record<string, string>> = {},
): OriginHandler {
  return reply(200, { 'content-type': 'application/vnd.apple.mpegurl', ...headers }, text)
}

/** A handler that answers a static object as a good server does: one range, HEAD, validators. */
export function replyObject(
  bytes: Uint8Array,
  { type = 'video/mp2t', etag = '"v1"' }: { type?: string; etag?: string } = {},
): OriginHandler {
  return (request, response) => {
    response.setHeader('content-type', type)
    response.setHeader('etag', etag)
    response.setHeader('accept-ranges', 'bytes')
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304).end()
      return
    }
    const { range, 'if-range': ifRange } = request.headers
    const found = /^bytes=(\d+)-(\d*)$/.exec(range ?? '')
    if (found === null || (ifRange !== undefined && ifRange !== etag)) {
      response.writeHead(200, { 'content-length': bytes.length })
      response.end(request.method === 'HEAD' ? undefined : bytes)
      return
    }
    const first = Number(found[1])
    const last = found[2] ? Math.min(Number(found[2]), bytes.length - 1) : bytes.length - 1
    if (first >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
      return
    }
    response.writeHead(206, {
      'content-range': `bytes ${first}-${last}/${bytes.length}`,
      'content-length': last - first + 1,
    })
    response.end(bytes.subarray(first, last + 1))
  }
}
