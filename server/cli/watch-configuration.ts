import { resolve } from 'node:path'
import { type LoadedConfiguration, loadConfiguration } from './load-configuration.ts'
import { WatchedFiles } from './watched-files.ts'

/** How soon a change is seen, and how often a handful of files is looked at for it. */
const lookEveryMs = 1_000
/** So long nothing may happen to them before they are taken up: editors and copying tools write in several steps. */
const settleMs = 200

/** Looks for changes in a configuration file and in the files that it names. */
export interface ConfigurationWatch {
  /** @param take takes the files up as they are now, and says by itself what is wrong with them */
  start(take: () => void): void
  /** Takes them up at once, changed or not; for what it takes now, nothing happens on its own any more. */
  takeNow(): void
  stop(): void
}

/**
 * Remembers what the files say now: call it before they are read for the first time, so that no change falls between.
 *
 * They are looked at instead of having the system tell (`fs.watch`): it does not tell of what other machines do on a network file
 * system, nor reliably of what happens on the other side of a container's mount; it follows neither a file that an editor replaces nor
 * a directory that a symbolic link leads to elsewhere, as Kubernetes does with its secrets; and there is an end to how many it watches.
 * A look costs one `stat` for each file, and nothing is read until that differs.
 */
export function watchConfiguration(config: string): ConfigurationWatch {
  let named: readonly string[] = []
  const files = new WatchedFiles(() => {
    named = namedFiles(config) ?? named
    return [resolve(config), ...named]
  })
  files.note()
  let timer: NodeJS.Timeout | undefined
  let take: (() => void) | null = null

  function lookIn(ms: number): void {
    // The server's connections keep the process running, and this must not.
    timer = setTimeout(() => void look(), ms).unref()
  }
  async function look(): Promise<void> {
    const change = await files.look()
    if (take === null) return
    if (change === 'changed') take()
    lookIn(change === 'unsettled' ? settleMs : lookEveryMs)
  }

  return {
    start(given) {
      take = given
      lookIn(lookEveryMs)
    },
    takeNow() {
      files.note()
      take?.()
    },
    stop() {
      take = null
      clearTimeout(timer)
    },
  }
}

/**
 * The files that a configuration file names wherever a secret may stand, and the country database; it need not be a good one for that.
 *
 * @returns `null` while it cannot be read, or is no YAML
 */
function namedFiles(config: string): readonly string[] | null {
  const loaded = tryToLoad(config)
  if (loaded === null) return null
  const names = new Set<string>()
  // An anchor may stand within itself.
  const visited = new Set<unknown>()
  const visit = (value: unknown): void => {
    if (typeof value === 'string' && value.startsWith('file:')) names.add(value.slice(5))
    if (typeof value !== 'object' || value === null || visited.has(value)) return
    visited.add(value)
    for (const entry of Object.values(value)) visit(entry)
  }
  visit(loaded.raw)
  const { geoip }: { geoip?: unknown } = Object(loaded.raw)
  const { database }: { database?: unknown } = Object(geoip)
  if (typeof database === 'string') names.add(database)
  return [...names].map((name) => resolve(loaded.baseDirectory, name))
}

function tryToLoad(config: string): LoadedConfiguration | null {
  try {
    return loadConfiguration(config)
  } catch {
    return null
  }
}
