import { execFile } from 'node:child_process'
import { createDecipheriv } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { promisify } from 'node:util'
import { parse, types } from 'hls-parser'
import { describe, expect, it } from 'vitest'
import { sampleStream, serveFolder } from '../stage/static-server.ts'
import { describeWith, requireTool } from '../stage/tools.ts'

const playlistNames = ['v360', 'v540', 'audio', 'subtitles'].map((name) => `${name}/index.m3u8`)
/** The same again and again, for pages that play for minutes. */
const longNames = ['v540/long.m3u8', 'audio/long.m3u8']
const read = (name: string): Buffer => readFileSync(join(sampleStream, name))

function media(name: string): types.MediaPlaylist {
  const playlist = parse(read(name).toString())
  if (!(playlist instanceof types.MediaPlaylist)) throw new Error(`${name} is no media playlist`)
  return playlist
}

function multivariant(): types.MasterPlaylist {
  const playlist = parse(read('index.m3u8').toString())
  if (!(playlist instanceof types.MasterPlaylist)) throw new Error('no multivariant playlist')
  return playlist
}

const files = readdirSync(sampleStream, { recursive: true, encoding: 'utf8' }).filter((name) =>
  statSync(join(sampleStream, name)).isFile(),
)

/** Every URI of a media playlist, as a path below the stream's folder. */
function urisOf(name: string): string[] {
  const uris = media(name).segments.flatMap(({ uri, map, key }) => [
    uri,
    ...(map ? [map.uri] : []),
    ...(key?.uri ? [key.uri] : []),
  ])
  return [...new Set(uris)].map((uri) => normalize(join(dirname(name), uri)))
}

describe('the sample stream', () => {
  it('has two variants, both with sound and words in renditions of their own', () => {
    const { variants, independentSegments } = multivariant()
    expect(independentSegments).toBe(true)
    expect(variants.map(({ uri, resolution }) => [uri, resolution?.height])).toEqual([
      ['v360/index.m3u8', 360],
      ['v540/index.m3u8', 540],
    ])
    for (const { audio, subtitles, codecs } of variants) {
      expect(audio.map(({ uri }) => uri)).toEqual(['audio/index.m3u8'])
      expect(subtitles.map(({ uri }) => uri)).toEqual(['subtitles/index.m3u8'])
      expect(codecs).toMatch(/^avc1\.[0-9A-F]{6},mp4a\.40\.2$/)
    }
  })

  it('is small enough to be committed', () => {
    const bytes = files.reduce((sum, name) => sum + statSync(join(sampleStream, name)).size, 0)
    expect(bytes).toBeLessThanOrEqual(3_000_000)
  })

  it('consists of what its playlists name, and nothing else', () => {
    const media = [...playlistNames, ...longNames]
    const named = new Set(['index.m3u8', 'long.m3u8', ...media, ...media.flatMap(urisOf)])
    expect([...files].sort()).toEqual([...named].sort())
  })

  it.each(playlistNames)('says in %s that it is whole, and as long as the others', (name) => {
    const { endlist, playlistType, segments, targetDuration } = media(name)
    expect([endlist, playlistType]).toEqual([true, 'VOD'])
    expect(segments.reduce((sum, { duration }) => sum + duration, 0)).toBeCloseTo(48, 3)
    for (const { duration } of segments)
      expect(Math.round(duration)).toBeLessThanOrEqual(targetDuration)
  })

  it('is encrypted in exactly one variant, whose key changes half-way', () => {
    const encrypted = playlistNames.filter((name) => media(name).segments.some(({ key }) => key))
    expect(encrypted).toEqual(['v540/index.m3u8'])
    const keys = media('v540/index.m3u8').segments.map(({ key }) => [key?.method, key?.uri])
    expect(keys).toEqual([
      ...Array.from({ length: 6 }, () => ['AES-128', 'key-1.bin']),
      ...Array.from({ length: 6 }, () => ['AES-128', 'key-2.bin']),
    ])
  })

  it.each(longNames)('plays in %s what is beside it, ten times', (name) => {
    const { endlist, segments } = media(name)
    const once = media(name.replace('long', 'index')).segments
    expect(endlist).toBe(true)
    expect(segments.map(({ uri }) => uri)).toEqual(
      Array.from({ length: 10 }, () => once.map(({ uri }) => uri)).flat(),
    )
    expect(segments.flatMap(({ discontinuity }, index) => (discontinuity ? [index] : []))).toEqual(
      Array.from({ length: 9 }, (_, turn) => (turn + 1) * once.length),
    )
  })

  it.each(['v540/index.m3u8', 'v540/long.m3u8'])(
    'decrypts with the keys that %s names, and their IVs or the media sequence number',
    (name) => {
      for (const { uri, key, mediaSequenceNumber } of media(name).segments) {
        const iv = Buffer.alloc(16)
        iv.writeUInt32BE(mediaSequenceNumber, 12)
        if (key?.iv) iv.set(new Uint8Array(key.iv))
        const decipher = createDecipheriv('aes-128-cbc', read(`v540/${key?.uri}`), iv)
        const bytes = Buffer.concat([decipher.update(read(`v540/${uri}`)), decipher.final()])
        expect(bytes.toString('latin1', 4, 8)).toBe('moof')
      }
    },
  )

  it('keeps its init sections clear', () => {
    for (const name of ['v360', 'v540', 'audio']) {
      expect(read(`${name}/init.mp4`).toString('latin1', 4, 8)).toBe('ftyp')
    }
  })

  it('has WebVTT segments that follow one another', () => {
    const times = media('subtitles/index.m3u8').segments.flatMap(({ uri }) => {
      const text = read(`subtitles/${uri}`).toString()
      expect(text).toMatch(/^WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00\.000\n\n/)
      return [...text.matchAll(/^00:00:(\d\d)\.000 --> 00:00:(\d\d)\.000$/gm)].map(
        ([, start, end]) => [Number(start), Number(end)],
      )
    })
    expect(times).toEqual(Array.from({ length: 12 }, (_, cue) => [cue * 4, cue * 4 + 4]))
  })

  it('names nothing but relative URIs', () => {
    for (const name of files.filter((file) => file.endsWith('.m3u8'))) {
      expect(read(name).toString()).not.toMatch(/:\/\/|URI="\/|^\//m)
    }
  })
})

describeWith(['ffmpeg'], 'the sample stream in ffmpeg', () => {
  it.each([
    ['v360', 48 * 25],
    ['v540', 48 * 25],
    ['audio', (48 * 32_000) / 1024],
  ])('decodes all of %s: %i frames', async (name, frames) => {
    const origin = await serveFolder(sampleStream)
    try {
      const source = `${origin.origin}/${name}/index.m3u8`
      const words = ['-v', 'warning', '-nostdin', '-i', source, '-f', 'framecrc', '-']
      const run = await promisify(execFile)(requireTool('ffmpeg'), words)
      expect(run.stderr).toBe('')
      expect(run.stdout.match(/^0,/gm)).toHaveLength(frames)
      expect(origin.requests.filter(({ status }) => status !== 200)).toEqual([])
    } finally {
      await origin.close()
    }
  })
})
