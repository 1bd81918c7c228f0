import { describe, expect, it } from 'vitest'
import { edgeauth } from '../../../server/token/index.ts'
import { type StagedGate, type StageOptions, startGate, testKey } from '../../stage/start-gate.ts'

const playlist = '/vod/film/index.m3u8'
const usedBefore = 'single use: this access token was used before'
const taken = '1 streams of its subject are playing (session.maxConcurrent)'
const nobody =
  'the rule counts streams (session.maxConcurrent), and the token names no subject: mint it with one (its id)'
const once = { access: { singleUse: true } }
const one = { session: { maxConcurrent: 1 } }
/** A port where nobody listens. */
const away = 'redis://127.0.0.1:1/0'

const start = ({ rule, ...options }: StageOptions): Promise<StagedGate> =>
  startGate({ ...options, rule: { mode: 'log', ...rule } })

const lastLine = ({ log }: StagedGate) => JSON.parse(log.at(-1) ?? '{}')

const failedChecks = ({ checks }: { checks: { outcome: string }[] }) =>
  checks.filter(({ outcome }) => outcome === 'failed')

async function letThrough(stage: StagedGate, reason: string): Promise<number> {
  const { text } = await stage.ask('/_playgate/metrics')
  const label = `outcome="let-through",reason="${reason}"`
  return Number(
    new RegExp(`^playgate_requests_total\\{[^}]*${label}\\} (\\d+)`, 'm').exec(text)?.[1],
  )
}

const openByPost = (stage: StagedGate, accessToken: string, more: object = {}, agent = 'tv') =>
  stage.ask('/_playgate/session', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'User-Agent': agent },
    body: JSON.stringify({ accessToken, path: playlist, ...more }),
  })

describe('mode log, where a later check would refuse', () => {
  it.each<[string, StageOptions, string, string, string]>([
    ['single use', once, 'token-refused', 'single-use', usedBefore],
    ['the limit', one, 'session-limit', 'concurrent-limit', taken],
    [
      'the limit, with end-oldest',
      { session: { maxConcurrent: 1, onLimit: 'end-oldest' } },
      'session-limit',
      'concurrent-limit',
      taken,
    ],
    [
      'single use, without sessions',
      { ...once, session: null },
      'token-refused',
      'single-use',
      usedBefore,
    ],
  ])('says so in the line of the request: %s', async (_, options, reason, check, detail) => {
    const stage = await start(options)
    const subject = 'u7'
    const token = stage.mint({ subject })
    const tokens = check === 'single-use' ? [token, token] : [token, stage.mint({ subject })]
    for (const [index, each] of tokens.entries()) {
      const headers = { 'User-Agent': `device ${index}` }
      expect((await stage.ask(`${playlist}?hdnts=${each}`, { headers })).status).toBe(200)
    }
    const warnings = stage.log
      .map((line) => JSON.parse(line))
      .filter(({ level }) => level === 'warn')
    expect(warnings).toEqual([lastLine(stage)])
    expect(lastLine(stage)).toMatchObject({ event: 'request', wouldRefuse: reason, detail })
    expect(failedChecks(lastLine(stage))).toEqual([{ check, outcome: 'failed', detail }])
    expect(lastLine(stage).checks.length).toBeGreaterThan(1)
    expect(await letThrough(stage, reason)).toBe(1)
  })

  it('names each of them, and would refuse for the first', async () => {
    const stage = await start({ ...once, ...one })
    const endTime = stage.clock.nowSeconds() + 300
    const token = edgeauth.mint({ mode: 'acl', path: '/vod/*', key: testKey, endTime })
    const target = `${playlist}?hdnts=${token}`
    for (const _ of [1, 2]) expect((await stage.ask(target)).status).toBe(200)
    expect(failedChecks(lastLine(stage))).toEqual([
      { check: 'concurrent-limit', outcome: 'failed', detail: nobody },
      { check: 'single-use', outcome: 'failed', detail: usedBefore },
    ])
    expect(lastLine(stage)).toMatchObject({ wouldRefuse: 'token-refused', detail: nobody })
  })

  it('says so where a session is asked for without its playlist', async () => {
    const stage = await start(once)
    const token = stage.mint()
    expect((await openByPost(stage, token)).status).toBe(200)
    expect(lastLine(stage)).toMatchObject({ level: 'info', event: 'session', outcome: 'opened' })
    expect((await openByPost(stage, token)).status).toBe(200)
    expect(lastLine(stage)).toMatchObject({
      level: 'warn',
      event: 'session',
      outcome: 'opened',
      wouldRefuse: 'token-refused',
      checks: [
        { check: 'access-token edgeauth in query', outcome: 'passed' },
        { check: 'single-use', outcome: 'failed', detail: usedBefore },
      ],
    })
    expect(await letThrough(stage, 'token-refused')).toBe(1)
  })

  it('says so to a server that asks, and can hand no session on', async () => {
    const stage = await start(one)
    const asked = await stage.ask('/_playgate/authorize/srs', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        action: 'on_play',
        ip: '192.0.2.7',
        vhost: '127.0.0.1',
        app: 'vod/film',
        stream: 'index.m3u8',
        param: `?hdnts=${stage.mint({ subject: 'u7' })}`,
      }),
    })
    expect([asked.status, asked.text]).toEqual([200, expect.stringContaining('0')])
    expect(failedChecks(lastLine(stage))).toMatchObject([{ check: 'concurrent-limit' }])
    expect(lastLine(stage).wouldRefuse).toBe('token-refused')
  })

  it('says that nobody could know, while the store does not answer', async () => {
    const stage = await start({ ...once, configuration: { store: away } })
    expect((await stage.ask(`${playlist}?hdnts=${stage.mint()}`)).status).toBe(200)
    expect(lastLine(stage).wouldRefuse).toBe('store-unavailable')
    expect(failedChecks(lastLine(stage))).toMatchObject([{ check: 'single-use' }])
  })
})

describe('mode enforce, where a later check refuses', () => {
  it.each<[string, StageOptions, string]>([
    ['single use', once, 'single-use'],
    ['single use under a limit', { ...once, ...one }, 'single-use'],
    ['the limit', one, 'concurrent-limit'],
  ])('has it among the checks in the log: %s', async (_, options, check) => {
    const stage = await startGate(options)
    const token = stage.mint({ subject: 'u7' })
    const next = check === 'single-use' ? token : stage.mint({ subject: 'u7' })
    await stage.ask(`${playlist}?hdnts=${token}`)
    const headers = { 'User-Agent': 'phone' }
    expect((await stage.ask(`${playlist}?hdnts=${next}`, { headers })).status).toBe(403)
    expect(failedChecks(lastLine(stage))).toMatchObject([{ check }])
    expect((await openByPost(stage, next, {}, 'phone')).status).toBe(403)
    expect(lastLine(stage)).toMatchObject({ event: 'session', outcome: 'refused' })
    expect(failedChecks(lastLine(stage))).toMatchObject([{ check }])
  })
})
