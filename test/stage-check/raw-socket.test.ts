import { createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { parseResponses } from '../stage/raw-response.ts'
import { addressOf, exchange, openSocket } from '../stage/raw-socket.ts'

const statuses = (text: string, framing = {}) =>
  parseResponses(Buffer.from(text), framing).map(({ status, body }) => [status, body.toString()])

describe('raw responses', () => {
  it.each([
    ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc', {}, [[200, 'abc']]],
    [
      'chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n',
      {},
      [[200, 'abc0123456789']],
    ],
    ['an end by closing', 'HTTP/1.0 200 OK\r\n\r\nabc', { closed: true }, [[200, 'abc']]],
    ['no end yet', 'HTTP/1.0 200 OK\r\n\r\nabc', {}, []],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-Le', {}, []],
    ['half a body', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc', {}, []],
    ['half a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab', {}, []],
    [
      'an answer to HEAD',
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n',
      { method: 'HEAD' },
      [[200, '']],
    ],
    [
      'several in a row',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
      {},
      [
        [100, ''],
        [304, ''],
        [204, ''],
      ],
    ],
  ])('are read by %s', (_name, text, framing, expected) => {
    expect(statuses(text, framing)).toEqual(expected)
  })

  it.each(['SSH-2.0\r\n\r\n', 'HTTP/1.1 20 OK\r\n\r\n', 'HTTP/1.1 200 OK\r\nno colon\r\n\r\n'])(
    'are not made out of %j',
    (text) => {
      expect(() => parseResponses(Buffer.from(text))).toThrow('not a')
    },
  )

  it('keep the order and spelling of fields, and find them in any case', () => {
    const text =
      'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-y:  z \r\nset-cookie: b=2\r\nContent-Length: 0\r\n\r\n'
    const [response] = parseResponses(Buffer.from(text))
    expect(response?.headers.map(([name]) => name)).toEqual([
      'Set-Cookie',
      'X-y',
      'set-cookie',
      'Content-Length',
    ])
    expect(response?.all('SET-COOKIE')).toEqual(['a=1', 'b=2'])
    expect(response?.header('x-Y')).toBe('z')
    expect(response?.header('missing')).toBeUndefined()
  })
})

describe('a raw socket', () => {
  const servers: ReturnType<typeof createServer>[] = []

  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
  })

  async function listen(answer: (socket: Socket) => void) {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      answer(socket)
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return { host: '127.0.0.1', port: address.port }
  }

  it('sends bytes as they are and reads one whole response', async () => {
    const address = await listen((socket) => {
      socket.once('data', (bytes: Buffer) => {
        socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n')
        socket.write(bytes)
      })
    })
    const response = await exchange(address, new Uint8Array([0, 255, 13, 10]))
    expect([...response.body]).toEqual([0, 255, 13, 10])
  })

  it('says what came when the response does not', async () => {
    const address = await listen((socket) => socket.write('HTTP/1.1 200 '))
    const silent = exchange(address, 'x', { timeoutMs: 1000 })
    await expect(silent).rejects.toThrow('no 1 responses in 1000 ms; came: HTTP/1.1 200 ')
  })

  it('says so when the other side closes in front of the response', async () => {
    const address = await listen((socket) => socket.end('HTTP/1.1 '))
    await expect(exchange(address, 'x')).rejects.toThrow('closed without 1 responses')
  })

  it('takes a reset for a close', async () => {
    const address = await listen((socket) => socket.once('data', () => socket.resetAndDestroy()))
    const socket = await openSocket(address)
    socket.send('x')
    expect(await socket.untilClosed()).toHaveLength(0)
    expect(socket.closed).toBe(true)
  })

  it('does not wait for ever for a close', async () => {
    const socket = await openSocket(await listen(() => {}))
    await expect(socket.untilClosed({ timeoutMs: 20 })).rejects.toThrow('no end of the connection')
    socket.destroy()
  })

  it.each([
    ['http://127.0.0.1:8080/a', { host: '127.0.0.1', port: 8080 }],
    ['http://[::1]/', { host: '::1', port: 80 }],
    ['https://video.example.com', { host: 'video.example.com', port: 443 }],
  ])('finds the address of %s', (url, address) => {
    expect(addressOf(url)).toEqual(address)
  })
})
