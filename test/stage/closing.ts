import { afterEach } from 'vitest'

interface Closable {
  close(): Promise<void>
}

/** Keeps what a test opens, and closes it behind the test, the last first. */
export function useClosing(): <Opened extends Closable>(server: Opened) => Opened {
  const open: Closable[] = []
  afterEach(async () => {
    for (const server of open.splice(0).reverse()) await server.close()
  })
  return (server) => {
    open.push(server)
    return server
  }
}
