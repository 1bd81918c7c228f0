import { createServer, type RequestListener, type Server } from 'node:http'
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
  server.on('clientError', refuseMalformed)
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
  const [status, title] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [431, 'Request Header Fields Too Large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'Request Timeout']
        : [400, 'Bad Request']
  const body = JSON.stringify({
    type: 'about:blank',
    title,
    status,
    reason: 'bad-request',
    renew: false,
  })
  socket.end(
    [
      `HTTP/1.1 ${status} ${title}`,
      'Connection: close',
      'Cache-Control: no-store',
      'X-Content-Type-Options: nosniff',
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  )
}
