import { randomBytes } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { OptionError } from '../../shared/codes.ts'

/** @throws {OptionError} always */
export function fail(directory: string, message: string, cause?: unknown): never {
  const error = new OptionError([{ path: 'store', message: `lmdb:${directory}: ${message}` }])
  if (cause !== undefined) error.cause = cause
  throw error
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * Makes a database directory if there is none, and looks for whatever would keep it from being opened. Where the
 * binding fails to open one, or maps what is no database, the whole process ends without a word.
 *
 * @param mapBytes address space that will be needed
 * @throws {OptionError}
 */
export function prepareDirectory(directory: string, mapBytes: number): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
    // A lock file must not be opened here: to close it again would give back the locks that this process holds.
    if (!isUsable(directory, 'lock.mdb')) tryWriting(directory)
    if (isUsable(directory, 'data.mdb')) refuseForeignFile(directory)
  } catch (error) {
    if (error instanceof OptionError) throw error
    fail(directory, `cannot be written to: ${messageOf(error)}`, error)
  }
  const spareBytes = spareAddressSpace()
  if (mapBytes > spareBytes) {
    fail(
      directory,
      `needs ${mapBytes} bytes of address space, and "ulimit -v" leaves ${spareBytes}`,
    )
  }
}

/**
 * @returns whether there is such a file
 * @throws {Error} for one that this process may not read and write, and for anything else by that name
 */
function isUsable(directory: string, name: string): boolean {
  const file = join(directory, name)
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return false
  if (!statSync(file).isFile()) fail(directory, `${name} is not a file`)
  accessSync(file, constants.R_OK | constants.W_OK)
  return true
}

/**
 * A new lock file is mapped before its blocks are there: with a full disk that would end the process. Where there
 * is a lock file already, a full disk is no reason not to start.
 */
function tryWriting(directory: string): void {
  const probe = join(directory, `probe-${randomBytes(8).toString('hex')}`)
  try {
    writeFileSync(probe, Buffer.alloc(65_536), { flag: 'wx', mode: 0o600 })
  } finally {
    rmSync(probe, { force: true })
  }
}

/** LMDB's magic number and version, behind the page header of a file made by this binding. */
const magicOffset = 24
const magic = 0xbeefc0de
const version = 2

function refuseForeignFile(directory: string): void {
  const head = Buffer.alloc(magicOffset + 8)
  const descriptor = openSync(join(directory, 'data.mdb'), 'r')
  const length = readSync(descriptor, head, 0, head.length, 0)
  closeSync(descriptor)
  const isOurs =
    head.readUInt32LE(magicOffset) === magic && head.readUInt32LE(magicOffset + 4) === version
  if (length > 0 && !isOurs) fail(directory, 'data.mdb is not a database')
}

/** What a limit such as that of `ulimit -v` leaves; where the system tells of none, it is taken for boundless. */
function spareAddressSpace(): number {
  const read = (name: string, pattern: RegExp): number => {
    try {
      return Number(pattern.exec(readFileSync(`/proc/self/${name}`, 'latin1'))?.[1])
    } catch {
      return Number.NaN
    }
  }
  const limit = read('limits', /^Max address space +(\d+)/m)
  const usedKibibytes = read('status', /^VmSize:\s+(\d+) kB/m)
  const spare = limit - usedKibibytes * 1024
  return Number.isNaN(spare) ? Number.POSITIVE_INFINITY : spare
}
