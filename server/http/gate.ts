import { LRUCache } from 'lru-cache'
import { removeBareToken } from '../../shared/bare-token.ts'
import { removeParameters } from '../../shared/query.ts'
import { type EpochSeconds, epochSecondsFromMilliseconds } from '../../shared/units.ts'
import type { Options, Rule } from '../options/options.ts'
import { createOrigin, type Origin } from '../origin/origin.ts'
import type { CompiledPlaylist } from '../playlist/index.ts'
import { Remote } from '../remote/remote.ts'
import { tokenNames } from '../session/decide.ts'
import { ProofMemory } from '../session/proof-memory.ts'
import type { SessionRegistry } from '../session/session-registry.ts'
import type { Store } from '../store/store.ts'
import type { OtherSession } from './count-streams.ts'
import type { Log } from './log.ts'
import type { MediaLifetime } from './media-lifetime.ts'
import type { Metrics } from './metrics.ts'
import type { Peers } from './peers.ts'
import type { RefusalLog } from './refusal-log.ts'

/** What a gate takes from its surroundings; tests put their own in. */
export interface Surroundings {
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Log
  readonly metrics: Metrics
  /** The sessions of a store, which is opened when it is first needed. */
  readonly registry: (location: string) => SessionRegistry
  readonly refusals: RefusalLog
  readonly peers: Peers
}

/** Protects memory. A film of three hours has some 2 MB here. */
const mostCompiledBytes = 134_217_728

/** Constant pieces, and the few finished copies that a compiled playlist keeps (server/playlist/template.ts). */
function sizeOf({ pieces, uriCount }: CompiledPlaylist): number {
  const constant = pieces.reduce((sum, { length }) => sum + length, 0)
  return 5 * constant + 1024 * uriCount + 1024
}

/** One judged configuration at work: the options, and what is kept open or remembered for them. */
export class Gate {
  readonly options: Options
  readonly log: Log
  readonly metrics: Metrics
  /** The latest refusals, for the admin API. */
  readonly refusals: RefusalLog
  readonly peers: Peers
  /**
   * Compiled playlists by version, mode and base; constant text without any token. Bounded by bytes too: the
   * base has the client's query in it, so one viewer could have any number of copies made.
   */
  readonly compiled = new LRUCache<string, CompiledPlaylist>({
    max: 512,
    maxSize: mostCompiledBytes,
    sizeCalculation: (compiled, key) => key.length + sizeOf(compiled),
  })
  /** How long the media behind a playlist lasts; looked at once a minute, since a live event ends some day. */
  readonly lifetimes: LRUCache<string, MediaLifetime>
  /** Sessions as viewers are shown them who found their places taken; a refused player asks again and again. */
  readonly otherSessions: LRUCache<string, OtherSession>
  /** What was said in the log, and is not said again for every viewer. */
  readonly #told = new LRUCache<string, true>({ max: 1_000 })
  /** By link and client: is a link for another device that client's? See `bindReceiver`. */
  readonly receivers = new LRUCache<string, boolean>({ max: 10_000 })
  /** Every name under which a token may stand in a path. */
  readonly pathParameters: readonly string[]
  /** Every name under which some rule takes a token; bare tokens have none. */
  readonly tokenParameters: readonly string[]
  readonly allowSemicolon: boolean
  readonly #takesBareTokens: boolean
  readonly #now: () => number
  readonly #registry: (location: string) => SessionRegistry
  #underWay = 0
  #onIdle: (() => void) | null = null
  readonly #origins = new Map<string, Origin>()
  readonly #remotes = new Map<string, Remote>()
  readonly #proofs = new Map<Rule, ProofMemory>()

  /** @throws {TypeError} when an origin cannot be set up */
  constructor(options: Options, surroundings: Surroundings) {
    const { now, log, metrics, registry, refusals, peers } = surroundings
    this.#registry = registry
    this.refusals = refusals
    this.peers = peers
    this.options = options
    this.log = log
    this.metrics = metrics
    this.#now = now
    this.lifetimes = new LRUCache<string, MediaLifetime>({
      max: 4096,
      ttl: 60_000,
      ttlAutopurge: false,
      perf: { now },
    })
    this.otherSessions = new LRUCache({
      max: 10_000,
      ttl: 2_000,
      ttlAutopurge: false,
      perf: { now },
    })
    const names = options.rules.flatMap(({ session }) => (session ? [session.parameter] : []))
    this.pathParameters = [...new Set(names)]
    const tokenParameters = new Set(options.rules.flatMap(tokenNames))
    this.#takesBareTokens = tokenParameters.delete('')
    this.tokenParameters = [...tokenParameters]
    this.allowSemicolon = options.rules.some(({ literalSemicolons }) => literalSemicolons)
    for (const rule of options.rules) {
      if (rule.session !== null) this.#proofs.set(rule, new ProofMemory(rule.session))
      const { origin } = rule
      if (this.#origins.has(origin)) continue
      const created = createOrigin({
        location: origin,
        playlistCacheBytes: options.cache.playlistBytes,
        now,
      })
      this.#origins.set(origin, created)
    }
    for (const [name, remote] of options.remotes) {
      const sessionParameters = this.pathParameters
      const { remoteAsked: onAsked, remoteStanding: onStanding } = metrics
      const around = { now, sessionParameters, onAsked, onStanding }
      this.#remotes.set(name, new Remote(name, remote, around))
    }
    // Opened now, so that a directory that cannot be used stops the start and not the first viewer.
    if (this.needsStore) this.store()
  }

  /** A query as it goes to an origin: the tokens of no rule in it, every other byte as it is. */
  withoutTokens(query: string): string {
    const rest = removeParameters(query, this.tokenParameters)
    return this.#takesBareTokens ? removeBareToken(rest) : rest
  }

  now(): EpochSeconds {
    return epochSecondsFromMilliseconds(this.#now())
  }

  nowMs(): number {
    return this.#now()
  }

  /**
   * Who plays, and what was ended.
   *
   * @throws {OptionError} when the store cannot be opened
   */
  get sessions(): SessionRegistry {
    return this.#registry(this.options.store)
  }

  /**
   * What remembers single use.
   *
   * @throws {OptionError} when it cannot be opened
   */
  store(): Store {
    return this.sessions.store
  }

  /** Does any rule need the store? Where nobody brings a token, nothing is spent, opened or ended. */
  get needsStore(): boolean {
    return this.options.rules.some(({ access }) => access.length > 0)
  }

  originOf(rule: Rule): Origin {
    const origin = this.#origins.get(rule.origin)
    if (origin === undefined) throw new Error(`no origin for ${rule.place}`)
    return origin
  }

  /** The server that the rule asks; `null`: none. */
  remoteOf({ remoteAuth }: Rule): Remote | null {
    return remoteAuth === null ? null : (this.#remotes.get(remoteAuth) ?? null)
  }

  /** Says something in the log, unless it was said before under this configuration. */
  tellOnce(what: string, tell: () => void): void {
    if (this.#told.has(what)) return
    this.#told.set(what, true)
    tell()
  }

  /** Proofs of the rule's session tokens; `null` when it has no sessions. */
  proofsOf(rule: Rule): ProofMemory | null {
    return this.#proofs.get(rule) ?? null
  }

  /** Every origin with the name of the first rule that uses it. */
  origins(): { name: string; origin: Origin }[] {
    return [...this.#origins].map(([location, origin]) => ({
      name: this.options.rules.find((rule) => rule.origin === location)?.name ?? location,
      origin,
    }))
  }

  /** Counts what is under way, so that a replaced gate keeps its connections until the last is done. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#underWay += 1
    try {
      return await work()
    } finally {
      this.#underWay -= 1
      if (this.#underWay === 0) this.#onIdle?.()
    }
  }

  /** Lets requests under way finish, then closes the connections. */
  async close(): Promise<void> {
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
    }
    const open = [...this.#origins.values(), ...this.#remotes.values()]
    await Promise.all(open.map((connection) => connection.close()))
  }
}
