/** One HTTP/1 response, taken apart from its bytes without repairing anything. */
export interface RawResponse {
  readonly status: number
  /** In the order and spelling of the wire. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Without the chunked framing. */
  readonly body: Buffer
  /** The values of a field, in order; the name in any case. */
  all(name: string): string[]
  /** The first value of a field. */
  header(name: string): string | undefined
}

interface Parsed {
  readonly response: RawResponse
  /** Offset of the first byte behind it. */
  readonly end: number
}

interface Framing {
  /** The method that was asked with: a response to HEAD has no body. @default 'GET' */
  readonly method?: string
  /** Has the sender closed the connection? Then a body without a length is complete. @default false */
  readonly closed?: boolean
}

const crlf = Buffer.from('\r\n')

function parseChunks(bytes: Buffer, start: number): { body: Buffer; end: number } | null {
  const chunks: Buffer[] = []
  let at = start
  while (true) {
    const lineEnd = bytes.indexOf(crlf, at)
    if (lineEnd === -1) return null
    const line = bytes.toString('latin1', at, lineEnd)
    if (!/^[0-9a-f]+(?:;.*)?$/i.test(line)) throw new Error(`not the size of a chunk: ${line}`)
    const size = Number.parseInt(line, 16)
    at = lineEnd + 2
    if (bytes.length < at + size + 2) return null
    chunks.push(bytes.subarray(at, at + size))
    at += size + 2
    // Trailers are not read: nothing here sends any.
    if (size === 0) return { body: Buffer.concat(chunks), end: at }
  }
}

function parseBody(
  bytes: Buffer,
  start: number,
  head: Pick<RawResponse, 'status' | 'header'>,
  framing: Framing,
): { body: Buffer; end: number } | null {
  const none = { body: Buffer.alloc(0), end: start }
  // RFC 9112 section 6.3: these have no body, whatever their fields say.
  if (framing.method === 'HEAD' || head.status < 200 || [204, 304].includes(head.status))
    return none
  if (head.header('transfer-encoding') !== undefined) return parseChunks(bytes, start)
  const length = head.header('content-length')
  if (length === undefined) {
    return framing.closed ? { body: bytes.subarray(start), end: bytes.length } : null
  }
  const end = start + Number(length)
  return bytes.length < end ? null : { body: bytes.subarray(start, end), end }
}

function parseOne(bytes: Buffer, start: number, framing: Framing): Parsed | null {
  const headEnd = bytes.indexOf('\r\n\r\n', start)
  if (headEnd === -1) return null
  const [first = '', ...lines] = bytes.toString('latin1', start, headEnd).split('\r\n')
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(first)?.[1]
  if (status === undefined) throw new Error(`not a status line: ${first}`)
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    if (colon < 1) throw new Error(`not a field: ${line}`)
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  const all = (name: string): string[] =>
    headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
  const head = { status: Number(status), headers, all, header: (name: string) => all(name)[0] }
  const found = parseBody(bytes, headEnd + 4, head, framing)
  return found && { response: { ...head, body: found.body }, end: found.end }
}

/**
 * All whole responses in what came over a connection, interim ones (1xx) included.
 *
 * @throws {Error} when the bytes are not HTTP/1
 */
export function parseResponses(bytes: Buffer, framing: Framing = {}): RawResponse[] {
  const found: RawResponse[] = []
  for (let at = 0; at < bytes.length; ) {
    const parsed = parseOne(bytes, at, framing)
    if (parsed === null) break
    found.push(parsed.response)
    at = parsed.end
  }
  return found
}
