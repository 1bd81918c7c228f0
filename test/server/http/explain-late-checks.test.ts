import { describe, expect, it, onTestFinished } from 'vitest'
import type { Explanation } from '../../../server/index.ts'
import { edgeauth } from '../../../server/token/index.ts'
import { startFakeOrigin } from '../../stage/fake-origin.ts'
import {
  type StagedGate,
  type StageOptions,
  sessionTokenOf,
  testKey,
} from '../../stage/start-gate.ts'
import { askAdmin, playlist, segment, startAdminGate } from '../admin/ask-admin.ts'

const once = { access: { singleUse: true } }
const limited = (more: object = {}) => ({ session: { maxConcurrent: 1, ...more } })
const taken = '1 streams of its subject are playing (session.maxConcurrent)'
const there = 'a place is there: 1 at most for streams of its subject'
const usedBefore = 'single use: this access token was used before'
const nobody =
  'the rule counts streams (session.maxConcurrent), and the token names no subject: mint it with one (its id)'

/** What the library says; the admin API has to say the same. */
async function explained(
  stage: StagedGate,
  target: string,
  { agent = 'tv', method }: { agent?: string; method?: string } = {},
): Promise<Explanation> {
  const asked = { url: target, method, headers: { 'user-agent': agent } }
  const explanation = await stage.gate.explain(asked)
  expect(JSON.parse((await askAdmin(stage, 'POST', '/explain', asked)).text)).toEqual(explanation)
  return explanation
}

/** And the request has to be answered so, just after. */
async function asExplained(
  stage: StagedGate,
  target: string,
  asked: { agent?: string; method?: string } = {},
): Promise<Explanation> {
  const explanation = await explained(stage, target, asked)
  const { agent = 'tv', method = 'GET' } = asked
  const real = await stage.ask(target, { method, headers: { 'User-Agent': agent } })
  const { status, reason } = explanation.answer
  expect([real.status, real.problem.reason ?? null]).toEqual([status ?? 200, reason])
  return explanation
}

const lateChecks = ({ checks }: Explanation) =>
  checks
    .filter(({ check }) => /^(receiver|remote-|concurrent-|single-)/.test(check))
    .map(({ check, outcome, detail }) => `${outcome} ${check}: ${detail}`)

const link = (stage: StagedGate, subject = 'u7') => `${playlist}?hdnts=${stage.mint({ subject })}`

/** For nobody in particular, which `mint` does not make for such a rule. */
function nobodysLink(stage: StagedGate): string {
  const endTime = stage.clock.nowSeconds() + 300
  return `${playlist}?hdnts=${edgeauth.mint({ mode: 'acl', path: '/vod/*', key: testKey, endTime })}`
}

async function open(stage: StagedGate, agent = 'tv', target = link(stage)): Promise<string> {
  stage.clock.advance(1)
  const headers = { 'User-Agent': agent }
  return `${segment}?hdntl=${sessionTokenOf(await stage.ask(target, { headers }))}`
}

describe('explain, of single use', () => {
  it.each<[string, StageOptions]>([
    ['with sessions', once],
    ['without', { ...once, session: null }],
  ])('says whether the token was used before, and does not use it: %s', async (_, options) => {
    const stage = await startAdminGate(options)
    const target = link(stage)
    await explained(stage, target)
    const fresh = await asExplained(stage, target)
    expect(lateChecks(fresh)).toEqual(['passed single-use: the token was not used before'])
    const spent = await asExplained(stage, target)
    expect(lateChecks(spent)).toEqual([`failed single-use: ${usedBefore}`])
    expect(spent.answer).toEqual({
      outcome: 'refused',
      status: 403,
      reason: 'token-refused',
      renew: true,
      detail: usedBefore,
    })
  })

  it('knows the grace of the client that used it', async () => {
    const stage = await startAdminGate({ access: { singleUse: true, singleUseGraceSeconds: 10 } })
    const target = link(stage)
    await open(stage, 'tv', target)
    expect((await asExplained(stage, target, { agent: 'phone' })).answer.outcome).toBe('refused')
    expect(lateChecks(await asExplained(stage, target))).toEqual([
      'passed single-use: the token was not used before, or by this client within the grace',
    ])
    stage.clock.advance(11_000)
    expect((await asExplained(stage, target)).answer.outcome).toBe('refused')
  })

  it('says that HEAD uses nothing up, and opens nothing', async () => {
    const stage = await startAdminGate({ ...once, ...limited() })
    const target = link(stage)
    await open(stage, 'tv', target)
    expect(lateChecks(await asExplained(stage, target, { method: 'HEAD', agent: 'x' }))).toEqual([
      'skipped concurrent-limit: HEAD opens no session',
      'skipped single-use: HEAD uses nothing up',
    ])
  })
})

describe('explain, of the limit on streams', () => {
  it('says whether there is a place, and takes none', async () => {
    const stage = await startAdminGate(limited())
    for (const agent of ['tv', 'phone']) {
      expect(lateChecks(await explained(stage, link(stage), { agent }))).toEqual([
        `passed concurrent-limit: ${there}`,
      ])
    }
    const film = await open(stage, 'tv')
    const full = await asExplained(stage, link(stage), { agent: 'phone' })
    expect(lateChecks(full)).toEqual([`failed concurrent-limit: ${taken}`])
    expect(full.answer).toMatchObject({ status: 403, reason: 'session-limit', detail: taken })
    expect(
      (await asExplained(stage, link(stage, 'u8'), { agent: 'phone' })).answer.status,
    ).toBeNull()
    expect(lateChecks(await asExplained(stage, film))).toEqual([
      `passed concurrent-limit: ${there}`,
    ])
    // He changes channels.
    expect((await asExplained(stage, link(stage))).answer.outcome).toBe('access')
  })

  it('needs no store to say that a token without a subject is refused', async () => {
    const stage = await startAdminGate({
      ...limited(),
      configuration: { store: 'redis://127.0.0.1:1/0' },
    })
    const { answer, checks } = await asExplained(stage, nobodysLink(stage))
    expect(checks.at(-1)).toEqual({ check: 'concurrent-limit', outcome: 'failed', detail: nobody })
    expect([answer.reason, answer.detail]).toEqual(['token-refused', nobody])
  })

  it('counts the places of ended sessions as free', async () => {
    const stage = await startAdminGate(limited())
    await open(stage)
    await stage.gate.sessions.endAll({ subject: 'u7' })
    stage.clock.advance(1)
    const free = await asExplained(stage, link(stage), { agent: 'phone' })
    expect(lateChecks(free)).toEqual([`passed concurrent-limit: ${there}`])
  })

  it('knows a session whose place went to another while it paused', async () => {
    const stage = await startAdminGate({ session: { maxConcurrent: 1, idleSeconds: 60 } })
    const film = await open(stage, 'tv')
    stage.clock.advance(61_000)
    await open(stage, 'phone')
    const { answer } = await asExplained(stage, film)
    expect([answer.reason, answer.detail]).toEqual(['session-limit', taken])
  })

  it('says of a newcomer who ends another that there is room, and ends nobody', async () => {
    const stage = await startAdminGate({ ...once, ...limited({ onLimit: 'end-oldest' }) })
    const first = link(stage)
    const film = await open(stage, 'tv', first)
    const next = link(stage)
    expect(lateChecks(await explained(stage, next, { agent: 'phone' }))).toEqual([
      'passed concurrent-limit: another session of its subject would be ended to make room (onLimit: end-oldest)',
      'passed single-use: the token was not used before',
    ])
    const spent = await asExplained(stage, first, { agent: 'phone' })
    expect(spent.answer).toMatchObject({ reason: 'token-refused', detail: usedBefore })
    expect((await asExplained(stage, film)).answer.outcome).toBe('session')
  })

  it('tells a used token of the places, and refuses it for its use, as the server does', async () => {
    const stage = await startAdminGate({ ...once, ...limited() })
    const target = link(stage)
    await open(stage, 'tv', target)
    const { answer, ...rest } = await asExplained(stage, target, { agent: 'phone' })
    expect(lateChecks({ answer, ...rest })).toEqual([
      `failed concurrent-limit: ${taken}`,
      `failed single-use: ${usedBefore}`,
    ])
    expect(answer).toMatchObject({ reason: 'token-refused', detail: usedBefore })
  })

  it('answers with the status that the rule has for it', async () => {
    const denial = { byReason: { 'session-limit': 409 } }
    const stage = await startAdminGate({ ...limited(), rule: { denial } })
    await open(stage)
    expect((await asExplained(stage, link(stage), { agent: 'phone' })).answer.status).toBe(409)
  })
})

describe('explain, of both', () => {
  it('stands behind the site’s own server, which may name the subject and a lower limit', async () => {
    const site = await startFakeOrigin({
      '/auth': (_request, response) => void response.writeHead(200).end(),
    })
    onTestFinished(() => site.close())
    const stage = await startAdminGate({
      ...once,
      ...limited(),
      rule: { remoteAuth: 'site' },
      configuration: { remotes: { site: { url: `${site.url}/auth`, timeoutMs: 500, retries: 0 } } },
    })
    const remote = 'skipped remote-authentication: site is asked when a session opens'
    const unused = 'passed single-use: the token was not used before'
    expect(lateChecks(await explained(stage, nobodysLink(stage)))).toEqual([
      remote,
      'skipped concurrent-limit: the token names no subject, and site may, when it is asked',
      unused,
    ])
    expect(lateChecks(await explained(stage, link(stage)))).toEqual([
      remote,
      `skipped concurrent-limit: ${there}; site may set a lower limit when it is asked`,
      unused,
    ])
    expect(site.requests).toEqual([])
    await open(stage)
    const full = await asExplained(stage, link(stage), { agent: 'phone' })
    expect(full.answer).toMatchObject({ reason: 'session-limit', detail: taken })
  })

  it.each([
    ['single-use', once],
    ['concurrent-limit', limited()],
  ])('refuses while the store does not answer: %s', async (check, options) => {
    const configuration = { store: 'redis://127.0.0.1:1/0' }
    const stage = await startAdminGate({ ...options, configuration })
    const { answer, checks } = await asExplained(stage, link(stage))
    expect(answer).toMatchObject({ status: 503, reason: 'store-unavailable' })
    expect(checks.at(-1)).toMatchObject({ check, outcome: 'failed' })
  })

  it('says what only another process knows, when it is told that this one does not', async () => {
    const stage = await startAdminGate({ ...once, ...limited() })
    const asked = { url: link(stage), sharesStore: false }
    const explanation = await stage.gate.explain(asked)
    expect(lateChecks(explanation)).toEqual([
      'skipped concurrent-limit: how many streams of its subject are playing, only the running server knows',
      'skipped single-use: whether the token was used before, only the running server knows',
    ])
    expect(explanation.answer.outcome).toBe('access')
  })

  it('says what mode log would refuse', async () => {
    const stage = await startAdminGate({ ...once, ...limited(), rule: { mode: 'log' } })
    const target = link(stage)
    await open(stage, 'tv', target)
    const { mode, answer } = await explained(stage, target)
    expect([mode, answer.reason]).toEqual(['log', 'token-refused'])
    expect((await stage.ask(target)).status).toBe(200)
  })
})
