import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** One rendition of what the live generator plays in a circle. */
export interface LiveRendition {
  readonly name: string
  readonly width: number
  readonly height: number
  /** Peak, in bits a second. */
  readonly bandwidth: number
  readonly codec: string
  /** Ticks a second of its track. */
  readonly timescale: number
  readonly init: Buffer
  readonly parts: readonly LivePart[]
}

export interface LivePart {
  readonly bytes: Buffer
  /** Offset in the bytes of the decode time, a 64-bit number. */
  readonly startAt: number
  /** The decode time that stands there, in ticks. */
  readonly startTicks: number
}

export interface LiveMaterial {
  readonly partSeconds: number
  readonly partsPerSegment: number
  readonly renditions: readonly LiveRendition[]
}

interface StoredMaterial extends Omit<LiveMaterial, 'renditions'> {
  readonly renditions: readonly (Omit<LiveRendition, 'init' | 'parts'> & {
    readonly init: string
    readonly parts: readonly (Omit<LivePart, 'bytes'> & { readonly file: string })[]
  })[]
}

/**
 * Makes the material with ffmpeg if no run before has done so, and reads it: about a megabyte.
 *
 * @throws {Error} when there is no ffmpeg and nothing made before
 */
export async function loadLiveMaterial(): Promise<LiveMaterial> {
  const script = join(import.meta.dirname, 'make-live-material.mjs')
  const { stdout } = await promisify(execFile)(process.execPath, [script])
  const folder = stdout.trim()
  const index = await readFile(join(folder, 'material.json'), 'utf8')
  const stored: StoredMaterial = JSON.parse(index)
  const renditions = stored.renditions.map(async (rendition) => ({
    ...rendition,
    init: await readFile(join(folder, rendition.init)),
    parts: await Promise.all(
      rendition.parts.map(async ({ file, ...part }) => ({
        ...part,
        bytes: await readFile(join(folder, file)),
      })),
    ),
  }))
  return { ...stored, renditions: await Promise.all(renditions) }
}
