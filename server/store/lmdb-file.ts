import { accessSync, closeSync, constants, mkdirSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { OptionError } from '../../shared/codes.ts'

/** How the records are laid out. Raised when an older Playgate could no longer read them. */
const format = '1'

/** Binary keys and values throughout. */
type Table = Database<Buffer, Buffer>

/** An open database directory. */
export interface LmdbFile {
  readonly root: RootDatabase<Buffer, Buffer>
  /** Id -> marker. */
  readonly markers: Table
  /** End of a marker and its id -> nothing: the order in which markers end. */
  readonly ends: Table
  /** `format`, `count` and `swept`. */
  readonly facts: Table
}

function fail(directory: string, message: string, cause?: unknown): never {
  const error = new OptionError([{ path: 'store', message: `lmdb:${directory}: ${message}` }])
  if (cause !== undefined) error.cause = cause
  throw error
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function prepareDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    fail(directory, `cannot be written to: ${describe(error)}`, error)
  }
}

/** LMDB's magic number, behind the page header of a file made by this binding. */
const magicOffset = 24
const magic = 0xbeefc0de

/** A file that is no database would take the whole process down when it is mapped: look before. */
function refuseForeignFile(directory: string): void {
  const file = join(directory, 'data.mdb')
  const facts = statSync(file, { throwIfNoEntry: false })
  if (facts === undefined || (facts.isFile() && facts.size === 0)) return
  if (!facts.isFile()) fail(directory, 'data.mdb is not a file')
  const head = Buffer.alloc(magicOffset + 4)
  const descriptor = openSync(file, 'r')
  try {
    readSync(descriptor, head, 0, head.length, 0)
  } finally {
    closeSync(descriptor)
  }
  if (head.readUInt32LE(magicOffset) !== magic) fail(directory, 'data.mdb is not a database')
}

/**
 * Opens a directory, and makes it if there is none. Several processes may do so at once.
 *
 * @param mapBytes address space set aside; the file takes what its records need
 * @throws {OptionError} when it cannot be written to, holds something else, or was laid out by another version
 */
export function openLmdbFile(directory: string, mapBytes: number): LmdbFile {
  prepareDirectory(directory)
  refuseForeignFile(directory)
  let file: LmdbFile
  try {
    file = openTables(directory, mapBytes)
  } catch (error) {
    fail(directory, `cannot be opened: ${describe(error)}`, error)
  }
  const found = file.root.transactionSync(() => {
    const known = file.facts.get(Buffer.from('format'))
    if (known === undefined) file.facts.putSync(Buffer.from('format'), Buffer.from(format))
    return known?.toString('latin1') ?? format
  })
  if (found !== format) {
    void file.root.close()
    fail(directory, `was written in format ${found}, and this version reads format ${format}`)
  }
  return file
}

function openTables(directory: string, mapBytes: number): LmdbFile {
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const
  const root = open<Buffer, Buffer>({
    ...binary,
    path: directory,
    noSubdir: false,
    mapSize: mapBytes,
    maxDbs: 3,
    // A commit returns when it is on disk, and not before.
    overlappingSync: false,
    // With it, a failed commit rejects a promise that nobody can catch, which ends the process.
    eventTurnBatching: false,
  })
  const table = (name: string) => root.openDB<Buffer, Buffer>(name, binary)
  return { root, markers: table('markers'), ends: table('ends'), facts: table('facts') }
}
