import { type EpochSeconds, epochSecondsFromMilliseconds } from '../../shared/units.ts'

/** What asks for the time gets one of these, so that a test may turn it. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number
  /**
   * Resolves when the clock shows that time or a later one, at once if it does so already.
   *
   * @throws the signal's reason, once the signal is aborted
   */
  whenReached(atMs: number, signal?: AbortSignal): Promise<void>
}

/** A clock that stands still until a test turns it. */
export interface DialClock extends Clock {
  nowSeconds(): EpochSeconds
  /**
   * Turns the clock on and resolves everything that waited for a time up to the new one, the earliest first.
   *
   * @throws {RangeError} when the number is negative or not finite: time does not run backwards here
   */
  advance(milliseconds: number): void
  /** How many wait for a later time: a test asks to be sure that a request has arrived and is held. */
  readonly waiting: number
}

interface Waiter {
  readonly atMs: number
  readonly resolve: () => void
}

/** @param startMs what it shows at first. @default 2026-01-01T00:00:00Z */
export function createClock(startMs: number = Date.UTC(2026, 0, 1)): DialClock {
  const waiters = new Set<Waiter>()
  let nowMs = startMs

  return {
    now: () => nowMs,
    nowSeconds: () => epochSecondsFromMilliseconds(nowMs),
    get waiting() {
      return waiters.size
    },
    advance(milliseconds) {
      if (!(milliseconds >= 0 && Number.isFinite(milliseconds))) {
        throw new RangeError(`a clock cannot be turned by ${milliseconds} ms`)
      }
      nowMs += milliseconds
      const due = [...waiters].filter(({ atMs }) => atMs <= nowMs)
      for (const waiter of due.sort((one, other) => one.atMs - other.atMs)) {
        waiters.delete(waiter)
        waiter.resolve()
      }
    },
    whenReached(atMs, signal) {
      return new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        if (atMs <= nowMs) return resolve()
        const waiter = { atMs, resolve }
        waiters.add(waiter)
        signal?.addEventListener(
          'abort',
          () => {
            waiters.delete(waiter)
            reject(signal.reason)
          },
          { once: true },
        )
      })
    },
  }
}

/** The machine's own clock, for what a real browser plays. */
export const machineClock: Clock = {
  now: () => Date.now(),
  whenReached(atMs, signal) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      // A timer may fire a millisecond early by the wall clock; the waiter must not see that.
      const check = (): void => {
        const left = atMs - Date.now()
        if (left <= 0) resolve()
        else timer = setTimeout(check, left)
      }
      let timer: ReturnType<typeof setTimeout> | undefined
      check()
      signal?.addEventListener(
        'abort',
        () => {
          clearTimeout(timer)
          reject(signal.reason)
        },
        { once: true },
      )
    })
  },
}
