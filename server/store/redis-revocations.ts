import { randomBytes } from 'node:crypto'
import { inParts, listOf, type RunScript, textsOf } from './redis-call.ts'
import type { RedisKeys } from './redis-keys.ts'
import { revocationKey } from './revocation-log.ts'
import type { Revocation, RevocationKind, RevocationNews } from './session-store.ts'
import { StoreUnavailable } from './store.ts'

/** Entries of one answer: fewer than other stores tell at once, for Redis does nothing else meanwhile. */
const entriesAtOnce = 1000

/** Revocations in Redis; how they are kept is told in `redis-revocation-scripts.ts`. */
export class RedisRevocations {
  readonly #run: RunScript
  readonly #keys: readonly string[]

  constructor(run: RunScript, keys: RedisKeys) {
    this.#run = run
    this.#keys = keys.revocations()
  }

  async add(revocations: readonly Revocation[]): Promise<void> {
    for (const part of inParts(revocations)) {
      const words = part.flatMap((entry) => [revocationKey(entry), entry.beforeMs, entry.untilMs])
      await this.#run('revoke', this.#keys, [newEpoch(), ...words])
    }
  }

  async since(cursor: string | null): Promise<RevocationNews> {
    const { epoch = '', number = '0' } =
      /^(?<epoch>[\w-]+)\.(?<number>\d{1,16})$/.exec(cursor ?? '')?.groups ?? {}
    const words = [newEpoch(), epoch, number, entriesAtOnce]
    const [head, last, more, ...rest] = listOf(await this.#run('revoked', this.#keys, words))
    const texts = textsOf(rest)
    const entries: Revocation[] = []
    for (let at = 0; at < texts.length; at += 2) {
      entries.push(readEntry(texts[at] ?? '', texts[at + 1] ?? ''))
    }
    return { entries, cursor: textsOf([head, last]).join('.'), more: more === 1 }
  }
}

/** For a Redis that has none yet, or none any more. */
const newEpoch = (): string => randomBytes(9).toString('base64url')

/** @throws {StoreUnavailable} for what is no entry */
function readEntry(key: string, times: string): Revocation {
  const { kind, value } =
    /^(?<kind>session|subject|access|key|all):(?<value>.+)$/.exec(key)?.groups ?? {}
  const { before, until } = /^(?<before>\d+):(?<until>\d+)$/.exec(times)?.groups ?? {}
  if (kind === undefined || value === undefined || before === undefined) {
    throw new StoreUnavailable('redis keeps a revocation that is none')
  }
  return {
    kind: kind as RevocationKind,
    value,
    beforeMs: Number(before),
    untilMs: Number(until),
  }
}
