import type { Gate } from './gate.ts'

export interface ReadinessAnswer {
  readonly status: 200 | 503
  readonly document: {
    readonly status: 'ready' | 'not-ready'
    /** By the name of the first rule that uses the origin. */
    readonly origins: Readonly<Record<string, 'ok' | 'unavailable'>>
    /** Left out where no rule needs one. */
    readonly store?: 'ok' | 'unavailable'
  }
}

/** However often somebody asks us, we ask the origins once in this time. */
const restMs = 1_000

/** Can everything be reached that requests need? */
export class Readiness {
  #asked: { gate: Gate; atMs: number; answer: Promise<ReadinessAnswer> } | null = null

  of(gate: Gate): Promise<ReadinessAnswer> {
    const asked = this.#asked
    const nowMs = gate.nowMs()
    if (asked?.gate === gate && nowMs - asked.atMs < restMs) return asked.answer
    const answer = ask(gate)
    this.#asked = { gate, atMs: nowMs, answer }
    return answer
  }
}

async function ask(gate: Gate): Promise<ReadinessAnswer> {
  const origins = await Promise.all(
    gate.origins().map(async ({ name, origin }) => {
      try {
        await origin.check()
        return [name, 'ok'] as const
      } catch (error) {
        gate.log.warn({ err: error, rule: name }, 'origin not ready')
        return [name, 'unavailable'] as const
      }
    }),
  )
  const store = gate.needsStore ? await askStore(gate) : undefined
  const ready = origins.every(([, state]) => state === 'ok') && store !== 'unavailable'
  return {
    status: ready ? 200 : 503,
    document: {
      status: ready ? 'ready' : 'not-ready',
      origins: Object.fromEntries(origins),
      ...(store !== undefined && { store }),
    },
  }
}

async function askStore(gate: Gate): Promise<'ok' | 'unavailable'> {
  try {
    await gate.store().check()
    // A process that does not know what was ended lets ended sessions play.
    if (!gate.sessions.isInformed) await gate.sessions.refresh()
    return gate.sessions.isInformed ? 'ok' : 'unavailable'
  } catch (error) {
    gate.log.warn({ err: error }, 'store not ready')
    return 'unavailable'
  }
}
