import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Origin } from '../../../server/origin/origin.ts'
import { type FakeOrigin, reply, replyObject, startFakeOrigin } from '../../stage/fake-origin.ts'
import { ask, bodyOf, errorOf, expectKind, openOrigin, refusalOf, unavailable } from './ask.ts'

const segment = Buffer.from(Array.from({ length: 3000 }, (_, at) => at % 251))
let fake: FakeOrigin
let origin: Origin

beforeEach(async () => {
  fake = await startFakeOrigin({ '/base/a.ts': replyObject(segment) })
  origin = openOrigin(`${fake.url}/base/`)
})
afterEach(async () => {
  await origin.close()
  await fake.close()
})

async function fetchObject(target: string, changes: Parameters<typeof ask>[1] = {}) {
  return expectKind(await origin.get(ask(target, changes)), 'object')
}

describe('an object from an HTTP origin', () => {
  it('is passed on as it is', async () => {
    const answer = await fetchObject('/a.ts?b=%7E&a')
    expect(answer.status).toBe(200)
    expect(await bodyOf(answer)).toEqual(segment)
    expect(answer.headers).toEqual({
      'content-type': 'video/mp2t',
      'content-length': '3000',
      'accept-ranges': 'bytes',
      etag: '"v1"',
    })
    expect(fake.requests[0]?.path).toBe('/base/a.ts?b=%7E&a')
  })

  it.each([
    ['bytes=0-', 206, 'bytes 0-2999/3000', 3000],
    ['bytes=10-19', 206, 'bytes 10-19/3000', 10],
    ['bytes=2990-9999', 206, 'bytes 2990-2999/3000', 10],
  ])('is passed on in part for %s', async (range, status, contentRange, length) => {
    const answer = await fetchObject('/a.ts', { headers: { range } })
    expect([answer.status, answer.headers['content-range']]).toEqual([status, contentRange])
    expect(await bodyOf(answer)).toHaveLength(length)
  })

  it('tells that a range lies beyond its end', async () => {
    const answer = await fetchObject('/a.ts', { headers: { range: 'bytes=3000-' } })
    expect(answer).toEqual({
      kind: 'object',
      status: 416,
      headers: { etag: '"v1"', 'content-range': 'bytes */3000' },
      body: null,
    })
  })

  it.each(['bytes=0-0,5-9', 'bytes=9-5', 'lines=1-2', 'bytes=a-', ''])(
    'is passed on whole for "%s", which the origin never sees',
    async (range) => {
      const answer = await fetchObject('/a.ts', { headers: { range, ifRange: '"v1"' } })
      expect(answer.status).toBe(200)
      expect(await bodyOf(answer)).toEqual(segment)
      expect(fake.requests[0]?.headers.range).toBeUndefined()
      expect(fake.requests[0]?.headers['if-range']).toBeUndefined()
    },
  )

  it.each([
    ['"v1"', 206, 10],
    ['"v0"', 200, 3000],
  ])('is passed on in part only if unchanged: %s', async (ifRange, status, length) => {
    const answer = await fetchObject('/a.ts', { headers: { range: 'bytes=0-9', ifRange } })
    expect(answer.status).toBe(status)
    expect(await bodyOf(answer)).toHaveLength(length)
  })

  it('is not sent again when the client has it', async () => {
    const answer = await fetchObject('/a.ts', { headers: { ifNoneMatch: '"v1"' } })
    expect(answer).toEqual({ kind: 'object', status: 304, headers: { etag: '"v1"' }, body: null })
  })

  it('is described for a HEAD, whole even with a range', async () => {
    const answer = await fetchObject('/a.ts', { method: 'HEAD', headers: { range: 'bytes=0-9' } })
    expect([answer.status, answer.headers['content-length'], answer.body]).toEqual([
      200,
      '3000',
      null,
    ])
    expect(fake.requests[0]?.method).toBe('HEAD')
    expect(fake.requests[0]?.headers.range).toBeUndefined()
  })

  it('is asked for with the allowed headers only', async () => {
    const headers = {
      range: 'bytes=0-9',
      ifRange: '"v1"',
      ifNoneMatch: '"x"',
      ifModifiedSince: 'Thu, 01 Jan 2026 00:00:00 GMT',
      accept: 'video/*',
    }
    // More than the type allows, as a careless caller might hand over.
    const careless = { ...headers, cookie: 'a=b', authorization: 'Bearer x', connection: 'close' }
    await bodyOf(await fetchObject('/a.ts', { headers: careless }))
    expect(fake.requests[0]?.headers).toEqual({
      host: `127.0.0.1:${fake.port}`,
      connection: 'keep-alive',
      'user-agent': 'playgate',
      'accept-encoding': 'identity',
      accept: 'video/*',
      range: 'bytes=0-9',
      'if-range': '"v1"',
      'if-none-match': '"x"',
      'if-modified-since': 'Thu, 01 Jan 2026 00:00:00 GMT',
    })
  })

  it.each([
    ['a line break', '"x"\r\nCookie: a=b'],
    ['a letter beyond ASCII', '"ä"'],
    ['a NUL', '"\0"'],
    ['nothing', ''],
  ])('is asked for without a header that holds %s', async (_name, ifNoneMatch) => {
    await bodyOf(await fetchObject('/a.ts', { headers: { ifNoneMatch } }))
    expect(fake.requests[0]?.headers['if-none-match']).toBeUndefined()
    expect(fake.requests[0]?.headers.cookie).toBeUndefined()
  })

  it('brings the allowed headers only', async () => {
    fake.route(
      '/base/hostile.ts',
      reply(
        200,
        {
          'content-type': 'video/mp2t',
          'content-encoding': 'br',
          'cache-control': ['max-age=5', 'public'],
          age: '7',
          etag: 'W/"x"',
          'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
          'set-cookie': ['a=b', 'c=d'],
          connection: 'close, x-hop',
          'x-hop': 'y',
          'keep-alive': 'timeout=5',
          'proxy-authenticate': 'Basic',
          trailer: 'x-late',
          upgrade: 'h2c',
          server: 'origin',
          via: '1.1 cache',
          location: 'https://evil.example/',
          'content-disposition': 'attachment',
          'content-security-policy': 'x',
          'access-control-allow-origin': '*',
          'access-control-allow-credentials': 'true',
          'clear-site-data': '"*"',
          'strict-transport-security': 'max-age=1',
          link: '</x>; rel=preload',
          vary: '*',
          'content-md5': 'x',
          digest: 'x',
          expires: '0',
        },
        'G',
      ),
    )
    const answer = await fetchObject('/hostile.ts')
    expect(answer.headers).toEqual({
      'content-type': 'video/mp2t',
      'content-encoding': 'br',
      'cache-control': 'max-age=5, public',
      age: '7',
      etag: 'W/"x"',
      'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
    })
    expect(await bodyOf(answer)).toEqual(Buffer.from('G'))
  })

  it.each([404, 410] as const)('is missing when the origin says %i', async (status) => {
    fake.route('/base/b.ts', reply(status, { 'content-type': 'text/html' }, '<h1>no</h1>'))
    expect(await origin.get(ask('/b.ts'))).toEqual({ kind: 'missing', status })
  })

  it.each([201, 204, 206, 300, 304, 305, 400, 401, 403, 405, 416, 429, 500, 502, 503, 504])(
    'is not there when the origin answers %i without being asked for it',
    async (status) => {
      fake.route('/base/b.ts', reply(status, { 'content-range': 'bytes 0-1/2' }))
      const error = await errorOf(origin.get(ask('/b.ts?token=secret')))
      expect({ code: error.code, status: error.status }).toEqual(unavailable)
      expect(error.message).toBe(`the origin answered ${status} (/b.ts)`)
    },
  )

  it.each([
    ['no content-range', {}],
    ['a broken content-range', { 'content-range': 'bytes 0-' }],
    [
      'several parts',
      { 'content-range': 'bytes 0-1/2', 'content-type': 'multipart/byteranges; boundary=x' },
    ],
  ])('is not there when a part comes with %s', async (_name, headers) => {
    fake.route('/base/b.ts', reply(206, headers as Record<string, string>, 'xx'))
    expect(await refusalOf(origin.get(ask('/b.ts', { headers: { range: 'bytes=0-1' } })))).toEqual(
      unavailable,
    )
  })

  it('that has not been asked for yet can be given up', async () => {
    const gone = AbortSignal.abort(new Error('gone'))
    await expect(origin.get(ask('/a.ts', { signal: gone }))).rejects.toThrow('gone')
    expect(fake.requests).toHaveLength(0)
  })
})

describe('an object that moved', () => {
  it.each([301, 302, 303, 307, 308])(
    'inside the origin is followed (%i), range and all',
    async (status) => {
      fake.route('/base/old.ts', reply(status, { location: 'a.ts?x=1' }))
      const answer = await fetchObject('/old.ts', { headers: { range: 'bytes=0-9' } })
      expect(answer.status).toBe(206)
      expect(await bodyOf(answer)).toHaveLength(10)
      expect(fake.requests.map(({ path }) => path)).toEqual(['/base/old.ts', '/base/a.ts?x=1'])
      expect(fake.requests[1]?.headers.range).toBe('bytes=0-9')
    },
  )

  it('is followed three times and no more', async () => {
    for (let at = 1; at <= 4; at += 1) {
      fake.route(`/base/${at}`, reply(302, { location: at === 1 ? 'a.ts' : `${at - 1}` }))
    }
    expect(await bodyOf(await fetchObject('/3'))).toEqual(segment)
    expect(await refusalOf(origin.get(ask('/4')))).toEqual(unavailable)
  })

  it('in a circle is refused', async () => {
    fake.route('/base/one', reply(302, { location: 'two' }))
    fake.route('/base/two', reply(302, { location: 'one' }))
    expect(await refusalOf(origin.get(ask('/one')))).toEqual(unavailable)
    expect(fake.requests.length).toBeLessThanOrEqual(4)
  })

  it('elsewhere is refused, and nobody elsewhere is asked', async () => {
    const elsewhere = await startFakeOrigin({ '/base/a.ts': replyObject(segment) })
    const locations = [
      `${elsewhere.url}/base/a.ts`,
      `https://127.0.0.1:${fake.port}/base/a.ts`,
      `http://localhost:${fake.port}/base/a.ts`,
      `//127.0.0.1:${elsewhere.port}/base/a.ts`,
      `http://user:pass@127.0.0.1:${fake.port}/base/a.ts`,
      '/a.ts',
      '../a.ts',
      '/base/..%2fa.ts',
      'http://169.254.169.254/latest/meta-data',
      'file:///etc/passwd',
    ]
    for (const location of locations) {
      fake.route('/base/old.ts', reply(302, { location }))
      expect(await refusalOf(origin.get(ask('/old.ts')))).toEqual(unavailable)
    }
    expect(elsewhere.requests).toHaveLength(0)
    expect(fake.requests.map(({ path }) => path)).toEqual(locations.map(() => '/base/old.ts'))
    await elsewhere.close()
  })

  it('without saying where is refused', async () => {
    fake.route('/base/old.ts', reply(302))
    expect(await refusalOf(origin.get(ask('/old.ts')))).toEqual(unavailable)
  })
})
