import { runFfmpeg } from './run-ffmpeg.mjs'

/** The sample stream's measures; segments are whole frames and whole AAC frames long. */
export const lengthSeconds = 48
export const segmentSeconds = 4
const framesPerSecond = 25
/** 4 s are exactly 125 AAC frames of 1024 samples at this rate, so that sound and picture are cut at the same places. */
const samplesPerSecond = 32_000

const drawing = { width: 960, height: 540 }
const sky = '0x9fe7ff'
const mist = '0xc8d6e8'

/** @typedef {{width: number, height: number, note: string, crf: number, file: string}} Picture */

/** One fragment for each key frame, and nothing in the file that differs from run to run. */
const cutting = [
  ...['-movflags', '+frag_keyframe+empty_moov+default_base_moof+skip_trailer'],
  ...['-map_metadata', '-1', '-fflags', '+bitexact', '-flags', '+bitexact'],
]

/** A line of text at a place given for the drawing's size, scaled to the picture's. */
function line(picture, { text, x, y, size, color, font }) {
  const scale = picture.height / drawing.height
  const at = [`x=${Math.round(x * scale)}`, `y=${Math.round(y * scale)}`]
  const look = [`fontsize=${Math.round(size * scale)}`, `fontcolor=${color}`]
  return `drawtext=font=${font ?? 'DejaVu Sans'}:text='${text}':${[...at, ...look].join(':')}`
}

/** What stands at the left: name, running clock, number of the segment, and which picture this is. */
function lines(picture) {
  const clock = '%{pts\\:gmtime\\:0\\:%M\\\\\\:%S}'
  const number = `%{eif\\:1+trunc(t/${segmentSeconds})\\:d\\:2}`
  const place = `segment ${number} of ${lengthSeconds / segmentSeconds}`
  const which = `${picture.width} × ${picture.height}   ${picture.note}`
  return [
    line(picture, { text: 'playgate', x: 64, y: 128, size: 34, color: sky }),
    line(picture, {
      text: clock,
      x: 60,
      y: 200,
      size: 116,
      color: 'white',
      font: 'DejaVu Sans Mono',
    }),
    line(picture, { text: place, x: 64, y: 340, size: 26, color: mist }),
    line(picture, { text: which, x: 64, y: 382, size: 26, color: mist }),
  ].join(',')
}

/**
 * A slow dive into the Mandelbrot set behind a round window, on a gradient that turns; the ring around
 * the window fills once a segment.
 */
function scene() {
  const frames = lengthSeconds * framesPerSecond
  const rate = `r=${framesPerSecond}`
  const angle = 'mod(atan2(X-209.5\\,209.5-Y)+2*PI\\,2*PI)'
  const filled = `lt(${angle}\\,2*PI*mod(T\\,${segmentSeconds})/${segmentSeconds})`
  const band = 'clip(6-abs(hypot(X-209.5\\,Y-209.5)-198)\\,0\\,1)'
  // Blurred before it is made small: the set's finest detail costs most of the bits and shows least.
  const softened =
    'format=gbrp,gblur=sigma=2.2,' +
    'colorchannelmixer=rr=0.5:rg=0.2:rb=0.35:gr=0.25:gg=0.45:gb=0.35:br=0.35:bg=0.45:bb=0.6'
  return [
    `gradients=s=${drawing.width}x${drawing.height}:${rate}:c0=0x070b1a:c1=0x13224d:c2=0x0e4152:n=3:` +
      'x0=0:y0=0:x1=1700:y1=950:speed=0.0015:seed=5[ground]',
    `mandelbrot=s=540x540:${rate}:start_scale=2.4:end_scale=0.004:end_pts=${frames}:maxiter=400:` +
      `inner=black,${softened},scale=360:360:flags=lanczos,format=yuva420p[set]`,
    `color=c=black:s=360x360:${rate},format=gray,` +
      "geq=lum='255*clip(178.5-hypot(X-179.5\\,Y-179.5)\\,0\\,1)',trim=end_frame=1,loop=-1:1[window]",
    '[set][window]alphamerge[disc]',
    `color=c=${sky}:s=420x420:${rate},format=yuva420p,` +
      `geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='255*${band}*(0.18+0.82*${filled})'[ring]`,
    '[ground][disc]overlay=530:90:shortest=1[still]',
    '[still][ring]overlay=500:60:shortest=1',
  ]
}

/**
 * Draws the picture once and encodes it in each size.
 *
 * @param {readonly Picture[]} pictures
 */
export function makePictures(pictures) {
  const copies = pictures.map((_, index) => `[copy${index}]`)
  const labelled = pictures.map(
    (picture, index) =>
      `${copies[index]}scale=${picture.width}:${picture.height}:flags=lanczos,${lines(picture)}[out${index}]`,
  )
  const split = `${scene().join(';')},split=${pictures.length}${copies.join('')}`
  const frames = segmentSeconds * framesPerSecond
  const outputs = pictures.flatMap(({ crf, file }, index) => [
    ...['-map', `[out${index}]`, '-t', `${lengthSeconds}`, '-c:v', 'libx264', '-preset', 'slow'],
    ...['-crf', `${crf}`, '-pix_fmt', 'yuv420p', '-bf', '0', '-sc_threshold', '0', '-threads', '2'],
    ...['-g', `${frames}`, '-keyint_min', `${frames}`, ...cutting, file],
  ])
  runFfmpeg(['-filter_complex', [split, ...labelled].join(';'), ...outputs])
}

/** Frequencies in Hz of one chord a segment: A minor 7, F major 7, C, G. */
const chords = [
  [110, 220, 261.63, 329.63, 392],
  [87.31, 174.61, 261.63, 329.63, 440],
  [130.81, 196, 261.63, 329.63, 392],
  [98, 196, 246.94, 293.66, 392],
]

/**
 * The chords one after the other, each swelling and fading within its segment; the second channel is a
 * little out of tune with the first, which makes it wide. Peaks stay around -15 dBFS.
 *
 * @param {string} file
 */
export function makeSound(file) {
  const swell = `pow(sin(PI*mod(t,${segmentSeconds})/${segmentSeconds}),0.7)`
  const channel = (detune) => {
    const tones = chords.map((chord, index) => {
      const turn = `eq(mod(floor(t/${segmentSeconds}),${chords.length}),${index})`
      const sum = chord.map((hertz) => `sin(2*PI*${(hertz * detune).toFixed(3)}*t)`).join('+')
      return `${turn}*(${sum})`
    })
    return `0.035*${swell}*(${tones.join('+')})`
  }
  const source = `aevalsrc='${channel(1)}|${channel(1.0025)}':s=${samplesPerSecond}:d=${lengthSeconds}`
  runFfmpeg([
    ...['-f', 'lavfi', '-i', source, '-c:a', 'aac', '-b:a', '48k'],
    ...['-frag_duration', `${segmentSeconds * 1_000_000}`, ...cutting, file],
  ])
}
