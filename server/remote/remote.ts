import { LRUCache } from 'lru-cache'
import { epochSecondsFromMilliseconds } from '../../shared/units.ts'
import { Flights } from '../origin/flights.ts'
import { type Outbound, openOutbound } from '../origin/outbound.ts'
import { signRemoteQuestion } from '../token/remote-signature.ts'
import { type AskResult, askRemote, type RemoteAnswer } from './ask-remote.ts'
import type { AskedRequest } from './bare-request.ts'
import { Breaker } from './breaker.ts'
import type { RemoteGrants } from './grants.ts'
import type { RemoteOptions } from './options.ts'
import { questionIdentity, questionMaker, type RemoteQuestion } from './question.ts'

/** What becomes of a viewer. */
export interface RemoteDecision extends RemoteGrants {
  readonly allow: boolean
  /** False: the server gave no answer, and `onTimeout` decided. */
  readonly answered: boolean
  /** For the log. Holds nothing of the request. */
  readonly detail: string
}

/** One question and how it went, for the metrics. What was known already, or shared with another, is none. */
export interface AskedRemote {
  /** Name of the entry of `remotes`. */
  readonly remote: string
  /** `not-asked`: the circuit breaker stood between. */
  readonly outcome: RemoteAnswer['outcome'] | 'not-asked'
  readonly tookMs: number
  /** Tries; 0 when it was not asked. */
  readonly attempts: number
}

export interface RemoteSurroundings {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Every name under which some rule takes a session token: never sent. */
  readonly sessionParameters: readonly string[]
  readonly onAsked?: (asked: AskedRemote) => void
}

export interface AskOptions {
  /** The session that is asked about; `null`: the request stands for itself. Never text of the viewer's choosing. */
  readonly cacheKey: string | null
  /** Aborted when the viewer leaves. */
  readonly signal: AbortSignal
}

/** Some 30 MB at most. One that was dropped is asked for again. */
const mostDecisions = 100_000
/** No session lives longer. */
const longestSessionSeconds = 86_400

/** A site's own server that is asked whether a viewer may play (design section 6). */
export class Remote {
  readonly #name: string
  readonly #options: RemoteOptions
  readonly #surroundings: RemoteSurroundings
  readonly #makeQuestion: (asked: AskedRequest) => RemoteQuestion
  readonly #out: Outbound
  readonly #breaker: Breaker
  readonly #decisions: LRUCache<string, RemoteDecision>
  readonly #sessionFlights = new Flights<RemoteDecision>()
  readonly #questionFlights = new Flights<RemoteDecision>()

  /** @param name of the entry of `remotes`, for the metrics */
  constructor(name: string, options: RemoteOptions, surroundings: RemoteSurroundings) {
    const { now, sessionParameters } = surroundings
    const { origin, maxConnections, allowPrivate, timeoutMs, breaker } = options
    this.#name = name
    this.#options = options
    this.#surroundings = surroundings
    this.#makeQuestion = questionMaker(options, sessionParameters)
    this.#out = openOutbound({
      ...{ origin, maxConnections, allowPrivate, connectMs: timeoutMs, bodyIdleMs: timeoutMs },
    })
    const { failures, pauseSeconds } = breaker
    this.#breaker = new Breaker({ failures, pauseMs: pauseSeconds * 1000, now })
    this.#decisions = new LRUCache({
      max: mostDecisions,
      ttl: longestSessionSeconds * 1000,
      ttlResolution: 0,
      perf: { now },
    })
  }

  /** Are running sessions asked about again? */
  get asksAgain(): boolean {
    return this.#options.recheckSeconds > 0
  }

  /** What was decided about that session and still holds, without a wait. */
  known(cacheKey: string): RemoteDecision | undefined {
    return this.#decisions.get(sessionKey(cacheKey))
  }

  /**
   * Decides by what is known, by the answer, or by `onTimeout` when there is none within `timeoutMs` ×
   * (`retries` + 1). An answer holds for `recheckSeconds`; with 0, an approval holds as long as the session
   * it was given for, and nothing else holds. Whoever asks the same meanwhile waits for the same answer.
   *
   * @throws the reason of `signal` once it is aborted, and nothing else
   */
  async ask(asked: AskedRequest, { cacheKey, signal }: AskOptions): Promise<RemoteDecision> {
    if (cacheKey === null) return this.#askAboutRequest(asked, signal)
    const known = this.known(cacheKey)
    if (known !== undefined) return known
    const key = sessionKey(cacheKey)
    return this.#sessionFlights.join(key, signal, async (shared) => {
      const question = this.#makeQuestion(asked)
      const decision = await this.#askOnce(question, questionIdentity(question), shared)
      this.#remember(key, decision, longestSessionSeconds)
      return decision
    })
  }

  /** Resolves when questions under way have ended. */
  close(): Promise<void> {
    return this.#out.close()
  }

  async #askAboutRequest(asked: AskedRequest, signal: AbortSignal): Promise<RemoteDecision> {
    const question = this.#makeQuestion(asked)
    const identity = questionIdentity(question)
    const key = `question ${identity}`
    const known = this.#decisions.get(key)
    if (known !== undefined) return known
    const decision = await this.#askOnce(question, identity, signal)
    this.#remember(key, decision, 0)
    return decision
  }

  #askOnce(
    question: RemoteQuestion,
    identity: string,
    signal: AbortSignal,
  ): Promise<RemoteDecision> {
    return this.#questionFlights.join(identity, signal, (shared) => this.#send(question, shared))
  }

  async #send(question: RemoteQuestion, signal: AbortSignal): Promise<RemoteDecision> {
    const passage = this.#breaker.enter()
    if (passage === null) {
      this.#report('not-asked', 0, 0)
      return this.#undecided('it was not asked, because it was away a moment ago')
    }
    const startedAt = performance.now()
    const { answer, attempts } = await this.#exchange(question, signal).catch((error: unknown) => {
      passage('left')
      throw error
    })
    passage(answer.outcome === 'no-answer' && answer.isAway ? 'away' : 'alive')
    this.#report(answer.outcome, performance.now() - startedAt, attempts)
    return this.#decide(answer, attempts)
  }

  #exchange(question: RemoteQuestion, signal: AbortSignal): Promise<AskResult> {
    const { method, timeoutMs, retries } = this.#options
    const { target } = question
    const headers = { ...question.headers, ...this.#signature(target) }
    return askRemote(this.#out, { method, target, headers, timeoutMs, retries, signal })
  }

  #signature(target: string): Readonly<Record<string, string>> {
    const { signingKey, method } = this.#options
    if (signingKey === null) return {}
    const now = epochSecondsFromMilliseconds(this.#surroundings.now())
    return signRemoteQuestion(signingKey, method, target, now)
  }

  #decide(answer: RemoteAnswer, attempts: number): RemoteDecision {
    switch (answer.outcome) {
      case 'approve':
        return { allow: true, answered: true, ...answer.grants, detail: `${this.#name} approves` }
      case 'reject':
        return { allow: false, answered: true, detail: `${this.#name} rejects` }
      case 'no-answer':
        return this.#undecided(`${answer.detail} (tries: ${attempts})`)
    }
  }

  #undecided(detail: string): RemoteDecision {
    const { onTimeout } = this.#options
    return {
      allow: onTimeout === 'approve',
      answered: false,
      detail: `no answer from ${this.#name}, so ${onTimeout}: ${detail}`,
    }
  }

  /** What no answer led to is never kept: the next viewer asks again, or is spared that by the breaker. */
  #remember(key: string, decision: RemoteDecision, approvalSeconds: number): void {
    if (!decision.answered) return
    const { recheckSeconds } = this.#options
    const seconds = recheckSeconds > 0 || !decision.allow ? recheckSeconds : approvalSeconds
    if (seconds > 0) this.#decisions.set(key, decision, { ttl: seconds * 1000 })
  }

  #report(outcome: AskedRemote['outcome'], tookMs: number, attempts: number): void {
    this.#surroundings.onAsked?.({ remote: this.#name, outcome, tookMs, attempts })
  }
}

function sessionKey(cacheKey: string): string {
  return `session ${cacheKey}`
}
