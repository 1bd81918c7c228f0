import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStore } from '../../../server/store/create-store.ts'
import { readFact } from '../../../server/store/lmdb-facts.ts'
import { openLmdbFile } from '../../../server/store/lmdb-file.ts'
import { MemoryStore } from '../../../server/store/memory.ts'
import type { TokenRecord } from '../../../server/store/token-store.ts'
import { createClock } from '../../stage/clock.ts'
import { useClosing } from '../../stage/closing.ts'
import { everyToken, idsOf, latestFirst, tokenIdOf, tokenRecord } from './token-records.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'playgate-lmdb-'))
})
afterEach(() => rmSync(folder, { recursive: true }))
const closing = useClosing()

const clock = createClock()
const open = (more: { maxMarkers?: number } = {}) =>
  closing(
    createStore('lmdb:store', {
      now: clock.now,
      baseDirectory: folder,
      timeoutMs: 10_000,
      ...more,
    }),
  )

const token = (more: Partial<TokenRecord> = {}): TokenRecord =>
  tokenRecord({ createdAtMs: clock.now(), ...more })
const timed = (more: Partial<TokenRecord> = {}): TokenRecord =>
  token({ kind: 'timed', endsAtMs: clock.now() + 60_000, ...more })

const some = <Result>(count: number, make: (number: number) => Result): Result[] =>
  Array.from({ length: count }, (_, number) => make(number))

const addAll = (store: ReturnType<typeof open>, tokens: readonly TokenRecord[]) =>
  Promise.all(tokens.map((each) => store.addToken(each)))

/** How many tokens are in the tables; fails where they do not agree with each other. */
async function census(): Promise<number> {
  const file = openLmdbFile(join(folder, 'store'), 2 ** 26)
  const rows = [...file.tokens.getRange()].map(({ value }) => JSON.parse(value.toString()))
  const named = rows.filter(([, , name]) => name !== null).length
  expect(file.tokenPlaces.getCount()).toBe(2 * rows.length + 2 * named)
  expect(file.tokenEnds.getCount()).toBe(rows.filter((row) => row[6] !== null).length)
  expect(readFact(file.facts, 'tokens')).toBe(rows.length)
  await file.root.close()
  return rows.length
}

describe('the tokens of an LMDB store', () => {
  it('are there after a restart, with their uses, and those that were removed are not', async () => {
    const before = open()
    const tokens = some(50, (number) =>
      token({ name: `user-${number % 3}`, createdAtMs: clock.now() + number }),
    )
    await addAll(before, tokens)
    await before.noteTokenUses([{ id: tokens[9]?.id ?? '', usedAtMs: 7 }])
    await before.removeTokens([tokens[8]?.id ?? ''])
    const page = await before.listTokens({ limit: 10 })
    await before.close()
    const after = open()
    expect(await after.listTokens({ limit: 10 })).toEqual(page)
    expect(await after.findToken(tokens[9]?.id ?? '')).toEqual({ ...tokens[9], usedAtMs: 7 })
    expect(await after.findToken(tokens[8]?.id ?? '')).toBeNull()
    expect(await after.removeTokensOf({ realm: 'films', createdBeforeMs: 2 ** 47 })).toBe(49)
  })

  it('find room in a directory that was made before there were any, and leave the rest as it is', async () => {
    const options = { keepSeconds: 60, binding: 'one', graceSeconds: 0 }
    const before = open()
    expect(await before.spend('a', options)).toBe('first')
    await before.close()
    const file = openLmdbFile(join(folder, 'store'), 2 ** 26)
    for (const name of ['tokens', 'tokenPlaces', 'tokenEnds'] as const) await file[name].drop()
    await file.root.close()
    const after = open()
    const told = timed({ name: 'somebody' })
    await after.addToken(told)
    expect(await everyToken(after, { name: 'somebody' })).toEqual([told])
    expect(await after.spend('a', options)).toBe('spent')
  })

  it('leave nothing behind when they have ended, or were removed', async () => {
    const store = open()
    const round = async (): Promise<number> => {
      const tokens = some(400, (number) => timed({ name: `user-${number % 30}` }))
      await addAll(store, tokens)
      await store.removeTokens(idsOf(tokens.slice(0, 200)))
      clock.advance(60_000)
      return statSync(join(folder, 'store/data.mdb')).size
    }
    for (let number = 0; number < 4; number++) await round()
    const early = await round()
    for (let number = 5; number < 15; number++) await round()
    expect(await round()).toBeLessThanOrEqual(early * 1.5)
    for (let times = 0; times < 60; times++) {
      await store.addToken(timed())
      clock.advance(60_000)
    }
    expect(await census()).toBe(1)
  })

  it('may come again after their end, though it was not their turn to be swept yet', async () => {
    const store = open()
    const ended = some(30, (number) => timed({ name: 'x', endsAtMs: clock.now() + 1000 + number }))
    await addAll(store, ended)
    clock.advance(60_000)
    const again = timed({ id: ended.at(-1)?.id ?? '', name: 'y' })
    await store.addToken(again)
    expect(await everyToken(store, {})).toEqual([again])
    expect(await everyToken(store, { name: 'x' })).toEqual([])
    expect(await census()).toBe(30 - 8)
  })

  it('that have no end are never swept, however many others come and go', async () => {
    const store = open({ maxMarkers: 100 })
    const lasting = some(20, () => token({ name: 'somebody' }))
    await addAll(store, lasting)
    for (let round = 0; round < 20; round++) {
      await addAll(
        store,
        some(80, () => timed({ name: 'somebody' })),
      )
      clock.advance(60_000)
    }
    clock.advance(10 * 365 * 86_400_000)
    expect(idsOf(await everyToken(store, { name: 'somebody' }))).toEqual(latestFirst(lasting))
    await census()
  })

  it('are found behind thousands that have ended, with turns for others in between', async () => {
    const store = open()
    const lasting = token({ name: 'somebody', createdAtMs: 1 })
    await store.addToken(lasting)
    await addAll(
      store,
      some(7000, () => timed({ name: 'somebody' })),
    )
    clock.advance(60_000)
    let turns = 0
    let isOver = false
    const count = (): void => {
      turns++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    for (const filter of [{}, { realm: 'films' }, { name: 'somebody' }]) {
      turns = 0
      expect(await store.listTokens({ ...filter, limit: 5 })).toEqual({
        tokens: [lasting],
        next: null,
      })
      expect(turns).toBeGreaterThanOrEqual(3)
    }
    isOver = true
  })

  it('are removed in parts: others write meanwhile, and the file may go away in the middle', async () => {
    const store = open()
    const tokens = some(6000, () => token())
    await addAll(store, tokens)
    let isOver = false
    const removal = store
      .removeTokensOf({ realm: 'films', createdBeforeMs: 2 ** 47 })
      .finally(() => {
        isOver = true
      })
    const options = { keepSeconds: 60, binding: 'one', graceSeconds: 0 }
    for (const id of ['a', 'b', 'c']) expect(await store.spend(id, options)).toBe('first')
    expect(isOver).toBe(false)
    const refusal = { code: 'ERR_STORE_UNAVAILABLE', message: 'store: closed' }
    const refused = expect(removal).rejects.toMatchObject(refusal)
    await store.close()
    await refused
    const left = await census()
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThan(6000)
    expect(await open().removeTokensOf({ realm: 'films', createdBeforeMs: 2 ** 47 })).toBe(left)
    expect(await census()).toBe(0)
  })

  it('may be of any size that is allowed', async () => {
    const store = open()
    const wide = {
      realm: '"'.repeat(64),
      clientIp: '\u0001'.repeat(64),
      referrer: '\u0001'.repeat(253),
      name: '\ud800'.repeat(256),
    }
    const told = some(300, (number) => token({ ...wide, createdAtMs: clock.now() - number }))
    await addAll(store, told)
    const { realm, name } = wide
    expect((await store.listTokens({ realm, name, limit: 1000 })).tokens).toEqual(told)
  })

  it('answer every sequence as the memory store does', async () => {
    const number = fc.integer({ min: 0, max: 6 })
    const name = fc.constantFrom(null, 'x', 'y')
    const step = fc.oneof(
      fc.record({ add: number, name, lifeMs: fc.constantFrom(null, 1000, 5000, 60_000) }),
      fc.record({ remove: fc.array(number, { maxLength: 4 }) }),
      fc.record({ clear: name, age: number }),
      fc.record({ use: number, at: number }),
      fc.record({ pass: fc.constantFrom(900, 5000, 70_000) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const real = open({ maxMarkers: 5 })
        const model = new MemoryStore({ now: clock.now, maxMarkers: 5 })
        const both = [real, model]
        const idAt = (one: number): string => tokenIdOf(String(one))
        const expectAlike = async (call: (store: typeof real) => Promise<unknown>) => {
          const [one, other] = await Promise.allSettled(both.map((store) => call(store)))
          expect(one?.status).toBe(other?.status)
          if (one?.status === 'fulfilled') expect(one).toEqual(other)
        }
        for (const one of steps) {
          if ('pass' in one) clock.advance(one.pass)
          else if ('add' in one) {
            const endsAtMs = one.lifeMs === null ? null : clock.now() + one.lifeMs
            const told = token({
              id: idAt(one.add),
              name: one.name,
              endsAtMs,
              createdAtMs: 100 + (one.add % 3),
            })
            await expectAlike((store) => store.addToken(told))
          } else if ('remove' in one) {
            await expectAlike((store) => store.removeTokens(one.remove.map(idAt)))
          } else if ('clear' in one) {
            const selector = {
              realm: 'films',
              createdBeforeMs: 100 + one.age,
              ...(one.clear !== null && { name: one.clear }),
            }
            await expectAlike((store) => store.removeTokensOf(selector))
          } else {
            const uses = [{ id: idAt(one.use), usedAtMs: one.at }]
            await expectAlike((store) => store.noteTokenUses(uses))
          }
          for (const filter of [{}, { name: 'x' }, { realm: 'films', name: 'y' }]) {
            await expectAlike((store) => everyToken(store, filter, 2))
          }
        }
        await census()
        await real.close()
        rmSync(join(folder, 'store'), { recursive: true })
      }),
      { numRuns: 40 },
    )
  }, 60_000)
})
