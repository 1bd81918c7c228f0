import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createStore } from '../../../server/store/create-store.ts'
import { useClosing } from '../../stage/closing.ts'
import { startRedis } from '../../stage/start-redis.ts'
import { describeWith } from '../../stage/tools.ts'
import { type Answer, type Spender, startSpender } from './spenders.ts'

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

/** 100 rounds of 200 attempts for one id, all at the same time, spread over the processes. */
async function expectOneWinnerEachRound(spenders: readonly Spender[]): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const ids = Array.from({ length: 200 / spenders.length }, () => `round-${round}`)
    const answers = await Promise.all(spenders.map((spender) => spender.spendAll(ids)))
    const tally: Record<Answer, number> = { first: 0, repeat: 0, spent: 0, refused: 0 }
    for (const answer of answers.flat()) tally[answer]++
    expect(tally).toEqual({ first: 1, repeat: 0, spent: 199, refused: 0 })
  }
}

/**
 * All processes try all ids; one is killed when it has won some, and goes without having answered the rest.
 * Nothing that was won by anybody may be won again, then or later.
 */
async function expectNothingTwice(spenders: readonly Spender[], location: string): Promise<void> {
  const ids = Array.from({ length: 600 }, (_, index) => `id-${index}`)
  const winners = new Map<string, number>()
  let answered = 0
  const note = (id: string, answer: string): void => {
    answered++
    if (answer === 'first') winners.set(id, (winners.get(id) ?? 0) + 1)
  }
  const [victim, ...others] = spenders
  if (victim === undefined) throw new Error('nobody to kill')
  const isReached = new Promise<void>((resolve) => {
    let won = 0
    victim.spendOneByOne(ids, (id, answer) => {
      note(id, answer)
      if (++won === 100) resolve()
    })
  })
  for (const other of others) other.spendOneByOne([...ids].reverse(), note)
  await isReached
  await victim.kill()
  const [heir] = await start(location, 1)
  const answers = (await heir?.spendAll(ids)) ?? []
  for (const [index, answer] of answers.entries()) note(ids[index] ?? '', answer)
  await expect
    .poll(() => answered, { timeout: 20_000 })
    .toBeGreaterThanOrEqual(100 + ids.length * (others.length + 1))
  expect([...winners.values()].filter((count) => count > 1)).toEqual([])
  // What the victim won without being able to say so is lost; all else was won by somebody.
  expect(winners.size).toBeGreaterThan(ids.length - 20)
  expect(new Set(await heir?.spendAll(ids))).toEqual(new Set(['spent']))
}

describe('four processes on one LMDB directory', () => {
  it('have one winner among 200 attempts, in each of 100 rounds', async () => {
    await expectOneWinnerEachRound(await start('lmdb:store', 4))
  }, 120_000)

  it('take nothing twice when one of them is killed in the middle', async () => {
    await expectNothingTwice(await start('lmdb:store', 3), 'lmdb:store')
  }, 60_000)

  it('keep what was won when all of them are killed in the middle', async () => {
    const ids = Array.from({ length: 2000 }, (_, index) => `id-${index}`)
    const won = new Set<string>()
    const spenders = await start('lmdb:store', 4)
    await new Promise<void>((resolve) => {
      for (const [part, spender] of spenders.entries()) {
        const mine = ids.filter((_, index) => index % 4 === part)
        spender.spendOneByOne(mine, (id, answer) => {
          if (answer === 'first') won.add(id)
          if (won.size === 300) resolve()
        })
      }
    })
    await Promise.all(spenders.map((spender) => spender.kill()))
    expect(won.size).toBeLessThan(ids.length)
    const [heir] = await start('lmdb:store', 1)
    const answers = await heir?.spendAll([...won])
    expect(new Set(answers)).toEqual(new Set(['spent']))
  }, 60_000)
})

describe('a process that is killed inside a transaction', () => {
  it('holds the others up only until their time is over, and not beyond its end', async () => {
    const where = { now: () => Date.now(), baseDirectory: folder, timeoutMs: 1000 }
    const store = closing(createStore('lmdb:store', where))
    const options = { keepSeconds: 60, binding: 'one', graceSeconds: 0 }
    expect(await store.spend('a', options)).toBe('first')
    const holder = spawn(
      process.execPath,
      [join(import.meta.dirname, 'holder.mjs'), join(folder, 'store')],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const ended = once(holder, 'exit')
    await once(holder.stdout, 'data')
    const refusal = { code: 'ERR_STORE_UNAVAILABLE', message: expect.stringContaining('1000 ms') }
    await expect(store.spend('b', options)).rejects.toMatchObject(refusal)
    await expect(store.check()).rejects.toMatchObject(refusal)
    holder.kill('SIGKILL')
    await ended
    await vi.waitFor(() => store.check(), { timeout: 10_000 })
    expect(await store.spend('a', options)).toBe('spent')
    expect(await store.spend('held', options)).toBe('first')
  })
})

describe('a process whose disk is full', () => {
  it('refuses, goes on living, and knows what it spent', async () => {
    const [spender] = [closing(await startSpender('lmdb:store', folder, { maxFileBlocks: 600 }))]
    const spent: string[] = []
    let refused = 0
    for (let round = 0; refused === 0; round++) {
      const ids = Array.from({ length: 100 }, (_, index) => `${round}-${index}`)
      const answers = await spender.spendAll(ids)
      for (const [index, answer] of answers.entries()) {
        if (answer === 'first') spent.push(ids[index] ?? '')
        else refused++
      }
    }
    expect(spent.length).toBeGreaterThan(100)
    expect(new Set(await spender.spendAll(spent))).toEqual(new Set(['spent']))
    expect(await spender.spendAll(['one-more', ...spent.slice(0, 1)])).toContain('spent')
  }, 60_000)
})

describeWith(['redis-server'], 'two processes on one Redis', () => {
  it('have one winner among 200 attempts, in each of 100 rounds', async () => {
    const server = closing(await startRedis())
    await expectOneWinnerEachRound(await start(server.url, 2))
  }, 120_000)

  it('take nothing twice when one of them is killed in the middle', async () => {
    const server = closing(await startRedis())
    await expectNothingTwice(await start(server.url, 2), server.url)
  }, 60_000)
})
