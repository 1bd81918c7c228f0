import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import type { Origin, OriginObject } from '../../../server/origin/origin.ts'
import { ask, expectKind, openOrigin } from './ask.ts'

export const mebibyte = 1024 * 1024
/** When every file was written, unless a test says otherwise. */
export const written = new Date('2025-12-31T12:00:00.500Z')
export const lastModified = 'Wed, 31 Dec 2025 12:00:00 GMT'
/** What stands in `a.ts`. */
export const text = 'abcdefghij'

/** A directory of its own for each test, with an origin on it. */
export class MediaFolder {
  readonly #outer = realpathSync(mkdtempSync(join(tmpdir(), 'playgate-directory-')))
  readonly root = join(this.#outer, 'media')
  readonly origin: Origin

  constructor() {
    this.put('a.ts', text)
    this.origin = openOrigin(this.root)
  }

  /** Writes a file below the root, or beside it with `../`. */
  put(name: string, content: string | Uint8Array, changed = written): string {
    const file = join(this.root, name)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, content)
    utimesSync(file, changed, changed)
    return file
  }

  async fetchObject(
    target: string,
    changes: Parameters<typeof ask>[1] = {},
  ): Promise<OriginObject> {
    return expectKind(await this.origin.get(ask(target, changes)), 'object')
  }

  /** How many descriptors of this process lead into the folder, on systems that can tell. */
  openDescriptors(): number {
    if (process.platform !== 'linux') return 0
    return readdirSync('/proc/self/fd').filter((name) => {
      try {
        return readlinkSync(`/proc/self/fd/${name}`).startsWith(this.root)
      } catch {
        return false
      }
    }).length
  }

  async remove(): Promise<void> {
    await this.origin.close()
    rmSync(this.#outer, { recursive: true })
  }
}

/** Gives each test its folder, and fails one that leaves a file open. */
export function useMediaFolder(): () => MediaFolder {
  let folder: MediaFolder
  beforeEach(() => {
    folder = new MediaFolder()
  })
  afterEach(async () => {
    await vi.waitFor(() => expect(folder.openDescriptors()).toBe(0))
    await folder.remove()
  })
  return () => folder
}
