import { describe, expect, it } from 'vitest'
import { LmdbQueue } from '../../../server/store/lmdb-queue.ts'
import { StoreUnavailable } from '../../../server/store/store.ts'

/** What a transaction did. */
type Done = string[]

let watchMs = 0

/** A queue whose transactions a test can count, hold up and let fail, and for which only slow steps take time. */
function createQueue(timeoutMs = 10_000) {
  const transactions: Done[] = []
  let failure: Error | undefined
  let held: Promise<void> | undefined
  const root = {
    async childTransaction(action: () => void): Promise<void> {
      await new Promise((resolve) => setImmediate(resolve))
      await held
      action()
      if (failure !== undefined) throw failure
    },
  }
  const queue = new LmdbQueue<Done>({
    // As much of the database as the queue needs.
    root: root as unknown as ConstructorParameters<typeof LmdbQueue>[0]['root'],
    begin: () => [],
    finish: (done) => void transactions.push(done),
    timeoutMs,
    watch: () => watchMs,
  })
  return {
    queue,
    transactions,
    fail(error: Error | undefined): void {
      failure = error
    },
    hold(until: Promise<void>): void {
      held = until
    },
  }
}

const write = (done: Done, item: string): string => {
  done.push(item)
  return item.toUpperCase()
}

/** A step that takes a millisecond. */
const writeSlowly = (done: Done, item: string): string => {
  watchMs++
  return write(done, item)
}

const items = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}${index}`)

describe('the queue of an LMDB store', () => {
  it('does the calls of one turn in one transaction, and tells each what came of it', async () => {
    const { queue, transactions } = createQueue()
    const [a, b] = [queue.do(['a1', 'a2'], write), queue.do(['b1'], write)]
    expect(await Promise.all([a, b])).toEqual([['A1', 'A2'], ['B1']])
    expect(transactions).toEqual([['a1', 'b1', 'a2']])
  })

  it('needs no transaction for nothing', async () => {
    const { queue, transactions } = createQueue()
    expect(await queue.do([], write)).toEqual([])
    await queue.idle()
    expect(transactions).toEqual([])
  })

  it('cuts a long call into transactions of some milliseconds, in its order', async () => {
    const { queue, transactions } = createQueue()
    const all = items('a', 60)
    expect(await queue.do(all, writeSlowly)).toHaveLength(60)
    expect(transactions.map(({ length }) => length)).toEqual(Array.from({ length: 10 }, () => 6))
    expect(transactions.flat()).toEqual(all)
  })

  it('does not let a short call wait for the end of a long one', async () => {
    const { queue } = createQueue()
    const ended: string[] = []
    const long = queue.do(items('a', 60), writeSlowly).then(() => ended.push('long'))
    const first = queue.do(['b'], writeSlowly)
    await first
    const short = queue.do(['c'], write).then(() => ended.push('short'))
    await Promise.all([long, short])
    expect(ended).toEqual(['short', 'long'])
  })

  it('gets on with many calls at once, each of them long', async () => {
    const { queue, transactions } = createQueue()
    const calls = Array.from({ length: 300 }, (_, index) => queue.do(items(`${index}-`, 3), write))
    expect(await Promise.all(calls)).toHaveLength(300)
    expect(transactions.flat()).toHaveLength(900)
    expect(new Set(transactions.flat()).size).toBe(900)
  })

  it('refuses the call of which a step is refused, does its other steps, and those of others', async () => {
    const { queue, transactions } = createQueue()
    const refusal = new StoreUnavailable('full')
    const step = (done: Done, item: string): string => {
      if (item === 'a2') throw refusal
      return write(done, item)
    }
    const [a, b] = [queue.do(items('a', 4), step), queue.do(['b'], step)]
    await expect(a).rejects.toBe(refusal)
    expect(await b).toEqual(['B'])
    expect(transactions).toEqual([['a0', 'b', 'a1', 'a3']])
  })

  it('refuses all calls of a transaction that fails, says why, and goes on with the next', async () => {
    const { queue, fail } = createQueue()
    const cause = new Error('no space')
    fail(cause)
    for (const call of [queue.do(['a'], write), queue.do(['b'], write)]) {
      await expect(call).rejects.toMatchObject({
        code: 'ERR_STORE_UNAVAILABLE',
        message: 'store: the transaction failed',
        cause,
      })
    }
    fail(undefined)
    expect(await queue.do(['c'], write)).toEqual(['C'])
  })

  it('does not do what its caller has given up, and holds a bounded number', async () => {
    const { queue, transactions, hold } = createQueue(200)
    let release = (): void => {}
    hold(
      new Promise((resolve) => {
        release = resolve
      }),
    )
    const calls = items('a', 10_000).map((item) => queue.do([item], write))
    const refusals = Promise.allSettled(calls)
    await expect(queue.do(['b'], write)).rejects.toThrow('too many calls wait')
    const messages = (await refusals).map((one) => one.status === 'rejected' && one.reason.message)
    expect(new Set(messages)).toEqual(new Set(['store: no answer within 200 ms']))
    release()
    expect(await queue.do(['c'], write)).toEqual(['C'])
    expect(transactions.flat()).toEqual(['c'])
  })

  it('is idle when all is done', async () => {
    const { queue, transactions } = createQueue()
    const call = queue.do(items('a', 20), writeSlowly)
    await queue.idle()
    expect(transactions.flat()).toHaveLength(20)
    expect(await call).toHaveLength(20)
  })
})
