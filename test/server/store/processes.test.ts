import { execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createStore } from '../../../server/store/create-store.ts'
import type {
  PlaceClaim,
  PlaceOutcome,
  Revocation,
  RevocationNews,
  SessionRecord,
} from '../../../server/store/session-store.ts'
import type { TokenRecord } from '../../../server/store/token-store.ts'
import { useClosing } from '../../stage/closing.ts'
import { startRedis } from '../../stage/start-redis.ts'
import { describeWith } from '../../stage/tools.ts'
import { type Answer, type Call, type Outcome, type Spender, startSpender } from './spenders.ts'
import { everyToken, idsOf, tokenIdOf, tokenRecord } from './token-records.ts'

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

const built = join(import.meta.dirname, '../../../dist/server/store')
const builtStore = join(built, 'create-store.js')
const builtFile = join(built, 'lmdb-file.js')

/** This process's own door to the directory. */
const openHere = (timeoutMs = 10_000) =>
  closing(createStore('lmdb:store', { now: () => Date.now(), baseDirectory: folder, timeoutMs }))

const sessionId = (number: number): string => number.toString(16).padStart(40, '0')

const session = (number: number): SessionRecord => ({
  id: sessionId(number),
  subject: `user-${number % 7}`,
  rule: 'films',
  path: '/vod/film/index.m3u8',
  client: '192.0.2.7',
  userAgent: 'Viewer/1.0',
  openedAtMs: 1_000_000,
  seenAtMs: 1_000_000,
  endsAtMs: Date.now() + 3_600_000,
  requests: 1,
})

const revocation = (number: number): Revocation => ({
  kind: 'session',
  value: sessionId(number),
  beforeMs: 1_000_000,
  untilMs: Date.now() + 3_600_000,
})

const claim = (number: number, more: Partial<PlaceClaim> = {}): PlaceClaim => ({
  subject: 'subject',
  sessionId: sessionId(number),
  device: `device-${number}`,
  idleSeconds: 3600,
  max: 3,
  onLimit: 'deny',
  isNew: true,
  ...more,
})

const token = (number: number): TokenRecord =>
  tokenRecord({ id: tokenIdOf(String(number)), name: `user-${number % 7}` })

/** The outcome of one claim. */
function placeOf(outcome: Outcome | undefined): PlaceOutcome {
  const [place] = (outcome?.value ?? []) as PlaceOutcome[]
  if (place === undefined) throw new Error(`no outcome: ${outcome?.refusal}`)
  return place
}

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

describe('four processes that count the streams of one subject', () => {
  it.each(['deny', 'end-oldest'] as const)(
    'never count more than the limit, in each of 50 rounds (%s)',
    async (onLimit) => {
      const spenders = await start('lmdb:store', 4)
      for (let round = 0; round < 50; round++) {
        const claimOf = (number: number): Call => [
          'claimPlaces',
          [claim(number, { subject: `round-${round}`, onLimit })],
        ]
        const answers = await Promise.all(
          spenders.map((spender, part) =>
            spender.callAll(Array.from({ length: 25 }, (_, index) => claimOf(25 * part + index))),
          ),
        )
        const outcomes = answers.flat().map(placeOf)
        expect(outcomes).toHaveLength(100)
        const counted = outcomes.map((one) => (one.kind === 'counted' ? 1 - one.ended.length : 0))
        expect(counted.reduce((sum, one) => sum + one, 0)).toBe(3)
        const late = claim(999, { subject: `round-${round}` })
        const [full] = (await spenders[0]?.callAll([['claimPlaces', [late]]])) ?? []
        expect(placeOf(full)).toMatchObject({ kind: 'full', others: { length: 3 } })
      }
    },
    120_000,
  )
})

describe('what one process writes', () => {
  it('is seen by another at once, even where it has read before in the same turn', async () => {
    const store = openHere()
    await store.check()
    const { cursor } = await store.revocationsSince(null)
    const told = revocation(1)
    const script = `
      import { createStore } from ${JSON.stringify(builtStore)}
      const where = { now: () => Date.now(), baseDirectory: process.argv[1], timeoutMs: 10_000 }
      const store = createStore('lmdb:store', where)
      await store.noteSessions([JSON.parse(process.argv[2])])
      await store.revoke([JSON.parse(process.argv[3])])
      await store.addToken(JSON.parse(process.argv[4]))
      await store.close()
    `
    // Nothing of ours runs while that process does: all of this is one turn.
    const ask = () =>
      [
        store.revocationsSince(cursor),
        store.findSession(sessionId(1)),
        store.findToken(token(1).id),
      ] as const
    const before = ask()
    const words = [session(1), told, token(1)].map((each) => JSON.stringify(each))
    execFileSync(process.execPath, ['--input-type=module', '-e', script, folder, ...words])
    const after = ask()
    expect(await Promise.all(before)).toEqual([{ entries: [], cursor, more: false }, null, null])
    const [news, found, foundToken] = await Promise.all(after)
    expect(news.entries).toEqual([told])
    expect(found).toMatchObject({ id: sessionId(1), rule: 'films' })
    expect(foundToken).toEqual(token(1))
  })
})

describe('what was acknowledged before all processes were killed', () => {
  it('is there: sessions, revocations, places and tokens', async () => {
    const spenders = await start('lmdb:store', 3)
    const acknowledged: number[] = []
    await new Promise<void>((resolve, reject) => {
      for (const [part, spender] of spenders.entries()) {
        const next = async (number: number): Promise<void> => {
          const outcomes = await spender.callAll([
            ['noteSessions', [session(number)]],
            ['revoke', [revocation(number)]],
            ['claimPlaces', [claim(number, { subject: `subject-${number}` })]],
            ['addToken', token(number)],
          ])
          expect(outcomes.flatMap(({ refusal }) => refusal ?? [])).toEqual([])
          if (acknowledged.push(number) === 200) resolve()
          await next(number + spenders.length)
        }
        // Who is killed cannot be asked any more.
        next(part).catch(reject)
      }
    })
    // All of them are at work.
    await Promise.all(spenders.map((spender) => spender.kill()))
    const heir = openHere()
    const { entries } = await heir.revocationsSince(null)
    const revoked = new Set(entries.map(({ value }) => value))
    const { sessions } = await heir.listSessions({ limit: 1000 })
    const listed = new Set(sessions.map(({ id }) => id))
    const tokens = new Set(idsOf(await everyToken(heir, {})))
    for (const number of acknowledged) {
      expect(revoked).toContain(sessionId(number))
      expect(listed).toContain(sessionId(number))
      expect(tokens).toContain(token(number).id)
      const other = claim(number + 100_000, { subject: `subject-${number}`, max: 1 })
      expect(await heir.claimPlaces([other])).toEqual([
        { kind: 'full', others: [sessionId(number)] },
      ])
    }
  }, 60_000)
})

describe('processes that exit in the middle of their transactions', () => {
  it('end, and hold nobody up', async () => {
    const leaver = join(import.meta.dirname, 'leaver.mjs')
    for (let round = 0; round < 5; round++) {
      const leavers = Array.from({ length: 3 }, () => fork(leaver, ['lmdb:store', folder]))
      await Promise.all(leavers.map((child) => once(child, 'exit')))
    }
    const [heir] = await start('lmdb:store', 1)
    expect(await heir?.spendAll(['one-more'])).toEqual(['first'])
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
  it('ends in an orderly way when it finds no room for a new database', async () => {
    const starting = startSpender('lmdb:store', folder, { maxFileBlocks: 16 })
    await expect(starting).rejects.toThrow('ended with 1')
  })

  it('refuses, goes on living, knows what it was told, and works again when there is space', async () => {
    const spender = closing(await startSpender('lmdb:store', folder, { maxFileBlocks: 1200 }))
    const callsOf = (number: number): Call[] => [
      ['spend', `id-${number}`, { keepSeconds: 3600, binding: 'one', graceSeconds: 0 }],
      ['noteSessions', [session(number)]],
      ['revoke', [revocation(number)]],
      ['claimPlaces', [claim(number, { subject: `subject-${number}` })]],
      ['addToken', token(number)],
    ]
    const told: number[] = []
    let refusals: readonly string[] = []
    for (let number = 0; refusals.length === 0; number += 20) {
      const numbers = Array.from({ length: 20 }, (_, index) => number + index)
      const outcomes = await spender.callAll(numbers.flatMap(callsOf))
      refusals = outcomes.flatMap(({ refusal }) => refusal ?? [])
      if (refusals.length === 0) told.push(...numbers)
    }
    expect(told.length).toBeGreaterThan(100)
    for (const refusal of refusals) expect(refusal).toMatch(/^store: the transaction failed/)
    const expectAllKnown = async (): Promise<void> => {
      const questions = told.map((number): Call => ['findSession', sessionId(number)])
      const found = await spender.callAll([...questions, ['revocationsSince', null]])
      const tokens = await spender.callAll(
        told.map((number): Call => ['findToken', token(number).id]),
      )
      expect(tokens.map(({ value }) => value)).toEqual(told.map(token))
      const { entries } = (found.at(-1)?.value ?? { entries: [] }) as RevocationNews
      const revoked = new Set(entries.map(({ value }) => value))
      for (const [index, number] of told.entries()) {
        expect(found[index]?.value).toMatchObject({ id: sessionId(number), requests: 1 })
        expect(revoked).toContain(sessionId(number))
      }
    }
    await expectAllKnown()
    const asker = { binding: 'two', graceSeconds: 0 }
    const asked = await spender.callAll([
      ['isSpent', `id-${told[0]}`, asker],
      ['isSpent', 'fresh', asker],
    ])
    expect(asked.map(({ value }) => value)).toEqual([true, false])
    expect(new Set(await spender.spendAll(told.map((number) => `id-${number}`)))).toEqual(
      new Set(['spent']),
    )
    spender.makeSpace()
    const more = await spender.callAll([1_000_001, 1_000_002].flatMap(callsOf))
    expect(more.map(({ refusal }) => refusal)).toEqual(more.map(() => undefined))
    await expectAllKnown()
    expect(await spender.spendAll(['id-0', 'id-1000001', 'fresh'])).toEqual([
      'spent',
      'spent',
      'first',
    ])
  }, 60_000)
})

describe('a process whose address space is limited', () => {
  it('is told so, where the map of its database does not fit', () => {
    const script = `
      import { openLmdbFile } from ${JSON.stringify(builtFile)}
      try {
        openLmdbFile(process.argv[1], 2 ** 36)
      } catch (error) {
        process.stdout.write(error.message)
      }
    `
    const words = [process.execPath, '--input-type=module', '-e', script, join(folder, 'store')]
    const limited = ['-c', 'ulimit -v 60000000 && exec "$0" "$@"', ...words]
    expect(execFileSync('/bin/sh', limited, { encoding: 'utf8' })).toMatch(
      /^store: lmdb:.*: needs 68719476736 bytes of address space, and "ulimit -v" leaves \d+$/,
    )
  })
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
