import type { Store } from '../store/store.ts'
import type { Endings } from './endings.ts'

export interface EndingFeedOptions {
  readonly store: Pick<Store, 'revocationsSince'>
  readonly endings: Endings
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told when the store cannot be asked any more, and when it can again. */
  readonly onChange: (isUp: boolean, error?: unknown) => void
}

/** Ended sessions are ended everywhere within a second: four chances to hear of it. */
const intervalMs = 250

/**
 * Brings what was ended anywhere into this process. It asks the store where it stopped last time, so nothing is missed when a
 * connection is lost, and a store that lost its data is noticed. While the store is away, running sessions go on.
 */
export class EndingFeed {
  readonly #options: EndingFeedOptions
  #cursor: string | null = null
  #latestMs = 0
  #isUp = true
  #asking: Promise<void> | null = null
  #timer: NodeJS.Timeout | undefined
  /** When the store was last heard, in milliseconds since 1970; `null`: never. */
  heardAtMs: number | null = null

  constructor(options: EndingFeedOptions) {
    this.#options = options
  }

  /** Begins to listen. Resolves when what was ended before is known, or cannot be had for now. */
  start(): Promise<void> {
    this.#timer = setInterval(() => void this.ask(), intervalMs)
    this.#timer.unref()
    return this.ask()
  }

  stop(): Promise<void> {
    clearInterval(this.#timer)
    return this.#asking ?? Promise.resolve()
  }

  /** Asks now, or joins the question that is under way. Never rejects. */
  ask(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  /** Asks a question of its own, after one that is under way: its answer holds what was ended before this call. Never rejects. */
  async askAfresh(): Promise<void> {
    await this.#asking
    await this.ask()
  }

  async #ask(): Promise<void> {
    const { store, endings, now, onChange } = this.#options
    try {
      // What was forgotten while the clock ran ahead is to be told again.
      if (now() < this.#latestMs) this.#cursor = null
      this.#latestMs = now()
      for (let more = true; more; ) {
        const news = await store.revocationsSince(this.#cursor)
        endings.apply(news.entries)
        this.#cursor = news.cursor
        more = news.more
        // Others have a turn between two parts of very many.
        if (more) await new Promise((resolve) => setImmediate(resolve))
      }
      this.heardAtMs = now()
      endings.forgetOver(this.heardAtMs)
      if (!this.#isUp) onChange(true)
      this.#isUp = true
    } catch (error) {
      if (this.#isUp) onChange(false, error)
      this.#isUp = false
    }
  }
}
