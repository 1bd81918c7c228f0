import type { Revocation, RevocationNews } from './session-store.ts'

/** Entries of one answer of `revocationsSince`. */
export const revocationsAtOnce = 10_000

/** What identifies an entry: of the same kind and value there is one. */
export function revocationKey({ kind, value }: Pick<Revocation, 'kind' | 'value'>): string {
  return `${kind}:${value}`
}

/** Of two entries of the same kind and value, the one that ends more. */
export function widerRevocation(known: Revocation | undefined, told: Revocation): Revocation {
  if (known === undefined) return told
  return {
    ...told,
    beforeMs: Math.max(known.beforeMs, told.beforeMs),
    untilMs: Math.max(known.untilMs, told.untilMs),
  }
}

/** @throws {RangeError} for an entry that breaks the rules of `Revocation` */
export function checkRevocation({ kind, value, beforeMs, untilMs }: Revocation): void {
  if (!/^[!-~]{1,128}$/.test(value))
    throw new RangeError('value: 1 to 128 visible ASCII characters')
  if (!['session', 'subject', 'access', 'key', 'all'].includes(kind)) {
    throw new RangeError('kind: no such kind')
  }
  for (const time of [beforeMs, untilMs]) {
    if (!(Number.isInteger(time) && time >= 0 && time < 2 ** 48)) {
      throw new RangeError('times are whole milliseconds since 1970')
    }
  }
}

/** Revocations in the order in which they were told last, for one process. */
export class RevocationLog {
  readonly #entries = new Map<string, { entry: Revocation; number: number }>()
  readonly #epoch: string
  #number = 0

  /** @param epoch tells this log from any other */
  constructor(epoch: string) {
    this.#epoch = epoch
  }

  get size(): number {
    return this.#entries.size
  }

  has(entry: Revocation): boolean {
    return this.#entries.has(revocationKey(entry))
  }

  add(told: Revocation): void {
    const key = revocationKey(told)
    const entry = widerRevocation(this.#entries.get(key)?.entry, told)
    this.#entries.delete(key)
    this.#entries.set(key, { entry, number: ++this.#number })
  }

  forgetEnded(nowMs: number): void {
    for (const [key, { entry }] of this.#entries) {
      if (entry.untilMs <= nowMs) this.#entries.delete(key)
    }
  }

  since(cursor: string | null): RevocationNews {
    const from = this.#numberOf(cursor)
    if (from === this.#number) return { entries: [], cursor: this.#cursor(from), more: false }
    const entries: Revocation[] = []
    let last = from
    for (const { entry, number } of this.#entries.values()) {
      if (number <= from) continue
      if (entries.length === revocationsAtOnce) {
        return { entries, cursor: this.#cursor(last), more: true }
      }
      entries.push(entry)
      last = number
    }
    return { entries, cursor: this.#cursor(this.#number), more: false }
  }

  #cursor(number: number): string {
    return `${this.#epoch}.${number}`
  }

  #numberOf(cursor: string | null): number {
    const [epoch, number] = cursor?.split('.') ?? []
    const told = Number(number)
    return epoch === this.#epoch && told <= this.#number ? told : 0
  }
}
