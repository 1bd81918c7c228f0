import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../http/log.ts'
import type { JoinPeers } from '../http/peers.ts'
import { type Configuration, createPlaygate, OptionError, type Playgate } from '../index.ts'
import { judgeOptions } from '../options/judge-options.ts'
import type { Options } from '../options/options.ts'
import { systemSources } from '../options/system-sources.ts'
import { type LoadedConfiguration, loadConfiguration } from './load-configuration.ts'

/** Of a file that names no store; the directory lies beside the file. */
const embeddedDirectory = '.playgate/store'
const embeddedStore = `lmdb:${embeddedDirectory}`

/** A gate over a configuration file. */
export interface Opened {
  readonly gate: Playgate
  /** Takes the changed file up; a bad one is reported and the old one stays. */
  reload(): void
}

export interface OpenSurroundings {
  readonly log: Log
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Given to a worker; what concerns the whole server is reported by its primary then. */
  readonly joinPeers?: JoinPeers
}

/** Is the file for one process, as far as can be seen before it is judged? */
export function isForOne({ raw }: LoadedConfiguration): boolean {
  const workers = isObject(raw) ? raw.workers : undefined
  return workers === undefined || workers === 1
}

/**
 * Judges the file as `openFile()` does, and opens nothing.
 *
 * @throws {OptionError} with the path of every mistake
 */
export function judgeFile(loaded: LoadedConfiguration): Options {
  const { baseDirectory } = loaded
  return judgeOptions(withStore(loaded, embeddedStore), { ...systemSources(), baseDirectory })
}

/**
 * A gate over a file to ask what it would do: it knows what was spent and ended where `serve` remembers that, and makes nothing where
 * `serve` did not run.
 *
 * @throws {OptionError} with the path of every mistake
 */
export function openToAsk(
  loaded: LoadedConfiguration,
  { now }: Pick<OpenSurroundings, 'now'>,
): Playgate {
  judgeFile(loaded)
  const { baseDirectory } = loaded
  const isThere = existsSync(join(baseDirectory, embeddedDirectory))
  const raw = { ...withStore(loaded, isThere ? embeddedStore : 'memory:'), workers: 1 }
  return createPlaygate(raw, { baseDirectory, now })
}

/**
 * A gate over a file to make a token with. One that is kept goes where `serve` keeps it, also before that has run; for any other
 * nothing is made.
 *
 * @throws {OptionError} with the path of every mistake
 */
export function openToKeep(
  loaded: LoadedConfiguration,
  { now }: Pick<OpenSurroundings, 'now'>,
  isKept: boolean,
): Playgate {
  const { baseDirectory } = loaded
  const store = isKept ? withStore(loaded, embeddedStore) : { ...loaded.raw, store: 'memory:' }
  return createPlaygate({ ...store, workers: 1 }, { baseDirectory, now })
}

/**
 * A gate over a file, with the embedded store where it names none. One process can do without, when that
 * directory is not there and cannot be made; for several there would be nothing that they share.
 *
 * @throws {OptionError} with the path of every mistake
 */
export function openFile(
  config: string,
  loaded: LoadedConfiguration,
  { log, now, joinPeers }: OpenSurroundings,
): Opened {
  // Once memory has taken its place, what memory holds must not be forgotten.
  let store = embeddedStore
  function make<Made>(given: LoadedConfiguration, from: (raw: Configuration) => Made): Made {
    try {
      return from(withStore(given, store))
    } catch (error) {
      if (namesStore(given) || !isForOne(given) || !isAboutStore(error)) throw error
      // What is there and cannot be used is not to be passed over: it holds what was spent and ended.
      if (existsSync(join(given.baseDirectory, embeddedDirectory))) throw error
      const made = from(withStore(given, 'memory:'))
      store = 'memory:'
      const { message } = error
      log.warn(
        { event: 'store', detail: message },
        'what is spent is remembered until the end only',
      )
      return made
    }
  }
  const { baseDirectory } = loaded
  const peers = joinPeers === undefined ? {} : { joinPeers }
  const gate = make(loaded, (raw) => createPlaygate(raw, { log, baseDirectory, now, ...peers }))
  const started = gate.options
  return {
    gate,
    reload() {
      try {
        make(loadConfiguration(config), (raw) => gate.reload(raw))
        if (joinPeers === undefined) reportReload(config, { started, changed: gate.options, log })
      } catch (error) {
        reportRefusal(config, error, log)
      }
    },
  }
}

/** Says that a changed file counts from now on, and what of it does not. */
export function reportReload(
  config: string,
  { started, changed, log }: { started: Options; changed: Options; log: Log },
): void {
  log.info({ event: 'reload', config }, 'took the configuration up')
  for (const name of ['listen', 'workers'] as const) {
    if (JSON.stringify(started[name]) === JSON.stringify(changed[name])) continue
    log.warn({ event: 'reload', config }, `${name} is read at the start only: restart for it`)
  }
}

/** Says why a changed file does not count. */
export function reportRefusal(config: string, error: unknown, log: Log): void {
  const problems = error instanceof OptionError ? error.problems : undefined
  const why = problems === undefined ? { err: error } : { problems }
  log.error({ event: 'reload', config, ...why }, 'kept the old configuration')
}

function withStore(loaded: LoadedConfiguration, store: string): Configuration {
  return namesStore(loaded) ? loaded.raw : { store, ...loaded.raw }
}

/** What is no object at all is left for the judge. */
function namesStore({ raw }: LoadedConfiguration): boolean {
  return !isObject(raw) || 'store' in raw
}

function isObject(raw: unknown): raw is Configuration {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw)
}

function isAboutStore(error: unknown): error is OptionError {
  return error instanceof OptionError && error.problems.every(({ path }) => path === 'store')
}
