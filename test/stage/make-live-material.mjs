/**
 * Makes what the live generator plays in a circle, and prints the folder where it is:
 *
 *     node test/stage/make-live-material.mjs
 *
 * Two renditions of ffmpeg's testsrc2, 30 s long, cut into parts of half a second that each begin with a key
 * frame; four parts are a segment. Made once for each version of these scripts and kept below
 * node_modules/.cache; several test files may ask at the same time.
 */
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { codecOf, splitFragments, timescaleOf } from './fragments.mjs'
import { runFfmpeg } from './run-ffmpeg.mjs'

const lengthSeconds = 30
const partSeconds = 0.5
const partsPerSegment = 4
const framesPerSecond = 30

const pictures = [
  { name: 'v90', width: 160, height: 90 },
  { name: 'v144', width: 256, height: 144 },
]

const cache = join(import.meta.dirname, '../../node_modules/.cache/playgate-live')

/** Changes whenever one of the scripts does that decide what comes out. */
function version() {
  const hash = createHash('sha256')
  for (const name of ['make-live-material.mjs', 'fragments.mjs', 'run-ffmpeg.mjs']) {
    hash.update(readFileSync(join(import.meta.dirname, name)))
  }
  return hash.digest('hex').slice(0, 16)
}

/** @param {{width: number, height: number}} picture @param {string} file */
function encode({ width, height }, file) {
  const gop = `${framesPerSecond * partSeconds}`
  const source = `testsrc2=s=${width}x${height}:r=${framesPerSecond}:d=${lengthSeconds}`
  runFfmpeg([
    ...['-f', 'lavfi', '-i', source, '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '34'],
    ...['-pix_fmt', 'yuv420p', '-bf', '0', '-sc_threshold', '0', '-g', gop, '-keyint_min', gop],
    ...['-movflags', '+frag_keyframe+empty_moov+default_base_moof+skip_trailer', file],
  ])
}

/** @param {string} folder */
function make(folder) {
  const renditions = pictures.map((picture) => {
    const file = join(folder, `${picture.name}.mp4`)
    encode(picture, file)
    const { init, fragments } = splitFragments(readFileSync(file))
    rmSync(file)
    const odd = fragments.findIndex(
      ({ seconds, independent }) => !independent || Math.abs(seconds - partSeconds) > 0.001,
    )
    if (odd !== -1) throw new Error(`part ${odd} of ${picture.name} is not as asked for`)
    mkdirSync(join(folder, picture.name))
    writeFileSync(join(folder, picture.name, 'init.mp4'), init)
    const parts = fragments.map(({ bytes, startAt, startTicks }, index) => {
      const part = `${picture.name}/part-${String(index).padStart(3, '0')}.m4s`
      writeFileSync(join(folder, part), bytes)
      return { file: part, startAt, startTicks }
    })
    const heaviest = Math.max(...fragments.map(({ bytes }) => bytes.length))
    const bandwidth = Math.ceil((heaviest * 8) / partSeconds)
    const facts = { codec: codecOf(init), timescale: timescaleOf(init), bandwidth, parts }
    return { ...picture, init: `${picture.name}/init.mp4`, ...facts }
  })
  const material = { partSeconds, partsPerSegment, renditions }
  writeFileSync(join(folder, 'material.json'), JSON.stringify(material, null, 2))
}

function main() {
  const folder = join(cache, version())
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true })
    const work = mkdtempSync(join(cache, 'new-'))
    try {
      make(work)
      renameSync(work, folder)
    } catch (error) {
      // Where another process was quicker, its material is the same.
      rmSync(work, { recursive: true, force: true })
      if (!existsSync(folder)) throw error
    }
  }
  process.stdout.write(`${folder}\n`)
}

main()
