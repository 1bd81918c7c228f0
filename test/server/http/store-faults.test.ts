import { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { createStore } from '../../../server/store/create-store.ts'
import { useClosing } from '../../stage/closing.ts'
import { startSlowProxy } from '../../stage/slow-proxy.ts'
import { type StagedGate, sessionTokenOf, startGate, testKey } from '../../stage/start-gate.ts'
import { startRedis } from '../../stage/start-redis.ts'
import { describeWith } from '../../stage/tools.ts'

const opened = useClosing()
const path = '/vod/film/index.m3u8'
const segment = '/vod/film/low/1.m4s'

/** Two rules on one Redis: `/vod/film` counts streams, `/vod/other` needs nothing of the store. */
async function stage(store: string) {
  const staged = await startGate({
    rule: { name: 'film', match: { paths: ['/vod/film/*'] } },
    session: { maxConcurrent: 5 },
    configuration: { store },
    startMs: Date.now(),
  })
  const { origin, gate } = staged
  const access = { format: 'edgeauth' as const, key: 'vod' }
  const rule = { stripPrefix: '/vod', origin: origin.url, access }
  const configuration = {
    keys: { vod: { primary: testKey } },
    store,
    rules: [
      { ...rule, name: 'film', match: { paths: ['/vod/film/*'] }, session: { maxConcurrent: 5 } },
      { ...rule, name: 'other', match: { paths: ['/vod/other/*'] }, session: {} },
    ],
  }
  gate.reload(configuration)
  await gate.ready()
  return staged
}

let devices = 0
const openCounted = (staged: StagedGate) =>
  staged.ask(`${path}?hdnts=${staged.mint({ subject: `u${devices++}` })}`)
const openPlain = (staged: StagedGate) =>
  staged.ask(`/vod/other/index.m3u8?hdnts=${staged.mint({ path: '/vod/other/*' })}`)
const outcome = async (answer: ReturnType<typeof openCounted>) => {
  const { status, problem } = await answer
  return status === 200 ? 200 : `${status} ${problem.reason}`
}
const figure = async (staged: StagedGate, name: string) => {
  const { text } = await staged.ask('/_playgate/metrics')
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? 0)
}

describeWith(['redis-server'], 'a gate on a Redis', () => {
  it('that is slow: openings that are counted wait for it, and nothing else does', async () => {
    const redis = opened(await startRedis())
    const proxy = opened(await startSlowProxy(redis.port))
    const staged = await stage(`redis://127.0.0.1:${proxy.port}`)
    proxy.delay(150)
    const token = sessionTokenOf(await openCounted(staged))
    const claims = 'playgate_store_seconds_count\\{operation="claimPlaces"\\}'
    const before = await figure(staged, claims)
    expect(before).toBeGreaterThan(0)
    for (let count = 0; count < 50; count++) {
      expect((await staged.ask(`${segment}?hdntl=${token}`)).status).toBe(200)
      expect(await outcome(openPlain(staged))).toBe(200)
    }
    expect(await figure(staged, claims)).toBe(before)
  })

  it('that hangs: refuses what it cannot know, lets everything else play, and recovers', async () => {
    const redis = opened(await startRedis())
    const proxy = opened(await startSlowProxy(redis.port))
    const staged = await stage(`redis://127.0.0.1:${proxy.port}`)
    const token = sessionTokenOf(await openCounted(staged))
    const id = /~data=hdntl,sid=([0-9a-f]{40})/.exec(token)?.[1] ?? ''
    proxy.delay(Number.POSITIVE_INFINITY)
    expect(await outcome(openCounted(staged))).toBe('503 store-unavailable')
    expect(await outcome(openPlain(staged))).toBe(200)
    expect((await staged.ask(`${segment}?hdntl=${token}`)).status).toBe(200)
    await expect(staged.gate.sessions.end(id)).rejects.toMatchObject({ status: 503 })
    const failures = 'playgate_store_failures_total\\{operation="claimPlaces"\\}'
    expect(await figure(staged, failures)).toBeGreaterThan(0)
    const recovered = { timeout: 15_000 }
    // Two seconds without a word.
    staged.clock.advance(3000)
    await expect.poll(() => figure(staged, 'playgate_store_up'), recovered).toBe(0)
    proxy.delay(0)
    await expect.poll(() => outcome(openCounted(staged)), recovered).toBe(200)
    await expect.poll(() => figure(staged, 'playgate_store_up'), recovered).toBe(1)
    await expect
      .poll(() => figure(staged, 'playgate_store_silent_seconds'), recovered)
      .toBeLessThan(2)
    // What was to be ended meanwhile is ended for everybody.
    const other = opened(createStore(redis.url, { now: staged.clock.now, baseDirectory: '/' }))
    await expect
      .poll(
        async () => JSON.stringify(await other.revocationsSince(null).catch(() => null)),
        recovered,
      )
      .toContain(id)
    // The log has a line for the loss, and one for the recovery.
    await expect.poll(() => staged.log.join(''), recovered).toContain('the store answers again')
    expect(staged.log.join('')).toContain('the store does not answer: running sessions go on')
  })

  it('that is full: refuses what has to be written, lets everything else play, and recovers', async () => {
    const redis = opened(await startRedis())
    const admin = new Redis(redis.port, '127.0.0.1')
    opened({ close: async () => admin.disconnect() })
    const staged = await stage(redis.url)
    const token = sessionTokenOf(await openCounted(staged))
    await admin.config('SET', 'maxmemory', '1')
    expect(await outcome(openCounted(staged))).toBe('503 store-unavailable')
    expect(await outcome(openPlain(staged))).toBe(200)
    expect((await staged.ask(`${segment}?hdntl=${token}`)).status).toBe(200)
    await expect(staged.gate.sessions.endAll({ subject: 'u7' })).rejects.toMatchObject({
      status: 503,
    })
    await admin.config('SET', 'maxmemory', '0')
    expect(await outcome(openCounted(staged))).toBe(200)
    // What could not be told meanwhile is told now.
    await expect
      .poll(async () => (await staged.gate.sessions.list({ rule: 'other' })).sessions.length)
      .toBe(1)
  })

  it('that loses everything: running sessions are known again, and go on', async () => {
    const redis = opened(await startRedis())
    const admin = new Redis(redis.port, '127.0.0.1')
    opened({ close: async () => admin.disconnect() })
    const staged = await stage(redis.url)
    const token = sessionTokenOf(await openCounted(staged))
    expect((await staged.gate.sessions.list()).sessions).toHaveLength(1)
    await admin.flushall()
    expect((await staged.gate.sessions.list()).sessions).toHaveLength(0)
    expect((await staged.ask(`${segment}?hdntl=${token}`)).status).toBe(200)
    expect((await staged.gate.sessions.list()).sessions).toHaveLength(1)
  })
})
