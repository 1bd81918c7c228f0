import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Passes bytes on to a server on this machine, late or not at all. */
export interface SlowProxy {
  readonly port: number
  /** Milliseconds by which answers are late from now on; `Infinity`: they never come. */
  delay(milliseconds: number): void
  close(): Promise<void>
}

/** @param port of the server behind it, on the loopback interface */
export async function startSlowProxy(port: number): Promise<SlowProxy> {
  let delayMs = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const behind = connect(port, '127.0.0.1')
    for (const socket of [client, behind]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        behind.destroy()
      })
    }
    client.pipe(behind)
    behind.on('data', (chunk) => {
      if (delayMs === Number.POSITIVE_INFINITY) return
      setTimeout(() => client.writable && client.write(chunk), delayMs)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    delay(milliseconds) {
      delayMs = milliseconds
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
