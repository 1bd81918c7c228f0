interface Flight<Result> {
  readonly promise: Promise<Result>
  readonly control: AbortController
  waiters: number
}

/**
 * Work under way that several may wait for. Whoever asks for the same key while it lasts gets the same
 * outcome, an error too; nothing outlives it. A waiter that leaves disturbs nobody, the last one ends the work
 * (threats T95, T96).
 */
export class Flights<Result> {
  readonly #flights = new Map<string, Flight<Result>>()

  /** Pieces of work under way. */
  get size(): number {
    return this.#flights.size
  }

  /**
   * @param signal of this waiter alone
   * @param start called when nothing is under way for the key; its signal is aborted when nobody waits any more
   * @throws the reason of `signal` once it is aborted, or what the work throws
   */
  async join(
    key: string,
    signal: AbortSignal,
    start: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    signal.throwIfAborted()
    const flight = this.#flights.get(key) ?? this.#start(key, start)
    flight.waiters += 1
    return new Promise((resolve, reject) => {
      const leave = () => {
        reject(signal.reason)
        flight.waiters -= 1
        if (flight.waiters > 0) return
        this.#forget(key, flight)
        flight.control.abort(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      flight.promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
    })
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<Result>): Flight<Result> {
    const control = new AbortController()
    const promise = start(control.signal)
    const flight: Flight<Result> = { promise, control, waiters: 0 }
    this.#flights.set(key, flight)
    const land = () => this.#forget(key, flight)
    promise.then(land, land)
    return flight
  }

  /** A flight that was given up may land when its key has a new one already. */
  #forget(key: string, flight: Flight<Result>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }
}
