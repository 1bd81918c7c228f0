import type { IncomingMessage, ServerResponse } from 'node:http'
import Koa, { type Middleware } from 'koa'
import { epochSecondsFromMilliseconds } from '../shared/units.ts'
import { mountAdmin } from './admin/mount-admin.ts'
import { mountAuthorize } from './authorize/mount-authorize.ts'
import { type Explanation, explain } from './http/explain.ts'
import type { ExplainRequest } from './http/explain-request.ts'
import { Gate } from './http/gate.ts'
import { answerNotFound, answerWhateverFails, handleRequests } from './http/handle-request.ts'
import { createLog, type Log } from './http/log.ts'
import { createMetrics } from './http/metrics.ts'
import { alone, type JoinPeers } from './http/peers.ts'
import { RefusalLog } from './http/refusal-log.ts'
import { sessionsOf } from './http/sessions-of.ts'
import { tokensOf } from './http/tokens-of.ts'
import { judgeOptions } from './options/judge-options.ts'
import type { Options } from './options/options.ts'
import type { SecretSources } from './options/read-secret.ts'
import type { Configuration } from './options/schema.ts'
import { systemSources } from './options/system-sources.ts'
import { type MintAccessOptions, type MintedAccess, mintAccess } from './session/mint-access.ts'
import { SessionRegistry } from './session/session-registry.ts'
import type { Sessions } from './session/sessions.ts'
import type { Tokens } from './session/tokens.ts'
import { createStore } from './store/create-store.ts'
import { observeStore } from './store/observe-store.ts'

export { OptionError, type PublicReason } from '../shared/codes.ts'
export type { Explanation } from './http/explain.ts'
export type { ExplainRequest } from './http/explain-request.ts'
export type { Configuration } from './options/schema.ts'
export type { MintAccessOptions, MintedAccess } from './session/mint-access.ts'
export type {
  EndedCount,
  EndSelector,
  SessionFilter,
  SessionList,
  Sessions,
  SessionView,
} from './session/sessions.ts'
export type {
  KeptMint,
  RevokeSelector,
  TokenFilter,
  TokenList,
  Tokens,
  TokenView,
} from './session/tokens.ts'

/** What a gate takes from its surroundings. */
export interface PlaygateSurroundings {
  /** The clock, in milliseconds since 1970. @default Date.now */
  readonly now?: () => number
  /** Where the log goes: a pino logger. @default JSON lines on stderr, warnings and errors */
  readonly log?: Log
  /** Where relative directories and `file:` secrets are looked up. @default the working directory */
  readonly baseDirectory?: string
  /** The other worker processes of the same server. @default none */
  readonly joinPeers?: JoinPeers
  /** Where `env:` secrets are looked up. @default the environment of this process */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

export interface Playgate {
  /** Koa middleware: our endpoints under `/_playgate/`, then the rules; what none matches goes on to `next`. */
  middleware(): Middleware
  /** The same as a listener for `http.createServer()`; what no rule matches is a 404. */
  callback(): (request: IncomingMessage, response: ServerResponse) => void
  /**
   * An access token for a rule, as text. Those that are kept in the store are made by `tokens.mint`.
   *
   * @throws {OptionError} naming the option that is wrong
   */
  mint(options: MintAccessOptions): string
  /** The same with what a page needs to know of it. */
  mintDetailed(options: MintAccessOptions): MintedAccess
  /** Which rule, which check, which answer a request would get now. Changes nothing. */
  explain(request: ExplainRequest): Promise<Explanation>
  /** Who plays: see sessions, and end them. */
  readonly sessions: Sessions
  /** Access tokens of every format: make them, see those that are kept in the store, revoke them. */
  readonly tokens: Tokens
  /** Resolves when what was ended before the start is known, or cannot be had from the store for now. */
  ready(): Promise<void>
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

/** What stands upon the rooms that answer viewers. */
const mounts = [mountAdmin, mountAuthorize]

/**
 * Puts playback sessions in front of HLS origins.
 *
 * @throws {OptionError} with the path of every mistake in the configuration
 */
export function createPlaygate(
  configuration: Configuration,
  surroundings: PlaygateSurroundings = {},
): Playgate {
  const clock = surroundings.now ?? (() => Date.now())
  // What is kept of times is whole milliseconds, whatever the clock gives.
  const now = (): number => Math.floor(clock())
  const log = surroundings.log ?? createLog('warn')
  const metrics = createMetrics()
  const sources: SecretSources = { ...systemSources(), ...pickSources(surroundings) }
  const peers = (surroundings.joinPeers ?? alone)(metrics.registry)
  const refusals = new RefusalLog(peers)
  const open = (raw: Configuration): Gate => {
    return new Gate(judgeOptions(raw, sources), { now, log, metrics, registry, refusals, peers })
  }

  // One store for each location, kept through reloads: what was spent stays spent, and what was ended stays ended.
  const registries = new Map<string, SessionRegistry>()
  const registry = (location: string): SessionRegistry => {
    const known = registries.get(location)
    if (known !== undefined) return known
    const { baseDirectory } = sources
    const warn = (message: string): void => log.warn({ event: 'store' }, message)
    const store = observeStore(
      createStore(location, { now, baseDirectory, warn }),
      (operation, tookMs, isFailure) => metrics.storeCall(operation, tookMs / 1000, isFailure),
    )
    const opened = new SessionRegistry({
      store,
      now,
      onStoreChange: (isUp, error) => {
        if (isUp) log.warn({ event: 'store' }, 'the store answers again')
        else
          log.error(
            { event: 'store', detail: error instanceof Error ? error.message : String(error) },
            'the store does not answer: running sessions go on',
          )
      },
      onFailure: (error) => log.debug({ event: 'store', err: error }, 'the store was not told'),
    })
    opened.start()
    registries.set(location, opened)
    return opened
  }

  let gate = open(configuration)
  const closing = new Set<Promise<void>>()
  const retire = (old: Gate): Promise<void> => {
    const closed = old.close().finally(() => closing.delete(closed))
    closing.add(closed)
    return closed
  }
  const middleware = handleRequests(() => gate, 'the-site', mounts)
  metrics.watchStore(() => {
    if (!gate.needsStore) return null
    const { sessions } = gate
    return {
      isUp: sessions.isUp,
      silentSeconds: sessions.silentMs / 1000,
      backlog: sessions.tracker.backlog,
      activeSessions: sessions.tracker.activeWithin(60_000),
      endings: sessions.endings.size,
    }
  })

  return {
    middleware: () => middleware,
    callback() {
      const app = new Koa()
      // Everything else is answered below; what Koa still hears of are clients that left in mid-answer.
      app.on('error', (error: unknown) => log.debug({ err: error }, 'the answer could not be sent'))
      app.use(answerWhateverFails(log))
      app.use(handleRequests(() => gate, 'nobody', mounts))
      app.use(answerNotFound)
      const listener = app.callback()
      return (request, response) => void listener(request, response)
    },
    mint: (options) => mintAccess(gate.options, options, gate.now()).token,
    mintDetailed: (options) =>
      mintAccess(gate.options, options, epochSecondsFromMilliseconds(now())),
    explain: (request) => explain(gate, request),
    get sessions() {
      return sessionsOf(gate)
    },
    get tokens() {
      return tokensOf(gate)
    },
    ready: async () => {
      await gate.sessions.loading
    },
    get options() {
      return gate.options
    },
    reload(raw) {
      const next = open(raw)
      const old = gate
      if (next.options.store !== old.options.store) {
        log.warn(
          { event: 'store' },
          'another store: what was spent and ended stays behind in the old one',
        )
      }
      gate = next
      retire(old).catch((error: unknown) => log.error({ err: error }, 'closing a replaced gate'))
    },
    async close() {
      await Promise.all([retire(gate), ...closing])
      // The store last: what is to be told to it, is told before.
      await Promise.all(
        [...registries.values()].map(async (opened) => {
          await opened.close()
          await opened.store.close()
        }),
      )
    },
  }
}

function pickSources({ baseDirectory, environment }: PlaygateSurroundings): Partial<SecretSources> {
  return {
    ...(baseDirectory !== undefined && { baseDirectory }),
    ...(environment !== undefined && { environment }),
  }
}
