import type { IncomingMessage, ServerResponse } from 'node:http'
import Koa, { type Middleware } from 'koa'
import { epochSecondsFromMilliseconds } from '../shared/units.ts'
import { type ExplainRequest, type Explanation, explain } from './http/explain.ts'
import { Gate } from './http/gate.ts'
import { answerNotFound, answerWhateverFails, handleRequests } from './http/handle-request.ts'
import { createLog, type Log } from './http/log.ts'
import { createMetrics } from './http/metrics.ts'
import { judgeOptions } from './options/judge-options.ts'
import type { Options } from './options/options.ts'
import type { SecretSources } from './options/read-secret.ts'
import type { Configuration } from './options/schema.ts'
import { systemSources } from './options/system-sources.ts'
import { type MintAccessOptions, type MintedAccess, mintAccess } from './session/mint-access.ts'
import { createStore } from './store/create-store.ts'
import type { Store } from './store/store.ts'

export { OptionError, type PublicReason } from '../shared/codes.ts'
export type { ExplainRequest, Explanation } from './http/explain.ts'
export type { Configuration } from './options/schema.ts'
export type { MintAccessOptions, MintedAccess } from './session/mint-access.ts'

/** What a gate takes from its surroundings. */
export interface PlaygateSurroundings {
  /** The clock, in milliseconds since 1970. @default Date.now */
  readonly now?: () => number
  /** Where the log goes: a pino logger. @default JSON lines on stderr, warnings and errors */
  readonly log?: Log
  /** Where relative directories and `file:` secrets are looked up. @default the working directory */
  readonly baseDirectory?: string
  /** Where `env:` secrets are looked up. @default the environment of this process */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

export interface Playgate {
  /** Koa middleware: our endpoints under `/_playgate/`, then the rules; what none matches goes on to `next`. */
  middleware(): Middleware
  /** The same as a listener for `http.createServer()`; what no rule matches is a 404. */
  callback(): (request: IncomingMessage, response: ServerResponse) => void
  /**
   * An access token for a rule, as text.
   *
   * @throws {OptionError} naming the option that is wrong
   */
  mint(options: MintAccessOptions): string
  /** The same with what a page needs to know of it. */
  mintDetailed(options: MintAccessOptions): MintedAccess
  /** Which rule, which check, which answer a request would get. Changes nothing. */
  explain(request: ExplainRequest): Explanation
  /** The configuration at work, judged and frozen. */
  readonly options: Options
  /**
   * Takes a changed configuration up. Requests under way finish with the old one.
   *
   * @throws {OptionError} for a bad configuration; the old one stays
   */
  reload(configuration: Configuration): void
  /** Lets what is under way finish and closes connections to origins. */
  close(): Promise<void>
}

/**
 * Puts playback sessions in front of HLS origins.
 *
 * @throws {OptionError} with the path of every mistake in the configuration
 */
export function createPlaygate(
  configuration: Configuration,
  surroundings: PlaygateSurroundings = {},
): Playgate {
  const now = surroundings.now ?? (() => Date.now())
  const log = surroundings.log ?? createLog('warn')
  const metrics = createMetrics()
  const sources: SecretSources = { ...systemSources(), ...pickSources(surroundings) }
  const open = (raw: Configuration): Gate =>
    new Gate(judgeOptions(raw, sources), { now, log, metrics, store })

  // One store for each location, kept through reloads: what was spent stays spent.
  const stores = new Map<string, Store>()
  const store = (location: string): Store => {
    const known = stores.get(location)
    if (known !== undefined) return known
    const { baseDirectory } = sources
    const warn = (message: string): void => log.warn({ event: 'store' }, message)
    const opened = createStore(location, { now, baseDirectory, warn })
    stores.set(location, opened)
    return opened
  }

  let gate = open(configuration)
  const closing = new Set<Promise<void>>()
  const retire = (old: Gate): Promise<void> => {
    const closed = old.close().finally(() => closing.delete(closed))
    closing.add(closed)
    return closed
  }
  const middleware = handleRequests(() => gate, 'the-site')

  return {
    middleware: () => middleware,
    callback() {
      const app = new Koa()
      // Everything else is answered below; what Koa still hears of are clients that left in mid-answer.
      app.on('error', (error: unknown) => log.debug({ err: error }, 'the answer could not be sent'))
      app.use(answerWhateverFails(log))
      app.use(handleRequests(() => gate, 'nobody'))
      app.use(answerNotFound)
      const listener = app.callback()
      return (request, response) => void listener(request, response)
    },
    mint: (options) => mintAccess(gate.options, options, gate.now()).token,
    mintDetailed: (options) =>
      mintAccess(gate.options, options, epochSecondsFromMilliseconds(now())),
    explain: (request) => explain(gate, request),
    get options() {
      return gate.options
    },
    reload(raw) {
      const next = open(raw)
      const old = gate
      gate = next
      retire(old).catch((error: unknown) => log.error({ err: error }, 'closing a replaced gate'))
    },
    async close() {
      await Promise.all([retire(gate), ...closing])
      await Promise.all([...stores.values()].map((opened) => opened.close()))
    },
  }
}

function pickSources({ baseDirectory, environment }: PlaygateSurroundings): Partial<SecretSources> {
  return {
    ...(baseDirectory !== undefined && { baseDirectory }),
    ...(environment !== undefined && { environment }),
  }
}
