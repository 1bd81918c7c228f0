import { Counter, Gauge, Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { FromWorker, ToWorker } from '../../../server/cli/worker-messages.ts'
import { WorkerPeers } from '../../../server/cli/worker-peers.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A worker's side, with the test as the primary. */
function stage() {
  const sent: FromWorker[] = []
  const warnings: string[] = []
  const listeners: ((message: ToWorker) => void)[] = []
  const peers = new WorkerPeers({
    channel: {
      send: (message) => void sent.push(message),
      receive: (listener) => void listeners.push(listener),
    },
    warn: (reason) => void warnings.push(reason),
    now: () => performance.now(),
  })
  const registry = new Registry()
  const requests = new Counter({ name: 'requests', help: 'r', registers: [registry] })
  const say = (message: ToWorker): void => {
    for (const listener of listeners) listener(message)
  }
  return { peers, joined: peers.join(registry), requests, registry, sent, warnings, say }
}

describe('figures', () => {
  it('are those of all workers, as the primary says', async () => {
    const { joined, sent, say } = stage()
    const texts = [joined.metrics(), joined.metrics()]
    expect(sent).toEqual([
      { playgate: 'metrics', request: 1 },
      { playgate: 'metrics', request: 2 },
    ])
    say({ playgate: 'metrics', request: 2, text: 'second' })
    say({ playgate: 'metrics', request: 1, text: 'first' })
    expect(await Promise.all(texts)).toEqual(['first', 'second'])
  })

  it('are our own when the primary does not answer within a second', async () => {
    const { joined, requests, registry, say } = stage()
    requests.inc(7)
    const text = joined.metrics()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await text).toBe(await registry.metrics())
    say({ playgate: 'metrics', request: 1, text: 'too late' })
  })

  it('are sent to the primary when it asks, and at the end', async () => {
    const { peers, requests, sent, say } = stage()
    requests.inc(7)
    say({ playgate: 'figures', request: 3 })
    await vi.waitFor(() => expect(sent).toHaveLength(1))
    await peers.leave()
    const figures = [
      expect.objectContaining({ name: 'requests', values: [{ value: 7, labels: {} }] }),
    ]
    expect(sent).toEqual([
      { playgate: 'figures', request: 3, figures },
      { playgate: 'figures', request: null, figures },
    ])
  })
})

it('figures that cannot be had are not sent, and harm nobody', async () => {
  const { peers, registry, sent, warnings, say } = stage()
  new Gauge({
    name: 'broken',
    help: 'b',
    registers: [registry],
    collect() {
      throw new Error('no store')
    },
  })
  say({ playgate: 'figures', request: 1 })
  await peers.leave()
  await vi.waitFor(() => expect(warnings).toHaveLength(2))
  expect(warnings[0]).toBe('figures were not sent: Error: no store')
  expect(sent).toEqual([])
})

describe('messages', () => {
  it('go out for the others, and theirs come in', () => {
    const { joined, sent, say } = stage()
    const heard: unknown[] = []
    joined.onTold((message) => heard.push(message))
    joined.tell({ ended: ['a'] })
    say({ playgate: 'told', message: { ended: ['b'] } })
    expect(sent).toEqual([{ playgate: 'tell', message: { ended: ['a'] } }])
    expect(heard).toEqual([{ ended: ['b'] }])
  })

  it('are a hundred a second at most', async () => {
    const { joined, sent, warnings } = stage()
    for (let count = 0; count < 150; count += 1) joined.tell(count)
    expect(sent).toHaveLength(100)
    expect(warnings).toEqual(['more than 100 messages a second to the other workers'])
    await vi.advanceTimersByTimeAsync(1_000)
    joined.tell('again')
    expect(sent).toHaveLength(101)
  })

  it.each([
    ['x'.repeat(16_382), 1],
    ['x'.repeat(16_383), 0],
    ['é'.repeat(8_192), 0],
  ])('are of 16 KB at most', (message, count) => {
    const { joined, sent, warnings } = stage()
    joined.tell(message)
    expect(sent).toHaveLength(count)
    expect(warnings).toHaveLength(1 - count)
  })
})
