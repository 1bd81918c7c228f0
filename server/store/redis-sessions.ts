import { grouped, inParts, listOf, type RunScript, recordsOf, textsOf } from './redis-call.ts'
import { RedisIndex } from './redis-index.ts'
import { type RedisKeys, shardOf, shards } from './redis-keys.ts'
import { bodyOf, padded, readBody, readRecord } from './redis-record.ts'
import {
  type SessionPage,
  type SessionQuery,
  type SessionRecord,
  type Sighting,
  sessionIdForm,
} from './session-store.ts'
import { StoreUnavailable } from './store.ts'

/** A session that the index of its subject does not have yet, or not with its end. */
interface Unlisted {
  readonly id: string
  readonly subject: string
  readonly ends: string
}

/**
 * Sessions in Redis, spread over sixteen shards by their ids; a shard's records and the index of them are in one slot, the
 * index of a subject is in another. `redis-session-scripts.ts` tells how they are kept.
 *
 * A record says whether its subject's index has it. So what is interrupted between the two is made up for by the next news of
 * the session, whoever has it, and news that change neither subject nor end cost one script.
 */
export class RedisSessions {
  readonly #run: RunScript
  readonly #keys: RedisKeys

  constructor(run: RunScript, keys: RedisKeys) {
    this.#run = run
    this.#keys = keys
  }

  async note(sightings: readonly Sighting[]): Promise<void> {
    const parts = [...grouped(sightings, ({ id }) => shardOf(id)).values()].flatMap(inParts)
    const unlisted = (await Promise.all(parts.map((part) => this.#notePart(part)))).flat()
    const ofSubjects = grouped(unlisted, ({ subject }) => subject).values()
    await Promise.all([...ofSubjects].flatMap(inParts).map((part) => this.#list(part)))
    const ofShards = grouped(unlisted, ({ id }) => shardOf(id)).values()
    await Promise.all([...ofShards].flatMap(inParts).map((part) => this.#confirm(part)))
  }

  async find(id: string): Promise<SessionRecord | null> {
    // What is no id may come from whoever asks, and is no part of a key.
    if (!sessionIdForm.test(id)) return null
    return (await this.#records([id]))[0] ?? null
  }

  async list({ subject, after, limit }: SessionQuery): Promise<SessionPage> {
    const keys =
      subject === undefined
        ? Array.from({ length: shards }, (_, shard) => this.#keys.shardIndex(shard))
        : [this.#keys.subjectIndex(subject)]
    const ids = await new RedisIndex(this.#run, 'sessionPage', keys).latest(after ?? '', limit + 1)
    const page = ids.slice(0, limit)
    const records = await this.#records(page)
    const isWanted = (record: SessionRecord): boolean =>
      subject === undefined || record.subject === subject
    // Sessions may have ended since: the page is the shorter for it, and the next begins where it would have.
    return {
      sessions: records.filter(isWanted),
      next: ids.length > limit ? (page.at(-1) ?? null) : null,
    }
  }

  /** @param sightings of one shard */
  async #notePart(sightings: readonly Sighting[]): Promise<readonly Unlisted[]> {
    const [first] = sightings
    if (first === undefined) return []
    const bodies = sightings.map(bodyOf)
    const words = sightings.flatMap((sighting, at) => [
      padded(sighting.seenAtMs),
      padded(sighting.endsAtMs),
      padded(sighting.requests),
      sighting.subject === null ? '-' : '0',
      bodies[at] ?? '',
    ])
    const keys = [
      this.#keys.shardIndex(shardOf(first.id)),
      ...sightings.map(({ id }) => this.#keys.session(id)),
    ]
    const answer = listOf(await this.#run('note', keys, words))
    const unlisted: Unlisted[] = []
    for (let at = 0; at < answer.length; at += 3) {
      const [ends = '', kept = ''] = textsOf(answer.slice(at + 1, at + 3))
      const told = sightings[Number(answer[at])]
      if (told === undefined) throw new StoreUnavailable('redis answered nonsense')
      // The subject is the one that was told first.
      const subject = kept === '' ? told.subject : readBody(kept).subject
      if (subject !== null) unlisted.push({ id: told.id, subject, ends })
    }
    return unlisted
  }

  /** @param sessions of one subject */
  async #list(sessions: readonly Unlisted[]): Promise<void> {
    const key = this.#keys.subjectIndex(sessions[0]?.subject ?? '')
    await this.#run(
      'list',
      [key],
      sessions.flatMap(({ id, ends }) => [id, ends]),
    )
  }

  /** @param sessions of one shard */
  async #confirm(sessions: readonly Unlisted[]): Promise<void> {
    const keys = sessions.map(({ id }) => this.#keys.session(id))
    await this.#run(
      'listed',
      keys,
      sessions.map(({ ends }) => ends),
    )
  }

  /** In the order of the ids, without those that are gone. */
  async #records(ids: readonly string[]): Promise<readonly SessionRecord[]> {
    const keyOf = (id: string): string => this.#keys.session(id)
    const texts = await recordsOf(this.#run, ids, { shardOf, keyOf })
    return ids.flatMap((id) => {
      const text = texts.get(id)
      return text === undefined ? [] : readRecord(id, text)
    })
  }
}
