import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Enough for a method and the path of an endpoint of ours. */
const mostBytes = 128

/**
 * How each connection of a server began, and what came on it since its last good head: a head that is refused may have come in pieces, and
 * of those the parser shows the last one alone.
 */
export class FirstBytes {
  readonly #texts = new WeakMap<Socket, { first: string; latest: string }>()

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      const texts = { first: '', latest: '' }
      this.#texts.set(socket, texts)
      // Before the parser has it: a good head that ends with this chunk begins the note anew.
      socket.prependListener('data', (chunk: Buffer) => {
        texts.first = extended(texts.first, chunk)
        texts.latest = extended(texts.latest, chunk)
      })
    })
    server.on('request', ({ socket }: IncomingMessage) => {
      const texts = this.#texts.get(socket)
      if (texts !== undefined) texts.latest = ''
    })
  }

  /** At most 128 bytes each, every one of them a character; '' before there are any. */
  of(socket: Socket): readonly string[] {
    const { first = '', latest = '' } = this.#texts.get(socket) ?? {}
    return [first, latest]
  }
}

function extended(text: string, chunk: Buffer): string {
  return text.length < mostBytes
    ? text + chunk.toString('latin1', 0, mostBytes - text.length)
    : text
}

/** What the parser refuses never reaches the gate: answered here, in the gate's own shape, and closed. */
export function refuseMalformed(
  error: NodeJS.ErrnoException,
  socket: Socket,
  firstBytes: FirstBytes,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, title] = refusalOf(error, firstBytes.of(socket))
  const { headers, body } = problem(status, title)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  socket.end([`HTTP/1.1 ${status} ${title}`, ...lines, '', body].join('\r\n'))
}

/** RFC 9110 section 10.1.1: an expectation other than `100-continue`, which Node meets by itself. */
export function refuseExpectation({ url }: IncomingMessage, response: ServerResponse): void {
  const isAsked = url?.startsWith('/_playgate/authorize') === true
  const [status, title] = isAsked ? forbidden : [417, 'Expectation Failed']
  const { headers, body } = problem(status, title)
  response.writeHead(status, headers).end(body)
}

const forbidden: [number, string] = [403, 'Forbidden']

/**
 * Some servers that ask whether a viewer may play take any status but 403 for no answer, and let their viewer in then
 * (spec/forward-auth section 2.1). They show themselves by how the refused request begins, or the connection: who asked once goes on asking.
 */
function refusalOf(
  { code, rawPacket }: NodeJS.ErrnoException & { rawPacket?: Buffer },
  before: readonly string[],
): [number, string] {
  const last = rawPacket?.toString('latin1', 0, mostBytes) ?? ''
  if ([...before, last].some(isQuestion)) return forbidden
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'Request Header Fields Too Large']
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? [408, 'Request Timeout'] : [400, 'Bad Request']
}

function isQuestion(start: string): boolean {
  return /^[A-Z]+ \/_playgate\/authorize[/?]/.test(start)
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
