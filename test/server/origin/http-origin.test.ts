import { createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Origin } from '../../../server/origin/origin.ts'
import { type FakeOrigin, reply, replyObject, startFakeOrigin } from '../../stage/fake-origin.ts'
import { ask, bodyOf, expectKind, openOrigin, refusalOf, silent, unavailable } from './ask.ts'

let fake: FakeOrigin
let origin: Origin

beforeEach(async () => {
  fake = await startFakeOrigin({ '/base/a.ts': replyObject(Buffer.from('segment')) })
  origin = openOrigin(`${fake.url}/base/`)
})
afterEach(async () => {
  await origin.close()
  await fake.close()
})

/** A server that answers every connection with these bytes. */
async function startRaw(answer: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => answer(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}`,
    connections: () => sockets.size,
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

describe('an origin that does not answer as it should', () => {
  it.each([
    ['speaks no HTTP', 'SSH-2.0-x\r\n'],
    ['hangs up', ''],
    ['hangs up in its header', 'HTTP/1.1 200 OK\r\nContent-'],
    ['sends two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx'],
    ['sends a header without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`],
  ])('and %s is unavailable', async (_name, text) => {
    const raw = await startRaw((socket) => socket.end(text))
    const broken = openOrigin(raw.url)
    expect(await refusalOf(broken.get(ask('/a.ts')))).toEqual(unavailable)
    expect(await refusalOf(broken.get(ask('/a.m3u8')))).toEqual(unavailable)
    await expect(broken.check()).rejects.toMatchObject(unavailable)
    await broken.close()
    await raw.close()
  })

  it.each([
    ['less than promised', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'],
    ['an unfinished chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf'],
  ])('and sends %s breaks the body off', async (_name, text) => {
    const raw = await startRaw((socket) => socket.end(text))
    const broken = openOrigin(raw.url)
    const answer = expectKind(await broken.get(ask('/a.ts')), 'object')
    await expect(bodyOf(answer)).rejects.toThrow()
    expect(await refusalOf(broken.get(ask('/a.m3u8')))).toEqual(unavailable)
    await broken.close()
    await raw.close()
  })

  it('and refuses connections is unavailable', async () => {
    const raw = await startRaw(() => {})
    await raw.close()
    const absent = openOrigin(raw.url)
    await expect(absent.check()).rejects.toMatchObject(unavailable)
    expect(await refusalOf(absent.get(ask('/a.ts')))).toEqual(unavailable)
    expect(await refusalOf(absent.get(ask('/a.m3u8')))).toEqual(unavailable)
    await absent.close()
  })

  it('and never sends a header is silent', async () => {
    const raw = await startRaw(() => {})
    const hasty = openOrigin(raw.url, { timeouts: { headersMs: 50 } })
    expect(await refusalOf(hasty.get(ask('/a.ts')))).toEqual(silent)
    expect(await refusalOf(hasty.get(ask('/a.m3u8')))).toEqual(silent)
    await expect(hasty.check()).rejects.toMatchObject(silent)
    await hasty.close()
    await raw.close()
  })

  it('and never finishes the TLS handshake is silent', async () => {
    const raw = await startRaw(() => {})
    const hasty = openOrigin(raw.url.replace('http:', 'https:'), { timeouts: { connectMs: 50 } })
    expect(await refusalOf(hasty.get(ask('/a.ts')))).toEqual(silent)
    await hasty.close()
    await raw.close()
  })

  it('and stops in mid-body breaks the body off', async () => {
    fake.route('/base/slow.ts', (_request, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('half')
    })
    const hasty = openOrigin(fake.url, { timeouts: { bodyIdleMs: 50 } })
    const answer = expectKind(await hasty.get(ask('/base/slow.ts')), 'object')
    await expect(bodyOf(answer)).rejects.toMatchObject({ code: 'UND_ERR_BODY_TIMEOUT' })
    expect(await fake.requests[0]?.over).toBe('aborted')
    await hasty.close()
  })

  it('is asked once more when it dropped the connection without a word', async () => {
    let connections = 0
    const raw = await startRaw((socket) => {
      connections += 1
      if (connections === 1) socket.destroy()
      else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Type: video/mp2t\r\n\r\nx')
    })
    const patient = openOrigin(raw.url)
    expect(await bodyOf(await patient.get(ask('/a.ts')))).toEqual(Buffer.from('x'))
    expect(raw.connections()).toBe(2)
    await patient.close()
    await raw.close()
  })

  it('is ready when it answers anything at all', async () => {
    await origin.check()
    expect(fake.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['HEAD /base/'])
  })

  it('is not asked after it was closed, and keeps no connection', async () => {
    await bodyOf(await origin.get(ask('/a.ts')))
    expect(fake.connections).toBe(1)
    await origin.close()
    expect(await refusalOf(origin.get(ask('/a.ts')))).toEqual(unavailable)
    expect(await refusalOf(origin.get(ask('/a.m3u8')))).toEqual(unavailable)
    expect(fake.requests).toHaveLength(1)
    await vi.waitFor(() => expect(fake.connections).toBe(0))
  })

  it('is closed only when what is under way has been read', async () => {
    fake.route(
      '/base/long.ts',
      reply(200, { 'content-type': 'video/mp2t' }, Buffer.alloc(5_000_000)),
    )
    const answer = await origin.get(ask('/long.ts'))
    const order: string[] = []
    const closed = origin.close().then(() => order.push('closed'))
    const read = bodyOf(answer).then(({ length }) => order.push(`read ${length}`))
    await Promise.all([closed, read])
    expect(order[0]).toBe('read 5000000')
  })
})
