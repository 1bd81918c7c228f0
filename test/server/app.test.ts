import { Agent, request as httpRequest } from 'node:http'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { listen } from '../../server/app.ts'
import { deferred } from '../stage/deferred.ts'
import { addressOf, openSocket, type RawResponse } from '../stage/raw-socket.ts'

it('stopping finishes what is under way, closes each connection as it falls idle, and takes no more', async () => {
  const { promise: held, resolve: release } = deferred()
  const server = await listen(
    async (_request, response) => {
      await held
      response.end('whole')
    },
    { host: '127.0.0.1', port: 0 },
  )
  const agent = new Agent({ keepAlive: true })
  const answer = new Promise<string>((resolve, reject) => {
    const asking = httpRequest(server.url, { agent }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += chunk))
      response.on('end', () => resolve(text))
    })
    asking.on('error', reject)
    asking.on('socket', (socket) => socket.once('connect', () => setImmediate(() => stop())))
    asking.end()
  })
  let stopped: Promise<void> | undefined
  const stop = (): void => {
    // A minute of grace, of which nothing is needed: the test would time out.
    stopped = server.close(60_000)
    release()
  }
  expect(await answer).toBe('whole')
  await stopped
  await expect(fetch(server.url)).rejects.toThrow()
  agent.destroy()
})

describe('draining', () => {
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`
  const fields = (response: RawResponse | undefined) => ({
    status: response?.status,
    body: response?.body.toString(),
    connection: response?.header('connection'),
    keepAlive: response?.header('keep-alive'),
  })
  const staying = { connection: 'keep-alive', keepAlive: 'timeout=30' }
  const leaving = { connection: 'close', keepAlive: undefined }

  /** `/held…` is answered when it is released, and its head is out at once below `/held/stream`. */
  async function stage() {
    const { promise: held, resolve: release } = deferred()
    const asked: string[] = []
    const server = await listen(
      async ({ url = '' }, response) => {
        asked.push(url)
        if (url.startsWith('/held/stream')) response.write('first,')
        if (url.startsWith('/held')) await held
        response.end(`whole ${url}`)
      },
      { host: '127.0.0.1', port: 0 },
    )
    onTestFinished(() => server.close(0))
    const address = addressOf(server.url)
    const socket = await openSocket(address)
    onTestFinished(() => socket.destroy())
    return { server, address, socket, asked, release }
  }

  it('answers what still comes over an idle connection, as its last, and takes no new one', async () => {
    const { server, address, socket } = await stage()
    socket.send(get('/1'))
    await socket.responses(1)
    // A minute for idle connections, of which nothing is needed: the test would time out.
    const drained = server.drain({ drainMs: 60_000 })
    await expect(openSocket(address)).rejects.toThrow('ECONNREFUSED')
    socket.send(get('/2'))
    await socket.untilClosed()
    expect((await socket.responses(2)).map(fields)).toEqual([
      { status: 200, body: 'whole /1', ...staying },
      { status: 200, body: 'whole /2', ...leaving },
    ])
    await drained
  })

  it('answers the first request of a connection that was accepted before', async () => {
    const { server, socket } = await stage()
    const drained = server.drain({ drainMs: 60_000 })
    socket.send(get('/1'))
    await socket.untilClosed()
    expect((await socket.responses(1)).map(fields)).toEqual([
      { status: 200, body: 'whole /1', ...leaving },
    ])
    await drained
  })

  it('lets an answer under way be the last, if its head can still say so', async () => {
    const { server, socket, asked, release } = await stage()
    socket.send(get('/held'))
    await vi.waitFor(() => expect(asked).toEqual(['/held']))
    const drained = server.drain({ drainMs: 60_000 })
    release()
    await socket.untilClosed()
    expect((await socket.responses(1)).map(fields)).toEqual([
      { status: 200, body: 'whole /held', ...leaving },
    ])
    await drained
  })

  it('answers one more after a stream whose head was out before', async () => {
    const { server, socket, asked, release } = await stage()
    socket.send(get('/held/stream'))
    await vi.waitFor(() => expect(asked).toEqual(['/held/stream']))
    const drained = server.drain({ drainMs: 60_000 })
    release()
    await socket.responses(1)
    socket.send(get('/2'))
    await socket.untilClosed()
    expect((await socket.responses(2)).map(fields)).toEqual([
      { status: 200, body: 'first,whole /held/stream', ...staying },
      { status: 200, body: 'whole /2', ...leaving },
    ])
    await drained
  })

  it('answers all of several pipelined requests', async () => {
    const { server, socket, asked, release } = await stage()
    socket.send(get('/held/1') + get('/held/2'))
    await vi.waitFor(() => expect(asked).toHaveLength(2))
    const drained = server.drain({ drainMs: 60_000 })
    socket.send(get('/held/3') + get('/held/4'))
    await vi.waitFor(() => expect(asked).toHaveLength(4))
    release()
    await socket.untilClosed()
    expect((await socket.responses(4)).map(fields)).toEqual([
      { status: 200, body: 'whole /held/1', ...staying },
      { status: 200, body: 'whole /held/2', ...staying },
      { status: 200, body: 'whole /held/3', ...staying },
      { status: 200, body: 'whole /held/4', ...leaving },
    ])
    await drained
  })

  it('closes a connection that stays idle, when its time is over and not before', async () => {
    const { server, socket } = await stage()
    socket.send(get('/1'))
    await socket.responses(1)
    const began = performance.now()
    await server.drain({ drainMs: 100, graceMs: 60_000 })
    expect(performance.now() - began).toBeGreaterThanOrEqual(99)
    await socket.untilClosed()
  })

  it('cuts what takes longer than its grace', async () => {
    const { server, socket, asked } = await stage()
    socket.send(get('/held/stream'))
    await vi.waitFor(() => expect(asked).toEqual(['/held/stream']))
    await server.drain({ drainMs: 0, graceMs: 50 })
    await socket.untilClosed()
    expect(await socket.responses(1).catch(({ message }: Error) => message)).toContain(
      'closed without 1 responses',
    )
  })

  it('is shortened by stopping', async () => {
    const { server, socket } = await stage()
    socket.send(get('/1'))
    await socket.responses(1)
    const drained = server.drain({ drainMs: 60_000, graceMs: 60_000 })
    await server.close()
    await drained
    await socket.untilClosed()
  })
})

it('stopping does not wait for a connection that never brought a request', async () => {
  const server = await listen((_request, response) => void response.end(), {
    host: '127.0.0.1',
    port: 0,
  })
  const unused = await openSocket(addressOf(server.url))
  // Until the server has accepted it, another one that was opened later can be answered already.
  await (await fetch(server.url)).text()
  await server.close(60_000)
  await unused.untilClosed()
})
