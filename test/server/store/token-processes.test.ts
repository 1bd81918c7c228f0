import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TokenPage, TokenRecord } from '../../../server/store/token-store.ts'
import { useClosing } from '../../stage/closing.ts'
import { startRedis } from '../../stage/start-redis.ts'
import { describeWith } from '../../stage/tools.ts'
import { type Call, type Outcome, type Spender, startSpender } from './spenders.ts'
import { idsOf, latestFirst, tokenRecord } from './token-records.ts'

const closing = useClosing()
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'playgate-processes-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const start = (location: string, count: number): Promise<Spender[]> =>
  Promise.all(
    Array.from({ length: count }, async () => closing(await startSpender(location, folder))),
  )

const some = (count: number): TokenRecord[] =>
  Array.from({ length: count }, (_, index) => tokenRecord({ name: `user-${index % 7}` }))

/** Each adds its own tokens and those that all add; each is seen by all at once, and taken away by one alone. */
async function expectOneStateOfTokens(processes: readonly Spender[]): Promise<void> {
  const callEach = async (callsOf: (part: number) => readonly Call[]) => {
    const outcomes = await Promise.all(processes.map((one, part) => one.callAll(callsOf(part))))
    expect(outcomes.flat().flatMap(({ refusal }) => refusal ?? [])).toEqual([])
    return outcomes
  }
  const shared = some(50)
  const own = processes.map(() => some(50))
  await callEach((part) => [...shared, ...(own[part] ?? [])].map((each) => ['addToken', each]))
  const all = [...shared, ...own.flat()]
  const lists = async (): Promise<TokenPage[]> => {
    const outcomes = await callEach(() => [['listTokens', { limit: 1000 }]])
    return outcomes.flat().map(({ value }) => value as TokenPage)
  }
  for (const { tokens } of await lists()) expect(idsOf(tokens)).toEqual(latestFirst(all))
  await callEach((part) => [
    ['noteTokenUses', all.map(({ id }, index) => ({ id, usedAtMs: 100 * index + part }))],
  ])
  const found = await processes[0]?.callAll(all.map(({ id }): Call => ['findToken', id]))
  expect(found?.map(({ value }) => value)).toEqual(
    all.map((each, index) => ({ ...each, usedAtMs: 100 * index + processes.length - 1 })),
  )
  const sumOf = (outcomes: readonly (readonly Outcome[])[]): number =>
    outcomes.flat().reduce((sum, { value }) => sum + (value as number), 0)
  expect(sumOf(await callEach(() => [['removeTokens', idsOf(shared)]]))).toBe(shared.length)
  const selector = { realm: 'films', createdBeforeMs: 2 ** 47 }
  // Uses of what is being removed, by others at the same time.
  const removals = await callEach((part) =>
    part % 2 === 0
      ? [['removeTokensOf', selector]]
      : [['noteTokenUses', all.map(({ id }) => ({ id, usedAtMs: 2 ** 40 }))]],
  )
  expect(sumOf(removals.filter((_, part) => part % 2 === 0))).toBe(all.length - shared.length)
  for (const page of await lists()) expect(page).toEqual({ tokens: [], next: null })
}

describe('four processes that keep tokens in one LMDB directory', () => {
  it('see each other’s at once, and take each away once', async () => {
    await expectOneStateOfTokens(await start('lmdb:store', 4))
  }, 60_000)
})

describeWith(['redis-server'], 'three processes that keep tokens in one Redis', () => {
  it('see each other’s at once, and take each away once', async () => {
    const server = closing(await startRedis())
    await expectOneStateOfTokens(await start(server.url, 3))
  }, 60_000)
})
