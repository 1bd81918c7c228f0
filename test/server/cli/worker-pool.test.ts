import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ToWorker } from '../../../server/cli/worker-messages.ts'
import { WorkerPool } from '../../../server/cli/worker-pool.ts'
import type { ForkedEvents } from '../../../server/cli/worker-process.ts'
import { createLog } from '../../../server/http/log.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A process that does what the test says. */
interface FakeProcess {
  readonly pid: number
  readonly told: ToWorker['playgate'][]
  listens(): void
  /** Ends, and says why before if there is a reason. */
  ends(reason?: string): void
  readonly isAlive: boolean
}

function stage(size: number) {
  const log: string[] = []
  const processes: FakeProcess[] = []
  const fork = ({ onMessage, onExit }: ForkedEvents) => {
    const pid = processes.length + 1
    const told: ToWorker['playgate'][] = []
    let isAlive = true
    const exit = (how: string): void => {
      if (isAlive) onExit(how)
      isAlive = false
    }
    processes.push({
      pid,
      told,
      listens: () => onMessage({ playgate: 'listens', url: 'http://here' }),
      ends(reason) {
        if (reason !== undefined) onMessage({ playgate: 'failed', status: 2, reason })
        exit('status 2')
      },
      get isAlive() {
        return isAlive
      },
    })
    return {
      pid,
      send: ({ playgate }: ToWorker) => void told.push(playgate),
      // The system tells of it a little later.
      kill: () => void setTimeout(() => exit('SIGKILL')),
    }
  }
  const pool = new WorkerPool({
    size,
    fork,
    log: createLog('info', { write: (line) => void log.push(line) }),
    now: () => performance.now(),
    onMessage: () => undefined,
    onExit: () => undefined,
  })
  const at = (pid: number): FakeProcess => {
    const found = processes[pid - 1]
    if (found === undefined) throw new Error(`process ${pid} was not started`)
    return found
  }
  const alive = (): number[] => processes.filter(({ isAlive }) => isAlive).map(({ pid }) => pid)
  return { pool, at, alive, log, pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) }
}

type Stage = ReturnType<typeof stage>

/** All came up, and live for longer than would be early. */
async function running(size: number): Promise<Stage> {
  const staged = stage(size)
  const started = staged.pool.start()
  for (let pid = 1; pid <= size; pid += 1) staged.at(pid).listens()
  await started
  await staged.pass(1_000)
  return staged
}

describe('the first start', () => {
  it('is done when one worker listens', async () => {
    const { pool, at, alive } = stage(2)
    const started = pool.start()
    at(2).listens()
    expect(await started).toEqual({ kind: 'listens', url: 'http://here' })
    expect(alive()).toEqual([1, 2])
  })

  it('fails for the reason of the first that has one, when none comes up', async () => {
    const { pool, at, alive, pass } = stage(3)
    const started = pool.start()
    at(1).ends()
    at(2).ends('store: cannot be opened')
    at(3).ends('store: is locked')
    expect(await started).toEqual({
      kind: 'failed',
      status: 2,
      reason: 'store: cannot be opened',
    })
    await pass(60_000)
    expect(alive()).toEqual([])
    expect(() => at(4)).toThrow()
  })

  it('fails when none listens in half a minute', async () => {
    const { pool, alive, pass } = stage(2)
    const started = pool.start()
    await pass(30_001)
    expect(await started).toEqual({
      kind: 'failed',
      status: 1,
      reason: 'does not listen after 30000 ms',
    })
    expect(alive()).toEqual([])
  })

  it('replaces those that failed once another one has come up', async () => {
    const { pool, at, alive, pass } = stage(2)
    const started = pool.start()
    at(1).ends()
    await pass(20_000)
    expect(alive()).toEqual([2])
    at(2).listens()
    await started
    await pass(1_000)
    expect(alive()).toEqual([2, 3])
  })
})

describe('a worker that ends unasked', () => {
  it('is replaced at once, and its end is logged', async () => {
    const { at, alive, log, pass } = await running(2)
    at(1).ends()
    await pass(0)
    expect(alive()).toEqual([2, 3])
    expect(log.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: 'error', event: 'worker', worker: 1, how: 'status 2' }),
    )
  })

  it('is replaced after ever longer times while each ends early, up to half a minute', async () => {
    const { at, alive, pass } = await running(1)
    at(1).ends()
    await pass(0)
    let pid = 2
    for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
      // Every other one even listens before.
      if (pid % 2 === 0) at(pid).listens()
      await pass(pid % 2 === 0 ? 999 : 0)
      at(pid).ends()
      await pass(seconds * 1000 - 1)
      expect(alive()).toEqual([])
      await pass(1)
      pid += 1
      expect(alive()).toEqual([pid])
    }
    at(pid).listens()
    await pass(1_000)
    at(pid).ends()
    await pass(0)
    expect(alive()).toEqual([pid + 1])
  })
})

describe('rolling', () => {
  it('lets each new worker listen before the old one drains, one place after the other', async () => {
    const { pool, at, alive, pass } = await running(2)
    const rolled = pool.roll()
    expect(alive()).toEqual([1, 2, 3])
    await pass(20_000)
    expect(at(1).told).toEqual([])
    at(3).listens()
    await pass(0)
    expect(at(1).told).toEqual(['drain'])
    expect(alive()).toEqual([1, 2, 3])
    at(1).ends()
    await pass(0)
    expect(at(2).told).toEqual([])
    at(4).listens()
    await pass(0)
    expect(at(2).told).toEqual(['drain'])
    at(2).ends()
    await rolled
    expect(alive()).toEqual([3, 4])
  })

  it('keeps the old ones when a new one does not come up, and says why', async () => {
    const { pool, at, alive, log, pass } = await running(2)
    const rolled = pool.roll()
    at(3).ends('rules[0].origin: no such directory')
    await rolled
    await pass(60_000)
    expect(alive()).toEqual([1, 2])
    expect([...at(1).told, ...at(2).told]).toEqual([])
    expect(log.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({
        level: 'error',
        event: 'restart',
        reason: 'rules[0].origin: no such directory',
      }),
    )
  })

  it('does so once more when it is asked to meanwhile, however often', async () => {
    const { pool, at, alive, pass } = await running(1)
    const rolled = pool.roll()
    void pool.roll()
    void pool.roll()
    for (const pid of [1, 2]) {
      at(pid + 1).listens()
      await pass(0)
      at(pid).ends()
      await pass(0)
    }
    await rolled
    await pass(60_000)
    expect(alive()).toEqual([3])
  })

  it('fills a place with one worker, though the old one ends while the new one comes up', async () => {
    const { pool, at, alive, pass } = await running(1)
    const rolled = pool.roll()
    at(1).ends()
    await pass(10_000)
    at(2).listens()
    await rolled
    expect(alive()).toEqual([2])
  })

  it('fills a place again when both the old one and the new one end', async () => {
    const { pool, at, alive, pass } = await running(1)
    const rolled = pool.roll()
    at(1).ends()
    at(2).ends()
    await rolled
    await pass(1_000)
    expect(alive()).toEqual([3])
  })

  it('takes the place of one that waits to be replaced', async () => {
    const { pool, at, alive, pass } = await running(1)
    at(1).ends()
    await pass(0)
    at(2).ends()
    expect(alive()).toEqual([])
    const rolled = pool.roll()
    at(3).listens()
    await rolled
    await pass(60_000)
    expect(alive()).toEqual([3])
  })

  it('ends an old worker that does not come to an end', async () => {
    const { pool, at, alive, pass } = await running(1)
    const rolled = pool.roll()
    at(2).listens()
    await pass(89_999)
    expect(alive()).toEqual([1, 2])
    await pass(2)
    await rolled
    expect(alive()).toEqual([2])
  })
})

describe('stopping', () => {
  it('asks those that serve, ends those that do not yet, and waits for all', async () => {
    const { pool, at, alive, pass } = await running(2)
    void pool.roll()
    let isStopped = false
    void pool.stop().then(() => {
      isStopped = true
    })
    await pass(0)
    expect(at(1).told).toEqual(['stop'])
    expect(at(2).told).toEqual(['stop'])
    expect(alive()).toEqual([1, 2])
    at(1).ends()
    await pass(0)
    expect(isStopped).toBe(false)
    at(2).ends()
    await pass(60_000)
    expect(isStopped).toBe(true)
    expect(alive()).toEqual([])
    expect(() => at(4)).toThrow()
  })

  it('ends a worker that does not come to an end', async () => {
    const { pool, alive, pass } = await running(1)
    const stopped = pool.stop()
    await pass(14_999)
    expect(alive()).toEqual([1])
    await pass(2)
    await stopped
    expect(alive()).toEqual([])
  })

  it('starts nobody any more in place of one that had ended before', async () => {
    const { pool, at, alive, pass } = await running(1)
    at(1).ends()
    await pass(0)
    at(2).ends()
    await pool.stop()
    await pass(60_000)
    expect(alive()).toEqual([])
  })

  it('during the first start ends all', async () => {
    const { pool, alive, pass } = stage(2)
    const started = pool.start()
    const stopped = pool.stop()
    await pass(1)
    await stopped
    expect((await started).kind).toBe('failed')
    expect(alive()).toEqual([])
  })
})
