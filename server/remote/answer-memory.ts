import { LRUCache } from 'lru-cache'
import type { RemoteDecision } from './decision.ts'

interface Kept {
  /** `null`: nothing was answered here. The session's token says that it was approved of, and that stands for want of an answer. */
  readonly answer: RemoteDecision | null
  readonly sinceMs: number
  readonly holdMs: number
}

/** Some 30 MB at most. One that was dropped is asked for again. */
const mostAnswers = 100_000
/** No session lives longer. */
const longestSessionSeconds = 86_400

/** What a server answered last about each session, and how long nothing has to be asked about it. */
export class AnswerMemory {
  readonly #now: () => number
  readonly #recheckSeconds: number
  readonly #kept: LRUCache<string, Kept>
  readonly #letIn = new LRUCache<string, true>({ max: mostAnswers })

  /** @param now milliseconds since 1970 */
  constructor(recheckSeconds: number, now: () => number) {
    this.#now = now
    this.#recheckSeconds = recheckSeconds
    this.#kept = new LRUCache({
      max: mostAnswers,
      ttl: longestSessionSeconds * 1000,
      ttlResolution: 0,
      perf: { now },
    })
  }

  /** What holds now; `null`: an approval that stands unanswered. */
  inForce(key: string): RemoteDecision | null | undefined {
    const kept = this.#kept.get(key)
    return kept !== undefined && this.#isInForce(kept) ? kept.answer : undefined
  }

  /** What was answered last, in force or not. */
  last(key: string): RemoteDecision | undefined {
    return this.#kept.get(key)?.answer ?? undefined
  }

  /**
   * Keeps an answer for `recheckSeconds`; with 0, an approval for as long as it is said to hold, and nothing else.
   *
   * @param approvalSeconds how long an approval holds that is not asked for again
   */
  keep(key: string, answer: RemoteDecision, approvalSeconds = longestSessionSeconds): void {
    this.#letIn.delete(key)
    const again = this.#recheckSeconds
    const seconds = again > 0 || !answer.allow ? again : approvalSeconds
    if (seconds > 0) this.#kept.set(key, { answer, sinceMs: this.#now(), holdMs: seconds * 1000 })
  }

  /** Somebody was let in without an answer. */
  letIn(key: string): void {
    this.#letIn.set(key, true)
  }

  wasLetIn(key: string): boolean {
    return this.#letIn.has(key)
  }

  /**
   * Leaves what was said last in force until it would be asked for again.
   *
   * @returns false: that had been done already, for another request of the session
   */
  extend(key: string): boolean {
    const kept = this.#kept.get(key)
    if (kept !== undefined && this.#isInForce(kept)) return false
    const seconds = this.#recheckSeconds > 0 ? this.#recheckSeconds : longestSessionSeconds
    const answer = kept?.answer ?? null
    this.#kept.set(key, { answer, sinceMs: this.#now(), holdMs: seconds * 1000 })
    return true
  }

  /** A clock that was set back ends the while, rather than make it longer. */
  #isInForce({ sinceMs, holdMs }: Kept): boolean {
    const elapsedMs = this.#now() - sinceMs
    return elapsedMs >= 0 && elapsedMs <= holdMs
  }
}
