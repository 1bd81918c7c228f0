import { createHash, randomBytes } from 'node:crypto'

/** What is measured: tokens and playlists like those of a site with a middling catalogue. */

/** The same in each process of a run; it protects nothing but this data. */
export const keyHex = createHash('sha256').update('playgate bench').digest('hex')
export const parameter = 'hdntl'
export const userAgent =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36'
export const mediaPath = '/vod/film/1080p/index.m3u8'
export const acl = '/vod/film/*'
/** As many viewers as connections, each with a session of its own. */
export const viewers = 32
export const segmentBytes = 100_000

/**
 * A media playlist on demand: an init section and so many segments, about 66 bytes each.
 *
 * @param {number} segments
 */
export function mediaPlaylist(segments) {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-TARGETDURATION:6']
  lines.push('#EXT-X-MEDIA-SEQUENCE:0', '#EXT-X-PLAYLIST-TYPE:VOD', '#EXT-X-MAP:URI="init.mp4"')
  for (let index = 0; index < segments; index++) {
    const number = String(index).padStart(6, '0')
    // A spread-out hexadecimal number, so that names compress no better than a packager's.
    const mark = (Math.imul(index + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0')
    lines.push('#EXTINF:6.00000,', `segment/${number}-${mark}-video-1080p-avc1-aac.m4s`)
  }
  lines.push('#EXT-X-ENDLIST', '')
  return Buffer.from(lines.join('\n'))
}

/** 20 KB, 301 URIs. */
export const usualPlaylist = mediaPlaylist(300)
/** 1 MB: more than a day in segments of six seconds. */
export const hugePlaylist = mediaPlaylist(15_200)

/** The fields of a session token as the server mints it; the salt is the caller's business. */
export function sessionFields(endTime) {
  const sessionId = randomBytes(16).toString('hex')
  return { mode: 'acl', path: acl, endTime, sessionId, payload: 'hdntl' }
}
