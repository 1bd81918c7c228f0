import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Origin } from '../../../server/origin/origin.ts'
import { isJsonType } from '../../../server/origin/read-json.ts'
import {
  type FakeOrigin,
  type OriginHandler,
  reply,
  startFakeOrigin,
} from '../../stage/fake-origin.ts'
import { ask, bodyOf, expectKind, openOrigin, refusalOf, silent, streamOf, unfit } from './ask.ts'

const type = { 'content-type': 'application/json' }
const json = '{"VERSION":1,"TTL":300}'
const limit = 100_000
let fake: FakeOrigin
let origin: Origin

beforeEach(async () => {
  fake = await startFakeOrigin({ '/a.json': reply(200, type, json) })
  origin = openOrigin(fake.url, { maxJsonBytes: limit, timeouts: { wholeBodyMs: 300 } })
})
afterEach(async () => {
  await origin.close()
  await fake.close()
})

/** Without a length, in several pieces. */
function chunked(body: Uint8Array, headers: Record<string, string> = {}): OriginHandler {
  return (_request, response) => {
    response.writeHead(200, { ...type, ...headers })
    for (let at = 0; at < body.length; at += 30_000) response.write(body.subarray(at, at + 30_000))
    response.end()
  }
}

describe('a JSON document', () => {
  it.each([
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/vnd.apple.steering-list+json',
  ])('is typed by %s', (name) => expect(isJsonType(name)).toBe(true))

  it.each(['text/json', 'application/jsonp', 'application/json-seq', 'text/html', '', undefined])(
    'is not typed by %s',
    (name) => expect(isJsonType(name)).toBe(false),
  )

  it('is read whole when it is small', async () => {
    fake.route('/b.json', reply(200, { ...type, etag: '"v1"', 'set-cookie': 'a=b' }, json))
    expect(await origin.get(ask('/b.json'))).toEqual({
      kind: 'json',
      bytes: Buffer.from(json),
      contentType: 'application/json',
      headers: { etag: '"v1"' },
    })
  })

  it.each([
    ['gzip', gzipSync(json)],
    ['br', brotliCompressSync(json)],
    ['gzip, br', brotliCompressSync(gzipSync(json))],
  ])('is decoded when the origin sends %s unasked', async (encoding, body) => {
    fake.route('/b.json', reply(200, { ...type, 'content-encoding': encoding }, body))
    expect((await bodyOf(await origin.get(ask('/b.json')))).toString()).toBe(json)
    expect(fake.requests[0]?.headers['accept-encoding']).toBe('identity')
  })

  it('is refused when it cannot be decoded', async () => {
    fake.route('/b.json', reply(200, { ...type, 'content-encoding': 'gzip' }, json))
    expect(await refusalOf(origin.get(ask('/b.json')))).toEqual(unfit)
  })

  it.each([
    ['HEAD', {}],
    ['GET', { range: 'bytes=0-' }],
  ] as const)(
    'is asked for whole when a part of it is asked for (%s %j)',
    async (method, headers) => {
      fake.route('/b.json', (request, response) => {
        const { range } = request.headers
        const part = range ? { 'content-range': `bytes 0-${json.length - 1}/${json.length}` } : {}
        response.writeHead(range ? 206 : 200, { ...type, ...part })
        response.end(request.method === 'HEAD' ? undefined : json)
      })
      const answer = expectKind(await origin.get(ask('/b.json', { method, headers })), 'json')
      expect((await bodyOf(answer)).toString()).toBe(json)
      expect(fake.requests).toHaveLength(2)
    },
  )

  it('that never comes whole is asked for twice and no more', async () => {
    fake.route('/b.json', reply(206, { ...type, 'content-range': 'bytes 0-1/9' }, '{}'))
    const request = ask('/b.json', { headers: { range: 'bytes=0-1' } })
    expect((await refusalOf(origin.get(request))).status).toBe(502)
    expect(fake.requests).toHaveLength(2)
  })

  it.each([
    ['with its length', reply(200, type, Buffer.alloc(limit + 1, 'x'))],
    ['in pieces', chunked(Buffer.alloc(limit + 1, 'x'))],
  ])('is streamed when it is large: %s', async (_name, handler) => {
    fake.route('/b.json', handler)
    const answer = expectKind(await origin.get(ask('/b.json')), 'object')
    expect(answer.headers['content-type']).toBe('application/json')
    expect(await bodyOf(answer)).toEqual(Buffer.alloc(limit + 1, 'x'))
  })

  it.each([
    ['with its length', reply(200, type, Buffer.alloc(limit, 'x'))],
    ['in pieces', chunked(Buffer.alloc(limit, 'x'))],
  ])('is read whole when it is as large as the limit: %s', async (_name, handler) => {
    fake.route('/b.json', handler)
    expectKind(await origin.get(ask('/b.json')), 'json')
  })

  it('is passed on as it came when it is large only once decoded', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * limit))
    fake.route('/b.json', chunked(bomb, { 'content-encoding': 'gzip' }))
    const answer = expectKind(await origin.get(ask('/b.json')), 'object')
    expect(answer.headers['content-encoding']).toBe('gzip')
    expect(await bodyOf(answer)).toEqual(bomb)
  })

  it('keeps its order when it is long', async () => {
    const body = Buffer.from(Array.from({ length: 10 * limit }, (_, at) => (at * 31) % 253))
    fake.route('/b.json', chunked(body))
    expect((await bodyOf(await origin.get(ask('/b.json')))).equals(body)).toBe(true)
  })

  it('is described without a body for a HEAD when it is large', async () => {
    fake.route('/b.json', (request, response) => {
      response.writeHead(200, type)
      response.end(request.method === 'HEAD' ? undefined : Buffer.alloc(10 * limit))
    })
    const answer = expectKind(await origin.get(ask('/b.json', { method: 'HEAD' })), 'object')
    expect([answer.status, answer.body]).toEqual([200, null])
  })

  it('that is long is given up with its reader, begun or not', async () => {
    fake.route('/b.json', (_request, response) => {
      response.writeHead(200, type)
      const go = () => {
        while (!response.destroyed && response.write(Buffer.alloc(30_000)));
      }
      response.on('drain', go)
      go()
    })
    const untouched = streamOf(await origin.get(ask('/b.json')))
    untouched.destroy()
    expect(await fake.requests[0]?.over).toBe('aborted')
    const begun = streamOf(await origin.get(ask('/b.json')))
    for await (const chunk of begun) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
    expect(await fake.requests[1]?.over).toBe('aborted')
    const client = new AbortController()
    const left = streamOf(await origin.get(ask('/b.json', { signal: client.signal })))
    client.abort(new Error('left'))
    await expect(left.toArray()).rejects.toThrow('left')
    expect(await fake.requests[2]?.over).toBe('aborted')
  })

  it('that drips is given up', async () => {
    fake.route('/b.json', (_request, response) => {
      response.writeHead(200, type)
      const drip = setInterval(() => response.write(' '), 10)
      response.on('close', () => clearInterval(drip))
    })
    expect(await refusalOf(origin.get(ask('/b.json')))).toEqual(silent)
    expect(await fake.requests[0]?.over).toBe('aborted')
  })
})
