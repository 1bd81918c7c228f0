/** Keeps the results of what is measured, so that no compiler may leave the work out. */
export let kept

/**
 * Microseconds of CPU time that this process has used, all threads: garbage collection counts, and what a
 * neighbour on the machine does, does not.
 */
function cpuMicroseconds() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {(index: number) => unknown} run one operation; `index` counts up, to vary its input
 */

/**
 * Measures functions against each other: in every round each has its turn, beginning with another one each
 * time, so that whatever slows the machine meets all alike.
 *
 * @param {readonly Contender[]} contenders
 * @param {{ rounds: number, sampleMs: number }} effort
 * @returns {Map<string, number[]>} microseconds of CPU time an operation, one figure a round
 */
export function measureFunctions(contenders, { rounds, sampleMs }) {
  const counts = new Map(contenders.map((one) => [one.name, calibrate(one, sampleMs)]))
  const samples = new Map(contenders.map(({ name }) => [name, []]))
  for (const contender of interleaved(contenders, rounds)) {
    const count = counts.get(contender.name)
    samples.get(contender.name).push(sample(contender, count) / count)
  }
  return samples
}

/**
 * Every contender once a round, beginning one further each time.
 *
 * @template T
 * @param {readonly T[]} contenders
 * @param {number} rounds
 * @returns {T[]}
 */
export function interleaved(contenders, rounds) {
  return Array.from({ length: rounds }, (_, round) =>
    contenders.map((_, turn) => contenders[(turn + round) % contenders.length]),
  ).flat()
}

/** How many operations take `sampleMs`; finding out warms the code up, which takes twice as long. */
function calibrate(contender, sampleMs) {
  const enough = sampleMs * 1000
  let spent = 0
  for (let count = 1; ; count *= 2) {
    const took = sample(contender, count)
    spent += took
    const isWarm = spent >= 2 * enough
    if (took >= enough / 2 && isWarm) return Math.max(1, Math.round((count * enough) / took))
  }
}

function sample({ run }, count) {
  const before = cpuMicroseconds()
  for (let index = 0; index < count; index++) kept = run(index)
  return cpuMicroseconds() - before
}

/** @param {readonly number[]} figures at least one */
export function median(figures) {
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * The median of the quotients within each round: what slows a whole round cancels out.
 *
 * @param {readonly number[]} dividends
 * @param {readonly number[]} divisors of the same rounds
 */
export function medianRatio(dividends, divisors) {
  return median(dividends.map((dividend, round) => dividend / divisors[round]))
}
