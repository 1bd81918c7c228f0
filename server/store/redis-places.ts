import { idleMsOf, keepEndedMs, mostEnded } from './places.ts'
import { grouped, inParts, listOf, type RunScript, textsOf } from './redis-call.ts'
import type { RedisKeys } from './redis-keys.ts'
import type { PlaceClaim, PlaceOutcome } from './session-store.ts'
import { StoreUnavailable } from './store.ts'

/** Places of subjects in Redis: a hash each, judged by a script that does what `claimPlace` does. */
export class RedisPlaces {
  readonly #run: RunScript
  readonly #keys: RedisKeys

  constructor(run: RunScript, keys: RedisKeys) {
    this.#run = run
    this.#keys = keys
  }

  /** Claims of one subject in their order, those of different subjects side by side. */
  async claim(claims: readonly PlaceClaim[]): Promise<readonly PlaceOutcome[]> {
    const outcomes: PlaceOutcome[] = []
    const groups = grouped([...claims.entries()], ([, { subject }]) => subject)
    await Promise.all(
      [...groups].map(async ([subject, mine]) => {
        for (const part of inParts(mine)) {
          const judged = await this.#judge(
            'claim',
            subject,
            part.map(([, claim]) => claim),
          )
          for (const [at, [index]] of part.entries()) outcomes[index] = readOutcome(judged[at])
        }
      }),
    )
    return outcomes
  }

  /** See `SessionStore.peekPlace`. */
  async peek(claim: PlaceClaim): Promise<PlaceOutcome> {
    const [answer] = await this.#judge('peekPlace', claim.subject, [claim])
    return readOutcome(answer)
  }

  async leave(subject: string, sessionId: string): Promise<void> {
    await this.#run('leave', [this.#keys.places(subject)], [sessionId])
  }

  async #judge(
    script: 'claim' | 'peekPlace',
    subject: string,
    claims: readonly PlaceClaim[],
  ): Promise<readonly unknown[]> {
    const words = claims.flatMap((claim) => [
      claim.sessionId,
      claim.device,
      idleMsOf(claim),
      claim.max,
      claim.onLimit,
      claim.isNew ? 1 : 0,
    ])
    const key = this.#keys.places(subject)
    return listOf(await this.#run(script, [key], [keepEndedMs, mostEnded, ...words]))
  }
}

/** @throws {StoreUnavailable} for what is no outcome */
function readOutcome(answer: unknown): PlaceOutcome {
  const [kind, ...ids] = textsOf(answer)
  switch (kind) {
    case 'counted':
      return { kind, ended: ids }
    case 'full':
      return { kind, others: ids }
    case 'ended':
      return { kind }
    default:
      throw new StoreUnavailable('redis answered nonsense')
  }
}
