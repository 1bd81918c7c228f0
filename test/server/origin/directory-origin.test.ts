import { execFileSync } from 'node:child_process'
import { chmodSync, renameSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  ask,
  bodyOf,
  endedPlaylist,
  errorOf,
  expectKind,
  livePlaylist,
  openOrigin,
  refusalOf,
  unavailable,
  unfit,
} from './ask.ts'
import { lastModified, text, useMediaFolder, written } from './media-folder.ts'

const media = useMediaFolder()
const missing = { kind: 'missing', status: 404 }

describe('a file', () => {
  it('is passed on with type, length and validators', async () => {
    const answer = await media().fetchObject('/a.ts?any=query')
    expect(answer.status).toBe(200)
    expect(answer.headers).toEqual({
      'content-type': 'video/mp2t',
      'content-length': '10',
      'accept-ranges': 'bytes',
      'last-modified': lastModified,
      etag: expect.stringMatching(/^"[\w-]{22}"$/),
    })
    expect((await bodyOf(answer)).toString()).toBe(text)
  })

  it.each([
    ['a.m4s', 'video/iso.segment'],
    ['a.mp4', 'video/mp4'],
    ['a.aac', 'audio/aac'],
    ['a.TS', 'video/mp2t'],
    ['a.vtt', 'text/vtt'],
    ['a.key', 'application/octet-stream'],
    ['a.m3u8.bak', 'application/octet-stream'],
    ['noextension', 'application/octet-stream'],
    ['a.b.mpd', 'application/dash+xml'],
  ])('%s has the type %s', async (name, type) => {
    media().put(name, text)
    expect((await media().fetchObject(`/${name}`)).headers['content-type']).toBe(type)
  })

  it.each([
    ['ein film/häuser über 100%.ts', '/ein%20film/h%C3%A4user%20%C3%BCber%20100%25.ts'],
    ['映画/第1話.ts', `/${['映画', '第1話.ts'].map(encodeURIComponent).join('/')}`],
    ['🎬.ts', '/%F0%9F%8E%AC.ts'],
    ['a%2fb.ts', '/a%252fb.ts'],
    ['a+b&c;d=e.ts', '/a+b&c;d=e.ts'],
    ['a...ts/b..', '/a...ts/b..'],
  ])('named %s is found by %s', async (name, path) => {
    media().put(name, name)
    expect((await bodyOf(await media().origin.get(ask(path)))).toString()).toBe(name)
  })

  it.each([
    '/b.ts',
    '/',
    '/sub',
    '/sub/',
    '/sub//b.ts',
    '/a.ts/',
    '/a.ts/b',
    '/.hidden.ts',
    '/%2ehidden.ts',
    '/.git/config',
    '/sub/.hidden/a.ts',
    '/%ff.ts',
    '/%zz.ts',
    `/${'x'.repeat(5000)}.ts`,
    `/${'x/'.repeat(5000)}a.ts`,
    '/pipe.ts',
  ])('%s is missing', async (path) => {
    media().put('sub/b.ts', text)
    media().put('.hidden.ts', text)
    media().put('.git/config', text)
    media().put('sub/.hidden/a.ts', text)
    if (process.platform !== 'win32') execFileSync('mkfifo', [join(media().root, 'pipe.ts')])
    expect(await media().origin.get(ask(path))).toEqual(missing)
  })

  it.each([
    '/../secret.ts',
    '/%2e%2e/secret.ts',
    '/..%2fsecret.ts',
    '/a/..%5c..%5csecret.ts',
    '/a.ts%00.m3u8',
    '/sub/../../secret.ts',
  ])('outside the root is not reached by %s', async (path) => {
    media().put('../secret.ts', 'secret')
    media().put('sub/b.ts', text)
    expect(await refusalOf(media().origin.get(ask(path)))).toEqual({
      code: 'ERR_REQUEST_TARGET',
      status: 400,
    })
  })

  it.each([
    ['a file outside', '../secret.ts', '/link'],
    ['a folder outside', '..', '/link/secret.ts'],
    ['a folder outside, absolutely', '/', '/link/etc/hostname'],
    ['a sibling whose name begins like the root', '../media-private', '/link/secret.ts'],
    ['a hidden folder inside', '.private', '/link/secret.ts'],
    ['a hidden file inside', '.secret.ts', '/link'],
    ['the root itself', '.', '/link'],
    ['itself', 'link', '/link'],
    ['nowhere', 'nothing', '/link'],
  ])('is missing behind a symbolic link to %s', async (_name, to, path) => {
    media().put('../secret.ts', 'secret')
    media().put('../media-private/secret.ts', 'secret')
    media().put('.private/secret.ts', 'secret')
    media().put('.secret.ts', 'secret')
    symlinkSync(to, join(media().root, 'link'))
    expect(await media().origin.get(ask(path))).toEqual(missing)
    symlinkSync(to, join(media().root, 'list.m3u8'))
    expect(await media().origin.get(ask('/list.m3u8'))).toEqual(missing)
  })

  it('is found behind a symbolic link that stays inside', async () => {
    media().put('sub/b.ts', 'inside')
    symlinkSync('sub', join(media().root, 'folder'))
    symlinkSync('folder/b.ts', join(media().root, 'c.ts'))
    for (const path of ['/folder/b.ts', '/c.ts']) {
      expect((await bodyOf(await media().origin.get(ask(path)))).toString()).toBe('inside')
    }
  })

  it('that may not be read is unavailable, and told without its place on the disk', async () => {
    const file = media().put('b.ts', text)
    chmodSync(file, 0)
    // The superuser reads everything: then there is nothing to refuse.
    if (process.getuid?.() === 0) {
      expect((await bodyOf(await media().origin.get(ask('/b.ts')))).toString()).toBe(text)
      return
    }
    const error = await errorOf(media().origin.get(ask('/b.ts')))
    expect({ code: error.code, status: error.status }).toEqual(unavailable)
    expect(error.message).toBe('the file cannot be read: EACCES (/b.ts)')
  })

  it('is not opened for somebody who has left', async () => {
    const gone = AbortSignal.abort(new Error('gone'))
    await expect(media().origin.get(ask('/a.ts', { signal: gone }))).rejects.toThrow('gone')
  })

  it('is described for a HEAD', async () => {
    const whole = await media().fetchObject('/a.ts')
    const answer = await media().fetchObject('/a.ts', {
      method: 'HEAD',
      headers: { range: 'bytes=0-1' },
    })
    expect(answer).toEqual({ ...whole, body: null })
  })
})

describe('a playlist in a directory', () => {
  it.each([
    ['a.m3u8', 'application/vnd.apple.mpegurl'],
    ['a.M3U', 'application/vnd.apple.mpegurl'],
  ])('%s is read whole, whatever part or condition is asked for', async (name, type) => {
    media().put(name, endedPlaylist)
    const headers = { range: 'bytes=0-1', ifNoneMatch: '*' }
    for (const method of ['GET', 'HEAD'] as const) {
      const answer = expectKind(
        await media().origin.get(ask(`/${name}?x=1`, { method, headers })),
        'playlist',
      )
      expect(Buffer.from(answer.bytes).toString()).toBe(endedPlaylist)
      expect(answer.contentType).toBe(type)
      expect(answer.headers['last-modified']).toBe(lastModified)
    }
  })

  it('is read again when it has changed, and only then', async () => {
    media().put('a.m3u8', livePlaylist)
    const get = async () => expectKind(await media().origin.get(ask('/a.m3u8')), 'playlist')
    const first = await get()
    expect((await get()).bytes).toBe(first.bytes)
    media().put('a.m3u8', endedPlaylist, new Date(written.getTime() + 1))
    const second = await get()
    expect(second.version).not.toBe(first.version)
    media().put('a.m3u8', endedPlaylist)
    expect((await get()).version).toBe(second.version)
  })

  it('is read each time when keeping is switched off', async () => {
    const forgetful = openOrigin(media().root, { playlistCacheBytes: 0 })
    media().put('a.m3u8', livePlaylist)
    const get = async () => expectKind(await forgetful.get(ask('/a.m3u8')), 'playlist')
    const [first, second] = [await get(), await get()]
    expect(second.bytes).not.toBe(first.bytes)
    expect(second.version).toBe(first.version)
    await forgetful.close()
  })

  it('is read once for all who ask at the same time', async () => {
    const forgetful = openOrigin(media().root, { playlistCacheBytes: 0 })
    media().put('a.m3u8', livePlaylist)
    const all = await Promise.all(Array.from({ length: 100 }, () => forgetful.get(ask('/a.m3u8'))))
    expect(new Set(all).size).toBe(1)
    await forgetful.close()
  })

  it.each([
    ['an error page', '<html></html>'],
    ['empty', ''],
    ['a segment', 'G@\0\x10'],
  ])('is refused when it is %s', async (_name, content) => {
    media().put('a.m3u8', content)
    expect(await refusalOf(media().origin.get(ask('/a.m3u8')))).toEqual(unfit)
  })

  it('is bounded in bytes and lines', async () => {
    const small = openOrigin(media().root, { maxPlaylistBytes: 100, maxPlaylistLines: 10 })
    media().put('bytes.m3u8', `#EXTM3U\n#${'x'.repeat(91)}`)
    media().put('more-bytes.m3u8', `#EXTM3U\n#${'x'.repeat(92)}`)
    media().put('lines.m3u8', `#EXTM3U${'\n'.repeat(9)}`)
    media().put('more-lines.m3u8', `#EXTM3U${'\n'.repeat(10)}`)
    expectKind(await small.get(ask('/bytes.m3u8')), 'playlist')
    expectKind(await small.get(ask('/lines.m3u8')), 'playlist')
    expect(await refusalOf(small.get(ask('/more-bytes.m3u8')))).toEqual(unfit)
    expect(await refusalOf(small.get(ask('/more-lines.m3u8')))).toEqual(unfit)
    await small.close()
  })

  it('is missing when there is none', async () => {
    expect(await media().origin.get(ask('/none.m3u8'))).toEqual(missing)
  })
})

describe('a JSON document in a directory', () => {
  it('is read whole when it is small and streamed when it is large', async () => {
    const modest = openOrigin(media().root, { maxJsonBytes: 1000 })
    media().put('small.json', '{}')
    media().put('large.json', `"${'x'.repeat(999)}"`)
    const small = expectKind(await modest.get(ask('/small.json')), 'json')
    expect([small.contentType, Buffer.from(small.bytes).toString()]).toEqual([
      'application/json',
      '{}',
    ])
    const large = expectKind(await modest.get(ask('/large.json')), 'object')
    expect(large.headers['content-type']).toBe('application/json')
    expect(await bodyOf(large)).toHaveLength(1001)
    await modest.close()
  })
})

describe('a directory', () => {
  it('is ready while it is there', async () => {
    const { root } = media()
    await media().origin.check()
    renameSync(root, `${root}-gone`)
    await expect(media().origin.check()).rejects.toMatchObject(unavailable)
    expect(await media().origin.get(ask('/a.ts'))).toEqual(missing)
    renameSync(`${root}-gone`, root)
    await media().origin.check()
  })
})
