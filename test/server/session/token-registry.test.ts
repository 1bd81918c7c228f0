import { describe, expect, it } from 'vitest'
import { TokenRegistry } from '../../../server/session/token-registry.ts'
import { StoreUnavailable } from '../../../server/store/store.ts'
import type { TokenRecord, TokenStore, TokenUse } from '../../../server/store/token-store.ts'
import { createClock } from '../../stage/clock.ts'
import { deferred } from '../../stage/deferred.ts'

const idOf = (number: number) => String(number).padStart(43, '0')

function recordOf(id: string): TokenRecord {
  return {
    ...{ id, kind: 'managed', realm: 'default', name: null, clientIp: null, referrer: null },
    ...{ createdAtMs: 1, endsAtMs: null, usedAtMs: null },
  }
}

/** A store that counts what it is asked. */
function stage() {
  const clock = createClock()
  const records = new Map<string, TokenRecord>()
  const asked: string[] = []
  const told: TokenUse[][] = []
  const state = { isDown: false, answered: Promise.resolve() }
  const answer = async <Value>(value: () => Value): Promise<Value> => {
    await state.answered
    if (state.isDown) throw new StoreUnavailable('down')
    return value()
  }
  const store: Pick<TokenStore, 'findToken' | 'noteTokenUses'> = {
    findToken: (id) => {
      asked.push(id)
      return answer(() => records.get(id) ?? null)
    },
    noteTokenUses: (uses) => answer(() => void told.push([...uses])),
  }
  const registry = new TokenRegistry(store as TokenStore, clock.now)
  const add = (number: number) => records.set(idOf(number), recordOf(idOf(number)))
  const find = (number: number, client: string | null = 'client') =>
    registry.find(idOf(number), client)
  /** The clock's cache in the memory of the registry lasts for a millisecond of the machine's own. */
  const advance = async (milliseconds: number) => {
    clock.advance(milliseconds)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return { registry, clock, records, asked, told, state, add, find, advance }
}

describe('a token', () => {
  it('is asked for once, however many ask for it at a time and later', async () => {
    const { add, find, asked, state } = stage()
    add(1)
    const { promise, resolve } = deferred()
    state.answered = promise
    const answers = Array.from({ length: 50 }, () => find(1))
    resolve()
    expect(await Promise.all(answers)).toEqual(Array(50).fill(recordOf(idOf(1))))
    expect(await find(1)).toEqual(recordOf(idOf(1)))
    expect(asked).toHaveLength(1)
  })

  it('is asked for again after a minute, also when it is in use all the while', async () => {
    const { registry, add, find, asked, advance } = stage()
    add(1)
    for (let second = 0; second < 200; second += 10) {
      await find(1)
      registry.noteUse(idOf(1))
      await advance(10_000)
    }
    expect(asked).toHaveLength(3)
  })

  it('that is unknown is asked for again after a second, and at once when it was made here', async () => {
    const { registry, add, find, asked, advance } = stage()
    expect([await find(1), await find(1)]).toEqual(['unknown', 'unknown'])
    expect(asked).toHaveLength(1)
    await advance(1001)
    add(1)
    expect(await find(1)).toEqual(recordOf(idOf(1)))
    expect(await find(2)).toBe('unknown')
    add(2)
    registry.forget([idOf(2)])
    expect(await find(2)).toEqual(recordOf(idOf(2)))
  })

  it('that was forgotten is asked for again', async () => {
    const { registry, add, find, records, asked } = stage()
    add(1)
    add(2)
    await find(1)
    await find(2)
    records.clear()
    registry.forget([idOf(1)])
    expect([await find(1), await find(2)]).toEqual(['unknown', recordOf(idOf(2))])
    registry.forgetAll()
    expect(await find(2)).toBe('unknown')
    expect(asked).toHaveLength(4)
  })

  it('that the store does not tell of is unavailable, and nothing of that is remembered', async () => {
    const { add, find, state } = stage()
    add(1)
    state.isDown = true
    expect([await find(1), await find(2)]).toEqual(['unavailable', 'unavailable'])
    state.isDown = false
    expect([await find(1), await find(2)]).toEqual([recordOf(idOf(1)), 'unknown'])
  })
})

const notAsked = (retryAfterSeconds: number) => ({ kind: 'not-asked', retryAfterSeconds })

describe('somebody who makes tokens up', () => {
  it('is looked up for sixty of them, and for more when a minute has gone by', async () => {
    const { add, find, asked, advance } = stage()
    add(1000)
    for (let count = 0; count < 60; count++) expect(await find(count, 'thief')).toBe('unknown')
    // Not "unknown": somebody honest may share the address, and his token be good.
    for (let count = 60; count < 200; count++) {
      expect(await find(count, 'thief')).toEqual(notAsked(60))
    }
    expect(asked).toHaveLength(60)
    expect(await find(1000, 'thief')).toEqual(notAsked(60))
    expect(await find(1000, 'another')).toMatchObject({ id: idOf(1000) })
    // What is remembered costs nothing, whoever asks.
    expect(await find(1000, 'thief')).toMatchObject({ id: idOf(1000) })
    await advance(60_001)
    expect(await find(1000, 'thief')).toMatchObject({ id: idOf(1000) })
  })

  it('is told how long it has to wait, and is served when that is over', async () => {
    const { add, find, advance } = stage()
    add(1000)
    await find(0, 'thief')
    await advance(20_500)
    for (let count = 1; count < 60; count++) await find(count, 'thief')
    expect(await find(1000, 'thief')).toEqual(notAsked(40))
    await advance(39_000)
    expect(await find(1000, 'thief')).toEqual(notAsked(1))
    await advance(1_000)
    expect(await find(1000, 'thief')).toMatchObject({ id: idOf(1000) })
  })

  it('is looked up for sixty of them also when all of them come at a time', async () => {
    const { find, asked } = stage()
    await Promise.all(Array.from({ length: 200 }, (_, count) => find(count, 'thief')))
    expect(asked).toHaveLength(60)
  })

  it('does not gather them over the hours: one a minute is no attack', async () => {
    const { add, find, advance } = stage()
    add(1000)
    for (let count = 0; count < 100; count++) {
      await find(count)
      await advance(50_000)
    }
    expect(await find(1000)).toMatchObject({ id: idOf(1000) })
  })

  it('is not a player that tries a revoked token again and again', async () => {
    const { add, find, advance } = stage()
    add(1000)
    for (let second = 0; second < 100; second++) {
      await Promise.all([find(1), find(1), find(1)])
      await advance(500)
    }
    expect(await find(1000)).toMatchObject({ id: idOf(1000) })
  })

  it('does not count where the store did not answer, nor where an administrator asks', async () => {
    const { add, find, state, asked } = stage()
    add(1000)
    state.isDown = true
    for (let count = 0; count < 100; count++) await find(count)
    state.isDown = false
    for (let count = 0; count < 100; count++) await find(count, null)
    expect(asked).toHaveLength(200)
    expect(await find(1000)).toMatchObject({ id: idOf(1000) })
  })
})

describe('the last use', () => {
  it('is told to a minute, of many tokens at once', async () => {
    const { registry, clock, add, find, told, advance } = stage()
    add(1)
    add(2)
    await find(1)
    await find(2)
    const first = clock.now()
    registry.noteUse(idOf(1))
    registry.noteUse(idOf(1))
    registry.noteUse(idOf(2))
    registry.noteUse(idOf(3))
    await registry.flush()
    expect(told).toEqual([
      [
        { id: idOf(1), usedAtMs: first },
        { id: idOf(2), usedAtMs: first },
      ],
    ])
    await advance(59_999)
    registry.noteUse(idOf(1))
    await registry.flush()
    expect(told).toHaveLength(1)
    await find(1)
    clock.advance(1)
    registry.noteUse(idOf(1))
    await registry.flush()
    expect(told).toHaveLength(2)
    await registry.flush()
    expect(told).toHaveLength(2)
  })

  it('that could not be told is told later, and a later one wins', async () => {
    const { registry, clock, add, find, told, state } = stage()
    add(1)
    add(2)
    await find(1)
    await find(2)
    registry.noteUse(idOf(1))
    registry.noteUse(idOf(2))
    const [first, later] = [clock.now(), clock.now() + 60_000]
    state.isDown = true
    await registry.flush()
    clock.advance(60_000)
    registry.noteUse(idOf(1))
    state.isDown = false
    await registry.flush()
    expect(told).toEqual([
      [
        { id: idOf(1), usedAtMs: later },
        { id: idOf(2), usedAtMs: first },
      ],
    ])
  })
})
