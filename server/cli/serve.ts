import cluster from 'node:cluster'
import { resolve } from 'node:path'
import { type ListenOptions, listen, type RunningServer } from '../app.ts'
import { createLog, type Log } from '../http/log.ts'
import { type Configuration, createPlaygate, type Playgate } from '../index.ts'
import type { Options } from '../options/options.ts'
import { isForOne, judgeFile, type Opened, openFile } from './configuration-file.ts'
import { findPlaylists } from './find-playlists.ts'
import { keyNew } from './key-new.ts'
import { loadConfiguration } from './load-configuration.ts'
import { type ExitStatus, type Terminal, UsageError } from './output.ts'
import { untilStopped } from './until-stopped.ts'
import { type ConfigurationWatch, watchConfiguration } from './watch-configuration.ts'
import { describeListenError, isWorker, runWorker } from './worker.ts'
import { countWorkers, runPrimary } from './workers.ts'

export interface ServeOptions {
  readonly config: string | undefined
  readonly origin: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  readonly logLevel: string
}

/** A printed URL is good for this long: time to try it, and not to share it for good. */
const printedTtlSeconds = 3_600

/**
 * `playgate serve`: runs until SIGINT or SIGTERM; takes a changed configuration file up, on its own and at SIGHUP. With
 * several workers, this process keeps them running and serves nothing itself; each of them comes through here too.
 */
export async function serve(options: ServeOptions, terminal: Terminal): Promise<ExitStatus> {
  const { config, origin } = options
  if ((config === undefined) === (origin === undefined)) {
    throw new UsageError('serve needs one of --config FILE and --origin DIR|URL')
  }
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'silent']
  if (!levels.includes(options.logLevel))
    throw new UsageError(`--log-level is one of ${levels.join(', ')}`)
  return config === undefined
    ? serveOrigin(origin ?? '', options, terminal)
    : serveFile(config, options, terminal)
}

async function serveOrigin(
  origin: string,
  options: ServeOptions,
  terminal: Terminal,
): Promise<ExitStatus> {
  const log = createLog(options.logLevel)
  const { raw, baseDirectory, playlists } = await zeroConfiguration(origin)
  const gate = createPlaygate(raw, { log, baseDirectory, now: terminal.now })
  const lines = (url: string): string[] => playable(gate, url, playlists)
  return serveAlone(
    { gate, reload: () => undefined },
    { options, terminal, log, lines, watch: null },
  )
}

async function serveFile(
  config: string,
  options: ServeOptions,
  terminal: Terminal,
): Promise<ExitStatus> {
  const log = createLog(options.logLevel)
  const { now } = terminal
  if (isWorker()) {
    const ofWorker = log.child({ pid: process.pid })
    return runWorker({
      log: ofWorker,
      open: (joinPeers) =>
        openFile(config, loadConfiguration(config), { log: ofWorker, now, joinPeers }),
      at: (gate) => whereToListen(gate.options, options),
    })
  }
  const watch = watchConfiguration(config)
  const loaded = loadConfiguration(config)
  const lines = [`Mint an access token with: playgate token mint --config ${config}`]
  // Under a primary process that is not ours, such as a process manager's, there can be no further one.
  if (!isForOne(loaded) && cluster.isPrimary) {
    const judged = judgeFile(loaded)
    const count = countWorkers(judged.workers)
    const { host, port } = whereToListen(judged, options)
    // Whatever the file says by the time another worker reads it.
    const place = ['--host', host, '--port', String(port)]
    if (count > 1) {
      return runPrimary({
        config,
        options: judged,
        args: ['serve', '--config', config, ...place, '--log-level', options.logLevel],
        judge: () => judgeFile(loadConfiguration(config)),
        watch,
        log,
        terminal,
        onListens(url) {
          terminal.out(`Playgate listens on ${url} (process ${process.pid}, ${count} workers)`)
          for (const line of lines) terminal.out(line)
        },
      })
    }
  }
  const opened = openFile(config, loaded, { log, now })
  return serveAlone(opened, { options, terminal, log, lines: () => lines, watch })
}

interface Alone {
  readonly options: ServeOptions
  readonly terminal: Terminal
  readonly log: Log
  /** What to print when the URL is known. */
  readonly lines: (url: string) => readonly string[]
  /** `null`: there is no configuration file. */
  readonly watch: ConfigurationWatch | null
}

/** Everything in this process. */
async function serveAlone(
  { gate, reload }: Opened,
  { options, terminal, log, lines, watch }: Alone,
): Promise<ExitStatus> {
  let server: RunningServer
  try {
    server = await listen(gate.callback(), whereToListen(gate.options, options))
  } catch (error) {
    await gate.close()
    terminal.err(describeListenError(error))
    return 1
  }
  // Before anybody reads that we are there, and may tell us to stop.
  const stopped = untilStopped({
    onReload: () => watch?.takeNow(),
    onRestart: () =>
      log.warn({ event: 'restart' }, 'with one process there is nobody to take over'),
  })
  watch?.start(reload)
  terminal.out(`Playgate listens on ${server.url} (process ${process.pid})`)
  for (const line of lines(server.url)) terminal.out(line)
  await stopped
  watch?.stop()
  await server.close()
  await gate.close()
  return 0
}

function whereToListen({ listen: at }: Options, { host, port }: ServeOptions): ListenOptions {
  return { host: host ?? at.host, port: port ?? at.port }
}

interface Zero {
  readonly raw: Configuration
  readonly baseDirectory: string
  /** Paths to print, with the token still missing. */
  readonly playlists: readonly string[]
}

/** One rule over everything, with a key that is known to this process alone. */
async function zeroConfiguration(origin: string): Promise<Zero> {
  const isUrl = /^https?:\/\//i.test(origin)
  const playlistUrl = isUrl && /\.m3u8$/i.test(origin)
  const location = playlistUrl ? origin.slice(0, origin.lastIndexOf('/')) : origin
  const raw: Configuration = {
    keys: { zero: { primary: keyNew() } },
    rules: [
      { name: 'all', origin: location, access: [{ format: 'edgeauth', key: 'zero' }], session: {} },
    ],
  }
  const playlists = playlistUrl
    ? [origin.slice(location.length)]
    : isUrl
      ? []
      : await findPlaylists(resolve(origin))
  return { raw, baseDirectory: process.cwd(), playlists }
}

function playable(gate: Playgate, url: string, playlists: readonly string[]): string[] {
  const targets = playlists.length > 0 ? playlists : ['/PATH/TO/index.m3u8']
  return [
    '',
    playlists.length > 0
      ? 'Play this (the link is good for an hour; whoever opens it gets a session of their own):'
      : 'Put the path of your playlist into this (good for an hour; no playlist was found to print):',
    ...targets.map((path) => {
      const directory = path.slice(0, path.lastIndexOf('/') + 1)
      // A name with these means something else in an ACL.
      const acl = playlists.length > 0 && !/[~!*?]/.test(directory) ? `${directory}*` : '/*'
      const { token, parameter } = gate.mintDetailed({ path: acl, ttlSeconds: printedTtlSeconds })
      return `  ${url}${path}?${parameter}=${token}`
    }),
    '',
    'The key is new with every start. For one that stays: playgate key new, and a configuration file.',
  ]
}
