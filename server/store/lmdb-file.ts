import { randomBytes } from 'node:crypto'
import { type Database, open, type RootDatabase } from 'lmdb'
import { OptionError } from '../../shared/codes.ts'
import { fail, messageOf, prepareDirectory } from './lmdb-directory.ts'

/** How the records are laid out. Raised when an older Playgate could no longer read them. */
const format = '2'

/** Binary keys and values throughout. */
export type LmdbTable = Database<Buffer, Buffer>

const tableNames = [
  /** Id of a token -> marker. */
  'markers',
  /** End of a marker and its id: the order in which markers end. So for all tables named after ends. */
  'ends',
  /** Id of a session -> its record. */
  'sessions',
  /** End of a session and its id. */
  'sessionEnds',
  /** Digest of a subject and the id of a session of its. */
  'subjectSessions',
  /** Digest of a subject -> its places. */
  'places',
  /** When to look whether a subject's places are idle, and its digest. */
  'placeEnds',
  /** Number of a revocation, in the order in which they came -> the entry. */
  'revocations',
  /** Kind and value of a revocation -> its number. */
  'revocationKeys',
  /** End of a revocation and its number. */
  'revocationEnds',
  /** Id of a token -> its record. */
  'tokens',
  /** Digest of a scope, which is the name of a list, and the place of a token in it. */
  'tokenPlaces',
  /** End of a token that has one, and its id. */
  'tokenEnds',
] as const

type Tables = Readonly<Record<(typeof tableNames)[number], LmdbTable>>

/** An open database directory. */
export interface LmdbFile extends Tables {
  readonly root: RootDatabase<Buffer, Buffer>
  /** `format`, `epoch`, and the numbers of `lmdb-facts.ts`. */
  readonly facts: LmdbTable
  /** Tells this directory from any other, and from the one that was here before. */
  readonly epoch: string
}

/**
 * Opens a directory, and makes it if there is none. Several processes may do so at once.
 *
 * @param mapBytes address space set aside; the file takes what its records need
 * @throws {OptionError} when it cannot be written to, holds something else, or was laid out by another version
 */
export function openLmdbFile(directory: string, mapBytes: number): LmdbFile {
  prepareDirectory(directory, mapBytes)
  try {
    return openTables(directory, mapBytes)
  } catch (error) {
    if (error instanceof OptionError) throw error
    fail(directory, `cannot be opened: ${messageOf(error)}`, error)
  }
}

const binary = { encoding: 'binary', keyEncoding: 'binary' } as const

function openTables(directory: string, mapBytes: number): LmdbFile {
  const root = open<Buffer, Buffer>({
    ...binary,
    path: directory,
    noSubdir: false,
    mapSize: mapBytes,
    maxDbs: tableNames.length + 1,
    // A commit returns when it is on disk, and not before.
    overlappingSync: false,
    // With it, a failed commit rejects a promise that nobody can catch, which ends the process.
    eventTurnBatching: false,
  })
  try {
    const table = (name: string): LmdbTable => root.openDB<Buffer, Buffer>(name, binary)
    const facts = table('facts')
    // What another version wrote is left as it is: no tables are added before this.
    const epoch = agreeOnFormat(root, facts, directory)
    const tables = Object.fromEntries(tableNames.map((name) => [name, table(name)])) as Tables
    return { root, facts, epoch, ...tables }
  } catch (error) {
    void root.close()
    throw error
  }
}

/** @returns the epoch */
function agreeOnFormat(root: LmdbFile['root'], facts: LmdbTable, directory: string): string {
  const [formatKey, epochKey] = [Buffer.from('format'), Buffer.from('epoch')]
  const { found, epoch } = root.transactionSync(() => {
    if (facts.get(formatKey) === undefined) {
      facts.putSync(formatKey, Buffer.from(format))
      facts.putSync(epochKey, Buffer.from(randomBytes(8).toString('hex')))
    }
    return { found: facts.get(formatKey), epoch: facts.get(epochKey) }
  })
  const text = found?.toString('latin1')
  if (text !== format) {
    fail(directory, `was written in format ${text}, and this version reads format ${format}`)
  }
  return epoch?.toString('latin1') ?? ''
}
