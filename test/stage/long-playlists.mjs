import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Eight minutes: longer than anybody looks at two players side by side. */
const turns = 10

/**
 * Writes `long.m3u8` beside the playlists of the sample stream: the larger picture and the sound, the same segments again and again.
 *
 * @param {string} home folder of the sample stream
 */
export function writeLongPlaylists(home) {
  for (const rendition of ['v540', 'audio']) {
    const folder = join(home, rendition)
    const lines = readFileSync(join(folder, 'index.m3u8'), 'utf8').trimEnd().split('\n')
    const start = 1 + lines.findIndex((line) => line.startsWith('#EXT-X-MAP'))
    const turn = withExplicitIvs(lines.slice(start, -1))
    const more = Array.from({ length: turns - 1 }, () => ['#EXT-X-DISCONTINUITY', ...turn])
    save(folder, [...lines.slice(0, start), ...turn, ...more.flat(), '#EXT-X-ENDLIST'])
  }
  const lines = readFileSync(join(home, 'index.m3u8'), 'utf8').trimEnd().split('\n')
  const kept = lines.filter((line) => !/v360|RESOLUTION=640x360|SUBTITLES,/.test(line))
  save(
    home,
    kept.map((line) => line.replace('index.m3u8', 'long.m3u8').replace(',SUBTITLES="words"', '')),
  )
}

/** @param {string} folder @param {string[]} lines */
function save(folder, lines) {
  writeFileSync(join(folder, 'long.m3u8'), `${lines.join('\n')}\n`)
}

/**
 * A segment's IV is its media sequence number where the key does not say it (RFC 8216 section 5.2), and in the second turn that number
 * is another one than it was encrypted with.
 *
 * @param {string[]} lines
 */
function withExplicitIvs(lines) {
  let key = ''
  let sequence = 0
  return lines.flatMap((line) => {
    if (line.startsWith('#EXT-X-KEY')) {
      key = line
      return []
    }
    if (!line.startsWith('#EXTINF') || key === '') return [line]
    const iv = sequence.toString(16).padStart(32, '0')
    sequence += 1
    return [`${key},IV=0x${iv}`, line]
  })
}
