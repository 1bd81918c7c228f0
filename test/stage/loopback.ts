import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void

/** A server of the test's own, on a free port of the loopback interface. */
export interface LoopbackServer {
  /** Such as `http://127.0.0.1:40123`, without a slash at the end. */
  readonly origin: string
  /** Drops all connections, those with an answer under way too. */
  close(): Promise<void>
}

/** Listens for a test. A handler that throws answers 500 with the error's text: the test sees it and fails. */
export async function listenOnLoopback(handler: Handler): Promise<LoopbackServer> {
  const server = createServer(async (request, response) => {
    try {
      await handler(request, response)
    } catch (error) {
      if (!response.headersSent) response.writeHead(500, { 'Content-Type': 'text/plain' })
      response.end(String(error))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
