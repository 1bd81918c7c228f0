import { resolve } from 'node:path'
import { listen, type RunningServer } from '../app.ts'
import { createLog } from '../http/log.ts'
import { type Configuration, createPlaygate, OptionError, type Playgate } from '../index.ts'
import { findPlaylists } from './find-playlists.ts'
import { keyNew } from './key-new.ts'
import { loadConfiguration } from './load-configuration.ts'
import { type ExitStatus, type Terminal, UsageError } from './output.ts'
import { untilStopped } from './until-stopped.ts'

export interface ServeOptions {
  readonly config: string | undefined
  readonly origin: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  readonly logLevel: string
}

/** A printed URL is good for this long: time to try it, and not to share it for good. */
const printedTtlSeconds = 3_600

/** `playgate serve`: runs until SIGINT or SIGTERM; SIGHUP takes a changed configuration file up. */
export async function serve(options: ServeOptions, terminal: Terminal): Promise<ExitStatus> {
  const { config, origin } = options
  if ((config === undefined) === (origin === undefined)) {
    throw new UsageError('serve needs one of --config FILE and --origin DIR|URL')
  }
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'silent']
  if (!levels.includes(options.logLevel))
    throw new UsageError(`--log-level is one of ${levels.join(', ')}`)

  const log = createLog(options.logLevel)
  const { raw, baseDirectory, playlists } =
    config !== undefined
      ? { ...loadConfiguration(config), playlists: [] }
      : await zeroConfiguration(origin ?? '')
  const gate = createPlaygate(raw, { log, baseDirectory, now: terminal.now })
  const { host, port } = gate.options.listen
  let server: RunningServer
  try {
    server = await listen(gate.callback(), {
      host: options.host ?? host,
      port: options.port ?? port,
    })
  } catch (error) {
    await gate.close()
    terminal.err(`playgate: cannot listen: ${(error as Error).message}; another port: --port 8081`)
    return 1
  }

  terminal.out(`Playgate listens on ${server.url} (process ${process.pid})`)
  for (const line of playable(gate, server.url, playlists, config)) terminal.out(line)
  await untilStopped({
    onReload: () => {
      if (config === undefined) return
      try {
        const { listen: before } = gate.options
        gate.reload(loadConfiguration(config).raw)
        log.info({ event: 'reload', config }, 'took the configuration up')
        const { listen: after } = gate.options
        if (before.host !== after.host || before.port !== after.port) {
          log.warn({ event: 'reload', config }, 'listen is read at the start only: restart for it')
        }
      } catch (error) {
        const problems = error instanceof OptionError ? error.problems : undefined
        log.error({ event: 'reload', config, problems, err: error }, 'kept the old configuration')
      }
    },
  })
  await server.close()
  await gate.close()
  return 0
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

function playable(
  gate: Playgate,
  url: string,
  playlists: readonly string[],
  config: string | undefined,
): string[] {
  if (config !== undefined) {
    return [`Mint an access token with: playgate token mint --config ${config}`]
  }
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
