import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface RawSite {
  /** Such as `127.0.0.1:40123`. */
  readonly host: string
  /** Heads of the questions that came, in order. */
  readonly questions: readonly string[]
  /** Connections so far. */
  readonly accepted: number
}

export interface Lie {
  /** As soon as somebody connects. */
  readonly onAccept?: (socket: Socket) => void
  /** For each question; `number` counts them from 0, over all connections. */
  readonly onQuestion?: (socket: Socket, number: number) => void
}

/** A site that writes each byte of its answers itself; closed when the test ends. */
export async function startRawSite({ onAccept, onQuestion }: Lie): Promise<RawSite> {
  const questions: string[] = []
  const sockets = new Set<Socket>()
  let accepted = 0
  const server = createServer((socket) => {
    accepted += 1
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    let unread = ''
    socket.on('data', (chunk: Buffer) => {
      unread += chunk.toString('latin1')
      for (let end = unread.indexOf('\r\n\r\n'); end >= 0; end = unread.indexOf('\r\n\r\n')) {
        questions.push(unread.slice(0, end))
        unread = unread.slice(end + 4)
        onQuestion?.(socket, questions.length - 1)
      }
    })
    onAccept?.(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    questions,
    get accepted() {
      return accepted
    },
  }
}

/** Writes that text again and again until the other side has left. */
export function repeat(socket: Socket, text: string, everyMs: number): void {
  const timer = setInterval(() => socket.write(text), everyMs)
  socket.once('close', () => clearInterval(timer))
}

/** Does that after a while, unless the other side has left by then. */
export function later(socket: Socket, delayMs: number, work: () => void): void {
  const timer = setTimeout(work, delayMs)
  socket.once('close', () => clearTimeout(timer))
}
