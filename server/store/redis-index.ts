import { type RunScript, textsOf } from './redis-call.ts'

/** Entries of one index looked through at a time: what has ended, and was not swept yet, is passed over. */
const lookedThrough = 1000

/** One or more indexes, read as if they were one; see `redis-session-scripts.ts`. */
export class RedisIndex {
  readonly #run: RunScript
  readonly #keys: readonly string[]

  constructor(run: RunScript, keys: readonly string[]) {
    this.#run = run
    this.#keys = keys
  }

  /**
   * The latest opened first.
   *
   * @param after they come after this id; ''for all
   * @param most at most so many; fewer only when there are no more
   */
  async latest(after: string, most: number): Promise<readonly string[]> {
    const ids: string[] = []
    // Of ids that are spread evenly somewhat more than the share of each, for they are not spread quite evenly.
    const share = Math.min(most, Math.ceil((1.5 * most) / this.#keys.length) + 8)
    let from = after
    do {
      const parts = await Promise.all(this.#keys.map((key) => this.#part(key, from, share)))
      // Beyond the place where the first of them stopped looking, others may have ids that come before its next one.
      from = parts.map(({ until }) => until).reduce((one, other) => (one > other ? one : other))
      const found = parts.flatMap((part) => part.ids).filter((id) => id >= from)
      ids.push(...found.sort().reverse())
    } while (from !== '' && ids.length < most)
    return ids.slice(0, most)
  }

  async #part(
    key: string,
    after: string,
    most: number,
  ): Promise<{ readonly until: string; readonly ids: readonly string[] }> {
    const answer = await this.#run('page', [key], [after, most, lookedThrough])
    const [until = '', ...ids] = textsOf(answer)
    return { until, ids }
  }
}
