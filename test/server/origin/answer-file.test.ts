import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createClock } from '../../stage/clock.ts'
import { ask, bodyOf, expectKind, livePlaylist } from './ask.ts'
import { lastModified, text, useMediaFolder, written } from './media-folder.ts'

const media = useMediaFolder()

describe('a part of a file', () => {
  it.each([
    ['bytes=0-', 206, 'bytes 0-9/10', text],
    ['bytes=0-0', 206, 'bytes 0-0/10', 'a'],
    ['bytes=3-5', 206, 'bytes 3-5/10', 'def'],
    ['bytes=9-9', 206, 'bytes 9-9/10', 'j'],
    ['bytes=5-99999999999999', 206, 'bytes 5-9/10', 'fghij'],
    ['bytes=-3', 206, 'bytes 7-9/10', 'hij'],
    ['bytes=-10', 206, 'bytes 0-9/10', text],
    ['bytes=-99999999999999', 206, 'bytes 0-9/10', text],
    ['bytes=10-', 416, 'bytes */10', ''],
    ['bytes=999999999999999-', 416, 'bytes */10', ''],
    ['bytes=-0', 416, 'bytes */10', ''],
    ['bytes=0-0,5-9', 200, undefined, text],
    ['bytes=5-3', 200, undefined, text],
    ['bytes=x', 200, undefined, text],
    ['bits=0-1', 200, undefined, text],
    ['bytes=1-1e3', 200, undefined, text],
    [`bytes=${'9'.repeat(400)}-`, 200, undefined, text],
  ])('for "%s" has status %i', async (range, status, contentRange, body) => {
    const answer = await media().fetchObject('/a.ts', { headers: { range } })
    expect([answer.status, answer.headers['content-range']]).toEqual([status, contentRange])
    expect((await bodyOf(answer)).toString()).toBe(body)
    if (status !== 416) expect(answer.headers['content-length']).toBe(String(body.length))
  })

  it.each(['bytes=0-', 'bytes=-5', 'bytes=0-0'])(
    'of an empty file cannot be had by %s',
    async (range) => {
      media().put('empty.ts', '')
      expect((await media().fetchObject('/empty.ts', { headers: { range } })).status).toBe(416)
      const whole = await media().fetchObject('/empty.ts')
      expect([whole.status, whole.headers['content-length']]).toEqual([200, '0'])
      expect(await bodyOf(whole)).toHaveLength(0)
    },
  )

  it('is sent only if the file is unchanged', async () => {
    const etag = (await media().fetchObject('/a.ts')).headers.etag ?? ''
    const statusFor = async (ifRange: string) =>
      (await media().fetchObject('/a.ts', { headers: { range: 'bytes=0-1', ifRange } })).status
    expect(await statusFor(etag)).toBe(206)
    expect(await statusFor(`W/${etag}`)).toBe(200)
    expect(await statusFor('"other"')).toBe(200)
    expect(await statusFor(lastModified)).toBe(206)
    expect(await statusFor('Wed, 31 Dec 2025 12:00:01 GMT')).toBe(200)
    expect(await statusFor('')).toBe(200)
  })

  it('is not promised by the date of a file that was written this very second', async () => {
    const clock = createClock()
    media().put('now.ts', text, new Date(clock.now() - 500))
    media().put('before.ts', text, new Date(clock.now() - 1000))
    const ifRange = new Date(clock.now() - 1000).toUTCString()
    const headers = { range: 'bytes=0-1', ifRange }
    expect((await media().fetchObject('/now.ts', { headers })).status).toBe(200)
    expect((await media().fetchObject('/before.ts', { headers })).status).toBe(206)
  })
})

describe('a file that the client has', () => {
  it('is not sent again', async () => {
    const { etag = '' } = (await media().fetchObject('/a.ts')).headers
    for (const headers of [
      { ifNoneMatch: etag },
      { ifNoneMatch: `W/${etag}` },
      { ifNoneMatch: `"x", ${etag}` },
      { ifNoneMatch: '*' },
      { ifModifiedSince: lastModified },
      { ifModifiedSince: 'Thu, 01 Jan 2026 00:00:00 GMT' },
      { ifNoneMatch: etag, range: 'bytes=0-1' },
      { ifNoneMatch: etag, ifModifiedSince: 'Wed, 31 Dec 2025 00:00:00 GMT' },
    ]) {
      const answer = await media().fetchObject('/a.ts', { headers })
      expect(answer).toEqual({
        kind: 'object',
        status: 304,
        headers: { etag, 'last-modified': lastModified },
        body: null,
      })
    }
  })

  it.each([
    { ifNoneMatch: '"other"' },
    { ifNoneMatch: '"other"', ifModifiedSince: lastModified },
    { ifModifiedSince: 'Wed, 31 Dec 2025 11:59:59 GMT' },
    { ifModifiedSince: 'yesterday' },
  ])('but in another state is sent: %j', async (headers) => {
    expect((await media().fetchObject('/a.ts', { headers })).status).toBe(200)
  })

  it('has another tag when it was written, replaced or touched', async () => {
    const tagOf = async () => (await media().fetchObject('/a.ts')).headers.etag
    const tags = [await tagOf()]
    media().put('a.ts', 'ABCDEFGHIJ', new Date(written.getTime() + 1))
    tags.push(await tagOf())
    media().put('a.ts', `${text}k`)
    tags.push(await tagOf())
    media().put('b.ts', `${text}k`)
    renameSync(join(media().root, 'b.ts'), join(media().root, 'a.ts'))
    tags.push(await tagOf())
    expect(new Set(tags).size).toBe(4)
    expect(await tagOf()).toBe(tags[3])
  })

  it('has no date when that lies in the future', async () => {
    media().put('b.ts', text, new Date('2030-01-01'))
    media().put('b.m3u8', livePlaylist, new Date('2030-01-01'))
    expect((await media().fetchObject('/b.ts')).headers['last-modified']).toBeUndefined()
    const playlist = expectKind(await media().origin.get(ask('/b.m3u8')), 'playlist')
    expect(Object.keys(playlist.headers)).toEqual(['etag'])
  })
})
