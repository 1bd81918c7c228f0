import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Origin, OriginOptions } from '../../../server/origin/origin.ts'
import { createClock, type DialClock } from '../../stage/clock.ts'
import { type FakeOrigin, reply, replyPlaylist, startFakeOrigin } from '../../stage/fake-origin.ts'
import {
  ask,
  endedPlaylist,
  expectKind,
  livePlaylist,
  openOrigin,
  refusalOf,
  unavailable,
  unfit,
} from './ask.ts'

let fake: FakeOrigin
let origin: Origin
let clock: DialClock

function open(options: Partial<OriginOptions> = {}): Origin {
  return openOrigin(fake.url, { now: clock.now, ...options })
}

beforeEach(async () => {
  clock = createClock()
  fake = await startFakeOrigin()
  origin = open()
})
afterEach(async () => {
  await origin.close()
  await fake.close()
})

/** Routes a playlist that is answered only when the test says so. */
function routeHeld(path: string, status = 200, body: string = livePlaylist): () => void {
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  fake.route(path, async (_request, response) => {
    await gate
    response.writeHead(status, { 'content-type': 'application/vnd.apple.mpegurl' }).end(body)
  })
  return release
}

const playlistOf = async (target: string) => expectKind(await origin.get(ask(target)), 'playlist')

describe('simultaneous requests for a playlist', () => {
  it('are one request to the origin, for 500 viewers too', async () => {
    const release = routeHeld('/a.m3u8')
    const all = Array.from({ length: 500 }, () => origin.get(ask('/a.m3u8?_HLS_msn=7')))
    await fake.arrival(0)
    release()
    const answers = await Promise.all(all)
    expect(new Set(answers.map((answer) => expectKind(answer, 'playlist').version)).size).toBe(1)
    expect(fake.requests).toHaveLength(1)
  })

  it('are one request in whatever order their directives stand', async () => {
    const release = routeHeld('/a.m3u8')
    const all = [
      '/a.m3u8?x=1&_HLS_msn=7&_HLS_part=2',
      '/a.m3u8?_HLS_part=2&x=1&_HLS_msn=7',
      '/a.m3u8?_HLS_msn=7&_HLS_part=2&x=1',
    ].map((target) => origin.get(ask(target)))
    await fake.arrival(0)
    release()
    await Promise.all(all)
    expect(fake.requests.map(({ path }) => path)).toEqual(['/a.m3u8?x=1&_HLS_msn=7&_HLS_part=2'])
  })

  it('are several when anything else differs', async () => {
    fake.route('/a.m3u8', replyPlaylist(livePlaylist))
    const targets = ['/a.m3u8', '/a.m3u8?x=1&y=2', '/a.m3u8?y=2&x=1', '/a.m3u8?_HLS_msn=7']
    await Promise.all(targets.map(playlistOf))
    expect(fake.requests.map(({ path }) => path).sort()).toEqual([...targets].sort())
  })

  it.each([
    ['an error of the origin', 503, livePlaylist, unavailable],
    ['nonsense', 200, '<html>', unfit],
  ])('share %s, which nobody gets later', async (_name, status, body, refusal) => {
    const release = routeHeld('/a.m3u8', status, body)
    const all = Array.from({ length: 50 }, () => refusalOf(origin.get(ask('/a.m3u8'))))
    await fake.arrival(0)
    release()
    expect(await Promise.all(all)).toEqual(all.map(() => refusal))
    expect(fake.requests).toHaveLength(1)
    fake.route('/a.m3u8', replyPlaylist(livePlaylist))
    await playlistOf('/a.m3u8')
    expect(fake.requests).toHaveLength(2)
  })

  it('share a missing playlist and a redirect, which nobody gets later', async () => {
    const release = routeHeld('/a.m3u8', 404)
    const all = [1, 2, 3].map(() => origin.get(ask('/a.m3u8')))
    await fake.arrival(0)
    release()
    expect(await Promise.all(all)).toEqual(all.map(() => ({ kind: 'missing', status: 404 })))
    fake.route('/a.m3u8', reply(301, { location: '/b.m3u8' }))
    expectKind(await origin.get(ask('/a.m3u8')), 'redirect')
    expectKind(await origin.get(ask('/a.m3u8')), 'redirect')
    expect(fake.requests).toHaveLength(3)
  })

  it('go on when one viewer leaves, and are aborted when the last one has left', async () => {
    routeHeld('/a.m3u8')
    const [one, two] = [new AbortController(), new AbortController()]
    const first = origin.get(ask('/a.m3u8', { signal: one.signal }))
    const second = origin.get(ask('/a.m3u8', { signal: two.signal }))
    const seen = await fake.arrival(0)
    one.abort(new Error('one left'))
    await expect(first).rejects.toThrow('one left')
    // A whole exchange on another connection: the held one is still there.
    fake.route('/b.m3u8', replyPlaylist(livePlaylist))
    await playlistOf('/b.m3u8')
    expect(seen.aborted).toBe(false)
    two.abort(new Error('two left'))
    await expect(second).rejects.toThrow('two left')
    expect(await seen.over).toBe('aborted')
  })
})

describe('a playlist that was fetched', () => {
  it.each([
    ['live, without a word', livePlaylist, {}, 1000],
    ['ended, without a word', endedPlaylist, {}, 10_000],
    ['live, for an hour', livePlaylist, { 'cache-control': 'max-age=3600' }, 2000],
    ['ended, for an hour', endedPlaylist, { 'cache-control': 'max-age=3600' }, 3_600_000],
    [
      'ended, for a minute less its age',
      endedPlaylist,
      { 'cache-control': 'max-age=60', age: '50' },
      10_000,
    ],
  ])('is kept while fresh: %s', async (_name, text, headers, lifeMs) => {
    fake.route('/a.m3u8', replyPlaylist(text, headers))
    const first = await playlistOf('/a.m3u8')
    clock.advance(lifeMs - 1)
    expect((await playlistOf('/a.m3u8')).version).toBe(first.version)
    expect(fake.requests).toHaveLength(1)
    clock.advance(1)
    await playlistOf('/a.m3u8')
    expect(fake.requests).toHaveLength(2)
  })

  it.each(['no-store', 'no-cache', 'private', 'max-age=0'])('is not kept with %s', async (rule) => {
    fake.route('/a.m3u8', replyPlaylist(endedPlaylist, { 'cache-control': rule, etag: '"v1"' }))
    await playlistOf('/a.m3u8')
    await playlistOf('/a.m3u8')
    expect(fake.requests).toHaveLength(2)
    expect(fake.requests[1]?.headers['if-none-match']).toBeUndefined()
  })

  it('is not kept when keeping is switched off', async () => {
    await origin.close()
    origin = open({ playlistCacheBytes: 0 })
    fake.route('/a.m3u8', replyPlaylist(endedPlaylist))
    await playlistOf('/a.m3u8')
    await playlistOf('/a.m3u8')
    expect(fake.requests).toHaveLength(2)
  })

  it('makes room when there are too many', async () => {
    await origin.close()
    origin = open({ playlistCacheBytes: 10_000 })
    for (let at = 0; at < 20; at += 1) {
      fake.route(`/${at}.m3u8`, replyPlaylist(endedPlaylist))
      await playlistOf(`/${at}.m3u8`)
    }
    const before = fake.requests.length
    await playlistOf('/19.m3u8')
    expect(fake.requests).toHaveLength(before)
    await playlistOf('/0.m3u8')
    expect(fake.requests).toHaveLength(before + 1)
  })

  it('is not fresh when the clock was set back', async () => {
    let nowMs = 1_000_000
    await origin.close()
    origin = open({ now: () => nowMs })
    fake.route('/a.m3u8', replyPlaylist(livePlaylist))
    await playlistOf('/a.m3u8')
    nowMs -= 1
    await playlistOf('/a.m3u8')
    expect(fake.requests).toHaveLength(2)
  })

  it('grows older while it is kept', async () => {
    fake.route('/young.m3u8', replyPlaylist(endedPlaylist))
    fake.route(
      '/old.m3u8',
      replyPlaylist(endedPlaylist, { age: '5', 'cache-control': 'max-age=60' }),
    )
    expect((await playlistOf('/young.m3u8')).headers.age).toBeUndefined()
    expect((await playlistOf('/old.m3u8')).headers.age).toBe('5')
    clock.advance(3500)
    expect((await playlistOf('/young.m3u8')).headers.age).toBe('3')
    expect((await playlistOf('/old.m3u8')).headers.age).toBe('8')
  })

  it('is confirmed by the origin when it is stale and has validators', async () => {
    const validators = { etag: '"v1"', 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' }
    fake.route('/a.m3u8', (request, response) => {
      if (request.headers['if-none-match'] === '"v1"') {
        response.writeHead(304, { ...validators, 'cache-control': 'max-age=100' }).end()
      } else {
        replyPlaylist(endedPlaylist, { ...validators, age: '1' })(request, response, never)
      }
    })
    const first = await playlistOf('/a.m3u8')
    clock.advance(10_000)
    const second = await playlistOf('/a.m3u8')
    expect(second.bytes).toBe(first.bytes)
    expect(second.headers).toEqual({ ...validators, 'cache-control': 'max-age=100' })
    expect(fake.requests[1]?.headers).toMatchObject({
      'if-none-match': '"v1"',
      'if-modified-since': 'Thu, 01 Jan 2026 00:00:00 GMT',
    })
    clock.advance(99_999)
    await playlistOf('/a.m3u8')
    expect(fake.requests).toHaveLength(2)
  })

  it('is replaced by what the origin has instead', async () => {
    fake.route('/a.m3u8', replyPlaylist(livePlaylist, { etag: '"v1"' }))
    const first = await playlistOf('/a.m3u8')
    clock.advance(1000)
    fake.route('/a.m3u8', replyPlaylist(endedPlaylist, { etag: '"v2"' }))
    const second = await playlistOf('/a.m3u8')
    expect(second.version).not.toBe(first.version)
    expect(second.headers.etag).toBe('"v2"')
  })

  it('is forgotten when the origin has it no more', async () => {
    fake.route('/a.m3u8', replyPlaylist(livePlaylist, { etag: '"v1"' }))
    await playlistOf('/a.m3u8')
    clock.advance(1000)
    fake.route('/a.m3u8', reply(410))
    expect(await origin.get(ask('/a.m3u8'))).toEqual({ kind: 'missing', status: 410 })
    fake.route('/a.m3u8', replyPlaylist(livePlaylist))
    await playlistOf('/a.m3u8')
    expect(fake.requests[2]?.headers['if-none-match']).toBeUndefined()
  })
})

const never = undefined as never
