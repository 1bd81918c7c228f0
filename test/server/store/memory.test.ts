import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExpiryQueue } from '../../../server/store/expiry-queue.ts'
import { MemoryStore } from '../../../server/store/memory.ts'
import type { PlaceClaim } from '../../../server/store/session-store.ts'
import { createClock } from '../../stage/clock.ts'

const options = { keepSeconds: 60, binding: 'one', graceSeconds: 0 }

describe('the memory store', () => {
  it('refuses when it is full of live markers, and drops none of them', async () => {
    const clock = createClock()
    const store = new MemoryStore({ now: clock.now, maxMarkers: 3 })
    for (const id of ['a', 'b', 'c']) expect(await store.spend(id, options)).toBe('first')
    await expect(store.spend('d', options)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    for (const id of ['a', 'b', 'c']) expect(await store.spend(id, options)).toBe('spent')
    clock.advance(60_000)
    expect(await store.spend('d', options)).toBe('first')
  })

  it('holds no more than what is alive and what its last calls left over', async () => {
    const clock = createClock()
    const store = new MemoryStore({ now: clock.now, maxMarkers: 1000 })
    for (let round = 0; round < 20; round++) {
      for (let each = 0; each < 100; each++) await store.spend(`${round}-${each}`, options)
      clock.advance(60_000)
    }
    expect(store.size).toBeLessThanOrEqual(200)
  })

  it('never takes a spent id anew after the clock was set forward and back', async () => {
    let now = 1_000_000
    const store = new MemoryStore({ now: () => now, maxMarkers: 1000 })
    expect(await store.spend('a', options)).toBe('first')
    now += 86_400_000
    expect(await store.spend('b', options)).toBe('first')
    now -= 86_400_000
    await expect(store.spend('a', options)).rejects.toMatchObject({ status: 503 })
    expect(await store.isSpent('a', options)).toBe(false)
    now += 1000
    expect(await store.spend('c', options)).toBe('first')
  })
})

describe('places in the memory store', () => {
  it('are swept out when the last of a subject is idle by its own rule', async () => {
    const clock = createClock()
    const store = new MemoryStore({ now: clock.now, maxMarkers: 2 })
    const claim = { device: 'tv', max: 1, onLimit: 'deny', isNew: true } as const
    const [long, short, more] = ['long', 'short', 'more'].map((subject, index) => {
      const idleSeconds = subject === 'long' ? 600 : 60
      return { ...claim, subject, idleSeconds, sessionId: `${subject}-${index}` }
    }) as [PlaceClaim, PlaceClaim, PlaceClaim]
    await store.claimPlaces([long, short])
    clock.advance(61_000)
    await expect(store.claimPlaces([more])).rejects.toMatchObject({ status: 503 })
    const other = { ...long, sessionId: 'other', device: 'phone', idleSeconds: 60 }
    const full = { kind: 'full', others: [long.sessionId] }
    const outcomes = await store.claimPlaces(Array.from({ length: 10_000 }, () => other))
    expect(outcomes.at(-1)).toEqual(full)
    expect(await store.claimPlaces([more, other])).toEqual([{ kind: 'counted', ended: [] }, full])
  })
})

describe('the queue of ends', () => {
  it('gives back everything that has ended, the earliest first', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 50 })),
        fc.integer({ max: 60 }),
        (ends, now) => {
          const queue = new ExpiryQueue()
          for (const endsAtMs of ends) queue.push({ endsAtMs, id: String(endsAtMs) })
          const taken: number[] = []
          for (;;) {
            const ended = queue.shiftEnded(now)
            if (ended === undefined) break
            taken.push(ended.endsAtMs)
          }
          expect(taken).toEqual(ends.filter((end) => end <= now).sort((one, other) => one - other))
        },
      ),
    )
  })
})
