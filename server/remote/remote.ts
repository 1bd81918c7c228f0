import { epochSecondsFromMilliseconds } from '../../shared/units.ts'
import { Flights } from '../origin/flights.ts'
import { type Outbound, openOutbound } from '../origin/outbound.ts'
import { signRemoteQuestion } from '../token/remote-signature.ts'
import { AnswerMemory } from './answer-memory.ts'
import { type AskResult, askRemote, type RemoteAnswer } from './ask-remote.ts'
import type { AskedRequest } from './bare-request.ts'
import { Breaker } from './breaker.ts'
import type { RemoteDecision } from './decision.ts'
import type { RemoteOptions } from './options.ts'
import { questionIdentity, questionMaker, type RemoteQuestion } from './question.ts'

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
  /** A running session goes on as it was last answered, because there was no answer when it was asked about again. */
  readonly onStanding?: (remote: string) => void
}

export interface AskOptions {
  /** What is asked about, a session at a rule; `null`: the request stands for itself. Never text of the viewer's choosing. */
  readonly cacheKey: string | null
  /** It runs, and its token says that the server has approved of it. @default false */
  readonly wasApproved?: boolean
  /** Aborted when the viewer leaves. */
  readonly signal: AbortSignal
}

/** No answer, and why. */
interface Unanswered {
  readonly answered: false
  readonly why: string
}

type Reply = (RemoteDecision & { readonly answered: true }) | Unanswered

/** For a request of a session that plays; the shortest limit that a try can have. */
const mostWaitMs = 500

/** Said by a session's token. What else was granted it says as well. */
const approvedBefore: RemoteDecision = {
  allow: true,
  answered: true,
  detail: 'approved when the session was opened',
}

/** A site's own server that is asked whether a viewer may play (design section 6). */
export class Remote {
  readonly #name: string
  readonly #options: RemoteOptions
  readonly #surroundings: RemoteSurroundings
  readonly #makeQuestion: (asked: AskedRequest) => RemoteQuestion
  readonly #out: Outbound
  readonly #breaker: Breaker
  readonly #answers: AnswerMemory
  readonly #sessionFlights = new Flights<Reply>()
  readonly #questionFlights = new Flights<Reply>()

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
    this.#answers = new AnswerMemory(options.recheckSeconds, now)
  }

  /** Are running sessions asked about again? */
  get asksAgain(): boolean {
    return this.#options.recheckSeconds > 0
  }

  /**
   * What was decided about that session and still holds, without a wait.
   *
   * @param wasApproved its token says so
   */
  known(cacheKey: string, wasApproved = false): RemoteDecision | undefined {
    const known = this.#answers.inForce(sessionKey(cacheKey))
    if (known !== null) return known
    return wasApproved ? approvedBefore : undefined
  }

  /** What it answered last about that session here, whether it still holds or is to be asked again. */
  lastAnswer(cacheKey: string): RemoteDecision | undefined {
    return this.#answers.last(sessionKey(cacheKey))
  }

  /**
   * Decides by what is known, or by the answer. Without one within `timeoutMs` × (`retries` + 1), what was answered last about
   * a running session stands until it would be asked again; about all else `onTimeout` decides. An answer holds for
   * `recheckSeconds`; with 0, an approval holds as long as the session it was given for, and nothing else holds. Whoever asks the same
   * meanwhile waits for the same answer; whoever plays already waits for half a second at most, and the answer counts from his next
   * request on.
   *
   * @throws the reason of `signal` once it is aborted, and nothing else
   */
  async ask(asked: AskedRequest, options: AskOptions): Promise<RemoteDecision> {
    const { cacheKey, wasApproved = false, signal } = options
    if (cacheKey === null) return this.#askAboutRequest(asked, signal)
    const known = this.known(cacheKey, wasApproved)
    if (known !== undefined) return known
    const key = sessionKey(cacheKey)
    const flight = this.#sessionFlights.join(key, signal, async (shared) => {
      const question = this.#makeQuestion(asked)
      const reply = await this.#askOnce(question, questionIdentity(question), shared)
      if (reply.answered) this.#answers.keep(key, reply)
      return reply
    })
    const coming = flight.then((reply) =>
      reply.answered ? reply : this.#standing(key, wasApproved, reply),
    )
    const meanwhile = this.#meanwhile(key, wasApproved)
    return meanwhile === null ? coming : atMost(mostWaitMs, coming, meanwhile)
  }

  /** Resolves when questions under way have ended. */
  close(): Promise<void> {
    return this.#out.close()
  }

  async #askAboutRequest(asked: AskedRequest, signal: AbortSignal): Promise<RemoteDecision> {
    const question = this.#makeQuestion(asked)
    const identity = questionIdentity(question)
    const key = `question ${identity}`
    const known = this.#answers.inForce(key) ?? undefined
    if (known !== undefined) return known
    const reply = await this.#askOnce(question, identity, signal)
    if (!reply.answered) return this.#undecided(reply)
    this.#answers.keep(key, reply, 0)
    return reply
  }

  /** Nobody who plays is cut off because the server is away, and nobody whom it refused is let in. */
  #standing(key: string, wasApproved: boolean, unanswered: Unanswered): RemoteDecision {
    const last = this.#lastFor(key, wasApproved)
    if (last === undefined) {
      const decision = this.#undecided(unanswered)
      if (decision.allow) this.#answers.letIn(key)
      return decision
    }
    if (this.#answers.extend(key)) this.#surroundings.onStanding?.(this.#name)
    const detail = `no answer from ${this.#name}, so the last one stands: ${unanswered.why}`
    return { ...last, answered: false, stands: true, detail }
  }

  /** For somebody who plays already; `null`: nobody is known to. */
  #meanwhile(key: string, wasApproved: boolean): RemoteDecision | null {
    const why = 'the answer is late'
    const last = this.#lastFor(key, wasApproved)
    if (last?.allow === true) {
      const detail = `no answer from ${this.#name} yet, so the last one stands: ${why}`
      return { ...last, answered: false, stands: true, detail }
    }
    const isLetIn = last === undefined && this.#answers.wasLetIn(key)
    return isLetIn ? this.#undecided({ answered: false, why }) : null
  }

  #lastFor(key: string, wasApproved: boolean): RemoteDecision | undefined {
    return this.#answers.last(key) ?? (wasApproved ? approvedBefore : undefined)
  }

  #askOnce(question: RemoteQuestion, identity: string, signal: AbortSignal): Promise<Reply> {
    return this.#questionFlights.join(identity, signal, (shared) => this.#send(question, shared))
  }

  async #send(question: RemoteQuestion, signal: AbortSignal): Promise<Reply> {
    const passage = this.#breaker.enter()
    if (passage === null) {
      this.#report('not-asked', 0, 0)
      return { answered: false, why: 'it was not asked, because it was away a moment ago' }
    }
    const startedAt = performance.now()
    const { answer, attempts } = await this.#exchange(question, signal).catch((error: unknown) => {
      passage('left')
      throw error
    })
    passage(answer.outcome === 'no-answer' && answer.isAway ? 'away' : 'alive')
    this.#report(answer.outcome, performance.now() - startedAt, attempts)
    return this.#read(answer, attempts)
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

  #read(answer: RemoteAnswer, attempts: number): Reply {
    switch (answer.outcome) {
      case 'approve':
        return { allow: true, answered: true, ...answer.grants, detail: `${this.#name} approves` }
      case 'reject':
        return { allow: false, answered: true, detail: `${this.#name} rejects` }
      case 'no-answer':
        return { answered: false, why: `${answer.detail} (tries: ${attempts})` }
    }
  }

  #undecided({ why }: Unanswered): RemoteDecision {
    const { onTimeout } = this.#options
    return {
      allow: onTimeout === 'approve',
      answered: false,
      detail: `no answer from ${this.#name}, so ${onTimeout}: ${why}`,
    }
  }

  #report(outcome: AskedRemote['outcome'], tookMs: number, attempts: number): void {
    this.#surroundings.onAsked?.({ remote: this.#name, outcome, tookMs, attempts })
  }
}

/** What comes of it, or after that time the other. */
async function atMost<Result>(
  milliseconds: number,
  coming: Promise<Result>,
  meanwhile: Result,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Result>((resolve) => {
    timer = setTimeout(resolve, milliseconds, meanwhile)
  })
  return Promise.race([coming, late]).finally(() => clearTimeout(timer))
}

function sessionKey(cacheKey: string): string {
  return `session ${cacheKey}`
}
