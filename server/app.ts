import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface ListenOptions {
  readonly host: string
  /** 0: one that is free. */
  readonly port: number
}

export interface RunningServer {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string
  /**
   * Stops accepting, lets answers under way finish, and resolves when the last connection is closed. What
   * still runs after `graceMs` is cut.
   */
  close(graceMs?: number): Promise<void>
}

/** Limits of a connection (threats T92, T93). */
const limits = {
  maxHeaderSize: 16_384,
  /** A client that has not sent its whole head by then is cut off. */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  /** Above the reload interval of a live playlist, so that a player keeps its connection. */
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
  insecureHTTPParser: false,
}

/**
 * Listens with strict parsing and bounded heads.
 *
 * @throws the system's error when the address cannot be had (`EADDRINUSE`, `EACCES`)
 */
export async function listen(
  listener: RequestListener,
  { host, port }: ListenOptions,
): Promise<RunningServer> {
  const server = createServer(limits, listener)
  // A reader that stands still holds a connection to the origin too (threats T92). Longer than a blocked reload.
  server.timeout = 60_000
  const answers = new WeakMap<object, Set<ServerResponse>>()
  server.on('request', ({ socket }, response) => {
    const ofSocket = answers.get(socket) ?? new Set()
    answers.set(socket, ofSocket.add(response))
    response.once('close', () => {
      ofSocket.delete(response)
      // While stopping, a connection that was busy closes as soon as it is idle.
      if (!server.listening) setImmediate(() => server.closeIdleConnections())
    })
  })
  server.on('checkExpectation', refuseExpectation)
  server.on('clientError', (error, socket) => {
    // What is malformed behind a request must not be answered in the middle of that request's answer.
    const isUnderWay = [...(answers.get(socket) ?? [])].some(({ headersSent }) => headersSent)
    if (isUnderWay) socket.destroy()
    else refuseMalformed(error, socket as Socket)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address() as AddressInfo
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return {
    url: `http://${name}:${address.port}`,
    close: (graceMs = 10_000) => close(server, graceMs),
  }
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}

/** What the parser refuses never reaches the gate: answered here, in the gate's own shape, and closed. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, title]: [number, string] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [431, 'Request Header Fields Too Large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'Request Timeout']
        : [400, 'Bad Request']
  const { headers, body } = problem(status, title)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  socket.end([`HTTP/1.1 ${status} ${title}`, ...lines, '', body].join('\r\n'))
}

/** RFC 9110 section 10.1.1: an expectation other than `100-continue`, which Node meets by itself. */
function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const { headers, body } = problem(417, 'Expectation Failed')
  response.writeHead(417, headers).end(body)
}

function problem(status: number, title: string): { headers: Record<string, string>; body: string } {
  const body = JSON.stringify({
    type: 'about:blank',
    title,
    status,
    reason: 'bad-request',
    renew: false,
  })
  const headers = {
    Connection: 'close',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Content-Type': 'application/problem+json',
    'Content-Length': String(Buffer.byteLength(body)),
  }
  return { headers, body }
}
