import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Origin } from '../../../server/origin/origin.ts'
import { type FakeOrigin, reply, replyPlaylist, startFakeOrigin } from '../../stage/fake-origin.ts'
import {
  ask,
  endedPlaylist,
  errorOf,
  expectKind,
  livePlaylist,
  openOrigin,
  refusalOf,
  silent,
  unavailable,
  unfit,
} from './ask.ts'
import { zstdBomb, zstdStreamed, zstdText } from './zstd-material.ts'

const type = { 'content-type': 'application/vnd.apple.mpegurl' }
let fake: FakeOrigin
let origin: Origin

beforeEach(async () => {
  fake = await startFakeOrigin()
  origin = openOrigin(`${fake.url}/base`, { playlistCacheBytes: 0 })
})
afterEach(async () => {
  await origin.close()
  await fake.close()
})

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

describe('a playlist from an HTTP origin', () => {
  it('is asked for whole, decoded or not, and told with its version', async () => {
    fake.route('/base/a.m3u8', replyPlaylist(livePlaylist))
    const answer = expectKind(await origin.get(ask('/a.m3u8?x=1&y=%7E')), 'playlist')
    expect(textOf(answer.bytes)).toBe(livePlaylist)
    expect(answer.contentType).toBe('application/vnd.apple.mpegurl')
    expect(fake.requests[0]?.path).toBe('/base/a.m3u8?x=1&y=%7E')
    const again = expectKind(await origin.get(ask('/a.m3u8')), 'playlist')
    expect(again.version).toBe(answer.version)
  })

  it('is asked for without anything of the client', async () => {
    fake.route('/base/a.m3u8', replyPlaylist(livePlaylist))
    const headers = {
      range: 'bytes=0-',
      ifRange: '"x"',
      ifNoneMatch: '*',
      ifModifiedSince: 'Thu, 01 Jan 2026 00:00:00 GMT',
      accept: 'text/x-poison',
    }
    expectKind(await origin.get(ask('/a.m3u8', { headers })), 'playlist')
    const sent = { ...fake.requests[0]?.headers }
    expect(sent).toEqual({
      host: `127.0.0.1:${fake.port}`,
      connection: 'keep-alive',
      'user-agent': 'playgate',
      'accept-encoding': 'gzip, br, deflate, zstd',
    })
  })

  it('is fetched for a HEAD as well, because its length depends on the rewriting', async () => {
    fake.route('/base/a.m3u8', replyPlaylist(livePlaylist))
    const answer = expectKind(await origin.get(ask('/a.m3u8', { method: 'HEAD' })), 'playlist')
    expect(textOf(answer.bytes)).toBe(livePlaylist)
    expect(fake.requests.map(({ method }) => method)).toEqual(['GET'])
  })

  it.each([
    ['gzip', gzipSync(endedPlaylist), endedPlaylist],
    ['x-gzip', gzipSync(endedPlaylist), endedPlaylist],
    ['br', brotliCompressSync(endedPlaylist), endedPlaylist],
    ['deflate', deflateSync(endedPlaylist), endedPlaylist],
    ['deflate', deflateRawSync(endedPlaylist), endedPlaylist],
    ['zstd', zstdStreamed, zstdText()],
    ['gzip, br', brotliCompressSync(gzipSync(endedPlaylist)), endedPlaylist],
  ])('is decoded from %s', async (encoding, body, text) => {
    fake.route('/base/a.m3u8', reply(200, { ...type, 'content-encoding': encoding }, body))
    const answer = expectKind(await origin.get(ask('/a.m3u8')), 'playlist')
    expect(textOf(answer.bytes)).toBe(text)
    expect(answer.headers).toEqual({})
  })

  it.each([
    ['as text', 'text/plain', 'application/vnd.apple.mpegurl'],
    ['as bytes', 'application/octet-stream', 'application/vnd.apple.mpegurl'],
    ['as a page', 'text/html', 'application/vnd.apple.mpegurl'],
    ['as an older type', 'audio/x-mpegurl; charset=utf-8', 'audio/x-mpegurl; charset=utf-8'],
  ])('is known by its body when the origin sends it %s', async (_name, sent, told) => {
    fake.route('/base/a.M3U8', reply(200, { 'content-type': sent }, livePlaylist))
    expect(expectKind(await origin.get(ask('/a.M3U8')), 'playlist').contentType).toBe(told)
  })

  it.each([
    ['an error page', '<html>Sorry</html>'],
    ['an error page with a playlist inside', '<pre>\n#EXTM3U\n</pre>'],
    ['a segment', Buffer.concat([Buffer.from([0x47, 0x40]), Buffer.alloc(200)])],
    ['nothing', ''],
    ['comments only', '#one\n#two\n'],
  ])('is refused when it is %s', async (_name, body) => {
    fake.route('/base/a.m3u8', reply(200, type, body))
    expect(await refusalOf(origin.get(ask('/a.m3u8')))).toEqual(unfit)
  })

  it.each([
    ['a coding nobody asked for', 'compress', livePlaylist],
    ['three layers', 'gzip, gzip, gzip', gzipSync(gzipSync(gzipSync(livePlaylist)))],
    ['broken gzip', 'gzip', livePlaylist],
    ['a gzip bomb', 'gzip', gzipSync(`#EXTM3U\n${'\n'.repeat(20_000_000)}`)],
    ['a brotli bomb', 'br', brotliCompressSync(`#EXTM3U\n${'\n'.repeat(20_000_000)}`)],
    ['a zstd bomb', 'zstd', zstdBomb],
  ])('is refused when it is %s', async (_name, encoding, body) => {
    fake.route('/base/a.m3u8', reply(200, { ...type, 'content-encoding': encoding }, body))
    expect(await refusalOf(origin.get(ask('/a.m3u8')))).toEqual(unfit)
  })

  it('is refused early when it is endless', async () => {
    fake.route('/base/a.m3u8', (_request, response) => {
      response.writeHead(200, type)
      const go = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, '\n')));
      }
      response.on('drain', go)
      go()
    })
    expect(await refusalOf(origin.get(ask('/a.m3u8')))).toEqual(unfit)
    expect(await fake.requests[0]?.over).toBe('aborted')
  })

  it('is refused before its body when its length says enough', async () => {
    fake.route('/base/a.m3u8', (_request, response) => {
      response.writeHead(200, { ...type, 'content-length': 8 * 1024 * 1024 + 1 }).flushHeaders()
    })
    expect(await refusalOf(origin.get(ask('/a.m3u8')))).toEqual(unfit)
    expect(await fake.requests[0]?.over).toBe('aborted')
  })

  it('is bounded in encoded bytes, decoded bytes and lines', async () => {
    const small = openOrigin(fake.url, {
      maxEncodedBytes: 100,
      maxPlaylistBytes: 1000,
      maxPlaylistLines: 20,
    })
    const title = (length: number) => `#EXTM3U\n#${'x'.repeat(length - 9)}`
    const noise = `#EXTM3U\n#${Array.from({ length: 200 }, (_, at) => (at * 7919) % 977).join('')}`
    fake.route('/bytes.m3u8', reply(200, type, title(1000)))
    fake.route('/more-bytes.m3u8', reply(200, type, title(1001)))
    fake.route('/lines.m3u8', reply(200, type, `#EXTM3U${'\n'.repeat(19)}`))
    fake.route('/more-lines.m3u8', reply(200, type, `#EXTM3U${'\n'.repeat(20)}`))
    fake.route(
      '/encoded.m3u8',
      reply(200, { ...type, 'content-encoding': 'gzip' }, gzipSync(title(900))),
    )
    fake.route(
      '/more-encoded.m3u8',
      reply(200, { ...type, 'content-encoding': 'gzip' }, gzipSync(noise)),
    )
    for (const path of ['/bytes.m3u8', '/lines.m3u8', '/encoded.m3u8']) {
      expectKind(await small.get(ask(path)), 'playlist')
    }
    for (const path of ['/more-bytes.m3u8', '/more-lines.m3u8', '/more-encoded.m3u8']) {
      expect(await refusalOf(small.get(ask(path)))).toEqual(unfit)
    }
    await small.close()
  })

  it.each([
    [404, 'missing'],
    [410, 'missing'],
  ])('is missing when the origin says %i', async (status, kind) => {
    fake.route('/base/a.m3u8', reply(status, type, livePlaylist))
    expect(await origin.get(ask('/a.m3u8'))).toEqual({ kind, status })
  })

  it.each([204, 206, 300, 304, 400, 401, 403, 416, 429, 500, 503])(
    'is not there when the origin answers %i',
    async (status) => {
      fake.route(
        '/base/a.m3u8',
        reply(status, type, status === 204 || status === 304 ? '' : livePlaylist),
      )
      const error = await errorOf(origin.get(ask('/a.m3u8?token=secret')))
      expect({ code: error.code, status: error.status }).toEqual(unavailable)
      expect(error.reason).toBe('origin-unavailable')
      expect(error.message).toContain(`${status} (/a.m3u8)`)
      expect(JSON.stringify([error.message, String(error.cause)])).not.toContain('secret')
    },
  )

  it.each([301, 302, 303, 307, 308] as const)(
    'that moved (%i) is told to the client',
    async (status) => {
      fake.route('/base/a.m3u8', reply(status, { location: '/base/b/c.m3u8?v=%7E2#x' }))
      expect(await origin.get(ask('/a.m3u8'))).toEqual({
        kind: 'redirect',
        status,
        path: '/b/c.m3u8',
        query: 'v=%7E2',
      })
      expect(fake.requests).toHaveLength(1)
    },
  )

  it.each([
    ['another host', 'https://evil.example/base/b.m3u8'],
    ['another port', 'http://127.0.0.1:1/base/b.m3u8'],
    ['a place outside the base', '/other/b.m3u8'],
    ['nowhere', ''],
    ['itself', '/base/a.m3u8'],
  ])('that moved to %s is refused', async (_name, location) => {
    fake.route('/base/a.m3u8', reply(302, location === '' ? {} : { location }))
    expect(await refusalOf(origin.get(ask('/a.m3u8')))).toEqual(unavailable)
    expect(fake.requests).toHaveLength(1)
  })

  it('tells age, validators and cache-control, and nothing else of the header', async () => {
    fake.route(
      '/base/a.m3u8',
      replyPlaylist(livePlaylist, {
        age: '3',
        etag: '"v1"',
        'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
        'cache-control': 'max-age=4',
        'set-cookie': 'a=b',
        'content-range': 'bytes 0-1/2',
        'accept-ranges': 'bytes',
        'content-disposition': 'attachment',
        'access-control-allow-origin': '*',
        'strict-transport-security': 'max-age=1',
      }),
    )
    const answer = expectKind(await origin.get(ask('/a.m3u8')), 'playlist')
    expect(answer.headers).toEqual({
      age: '3',
      etag: '"v1"',
      'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
      'cache-control': 'max-age=4',
    })
  })

  it.each([
    ['GET', {}],
    ['HEAD', {}],
    ['GET', { range: 'bytes=0-' }],
  ] as const)(
    'is known by its content type where the name says nothing (%s %j)',
    async (method, headers) => {
      fake.route('/base/live', (request, response) => {
        response.writeHead(request.headers.range ? 206 : 200, {
          ...type,
          ...(request.headers.range ? { 'content-range': 'bytes 0-5/6' } : {}),
        })
        response.end(request.method === 'HEAD' ? undefined : livePlaylist)
      })
      for (const round of [1, 2]) {
        const answer = expectKind(await origin.get(ask('/live', { method, headers })), 'playlist')
        expect(textOf(answer.bytes)).toBe(livePlaylist)
        // The second time it is asked for as a playlist at once.
        expect(fake.requests).toHaveLength(round + 1)
        expect(fake.requests.at(-1)?.headers.range).toBeUndefined()
      }
    },
  )

  it('is forgotten to be one when its path turns into something else', async () => {
    fake.route('/base/live', replyPlaylist(livePlaylist))
    expectKind(await origin.get(ask('/live')), 'playlist')
    fake.route('/base/live', reply(200, { 'content-type': 'video/mp2t' }, 'G'))
    expectKind(await origin.get(ask('/live')), 'object')
    const before = fake.requests.length
    expectKind(await origin.get(ask('/live')), 'object')
    expect(fake.requests).toHaveLength(before + 1)
  })

  it('is refused when its path is one and another thing by turns', async () => {
    fake.route('/base/live', (request, response) => {
      const wantsPlaylist = request.headers['accept-encoding'] !== 'identity'
      response.writeHead(200, wantsPlaylist ? { 'content-type': 'video/mp2t' } : type)
      response.end(livePlaylist)
    })
    expect(await refusalOf(origin.get(ask('/live')))).toEqual(unavailable)
    expect(fake.requests).toHaveLength(2)
  })

  it('is shown to have moved when a redirect leads to a playlist without its name', async () => {
    fake.route('/base/live', reply(302, { location: 'b/live?x=1' }))
    fake.route('/base/b/live', replyPlaylist(livePlaylist))
    fake.route('/base/named', reply(307, { location: 'b/live.m3u8' }))
    expect(await origin.get(ask('/live'))).toEqual({
      kind: 'redirect',
      status: 302,
      path: '/b/live',
      query: 'x=1',
    })
    expect(await origin.get(ask('/named'))).toEqual({
      kind: 'redirect',
      status: 307,
      path: '/b/live.m3u8',
      query: '',
    })
    expect(fake.requests.map(({ path }) => path)).toEqual([
      '/base/live',
      '/base/b/live?x=1',
      '/base/named',
    ])
  })

  it('may take longer when it is a blocking request', async () => {
    const hasty = openOrigin(fake.url, { timeouts: { headersMs: 50, blockingHeadersMs: 20_000 } })
    let answerHeld = () => {}
    fake.route('/live.m3u8', (request, response) => {
      if (request.url?.includes('_HLS_msn')) answerHeld = () => response.end(livePlaylist)
    })
    const held = hasty.get(ask('/live.m3u8?_HLS_part=1&_HLS_msn=5'))
    await fake.arrival(0)
    // The request that does not block runs out of time first; then the held one is answered.
    expect(await refusalOf(hasty.get(ask('/live.m3u8')))).toEqual(silent)
    answerHeld()
    expectKind(await held, 'playlist')
    expect(fake.requests[0]?.path).toBe('/live.m3u8?_HLS_msn=5&_HLS_part=1')
    await hasty.close()
  })

  it('that drips is given up after a while, however alive it looks', async () => {
    const hasty = openOrigin(fake.url, { timeouts: { wholeBodyMs: 150 } })
    fake.route('/a.m3u8', (_request, response) => {
      response.writeHead(200, type)
      response.write('#EXTM3U\n')
      const drip = setInterval(() => response.write('\n'), 10)
      response.on('close', () => clearInterval(drip))
    })
    expect(await refusalOf(hasty.get(ask('/a.m3u8')))).toEqual(silent)
    expect(await fake.requests[0]?.over).toBe('aborted')
    await hasty.close()
  })

  it.each([
    ['/../a.m3u8', ''],
    ['/a/%2e%2E/b.m3u8', ''],
    ['/a%2fb.m3u8', ''],
    ['/a\\b.m3u8', ''],
    ['/a b.m3u8', ''],
    ['/a.m3u8\r\nX: y', ''],
    ['/ä.m3u8', ''],
    ['/a.m3u8?b', ''],
    ['/a.m3u8#b', ''],
    ['http://evil.example/a.m3u8', ''],
    ['a.m3u8', ''],
    ['', ''],
    ['/a.m3u8', 'x=1 HTTP/1.1'],
    ['/a.m3u8', 'x#y'],
    ['/a.m3u8', 'x=ä'],
    ['/a.m3u8', 'x\r\nHost: evil'],
  ])('is not asked for by "%s" and query "%s"', async (path, query) => {
    const request = { ...ask('/'), path, query }
    expect(await refusalOf(origin.get(request))).toEqual({
      code: 'ERR_REQUEST_TARGET',
      status: 400,
    })
    expect(fake.requests).toHaveLength(0)
  })

  it('cannot be asked for by a path that looks like a host', async () => {
    await origin.get(ask('//evil.example/a.m3u8'))
    expect(fake.requests.map(({ path }) => path)).toEqual(['/base//evil.example/a.m3u8'])
    expect(fake.requests[0]?.headers.host).toBe(`127.0.0.1:${fake.port}`)
  })
})
