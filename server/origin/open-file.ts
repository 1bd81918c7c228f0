import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { codeOf } from './outbound-error.ts'

/** A regular file below the root, opened for reading. */
export interface OpenFile {
  /** The holder closes it. */
  readonly handle: FileHandle
  readonly size: number
  /** Whole milliseconds since 1970. */
  readonly modifiedMs: number
  /** Strong: changes with size, time of change (nanoseconds) and identity of the file. */
  readonly etag: string
}

/** What the file system says of a name that leads nowhere. */
const missing: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ENXIO',
])

/**
 * Opens a file below a directory, or returns null when there is none: nor one outside, whatever symbolic links
 * say, nor a hidden one behind a link with another name, nor anything but a regular file.
 *
 * @param root resolved already
 * @param path as `directoryPath` makes it
 * @throws the file system's error when the file exists and cannot be read
 */
export async function openFile(root: string, path: string): Promise<OpenFile | null> {
  try {
    const real = await realpath(join(root, path))
    const inside = relative(root, real).split(sep)
    if (inside.some((name) => name === '' || name.startsWith('.'))) return null
    // No further link may slip in, and a pipe must not hold us.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    return await judge(await open(real, flags))
  } catch (error) {
    if (missing.has(codeOf(error))) return null
    throw error
  }
}

async function judge(handle: FileHandle): Promise<OpenFile | null> {
  try {
    const stat = await handle.stat({ bigint: true })
    if (stat.isFile()) {
      const identity = `${stat.mtimeNs} ${stat.size} ${stat.ino}`
      // Hashed, because the number of an inode is nobody's business.
      const digest = createHash('sha256').update(identity).digest('base64url')
      return {
        handle,
        size: Number(stat.size),
        modifiedMs: Number(stat.mtimeMs),
        etag: `"${digest.slice(0, 22)}"`,
      }
    }
  } catch (error) {
    await handle.close()
    throw error
  }
  await handle.close()
  return null
}
