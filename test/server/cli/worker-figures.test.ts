import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Counting, WorkerFigures } from '../../../server/cli/worker-figures.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A worker with figures of its own, sent as JSON as between processes. */
function createWorker(figures: WorkerFigures) {
  const registers = [new Registry()]
  const registry = registers[0] as Registry
  const labelNames = ['rule']
  const requests = new Counter({ name: 'requests', help: 'r', labelNames, registers })
  const open = new Gauge({ name: 'open', help: 'o', registers })
  const seconds = new Histogram({ name: 'seconds', help: 's', buckets: [1, 10], registers })
  const asked: number[] = []
  const counting: Counting = {
    send(message) {
      if (message.playgate === 'figures') asked.push(message.request)
    },
  }
  return {
    counting,
    asked,
    count(rule: string, times: number): void {
      requests.inc({ rule }, times)
      open.set(1)
      seconds.observe(times)
    },
    /** Answers the latest question, or nobody's. */
    async answer(request: number | null = asked.at(-1) ?? null): Promise<void> {
      const sent = JSON.parse(JSON.stringify(await registry.getMetricsAsJSON()))
      figures.take(counting, request, sent)
    },
  }
}

const lines = (text: string): string[] => text.split('\n').filter((line) => /^[a-z]/.test(line))

it('adds up what all workers count', async () => {
  const figures = new WorkerFigures()
  const [one, other] = [createWorker(figures), createWorker(figures)]
  one.count('film', 2)
  other.count('film', 3)
  other.count('news', 20)
  const collected = figures.collect([one.counting, other.counting])
  await one.answer()
  await other.answer()
  expect(lines(await collected).sort()).toEqual([
    'open 2',
    'requests{rule="film"} 5',
    'requests{rule="news"} 20',
    'seconds_bucket{le="+Inf"} 3',
    'seconds_bucket{le="1"} 0',
    'seconds_bucket{le="10"} 2',
    'seconds_count 3',
    'seconds_sum 25',
  ])
})

it('keeps what a worker that ended had counted, and nothing of how things were there', async () => {
  const figures = new WorkerFigures()
  const [one, other, next] = [1, 2, 3].map(() => createWorker(figures)) as [
    ReturnType<typeof createWorker>,
    ReturnType<typeof createWorker>,
    ReturnType<typeof createWorker>,
  ]
  one.count('film', 2)
  other.count('film', 3)
  await one.answer(null)
  figures.retire(one.counting)
  await other.answer(null)
  figures.retire(other.counting)
  next.count('film', 1)
  const collected = figures.collect([next.counting])
  await next.answer()
  const text = lines(await collected)
  expect(text).toContain('requests{rule="film"} 6')
  expect(text).toContain('seconds_count 3')
  expect(text).toContain('open 1')
})

it('takes what a worker said last when it does not answer in time', async () => {
  const figures = new WorkerFigures()
  const [one, other] = [createWorker(figures), createWorker(figures)]
  one.count('film', 2)
  await one.answer(null)
  one.count('film', 100)
  other.count('film', 3)
  const collected = figures.collect([one.counting, other.counting])
  await other.answer()
  await vi.advanceTimersByTimeAsync(700)
  expect(lines(await collected)).toContain('requests{rule="film"} 5')
})

it('does not wait for a worker that ends meanwhile', async () => {
  const figures = new WorkerFigures()
  const [one, other] = [createWorker(figures), createWorker(figures)]
  other.count('film', 3)
  const collected = figures.collect([one.counting, other.counting])
  await other.answer()
  figures.retire(one.counting)
  expect(lines(await collected)).toContain('requests{rule="film"} 3')
})

it('asks the workers once for all who ask at the same time', async () => {
  const figures = new WorkerFigures()
  const worker = createWorker(figures)
  const collected = [1, 2, 3].map(() => figures.collect([worker.counting]))
  await worker.answer()
  expect(new Set(await Promise.all(collected)).size).toBe(1)
  expect(worker.asked).toHaveLength(1)
  const again = figures.collect([worker.counting])
  await worker.answer()
  await again
  expect(worker.asked).toHaveLength(2)
})

it('has no figures when there are no workers', async () => {
  expect(lines(await new WorkerFigures().collect([]))).toEqual([])
})
