import { EventEmitter, once } from 'node:events'
import { connect } from 'node:net'
import { parseResponses, type RawResponse } from './raw-response.ts'

export type { RawResponse } from './raw-response.ts'

/** Where a server listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** A connection on which a test writes each byte itself. Every wait ends in time, with an error that shows what came. */
export interface RawSocket {
  send(bytes: string | Uint8Array): void
  /** Ends our half of the connection. */
  end(): void
  /** Everything that came so far. */
  readonly received: Buffer
  /** Has the other side ended or reset the connection? */
  readonly closed: boolean
  /**
   * Waits for so many whole final responses (1xx are not counted).
   *
   * @throws {Error} when they do not come in time, or the connection closes before
   */
  responses(count: number, options?: Waiting): Promise<RawResponse[]>
  /**
   * Waits until the other side closes.
   *
   * @throws {Error} when it does not in time
   */
  untilClosed(options?: Waiting): Promise<Buffer>
  /** Drops the connection at once. */
  destroy(): void
}

interface Waiting {
  /** @default 5000 */
  readonly timeoutMs?: number
  /** The method that was asked with: a response to HEAD has no body. @default 'GET' */
  readonly method?: string
}

const defaultTimeoutMs = 5000

/** Where a URL's server listens; a name is left for the system to resolve. */
export function addressOf(url: string | URL): Address {
  const { hostname, port, protocol } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  return { host, port: Number(port) || (protocol === 'https:' ? 443 : 80) }
}

/** @throws {Error} when nobody listens there */
export async function openSocket(address: Address): Promise<RawSocket> {
  const socket = connect({ ...address, allowHalfOpen: true })
  const chunks: Buffer[] = []
  const changes = new EventEmitter()
  let closed = false
  const close = (): void => {
    closed = true
    changes.emit('change')
  }
  await once(socket, 'connect')
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    changes.emit('change')
  })
  // A reset is one way to close, and the test sees it as such.
  socket.on('error', close).on('end', close).on('close', close)

  const received = (): Buffer => Buffer.concat(chunks)

  async function until<Value>(
    look: () => Value | undefined,
    what: string,
    timeoutMs = defaultTimeoutMs,
  ): Promise<Value> {
    const signal = AbortSignal.timeout(timeoutMs)
    const fail = (how: string): never => {
      throw new Error(`${how}; came: ${received().toString('latin1')}`)
    }
    while (true) {
      const value = look()
      if (value !== undefined) return value
      if (closed) return fail(`closed without ${what}`)
      await once(changes, 'change', { signal }).catch(() => fail(`no ${what} in ${timeoutMs} ms`))
    }
  }

  return {
    send: (bytes) => void socket.write(bytes),
    end: () => void socket.end(),
    get received() {
      return received()
    },
    get closed() {
      return closed
    },
    responses: (count, { timeoutMs, method = 'GET' } = {}) =>
      until(
        () => {
          const final = parseResponses(received(), { method, closed }).filter(
            ({ status }) => status >= 200,
          )
          return final.length >= count ? final : undefined
        },
        `${count} responses`,
        timeoutMs,
      ),
    untilClosed: ({ timeoutMs } = {}) =>
      until(() => (closed ? received() : undefined), 'end of the connection', timeoutMs),
    destroy: () => void socket.destroy(),
  }
}

/**
 * Writes bytes by hand on a connection of their own and reads one final response.
 *
 * @throws {Error} when none comes in time
 */
export async function exchange(
  address: Address,
  bytes: string | Uint8Array,
  options: Waiting = {},
): Promise<RawResponse> {
  const socket = await openSocket(address)
  try {
    socket.send(bytes)
    const [response] = await socket.responses(1, options)
    if (response === undefined) throw new Error('no response')
    return response
  } finally {
    socket.destroy()
  }
}
