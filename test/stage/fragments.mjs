/**
 * Reads fragmented MP4 as ffmpeg writes it, as far as a packager must: where the init section ends, where
 * each fragment begins and ends, and how long it lasts. ISO/IEC 14496-12 section 8.8 has the boxes.
 * Used by the scripts that make streams; plain Node, so that they run without a build.
 */

/**
 * @typedef {object} Box
 * @property {string} type four characters
 * @property {number} start offset of the box in the buffer
 * @property {number} body offset of what stands behind its header
 * @property {number} end offset of the first byte behind the box
 */

/**
 * @typedef {object} Fragment
 * @property {Buffer} bytes one moof with its mdat, and whatever stands between it and the one before
 * @property {number} seconds how long it lasts
 * @property {number} startTicks decode time of its first sample, in ticks of the track
 * @property {number} startAt offset in the bytes of that time, a 64-bit number
 * @property {boolean} independent does it begin with a sync sample?
 */

/**
 * The boxes of one level.
 *
 * @param {Buffer} bytes
 * @param {number} [start]
 * @param {number} [end]
 * @returns {Box[]}
 */
function boxesOf(bytes, start = 0, end = bytes.length) {
  const found = []
  for (let at = start; at < end; ) {
    const type = bytes.toString('latin1', at + 4, at + 8)
    const short = bytes.readUInt32BE(at)
    const size = short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short
    if (size < 8 || at + size > end) throw new Error(`box ${type} at ${at} has a size of ${size}`)
    found.push({ type, start: at, body: at + (short === 1 ? 16 : 8), end: at + size })
    at += size
  }
  return found
}

/**
 * The first box at the end of a path of types.
 *
 * @param {Buffer} bytes
 * @param {string[]} path
 * @param {Box} [within]
 * @returns {Box}
 */
function boxAt(bytes, path, within) {
  let box = within ?? { type: 'file', start: 0, body: 0, end: bytes.length }
  for (const type of path) {
    const next = boxesOf(bytes, box.body, box.end).find((candidate) => candidate.type === type)
    if (next === undefined) throw new Error(`no ${type} in ${box.type}`)
    box = next
  }
  return box
}

/** Ticks a second of an init section's only track. @param {Buffer} init @returns {number} */
export function timescaleOf(init) {
  const { body } = boxAt(init, ['moov', 'trak', 'mdia', 'mdhd'])
  return init.readUInt32BE(body + (init[body] === 1 ? 20 : 12))
}

/** @param {Buffer} bytes @param {Box} tfhd */
function readTrackHeader(bytes, tfhd) {
  const flags = bytes.readUIntBE(tfhd.body + 1, 3)
  let at = tfhd.body + 8
  if (flags & 0x01) at += 8
  if (flags & 0x02) at += 4
  const duration = flags & 0x08 ? bytes.readUInt32BE(at) : undefined
  if (flags & 0x08) at += 4
  if (flags & 0x10) at += 4
  return { duration, sampleFlags: flags & 0x20 ? bytes.readUInt32BE(at) : undefined }
}

/**
 * @param {Buffer} bytes
 * @param {Box} trun
 * @param {{duration: number, sampleFlags: number}} defaults
 */
function readRun(bytes, trun, defaults) {
  const flags = bytes.readUIntBE(trun.body + 1, 3)
  const count = bytes.readUInt32BE(trun.body + 4)
  let at = trun.body + 8 + (flags & 0x01 ? 4 : 0)
  let firstFlags = flags & 0x04 ? bytes.readUInt32BE(at) : undefined
  if (flags & 0x04) at += 4
  let ticks = 0
  for (let sample = 0; sample < count; sample++) {
    ticks += flags & 0x100 ? bytes.readUInt32BE(at) : defaults.duration
    if (flags & 0x100) at += 4
    if (flags & 0x200) at += 4
    if (flags & 0x400) firstFlags ??= bytes.readUInt32BE(at)
    if (flags & 0x400) at += 4
    if (flags & 0x800) at += 4
  }
  // Section 8.8.3.1: sample_is_non_sync_sample is bit 16 of the sample flags.
  return { ticks, independent: ((firstFlags ?? defaults.sampleFlags) & 0x10000) === 0 }
}

/**
 * @param {Buffer} bytes the fragment
 * @param {Buffer} init
 * @returns {Fragment}
 */
function readFragment(bytes, init) {
  const trex = boxAt(init, ['moov', 'mvex', 'trex']).body
  const traf = boxAt(bytes, ['moof', 'traf'])
  const header = readTrackHeader(bytes, boxAt(bytes, ['tfhd'], traf))
  const defaults = {
    duration: header.duration ?? init.readUInt32BE(trex + 12),
    sampleFlags: header.sampleFlags ?? init.readUInt32BE(trex + 20),
  }
  const { body: tfdt } = boxAt(bytes, ['tfdt'], traf)
  if (bytes[tfdt] !== 1) throw new Error('a decode time of 32 bits, where ffmpeg writes 64')
  const runs = boxesOf(bytes, traf.body, traf.end)
    .filter(({ type }) => type === 'trun')
    .map((trun) => readRun(bytes, trun, defaults))
  return {
    bytes,
    seconds: runs.reduce((sum, { ticks }) => sum + ticks, 0) / timescaleOf(init),
    startTicks: Number(bytes.readBigUInt64BE(tfdt + 4)),
    startAt: tfdt + 4,
    independent: runs[0]?.independent ?? false,
  }
}

/**
 * Cuts a fragmented MP4 file of one track into its init section and its fragments.
 *
 * @param {Buffer} file
 * @returns {{init: Buffer, fragments: Fragment[]}}
 * @throws {Error} when it is not such a file
 */
export function splitFragments(file) {
  const boxes = boxesOf(file)
  const initEnd = boxAt(file, ['moov']).end
  const init = file.subarray(0, initEnd)
  const fragments = []
  let start = initEnd
  for (const box of boxes) {
    if (box.type !== 'mdat') continue
    fragments.push(readFragment(file.subarray(start, box.end), init))
    start = box.end
  }
  if (fragments.length === 0) throw new Error('not fragmented: no mdat behind the moov')
  return { init, fragments }
}

/**
 * The codec of an init section's only track, as a playlist's CODECS names it (RFC 6381 section 3.3).
 *
 * @param {Buffer} init
 * @returns {string}
 */
export function codecOf(init) {
  const stsd = boxAt(init, ['moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd'])
  const [entry] = boxesOf(init, stsd.body + 8, stsd.end)
  if (entry?.type === 'mp4a') return 'mp4a.40.2'
  if (entry?.type !== 'avc1') throw new Error(`no name known for the codec ${entry?.type}`)
  // A visual sample entry has 78 bytes of fields in front of its boxes.
  const [avcC] = boxesOf(init, entry.body + 78, entry.end).filter(({ type }) => type === 'avcC')
  if (avcC === undefined) throw new Error('no avcC in avc1')
  return `avc1.${init.toString('hex', avcC.body + 1, avcC.body + 4).toUpperCase()}`
}
