import { createHash } from 'node:crypto'
import { type BigIntStats, readFileSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'

/** A file as it was last taken up. */
interface Seen {
  /** Which file lies there, and when it was last written. */
  readonly stamp: string
  /** Of what it says; of a file that cannot be read, why not. */
  readonly digest: string
}

/**
 * What became of the files since they were last taken up. `unsettled`: something happens to them right now, an editor may be in the
 * middle of writing; look again soon.
 */
export type FilesChange = 'none' | 'unsettled' | 'changed'

/** A few files, looked at now and then; a file that is not there, or cannot be read, is one with another content. */
export class WatchedFiles {
  readonly #list: () => readonly string[]
  #seen = new Map<string, Seen>()
  /** The stamps of the last look, if they were new then. */
  #unsettled: string | null = null

  /** @param list the paths of the files, as of now */
  constructor(list: () => readonly string[]) {
    this.#list = list
  }

  /** What they say now is going to be taken up: call it before they are read, so that a later change is not missed. */
  note(): void {
    this.#seen = new Map(this.#list().map((path) => [path, see(path, this.#seen.get(path))]))
    this.#unsettled = null
  }

  /** Never rejects. A file that was only touched has not changed. */
  async look(): Promise<FilesChange> {
    // Asynchronously: a network file system that hangs must not keep us from serving.
    const stamps = await Promise.all([...this.#seen.keys()].map(stampOf))
    const all = JSON.stringify(stamps)
    const isNew = [...this.#seen.values()].some(({ stamp }, index) => stamp !== stamps[index])
    if (!isNew || this.#unsettled !== all) {
      this.#unsettled = isNew ? all : null
      return isNew ? 'unsettled' : 'none'
    }
    const before = this.#seen
    this.note()
    const hasChanged = [...before].some(([path, { digest }]) => {
      return this.#seen.get(path)?.digest !== digest
    })
    return hasChanged ? 'changed' : 'none'
  }
}

/** Reads the file only when it may say something else than before; a country database is large. */
function see(path: string, before: Seen | undefined): Seen {
  try {
    // In this order: what is written in between has another stamp at the next look.
    const stamp = describe(statSync(path, { bigint: true }))
    if (before?.stamp === stamp) return before
    return { stamp, digest: createHash('sha256').update(readFileSync(path)).digest('hex') }
  } catch (error) {
    const code = codeOf(error)
    return { stamp: code, digest: code }
  }
}

async function stampOf(path: string): Promise<string> {
  try {
    return describe(await stat(path, { bigint: true }))
  } catch (error) {
    return codeOf(error)
  }
}

/** Of the file that a symbolic link leads to; the time of a write can be set back, that of a change cannot. */
function describe({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'error'
}
