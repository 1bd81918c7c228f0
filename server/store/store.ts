import { PlaybackError } from '../../shared/codes.ts'
import type { SessionStore } from './session-store.ts'
import type { TokenStore } from './token-store.ts'

/**
 * What a store has to be able to do. `memory.ts` is the shortest one that does it, and the contract suite in
 * `test/server/store/contract.test.ts` runs against every store: to add one, fill in the methods of
 * `Store` (with `SessionStore` and `TokenStore`), name it in `location.ts` and `create-store.ts`, and add it to the suite.
 */

/** How an attempt to spend ended. */
export type Spent =
  /** Nobody spent the id before: the one attempt that wins. */
  | 'first'
  /** Spent before, by the same binding, within the grace: the answer to the first may have been lost. */
  | 'repeat'
  /** Spent before. */
  | 'spent'

export interface SpendOptions {
  /**
   * Seconds for which the id stays spent: at least as long as the token would be taken by anybody, clock
   * differences included (threat T35). Fractions are rounded up to milliseconds. At most ten years.
   */
  readonly keepSeconds: number
  /** Who spends: 1 to 128 visible ASCII characters, such as a digest of client address and headers. */
  readonly binding: string
  /**
   * Seconds after the first use in which the same binding is told `repeat`; 0: never. Where the first use
   * named another number, the smaller one counts. A repeat never prolongs anything.
   */
  readonly graceSeconds: number
}

/** Who asks whether an id is spent, as he would spend it. */
export type Asker = Pick<SpendOptions, 'binding' | 'graceSeconds'>

/**
 * Remembers what must not happen twice. Nothing may be written for a token that has not verified: ids come
 * from `spendId` (`server/session/spend-access.ts`), which takes proven claims only (threat T36).
 *
 * Every method answers or fails within the time that the store was made with, and fails with
 * `StoreUnavailable` alone. A failed `spend` proves nothing: the id may have been marked, so the token may be
 * lost, but it never wins twice.
 */
export interface Store extends SessionStore, TokenStore {
  /**
   * Atomically marks an id as spent. Never two `first` for one id within its life, whoever asks from whichever
   * process, and whatever is killed in between (Redis: within what its own replication keeps, threat T34).
   *
   * Each store is bounded, and refuses when it is full rather than forget what is still alive. Markers end by
   * themselves.
   *
   * @param id 1 to 128 visible ASCII characters
   * @throws {StoreUnavailable} the first use cannot be proven
   * @throws {RangeError} for an id or options that break the rules above: a mistake of the caller
   */
  spend(id: string, options: SpendOptions): Promise<Spent>

  /**
   * Would `spend` answer `spent`? To refuse a used token before anything else happens for it: that it is not spent proves
   * nothing a moment later, and only `spend` lets anybody in. Marks nothing, prolongs nothing, and answers when the store
   * is full.
   *
   * @throws {StoreUnavailable} nothing is known: refuse
   * @throws {RangeError} as `spend` does
   */
  isSpent(id: string, asker: Asker): Promise<boolean>

  /**
   * Does the store answer? For readiness; writes nothing.
   *
   * @throws {StoreUnavailable}
   */
  check(): Promise<void>

  /** Finishes what is under way, within the time limit, and lets go of everything. Later calls are refused. */
  close(): Promise<void>
}

/** No answer from the store, or one that proves nothing: refuse, never let pass (threat T33). */
export class StoreUnavailable extends PlaybackError {
  /** @param detail for the log; names neither ids nor passwords */
  constructor(detail: string, cause?: unknown) {
    super({
      code: 'ERR_STORE_UNAVAILABLE',
      reason: 'store-unavailable',
      detail: `store: ${detail}`,
      ...(cause !== undefined && { cause }),
    })
  }
}

const longestLifeSeconds = 315_360_000

function isVisibleText(text: string): boolean {
  return typeof text === 'string' && /^[!-~]{1,128}$/.test(text)
}

/**
 * Checks a question about an id.
 *
 * @returns the grace in milliseconds
 * @throws {RangeError} see `Store.isSpent`
 */
export function readAsker(id: string, { binding, graceSeconds }: Asker): number {
  if (!isVisibleText(id)) throw new RangeError('id: 1 to 128 visible ASCII characters')
  if (!isVisibleText(binding)) throw new RangeError('binding: 1 to 128 visible ASCII characters')
  if (!(graceSeconds >= 0 && graceSeconds <= longestLifeSeconds)) {
    throw new RangeError(`graceSeconds: 0 to ${longestLifeSeconds}`)
  }
  return Math.floor(graceSeconds * 1000)
}

/**
 * What a store keeps of an attempt, in milliseconds.
 *
 * @throws {RangeError} see `Store.spend`
 */
export function readAttempt(
  id: string,
  options: SpendOptions,
): { readonly keepMs: number; readonly graceMs: number } {
  const { keepSeconds } = options
  const graceMs = readAsker(id, options)
  if (!(keepSeconds > 0 && keepSeconds <= longestLifeSeconds)) {
    throw new RangeError(`keepSeconds: more than 0 and at most ${longestLifeSeconds}`)
  }
  return { keepMs: Math.ceil(keepSeconds * 1000), graceMs }
}
