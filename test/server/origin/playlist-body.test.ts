import { describe, expect, it } from 'vitest'
import {
  isPlaylistPath,
  isPlaylistType,
  judgePlaylist,
} from '../../../server/origin/playlist-body.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')

describe('a playlist', () => {
  it.each(['/a.m3u8', '/a.M3U8', '/a.m3u', '/b.c/a.M3u', '/a%2Em3u8'])('is named by %s', (path) => {
    expect(isPlaylistPath(path)).toBe(true)
  })

  it.each(['/a.ts', '/a.m3u8/b', '/a.m3u9', '/m3u8', '/a.m3u8.ts', '/'])(
    'is not named by %s',
    (path) => expect(isPlaylistPath(path)).toBe(false),
  )

  it.each([
    'application/vnd.apple.mpegurl',
    'Application/VND.Apple.MpegURL; charset=utf-8',
    'audio/mpegurl',
    'audio/x-mpegurl',
    'application/x-mpegURL',
  ])('is typed by %s', (type) => expect(isPlaylistType(type)).toBe(true))

  it.each(['text/plain', 'application/octet-stream', 'audio/mpeg', '', undefined])(
    'is not typed by %s',
    (type) => expect(isPlaylistType(type)).toBe(false),
  )

  it.each([
    ['#EXTM3U'],
    ['#EXTM3U\n#EXTINF:1,\na.ts\n'],
    ['\xef\xbb\xbf#EXTM3U\r\n'],
    ['\n\r\n  \n#EXTM3U\n'],
    ['# made by hand\n#comment\n#EXTM3U\n'],
    ['#EXTM3U\rnext'],
    ['#EXTM3U x-tvg-url="http://x"\n'],
  ])('may begin with %j', (text) => {
    expect(judgePlaylist(bytes(text), 100).bytes).toEqual(bytes(text))
  })

  it.each([
    [''],
    ['\n\n\n'],
    ['# only a comment\n'],
    ['<html><body>#EXTM3U</body></html>'],
    ['<!doctype html>\n#EXTM3U\n'],
    ['#EXTINF:1,\n#EXTM3U\n'],
    [' #EXTM3U\n'],
    ['#extm3u\n'],
    ['segment.ts\n#EXTM3U\n'],
    ['\x47\x40\x00\x10'],
    ['\xff\xfe#\0E\0X\0T\0M\x003\0U\0'],
  ])('may not begin with %j', (text) => {
    expect(() => judgePlaylist(bytes(text), 100)).toThrow('the body is not a playlist')
  })

  it.each([
    ['LF', '\n'],
    ['CR LF', '\r\n'],
    ['lone CR', '\r'],
  ])('has a bounded number of lines that end in %s', (_name, terminator) => {
    const text = `#EXTM3U${terminator.repeat(99)}`
    expect(judgePlaylist(bytes(text), 100).ended).toBe(false)
    expect(() => judgePlaylist(bytes(text), 99)).toThrow('more than 99 lines')
  })

  it.each([
    ['#EXTM3U\n#EXT-X-ENDLIST\n', true],
    ['#EXTM3U\r\n#EXT-X-ENDLIST', true],
    ['#EXTM3U\n#EXT-X-ENDLIST \n', true],
    ['#EXTM3U\n#EXT-X-ENDLISTING\n#EXT-X-ENDLIST\n', true],
    ['#EXTM3U\n#EXT-X-ENDLISTING\n', false],
    ['#EXTM3U\n# #EXT-X-ENDLIS', false],
    ['#EXTM3U\na.ts?x=#EXT-X-ENDLIST\n', false],
  ])('%j has ended: %s', (text, ended) => {
    expect(judgePlaylist(bytes(text), 100).ended).toBe(ended)
  })

  it('has equal versions for equal bytes only', () => {
    const version = (text: string) => judgePlaylist(bytes(text), 100).version
    expect(version('#EXTM3U\n')).toBe(version('#EXTM3U\n'))
    expect(version('#EXTM3U\n')).not.toBe(version('#EXTM3U\r\n'))
  })
})
