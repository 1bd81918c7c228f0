import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { TokenList } from '../../../server/index.ts'
import { useClosing } from '../../stage/closing.ts'
import { type StagedGate, sessionTokenOf, startGate } from '../../stage/start-gate.ts'
import { startRedis } from '../../stage/start-redis.ts'
import { describeWith } from '../../stage/tools.ts'

const opened = useClosing()
const playlist = '/vod/film/index.m3u8'
const segment = '/vod/film/low/1.m4s'

/** Two gates, each with an origin of its own, that share a store. */
async function startTwo(store: string): Promise<[StagedGate, StagedGate]> {
  const options = {
    rule: { access: [{ format: 'managed' as const }, { format: 'timed' as const, key: 'vod' }] },
    configuration: { store },
    startMs: Date.now(),
  }
  const both: [StagedGate, StagedGate] = [await startGate(options), await startGate(options)]
  for (const { gate } of both) await gate.ready()
  return both
}

const ask = async (stage: StagedGate, token: string) => {
  const answer = await stage.ask(`${playlist}?token=${token}`)
  return answer.problem.reason ?? answer.status
}
const play = async (stage: StagedGate, session: string) => {
  const answer = await stage.ask(`${segment}?hdntl=${session}`)
  return answer.problem.reason ?? answer.status
}
const namesOf = ({ tokens }: TokenList) => tokens.map(({ name }) => name)

/** What any store promises that gates share. */
function promises(startStore: () => Promise<string>): void {
  it('a token made at one is good at the other at once', async () => {
    const [one, other] = await startTwo(await startStore())
    const { token } = await one.gate.tokens.mint({ format: 'managed', subject: 'u7' })
    expect(await ask(other, token)).toBe(200)
    expect(namesOf(await other.gate.tokens.list())).toEqual(['u7'])
  })

  it.each([
    ['singly', (token: string) => ({ tokens: [token] })],
    ['by name', () => ({ name: 'u7' })],
    ['all at once', () => ({ all: true as const })],
  ])(
    'revoked %s at one, it is refused at the other within a second, with its sessions',
    async (_how, selector) => {
      const [one, other] = await startTwo(await startStore())
      const { token } = await one.gate.tokens.mint({ format: 'managed', subject: 'u7' })
      expect(await ask(other, token)).toBe(200)
      const session = sessionTokenOf(await other.ask(`${playlist}?token=${token}`))
      expect(await one.gate.tokens.revoke(selector(token))).toBe(1)
      const revokedAt = performance.now()
      expect([await ask(one, token), await play(one, session)]).toEqual([
        'token-refused',
        'session-ended',
      ])
      await expect
        .poll(async () => [await ask(other, token), await play(other, session)], { interval: 20 })
        .toEqual(['token-refused', 'session-ended'])
      // Asked four times a second; a busy machine is forgiven half a second more.
      expect(performance.now() - revokedAt).toBeLessThan(1500)
      expect(await other.gate.tokens.list()).toEqual({ tokens: [], next: null })
    },
  )

  it('timed tokens of a key are revoked at both', async () => {
    const [one, other] = await startTwo(await startStore())
    const token = other.gate.mint({ format: 'timed', ttlSeconds: 600 })
    const session = sessionTokenOf(await other.ask(`${playlist}?token=${token}`))
    await one.gate.tokens.revoke({ timedOfKey: 'vod' })
    await expect
      .poll(async () => [await ask(other, token), await play(other, session)])
      .toEqual(['token-refused', 'session-ended'])
  })

  it('a use at one is told at the other', async () => {
    const [one, other] = await startTwo(await startStore())
    const { token } = await one.gate.tokens.mint({ format: 'managed' })
    expect(await ask(one, token)).toBe(200)
    await expect
      .poll(async () => (await other.gate.tokens.list()).tokens[0]?.usedAt)
      .toBe(new Date(one.clock.now()).toISOString())
  })
}

describe('two gates on one LMDB directory', () => {
  promises(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'playgate-tokens-'))
    opened({ close: async () => rmSync(folder, { recursive: true }) })
    return `lmdb:${folder}`
  })
})

describeWith(['redis-server'], 'two gates on one Redis', () => {
  promises(async () => opened(await startRedis()).url)

  it.each([
    ['was never seen', false],
    ['was used a moment ago, and is remembered', true],
  ])(
    'refuse a token that %s while the store is silent, with 503, and recover',
    async (_what, isSeen) => {
      const redis = opened(await startRedis())
      const [one] = await startTwo(redis.url)
      const { token } = await one.gate.tokens.mint({ format: 'managed' })
      const timed = one.gate.mint({ format: 'timed', ttlSeconds: 600 })
      const session = sessionTokenOf(await one.ask(`${playlist}?token=${timed}`))
      if (isSeen) expect(await ask(one, token)).toBe(200)
      redis.pause()
      // Two seconds without a word.
      one.clock.advance(3000)
      const answer = await one.ask(`${playlist}?token=${token}`)
      expect([answer.status, answer.problem]).toEqual([
        503,
        expect.objectContaining({ reason: 'store-unavailable', renew: false }),
      ])
      expect(answer.headers.get('retry-after')).toBe('1')
      expect(answer.headers.get('cache-control')).toBe('no-store')
      const asked = one.origin.requests.length
      expect(await ask(one, token)).toBe('store-unavailable')
      expect(one.origin.requests).toHaveLength(asked)
      // What needs no store goes on.
      expect(await play(one, session)).toBe(200)
      expect(await ask(one, timed)).toBe(200)
      redis.resume()
      await expect.poll(() => ask(one, token)).toBe(200)
    },
  )

  it('say that a token was not made, or not revoked, while the store is silent', async () => {
    const redis = opened(await startRedis())
    const [one, other] = await startTwo(redis.url)
    const { token } = await one.gate.tokens.mint({ format: 'managed' })
    expect([await ask(one, token), await ask(other, token)]).toEqual([200, 200])
    await redis.kill()
    await expect(one.gate.tokens.mint({ format: 'managed' })).rejects.toMatchObject({ status: 503 })
    await expect(one.gate.tokens.list()).rejects.toMatchObject({ status: 503 })
    await expect(one.gate.tokens.revoke({ tokens: [token] })).rejects.toMatchObject({ status: 503 })
  })
})
