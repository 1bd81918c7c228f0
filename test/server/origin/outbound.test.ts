import type { Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type OutboundOptions, openOutbound } from '../../../server/origin/outbound.ts'
import { OutboundError } from '../../../server/origin/outbound-error.ts'
import { type FakeOrigin, reply, replyPlaylist, startFakeOrigin } from '../../stage/fake-origin.ts'
import { ask, expectKind, livePlaylist, openOrigin, refusalOf, unavailable } from './ask.ts'
import { selfSigned } from './self-signed.ts'

const origins: FakeOrigin[] = []

async function start(...given: Parameters<typeof startFakeOrigin>): Promise<FakeOrigin> {
  const fake = await startFakeOrigin(...given)
  origins.push(fake)
  return fake
}

afterEach(async () => {
  vi.unstubAllEnvs()
  for (const fake of origins.splice(0)) await fake.close()
})

function open(origin: string, options: Partial<OutboundOptions> = {}) {
  return openOutbound({
    origin,
    maxConnections: 1,
    connectMs: 1000,
    bodyIdleMs: 1000,
    allowPrivate: true,
    ...options,
  })
}

const get = (path: string) => ({
  method: 'GET' as const,
  path,
  headers: {},
  signal: new AbortController().signal,
  headersMs: 5000,
})

describe('the way out', () => {
  it('follows no redirect by itself', async () => {
    const fake = await start({ '/a': reply(302, { location: '/b' }) })
    const out = open(fake.url)
    const answer = await out.send(get('/a'))
    answer.discard()
    expect([answer.status, answer.headers.location]).toEqual([302, '/b'])
    expect(fake.requests).toHaveLength(1)
    await out.close()
  })

  it('sends a body, and does not send it twice when the connection drops', async () => {
    const fake = await start({
      '/echo': (request, response) => void request.pipe(response),
      '/drop': (request) => void request.socket.destroy(),
    })
    const out = open(fake.url)
    const question = { ...get('/echo'), method: 'POST' as const, body: 'a=1' }
    const answer = await out.send(question)
    expect(Buffer.concat(await answer.body.toArray()).toString()).toBe('a=1')
    await expect(out.send({ ...question, path: '/drop' })).rejects.toMatchObject({
      kind: 'unreachable',
    })
    expect(fake.requests.map(({ path }) => path)).toEqual(['/echo', '/drop'])
    await out.close()
  })

  const drops: [how: string, drop: (socket: Socket) => void, times: number][] = [
    ['is destroyed', (socket) => void socket.destroy(), 2],
    ['is closed', (socket) => void socket.end(), 2],
    ['breaks off in an answer', (socket) => void socket.end('HTTP/1.1 20'), 1],
  ]

  it.each(
    drops.flatMap(([how, drop, times]) =>
      [false, true].map((isTls) => ({ how, drop, times, isTls })),
    ),
  )(
    'sends $times times where a kept connection $how, TLS: $isTls',
    async ({ drop, times, isTls }) => {
      const used = new WeakSet<Socket>()
      const fake = await start(
        {
          '/a': ({ socket }, response) => {
            if (used.has(socket)) return drop(socket)
            used.add(socket)
            response.end('x')
          },
        },
        isTls ? { tls: selfSigned } : {},
      )
      const out = open(fake.url, isTls ? { ca: selfSigned.cert } : {})
      await (await out.send(get('/a'))).body.toArray()
      const again = out.send({ ...get('/a'), repeats: 'kept' })
      if (times === 2) (await again).discard()
      else await expect(again).rejects.toMatchObject({ kind: 'unreachable' })
      expect(fake.requests).toHaveLength(1 + times)
      await out.close()
    },
  )

  it.each(drops)('sends once where a connection made for it %s', async (_how, drop) => {
    const fake = await start({ '/a': ({ socket }) => drop(socket) })
    const out = open(fake.url)
    const only = out.send({ ...get('/a'), repeats: 'kept' })
    await expect(only).rejects.toMatchObject({ kind: 'unreachable' })
    expect(fake.requests).toHaveLength(1)
    await out.close()
  })

  it('keeps a connection whose unwanted body is short, and gives up a long one', async () => {
    const fake = await start({
      '/short': reply(404, {}, Buffer.alloc(1000)),
      '/long': reply(404, {}, Buffer.alloc(10_000_000)),
    })
    const out = open(fake.url)
    for (const path of ['/short', '/short', '/short']) (await out.send(get(path))).discard()
    expect(fake.accepted).toBe(1)
    const long = await out.send(get('/long'))
    long.discard()
    ;(await out.send(get('/short'))).discard()
    expect(fake.accepted).toBe(2)
    await out.close()
  })

  it.each([true, false])(
    'leads to a private address only when it may: %s',
    async (allowPrivate) => {
      const fake = await start({ '/a': reply(200, {}, 'x') })
      for (const host of ['127.0.0.1', 'localhost']) {
        const out = open(`http://${host}:${fake.port}`, { allowPrivate })
        const answer = out.send(get('/a'))
        if (allowPrivate) (await answer).discard()
        else await expect(answer).rejects.toThrow('the origin has a private address')
        await out.close()
      }
      expect(fake.requests).toHaveLength(allowPrivate ? 2 : 0)
    },
  )

  it('tells what went wrong without telling where', async () => {
    const fake = await start({ '/a': (request) => void request.socket.destroy() })
    const out = open(fake.url)
    const error = await out.send(get('/a?token=secret')).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(OutboundError)
    expect(String(error)).toMatch(/^OutboundError: the origin could not be reached: [A-Z_]+$/)
    await out.close()
  })
})

describe('an origin behind TLS', () => {
  const routes = { '/a.m3u8': replyPlaylist(livePlaylist) }

  it('is trusted with a certificate that it was configured with', async () => {
    const fake = await start(routes, { tls: selfSigned })
    const origin = openOrigin(fake.url, { ca: selfSigned.cert })
    expectKind(await origin.get(ask('/a.m3u8')), 'playlist')
    await origin.close()
  })

  it('is not trusted with a certificate of its own making', async () => {
    const fake = await start(routes, { tls: selfSigned })
    const origin = openOrigin(fake.url)
    expect(await refusalOf(origin.get(ask('/a.m3u8')))).toEqual(unavailable)
    expect(await refusalOf(origin.get(ask('/a.ts')))).toEqual(unavailable)
    await expect(origin.check()).rejects.toMatchObject(unavailable)
    expect(fake.requests).toHaveLength(0)
    await origin.close()
  })

  it('is not trusted even where the environment says so', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    const fake = await start(routes, { tls: selfSigned })
    const origin = openOrigin(fake.url)
    expect(await refusalOf(origin.get(ask('/a.m3u8')))).toEqual(unavailable)
    await origin.close()
  })

  it('is not trusted under another name', async () => {
    const fake = await start(routes, { tls: selfSigned })
    const origin = openOrigin(`https://localhost:${fake.port}`, { ca: selfSigned.cert })
    expect(await refusalOf(origin.get(ask('/a.m3u8')))).toEqual(unavailable)
    await origin.close()
  })

  it('is not spoken to in the clear', async () => {
    const fake = await start(routes, { tls: selfSigned })
    const origin = openOrigin(fake.url.replace('https:', 'http:'))
    expect(await refusalOf(origin.get(ask('/a.m3u8')))).toEqual(unavailable)
    expect(fake.requests).toHaveLength(0)
    await origin.close()
  })
})
