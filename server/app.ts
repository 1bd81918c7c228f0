import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { FirstBytes, refuseExpectation, refuseMalformed } from './refuse-malformed.ts'

export interface ListenOptions {
  readonly host: string
  /** 0: one that is free. */
  readonly port: number
}

export interface DrainOptions {
  /** How long an idle connection stays open, for a request that is on its way already. @default 5000 */
  readonly drainMs?: number
  /** How long answers may then still take, as with `close()`. @default 10000 */
  readonly graceMs?: number
}

export interface RunningServer {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string
  /**
   * Stops accepting, lets answers under way finish, and resolves when the last connection is closed. What
   * still runs after `graceMs` is cut. Shortens a `drain()` under way.
   */
  close(graceMs?: number): Promise<void>
  /**
   * Leaves without a request lost, while another process goes on accepting at this address: stops accepting,
   * answers whatever still comes over the connections there are, each with `Connection: close`, leaves idle
   * ones open for `drainMs`, and then finishes as `close()` does. Resolves when the last connection is closed.
   */
  drain(options?: DrainOptions): Promise<void>
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

/** For the request of a connection that was accepted just before the end; browsers open some that never bring one. */
const unusedMs = 1_000

/**
 * Listens with strict parsing and bounded heads.
 *
 * @throws the system's error when the address cannot be had (`EADDRINUSE`, `EACCES`)
 */
export async function listen(
  listener: RequestListener,
  { host, port }: ListenOptions,
): Promise<RunningServer> {
  const server = createServer(limits)
  // A reader that stands still holds a connection to the origin too (threats T92). Longer than a blocked reload.
  server.timeout = 60_000
  // Ahead of the listener, which may answer at once.
  const connections = new Connections(server)
  const firstBytes = new FirstBytes(server)
  server.on('request', listener)
  server.on('checkExpectation', refuseExpectation)
  server.on('clientError', (error, socket) => {
    // What is malformed behind a request must not be answered in the middle of that request's answer.
    if (connections.isAnswering(socket as Socket)) socket.destroy()
    else refuseMalformed(error, socket as Socket, firstBytes)
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
    close: (graceMs = 10_000) => close(server, connections, graceMs),
    drain: ({ drainMs = 5_000, graceMs = 10_000 } = {}) =>
      drain(server, connections, { drainMs, graceMs }),
  }
}

async function close(server: Server, connections: Connections, graceMs: number): Promise<void> {
  stopAccepting(server)
  connections.leave()
  // Requests that have arrived and were not read yet are no idle connections.
  await setImmediate()
  await new Promise<void>((resolve) => {
    const unused = setTimeout(() => connections.closeUnused(), Math.min(unusedMs, graceMs))
    const cut = setTimeout(() => server.closeAllConnections(), graceMs)
    server.close(() => {
      clearTimeout(unused)
      clearTimeout(cut)
      resolve()
    })
    connections.closeIdle()
  })
}

async function drain(
  server: Server,
  connections: Connections,
  { drainMs, graceMs }: Required<DrainOptions>,
): Promise<void> {
  connections.leave()
  await new Promise<void>((resolve) => {
    const idle = setTimeout(resolve, drainMs)
    stopAccepting(server, () => {
      clearTimeout(idle)
      resolve()
    })
  })
  await close(server, connections, graceMs)
}

/** HTTP's own close() would cut idle connections too. */
function stopAccepting(server: Server, onClosed?: () => void): void {
  NetServer.prototype.close.call(server, onClosed)
}

/** The connections of a server, and what is being answered on each. */
class Connections {
  readonly #server: Server
  readonly #answers = new Map<Socket, Set<ServerResponse>>()
  /** Told to be the last of their connection. */
  readonly #last = new WeakSet<ServerResponse>()
  #phase: 'serving' | 'leaving' | 'closing' = 'serving'

  constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket: Socket) => {
      this.#answers.set(socket, new Set())
      socket.once('close', () => this.#answers.delete(socket))
    })
    server.on('request', ({ socket }, response) => this.#begin(socket, response))
  }

  /** Is the head of an answer out, and its end not? */
  isAnswering(socket: Socket): boolean {
    return [...(this.#answers.get(socket) ?? [])].some(({ headersSent }) => headersSent)
  }

  /** From now on each answer says `Connection: close`, so that its client opens a connection elsewhere. */
  leave(): void {
    if (this.#phase !== 'serving') return
    this.#phase = 'leaving'
    for (const answers of this.#answers.values()) this.#makeLast([...answers].at(-1))
  }

  /** Closes idle connections, and those that are busy as soon as they are idle. */
  closeIdle(): void {
    this.#phase = 'closing'
    this.#server.closeIdleConnections()
  }

  /** Closes connections over which nothing ever came: to Node they are not idle. */
  closeUnused(): void {
    for (const socket of this.#answers.keys()) if (socket.bytesRead === 0) socket.destroy()
  }

  #begin(socket: Socket, response: ServerResponse): void {
    const answers = this.#answers.get(socket) ?? new Set()
    if (this.#phase !== 'serving') {
      // What was pipelined behind a last answer would never be answered (RFC 9112 section 9.6).
      for (const earlier of answers) if (this.#last.delete(earlier)) earlier.shouldKeepAlive = true
      this.#makeLast(response)
    }
    answers.add(response)
    response.once('close', () => {
      answers.delete(response)
      if (this.#phase === 'closing') void setImmediate().then(() => this.closeIdle())
    })
  }

  #makeLast(response: ServerResponse | undefined): void {
    if (response === undefined || !response.shouldKeepAlive || response.headersSent) return
    response.shouldKeepAlive = false
    this.#last.add(response)
  }
}
