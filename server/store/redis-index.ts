import { type RunScript, textsOf } from './redis-call.ts'
import type { PageScript } from './redis-index-scripts.ts'

/** Entries of one index looked through at a time: what has ended, and was not swept yet, is passed over. */
const lookedThrough = 1000

/** One or more indexes, read as if they were one; see `redis-index-scripts.ts`. */
export class RedisIndex {
  readonly #run: RunScript
  readonly #script: PageScript
  readonly #indexes: readonly string[]

  /** @param indexes their names in Redis */
  constructor(run: RunScript, script: PageScript, indexes: readonly string[]) {
    this.#run = run
    this.#script = script
    this.#indexes = indexes
  }

  /**
   * The last key first: sessions by their ids, tokens by their places.
   *
   * @param after they come after this key, that is before it in the index; '' for all
   * @param most at most so many; fewer only when there are no more
   */
  async latest(after: string, most: number): Promise<readonly string[]> {
    const keys: string[] = []
    // Of keys that are spread evenly somewhat more than the share of each, for they are not spread quite evenly.
    const share = Math.min(most, Math.ceil((1.5 * most) / this.#indexes.length) + 8)
    let from = after
    do {
      const parts = await Promise.all(this.#indexes.map((index) => this.#part(index, from, share)))
      // Beyond the place where the first of them stopped looking, others may have keys that come before its next one.
      from = parts.map(({ until }) => until).reduce((one, other) => (one > other ? one : other))
      const found = parts.flatMap((part) => part.keys).filter((key) => key >= from)
      keys.push(...found.sort().reverse())
    } while (from !== '' && keys.length < most)
    return keys.slice(0, most)
  }

  async #part(
    index: string,
    after: string,
    most: number,
  ): Promise<{ readonly until: string; readonly keys: readonly string[] }> {
    const answer = await this.#run(this.#script, [index], [after, most, lookedThrough])
    const [until = '', ...keys] = textsOf(answer)
    return { until, keys }
  }
}
