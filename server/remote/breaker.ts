/** How one question ended: with any reply, with none, or given up by those who asked. */
export type PassageEnd = 'alive' | 'away' | 'left'

/** Leave to ask. Has to be told how it ended. */
export type Passage = (end: PassageEnd) => void

export interface BreakerOptions {
  /** Questions in a row without a reply until it opens. 0: it never does. */
  readonly failures: number
  readonly pauseMs: number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * A circuit breaker: a server that is away is not asked for a while, so that viewers do not wait for it one by
 * one, and it is not met by all of them when it comes back. After the pause one question goes through; a
 * reply closes the circuit, none begins another pause.
 */
export class Breaker {
  readonly #options: BreakerOptions
  #failures = 0
  /** When the pause began; `null`: there is none. */
  #openedAtMs: number | null = null
  #isProbing = false

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  /** @returns `null` while nothing is to be asked */
  enter(): Passage | null {
    if (this.#openedAtMs === null) return (end) => this.#end(end)
    if (this.#isProbing || this.#isPaused(this.#openedAtMs)) return null
    this.#isProbing = true
    return (end) => {
      this.#isProbing = false
      if (end === 'away') this.#openedAtMs = this.#options.now()
      else this.#end(end)
    }
  }

  /** A clock that was set back ends the pause, rather than make it longer. */
  #isPaused(openedAtMs: number): boolean {
    const elapsedMs = this.#options.now() - openedAtMs
    return elapsedMs >= 0 && elapsedMs < this.#options.pauseMs
  }

  #end(end: PassageEnd): void {
    const { failures, now } = this.#options
    if (end === 'left') return
    if (end === 'alive') {
      this.#failures = 0
      this.#openedAtMs = null
      return
    }
    this.#failures += 1
    if (failures > 0 && this.#failures >= failures) this.#openedAtMs ??= now()
  }
}
