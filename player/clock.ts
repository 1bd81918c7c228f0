/** Milliseconds by a clock of ours; only differences mean something. */
export type Instant = number

/**
 * A clock that never runs backwards and does not stand still either: the wall clock may be set, and the
 * steady one of the browser may stop while the machine sleeps. It starts with the time of the wall clock.
 */
export function createClock(): () => Instant {
  let ahead = 0
  return () => {
    const steady = performance.now()
    ahead = Math.max(ahead, Date.now() - steady)
    return ahead + steady
  }
}
