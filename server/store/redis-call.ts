import type { ScriptName } from './redis-scripts.ts'
import { StoreUnavailable } from './store.ts'

/** Runs a script that begins with the clock; see `redis-scripts.ts`. All keys are in one slot. */
export type RunScript = (
  name: ScriptName,
  keys: readonly string[],
  words: readonly (string | number)[],
) => Promise<unknown>

/** @throws {StoreUnavailable} for an answer that is no list */
export function listOf(answer: unknown): readonly unknown[] {
  if (!Array.isArray(answer)) throw new StoreUnavailable('redis answered nonsense')
  return answer
}

/** @throws {StoreUnavailable} for an answer that is no list of texts */
export function textsOf(answer: unknown): readonly string[] {
  return listOf(answer).map((text) => {
    if (typeof text !== 'string') throw new StoreUnavailable('redis answered nonsense')
    return text
  })
}

/** What one script is given at most, so that others need not wait for long. */
const atOnce = 250

/** The same things in their order, in lists that one script may be given. */
export function inParts<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const parts: (readonly Item[])[] = []
  for (let from = 0; from < items.length; from += atOnce) {
    parts.push(items.slice(from, from + atOnce))
  }
  return parts
}

/** The same things by what they have in common, in their order. */
export function grouped<Item, Key>(
  items: readonly Item[],
  keyOf: (item: Item) => Key,
): ReadonlyMap<Key, readonly Item[]> {
  const groups = new Map<Key, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

/** The texts of records, which may be in many slots, by their ids; without those that are gone. */
export async function recordsOf(
  run: RunScript,
  ids: readonly string[],
  where: { readonly shardOf: (id: string) => number; readonly keyOf: (id: string) => string },
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  const parts = [...grouped(ids, where.shardOf).values()].flatMap(inParts)
  await Promise.all(
    parts.map(async (part) => {
      const texts = listOf(await run('records', part.map(where.keyOf), []))
      for (const [at, id] of part.entries()) {
        const text = texts[at]
        if (typeof text === 'string') found.set(id, text)
      }
    }),
  )
  return found
}
