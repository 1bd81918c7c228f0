/**
 * Makes the sample stream in player/demo/stream again, from nothing but ffmpeg's own test sources:
 *
 *     node test/stage/make-sample-stream.mjs [another folder]
 *
 * It is what the demo page plays and what many tests serve as an origin's content: 48 s of fMP4 in segments
 * of 4 s, two sizes of picture, sound in a rendition of its own, WebVTT subtitles, and AES-128 on the
 * larger picture with a second key from the middle on. The keys are committed with it; they protect nothing.
 * `long.m3u8` plays it ten times.
 *
 * Needs ffmpeg with libx264 and drawtext, and the DejaVu fonts; takes about a minute. The same ffmpeg gives
 * the same bytes; another version differs in the encoders' choices, not in the structure.
 */
import { createCipheriv, createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codecOf, splitFragments } from './fragments.mjs'
import { writeLongPlaylists } from './long-playlists.mjs'
import { lengthSeconds, makePictures, makeSound, segmentSeconds } from './sample-picture.mjs'
import { subtitleSegmentSeconds, subtitleSegments } from './sample-subtitles.mjs'

const home = process.argv[2] ?? join(import.meta.dirname, '../../player/demo/stream')
const segmentCount = lengthSeconds / segmentSeconds

const pictures = [
  { name: 'v360', width: 640, height: 360, note: 'clear', crf: 26, encrypted: false },
  { name: 'v540', width: 960, height: 540, note: 'AES-128', crf: 26, encrypted: true },
]

/** The two keys of the encrypted rendition: the first for the first half. */
const keys = ['key-1.bin', 'key-2.bin'].map((name) => ({
  name,
  bytes: createHash('sha256').update(`playgate sample stream ${name}`).digest().subarray(0, 16),
}))

/** @param {number} index of the segment, from 0 */
const keyOf = (index) => keys[Math.floor((index * keys.length) / segmentCount)]

/**
 * AES-128 as RFC 8216 section 4.3.2.4 has it: the whole segment, CBC with PKCS7 padding; without an IV attribute the
 * media sequence number is the IV.
 *
 * @param {Buffer} bytes
 * @param {number} index of the segment, which is its media sequence number too
 */
function encrypt(bytes, index) {
  const iv = Buffer.alloc(16)
  iv.writeUInt32BE(index, 12)
  const cipher = createCipheriv('aes-128-cbc', keyOf(index).bytes, iv)
  return Buffer.concat([cipher.update(bytes), cipher.final()])
}

/** @param {number} index @param {string} ending */
const segmentName = (index, ending) => `segment-${String(index + 1).padStart(2, '0')}.${ending}`

/** @param {string} folder @param {string} name @param {Buffer | string} content */
const save = (folder, name, content) => writeFileSync(join(home, folder, name), content)

/** @param {string} folder @param {number} targetSeconds @param {string[]} body lines between head and end */
function savePlaylist(folder, targetSeconds, body) {
  const head = ['#EXTM3U', '#EXT-X-VERSION:7', `#EXT-X-TARGETDURATION:${targetSeconds}`]
  const kind = [
    '#EXT-X-MEDIA-SEQUENCE:0',
    '#EXT-X-PLAYLIST-TYPE:VOD',
    '#EXT-X-INDEPENDENT-SEGMENTS',
  ]
  save(folder, 'index.m3u8', [...head, ...kind, ...body, '#EXT-X-ENDLIST', ''].join('\n'))
}

/**
 * Writes one rendition's init section, segments and playlist.
 *
 * @param {string} name
 * @param {string} file what ffmpeg made
 * @param {boolean} encrypted
 */
function saveRendition(name, file, encrypted) {
  const { init, fragments } = splitFragments(readFileSync(file))
  // The AAC encoder's delay leaves one more frame at the end.
  const segments = fragments.slice(0, segmentCount)
  mkdirSync(join(home, name), { recursive: true })
  save(name, 'init.mp4', init)
  const body = segments.flatMap(({ bytes, seconds }, index) => {
    const segment = segmentName(index, 'm4s')
    save(name, segment, encrypted ? encrypt(bytes, index) : bytes)
    const keyChanges = encrypted && keyOf(index) !== keyOf(index - 1)
    const key = keyChanges ? [`#EXT-X-KEY:METHOD=AES-128,URI="${keyOf(index).name}"`] : []
    return [...key, `#EXTINF:${seconds.toFixed(3)},`, segment]
  })
  if (encrypted) for (const key of keys) save(name, key.name, key.bytes)
  // The map stands before the first key, which therefore does not apply to it.
  savePlaylist(name, segmentSeconds, ['#EXT-X-MAP:URI="init.mp4"', ...body])
  const rates = segments.map(({ bytes, seconds }) => (bytes.length * 8) / seconds)
  return {
    codec: codecOf(init),
    peak: Math.max(...rates),
    average: rates.reduce((sum, rate) => sum + rate, 0) / rates.length,
  }
}

function saveSubtitles() {
  mkdirSync(join(home, 'subtitles'), { recursive: true })
  const body = subtitleSegments(lengthSeconds).flatMap((text, index) => {
    save('subtitles', segmentName(index, 'vtt'), text)
    return [`#EXTINF:${subtitleSegmentSeconds.toFixed(3)},`, segmentName(index, 'vtt')]
  })
  savePlaylist('subtitles', subtitleSegmentSeconds, body)
}

/** Bits a second, rounded up: BANDWIDTH is an upper bound (RFC 8216 section 4.3.4.2). */
const bits = (value) => Math.ceil(value / 1000) * 1000

function main() {
  const work = mkdtempSync(join(tmpdir(), 'sample-stream-'))
  const made = (name) => join(work, `${name}.mp4`)
  try {
    makePictures(pictures.map((picture) => ({ ...picture, file: made(picture.name) })))
    makeSound(made('audio'))
    for (const name of ['audio', 'subtitles', ...pictures.map(({ name }) => name)]) {
      rmSync(join(home, name), { recursive: true, force: true })
    }
    const sound = saveRendition('audio', made('audio'), false)
    saveSubtitles()
    const variants = pictures.flatMap(({ name, width, height, encrypted }) => {
      const { codec, peak, average } = saveRendition(name, made(name), encrypted)
      const bandwidth = `BANDWIDTH=${bits(peak + sound.peak)}`
      const usual = `AVERAGE-BANDWIDTH=${bits(average + sound.average)}`
      const format = `CODECS="${codec},${sound.codec}",RESOLUTION=${width}x${height},FRAME-RATE=25.000`
      const groups = 'AUDIO="sound",SUBTITLES="words"'
      return [`#EXT-X-STREAM-INF:${bandwidth},${usual},${format},${groups}`, `${name}/index.m3u8`]
    })
    const lines = [
      ...['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-INDEPENDENT-SEGMENTS'],
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Chords",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio/index.m3u8"',
      '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="words",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,FORCED=NO,URI="subtitles/index.m3u8"',
      ...variants,
    ]
    save('', 'index.m3u8', `${lines.join('\n')}\n`)
    writeLongPlaylists(home)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

main()
