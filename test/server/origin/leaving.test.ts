import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Origin } from '../../../server/origin/origin.ts'
import {
  type FakeOrigin,
  replyObject,
  replyPlaylist,
  startFakeOrigin,
} from '../../stage/fake-origin.ts'
import {
  ask,
  bodyOf,
  expectKind,
  livePlaylist,
  openOrigin,
  refusalOf,
  silent,
  streamOf,
} from './ask.ts'

const mebibyte = 1024 * 1024
const small = Buffer.from('small')
let fake: FakeOrigin
let origin: Origin

beforeEach(async () => {
  fake = await startFakeOrigin({
    '/small.ts': replyObject(small),
    '/endless.ts': (_request, response) => writeFor(response, Number.POSITIVE_INFINITY),
    '/never.ts': () => {},
  })
  // Two connections: leaking only two of them would be the end.
  origin = openOrigin(fake.url, { maxConnections: 2 })
})
afterEach(async () => {
  await origin.close()
  await fake.close()
})

/** Writes as much as the socket takes, waiting for it as a good origin does. */
function writeFor(response: ServerResponse, total: number, told = (_bytes: number) => {}): void {
  response.writeHead(200, { 'content-type': 'video/mp2t' })
  const chunk = Buffer.alloc(65_536)
  let written = 0
  const go = () => {
    for (let isFlowing = true; isFlowing && !response.destroyed; ) {
      if (written >= total) {
        response.end()
        return
      }
      isFlowing = response.write(chunk)
      written += chunk.length
      told(written)
    }
  }
  response.on('drain', go)
  go()
}

/** Resolves when the stream is closed, whether with an error or without. */
const closeOf = (body: Readable) => new Promise<void>((resolve) => body.once('close', resolve))

const fetchSmall = async () =>
  expect(await bodyOf(await origin.get(ask('/small.ts')))).toEqual(small)

describe('a client that leaves', () => {
  it.each([
    [
      'in mid-body',
      async (client: AbortController) => {
        const body = streamOf(await origin.get(ask('/endless.ts', { signal: client.signal })))
        await once(body, 'data')
        client.abort(new Error('left'))
        await expect(once(body, 'end')).rejects.toThrow('left')
        expect(body.destroyed).toBe(true)
      },
    ],
    [
      'before it reads the body',
      async (client: AbortController) => {
        const body = streamOf(await origin.get(ask('/endless.ts', { signal: client.signal })))
        client.abort()
        await closeOf(body)
      },
    ],
    [
      'by destroying the body',
      async () => {
        const body = streamOf(await origin.get(ask('/endless.ts')))
        await once(body, 'data')
        body.destroy()
        await closeOf(body)
      },
    ],
    [
      'before the header',
      async (client: AbortController) => {
        const before = fake.requests.length
        const answer = origin.get(ask('/never.ts', { signal: client.signal }))
        await fake.arrival(before)
        client.abort(new Error('left'))
        await expect(answer).rejects.toThrow('left')
      },
    ],
  ])(
    '%s is seen by the origin and leaks no connection, twenty times over',
    async (_name, leave) => {
      for (let round = 0; round < 20; round += 1) {
        const index = fake.requests.length
        await leave(new AbortController())
        const seen = await fake.arrival(index)
        expect(await seen.over).toBe('aborted')
        await fetchSmall()
      }
      expect(fake.connections).toBeLessThanOrEqual(2)
    },
  )

  it('while all connections are busy is told at once and never asked for', async () => {
    const busy = [
      streamOf(await origin.get(ask('/endless.ts'))),
      streamOf(await origin.get(ask('/endless.ts'))),
    ]
    const client = new AbortController()
    const waiting = origin.get(ask('/small.ts', { signal: client.signal }))
    client.abort(new Error('left'))
    await expect(waiting).rejects.toThrow('left')
    for (const body of busy) body.destroy()
    await fetchSmall()
    expect(fake.requests.map(({ path }) => path)).toEqual([
      '/endless.ts',
      '/endless.ts',
      '/small.ts',
    ])
  })

  it('leaves no listener behind on a signal that lives on', async () => {
    const client = new AbortController()
    let listeners = 0
    const { signal } = client
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1
      remove(...args)
    }
    fake.route('/a.m3u8', replyPlaylist(livePlaylist))
    await bodyOf(await origin.get(ask('/small.ts', { signal })))
    await origin.get(ask('/a.m3u8', { signal }))
    await Promise.resolve()
    expect(listeners).toBe(0)
  })
})

describe('a request that finds all connections busy', () => {
  it('is answered when one is free', async () => {
    const busy = [
      streamOf(await origin.get(ask('/endless.ts'))),
      streamOf(await origin.get(ask('/endless.ts'))),
    ]
    const waiting = origin.get(ask('/small.ts'))
    busy[0]?.destroy()
    expect(await bodyOf(await waiting)).toEqual(small)
    busy[1]?.destroy()
  })

  it('does not wait for ever', async () => {
    const hasty = openOrigin(fake.url, { maxConnections: 1, timeouts: { headersMs: 100 } })
    const busy = streamOf(await hasty.get(ask('/endless.ts')))
    expect(await refusalOf(hasty.get(ask('/small.ts')))).toEqual(silent)
    busy.destroy()
    expect(await bodyOf(await hasty.get(ask('/small.ts')))).toEqual(small)
    await hasty.close()
  })
})

describe('a reader that is slow', () => {
  it('holds the origin back instead of filling our memory', async () => {
    const total = 96 * mebibyte
    let written = 0
    const stalled = new Promise<number>((resolve) => {
      fake.route('/long.ts', (_request, response) => {
        // The origin stalls when nothing could be written for a while, and is done when all was.
        let timer = setTimeout(() => resolve(written), 500)
        writeFor(response, total, (bytes) => {
          written = bytes
          clearTimeout(timer)
          timer = setTimeout(() => resolve(written), 500)
        })
      })
    })
    const answer = expectKind(await origin.get(ask('/long.ts')), 'object')
    const body = streamOf(answer)
    await once(body, 'readable')
    expect(await stalled).toBeLessThan(total / 3)
    expect(body.readableLength).toBeLessThan(mebibyte)
    let read = 0
    for await (const chunk of body) read += chunk.length
    expect(read).toBe(total)
  })
})
