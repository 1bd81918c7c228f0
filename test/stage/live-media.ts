import type { LiveRendition } from './live-material.ts'

/**
 * The bytes of one part of an endless stream: the material again and again, with the decode time moved on, so
 * that the circle does not show in the timestamps and no discontinuity is needed.
 *
 * @param part its number since the start of the stream
 * @param partSeconds how long each part is
 */
export function livePart(rendition: LiveRendition, part: number, partSeconds: number): Buffer {
  const { parts, timescale } = rendition
  const source = parts[part % parts.length]
  if (source === undefined) throw new RangeError(`no part ${part} in ${rendition.name}`)
  const turns = Math.floor(part / parts.length)
  const ticks = source.startTicks + turns * parts.length * partSeconds * timescale
  const bytes = Buffer.from(source.bytes)
  bytes.writeBigUInt64BE(BigInt(ticks), source.startAt)
  return bytes
}
