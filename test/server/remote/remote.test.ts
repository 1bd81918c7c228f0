import { describe, expect, it, onTestFinished } from 'vitest'
import { verifyRemoteSignature } from '../../../server/token/remote-signature.ts'
import {
  type FakeOrigin,
  type OriginHandler,
  reply,
  startFakeOrigin,
} from '../../stage/fake-origin.ts'
import { openRemote, stay, viewerAsks } from './staged.ts'

async function startSite(handler: OriginHandler): Promise<FakeOrigin & { readonly auth: string }> {
  const site = await startFakeOrigin({ '/auth': handler })
  onTestFinished(() => site.close())
  return Object.assign(site, { auth: `${site.url}/auth` })
}

/** A site whose answers wait for the test. */
async function startHeldSite() {
  const held: ((status: number) => void)[] = []
  const site = await startSite((_request, response) => {
    held.push((status) => void response.writeHead(status).end())
  })
  return { site, held }
}

const tellUri = { parameters: { add: { uri: '$uri' } } }
const approve = reply(200)
const reject = reply(403)
const broken = reply(503)

describe('a question to a site', () => {
  it.each(['POST', 'GET', 'HEAD'])(
    'goes out with method %s, and without a body',
    async (method) => {
      const site = await startSite(approve)
      const { ask } = openRemote(site.auth, { method, ...tellUri })
      const decision = await ask(null, { headers: { 'user-agent': 'Player/1' } })
      expect(decision).toEqual({ allow: true, answered: true, detail: 'site approves' })
      const [seen] = site.requests
      expect(seen).toMatchObject({ method, path: '/auth?uri=%2Fvod%2Ffilm.m3u8' })
      expect(seen?.headers).toEqual({
        host: new URL(site.url).host,
        connection: method === 'HEAD' ? 'close' : 'keep-alive',
        'user-agent': 'Player/1',
        ...(method === 'POST' && { 'content-length': '0' }),
      })
    },
  )

  it('takes 200 for a yes and 403 for a no, whatever the body says', async () => {
    const site = await startSite(reply(200, {}, '{"allowed":false}'))
    const { ask } = openRemote(site.auth)
    expect(await ask()).toMatchObject({ allow: true, answered: true })
    site.route('/auth', reply(403, { 'playgate-subject': 'not read' }, 'welcome'))
    expect(await ask()).toEqual({ allow: false, answered: true, detail: 'site rejects' })
  })

  it('hears what the answer grants', async () => {
    const headers = {
      'Playgate-Subject': 'user-7',
      'Playgate-Max-Concurrent': '2',
      'Playgate-Max-Lifetime': '3600',
    }
    const site = await startSite(reply(200, headers))
    expect(await openRemote(site.auth).ask()).toEqual({
      ...{ allow: true, answered: true, detail: 'site approves' },
      ...{ subject: 'user-7', maxConcurrent: 2, maxLifetimeSeconds: 3600 },
    })
  })

  it.each(['reject', 'approve'])(
    'has no answer where a grant makes no sense, and onTimeout says %s',
    async (onTimeout) => {
      const site = await startSite(reply(200, { 'Playgate-Max-Concurrent': 'two' }))
      expect(await openRemote(site.auth, { onTimeout }).ask()).toEqual({
        allow: onTimeout === 'approve',
        answered: false,
        detail: `no answer from site, so ${onTimeout}: it answered 200 with a bad playgate-max-concurrent (tries: 2)`,
      })
    },
  )

  it('is signed, so that the site knows who asks', async () => {
    const secret = 'known to both sides'
    const verdicts: unknown[] = []
    const site = await startSite((request, response) => {
      verdicts.push(verifyRemoteSignature(request, { secret, now: clock.nowSeconds() }))
      response.writeHead(200).end()
    })
    const { ask, clock } = openRemote(site.auth, {
      ...tellUri,
      signature: { secret },
    })
    const forged = { 'playgate-signature': 'forged', 'playgate-timestamp': '1' }
    await ask(null, { target: '/a.m3u8?x=%7e', headers: forged })
    expect(verdicts).toEqual([{ valid: true }])
  })

  it('goes over a connection that is kept', async () => {
    const site = await startSite(reply(200, {}, 'a body that nobody reads'))
    const { ask } = openRemote(site.auth, { maxConnections: 1 })
    for (const target of ['/1', '/2', '/3']) await ask(null, { target })
    expect([site.requests.length, site.accepted]).toEqual([3, 1])
  })

  it('is told of with what it cost', async () => {
    const site = await startSite(approve)
    const { ask, reports } = openRemote(site.auth, { retries: 2 })
    await ask('one')
    await ask('one')
    site.route('/auth', reply(500))
    await ask('two')
    const tookMs = expect.any(Number)
    expect(reports).toEqual([
      { remote: 'site', outcome: 'approve', tookMs, attempts: 1 },
      { remote: 'site', outcome: 'no-answer', tookMs, attempts: 3 },
    ])
  })
})

describe('a decision about a session', () => {
  it('holds for the session, however many ask', async () => {
    const site = await startSite(approve)
    const { ask, clock, remote } = openRemote(site.auth)
    expect(remote.known('one')).toBeUndefined()
    await ask('one', { target: '/vod/film.m3u8' })
    clock.advance(86_000_000)
    await ask('one', { target: '/vod/1.ts' })
    expect(remote.known('one')).toMatchObject({ allow: true })
    await ask('two')
    expect(site.requests).toHaveLength(2)
  })

  it('is asked for again each recheckSeconds', async () => {
    const site = await startSite(approve)
    const { ask, clock } = openRemote(site.auth, { recheckSeconds: 60 })
    await ask('one')
    clock.advance(60_000)
    await ask('one')
    expect(site.requests).toHaveLength(1)
    site.route('/auth', reject)
    clock.advance(1)
    expect(await ask('one')).toMatchObject({ allow: false })
    expect(await ask('one')).toMatchObject({ allow: false })
    expect(site.requests).toHaveLength(2)
    site.route('/auth', approve)
    clock.advance(60_001)
    expect(await ask('one')).toMatchObject({ allow: true })
  })

  it('is not kept when it is a no and nothing says for how long', async () => {
    const site = await startSite(reject)
    const { ask } = openRemote(site.auth)
    await ask('one')
    site.route('/auth', approve)
    expect(await ask('one')).toMatchObject({ allow: true })
  })

  it('is not kept when it was none', async () => {
    const site = await startSite(broken)
    const { ask } = openRemote(site.auth, { onTimeout: 'approve', recheckSeconds: 60, retries: 0 })
    expect(await ask('one')).toMatchObject({ allow: true, answered: false })
    site.route('/auth', reject)
    expect(await ask('one')).toMatchObject({ allow: false, answered: true })
  })
})

describe('a decision about a request without a session', () => {
  it('is made anew each time', async () => {
    const site = await startSite(approve)
    const { ask } = openRemote(site.auth)
    await ask()
    await ask()
    expect(site.requests).toHaveLength(2)
  })

  it('holds for the very same request when recheckSeconds says so', async () => {
    const site = await startSite(approve)
    const { ask, clock } = openRemote(site.auth, { recheckSeconds: 5 })
    const target = '/vod/film.m3u8?token=a'
    await ask(null, { target })
    await ask(null, { target })
    expect(site.requests).toHaveLength(1)
    await ask(null, { target: `${target}b` })
    await ask(null, { target, headers: { 'user-agent': 'other' } })
    expect(site.requests).toHaveLength(3)
    clock.advance(5_001)
    await ask(null, { target })
    expect(site.requests).toHaveLength(4)
  })
})

describe('who plays already', () => {
  it.each([
    [
      'with an approval that is to be asked for again',
      200,
      'no answer from site yet, so the last one stands',
    ],
    ['let in without an answer', 500, 'no answer from site, so approve'],
  ])(
    '%s, does not wait for a slow answer, and it counts when it is there',
    async (_what, status, why) => {
      const { site, held } = await startHeldSite()
      const how = { timeoutMs: 3000, retries: 0, recheckSeconds: 60, onTimeout: 'approve' }
      const { ask, clock } = openRemote(site.auth, how)
      const opening = ask('one')
      await site.arrival(0)
      held[0]?.(status)
      expect(await opening).toMatchObject({ allow: true })
      clock.advance(61_000)
      const meanwhile = await ask('one')
      expect(meanwhile).toMatchObject({ allow: true, answered: false })
      expect(meanwhile.detail).toContain(why)
      await site.arrival(1)
      held[1]?.(403)
      await expect.poll(() => ask('one')).toMatchObject({ allow: false, answered: true })
      expect(site.requests).toHaveLength(2)
    },
  )

  it('and was refused, waits: only an answer lets him in again', async () => {
    const { site, held } = await startHeldSite()
    const { ask, clock } = openRemote(site.auth, {
      timeoutMs: 3000,
      retries: 0,
      recheckSeconds: 60,
    })
    const opening = ask('one')
    await site.arrival(0)
    held[0]?.(403)
    expect(await opening).toMatchObject({ allow: false })
    clock.advance(61_000)
    const again = ask('one')
    await site.arrival(1)
    setTimeout(() => held[1]?.(200), 700)
    expect(await again).toMatchObject({ allow: true, answered: true })
  })
})

describe('questions at the same time', () => {
  it.each<[what: string, keys: (string | null)[], targets: string[]]>([
    ['of one session about different objects', ['one', 'one', 'one'], ['/1', '/2', '/3']],
    ['of different sessions in the same words', ['one', 'two', null], ['/1', '/1', '/1']],
    ['without a session in the same words', [null, null, null], ['/1', '/1', '/1']],
  ])('%s are one', async (_what, keys, targets) => {
    const { site, held } = await startHeldSite()
    const { ask } = openRemote(site.auth, { timeoutMs: 3000 })
    const asked = keys.map((key, index) => ask(key, { target: targets[index] ?? '' }))
    await site.arrival(0)
    held[0]?.(403)
    for (const decision of await Promise.all(asked))
      expect(decision).toMatchObject({ allow: false })
    expect(site.requests).toHaveLength(1)
  })

  it('that differ are asked side by side', async () => {
    const { site, held } = await startHeldSite()
    const { ask } = openRemote(site.auth, { timeoutMs: 3000, ...tellUri })
    const asked = [ask('one', { target: '/1' }), ask('two', { target: '/2' })]
    await site.arrival(1)
    for (const [index, { path }] of site.requests.entries()) {
      held[index]?.(path.endsWith('1') ? 200 : 403)
    }
    expect(await Promise.all(asked)).toMatchObject([{ allow: true }, { allow: false }])
  })

  it('outlive one who leaves, and end with the last', async () => {
    const { site, held } = await startHeldSite()
    const { remote } = openRemote(site.auth, { timeoutMs: 3000 })
    const [one, two] = [new AbortController(), new AbortController()]
    const first = remote.ask(viewerAsks(), { cacheKey: 'one', signal: one.signal })
    const second = remote.ask(viewerAsks(), { cacheKey: 'one', signal: two.signal })
    const seen = await site.arrival(0)
    one.abort(new Error('left'))
    await expect(first).rejects.toThrow('left')
    held[0]?.(200)
    expect(await second).toMatchObject({ allow: true })

    const alone = new AbortController()
    const third = remote.ask(viewerAsks(), { cacheKey: 'three', signal: alone.signal })
    const lonely = await site.arrival(1)
    alone.abort(new Error('left too'))
    await expect(third).rejects.toThrow('left too')
    expect([await seen.over, await lonely.over]).toEqual(['answered', 'aborted'])
    expect(remote.known('three')).toBeUndefined()
  })

  it('are not begun for somebody who has left', async () => {
    const site = await startSite(approve)
    const { remote } = openRemote(site.auth)
    const signal = AbortSignal.abort(new Error('gone'))
    for (const cacheKey of ['one', null]) {
      await expect(remote.ask(viewerAsks(), { cacheKey, signal })).rejects.toThrow('gone')
    }
    expect(site.requests).toHaveLength(0)
  })
})

describe('a site that is away', () => {
  const breaker = { failures: 2, pauseSeconds: 10 }

  it.each(['reject', 'approve'])(
    'is left alone for the pause, in which onTimeout (%s) decides',
    async (onTimeout) => {
      const site = await startSite(broken)
      const { ask, clock, reports } = openRemote(site.auth, { breaker, onTimeout, retries: 0 })
      await ask('one')
      await ask('two')
      expect(await ask('three')).toEqual({
        allow: onTimeout === 'approve',
        answered: false,
        detail: `no answer from site, so ${onTimeout}: it was not asked, because it was away a moment ago`,
      })
      expect(site.requests).toHaveLength(2)
      expect(reports.at(-1)).toEqual({
        ...{ remote: 'site', outcome: 'not-asked', tookMs: 0, attempts: 0 },
      })
      site.route('/auth', reject)
      clock.advance(10_000)
      expect(await ask('three')).toMatchObject({ allow: false, answered: true })
      expect(await ask('four')).toMatchObject({ allow: false, answered: true })
      expect(site.requests).toHaveLength(4)
    },
  )

  it('does not keep those from passing whose sessions it knew', async () => {
    const site = await startSite(approve)
    const { ask } = openRemote(site.auth, { breaker, retries: 0, recheckSeconds: 60 })
    await ask('known')
    site.route('/auth', broken)
    for (const key of ['one', 'two', 'three']) await ask(key)
    expect(await ask('known')).toMatchObject({ allow: true, answered: true })
  })

  it.each([400, 401, 404, 429, 500, 302, 204])(
    'is not one that answers %i: a viewer could bring that about for all others',
    async (status) => {
      const site = await startSite(reply(status))
      const { ask, reports } = openRemote(site.auth, { breaker, retries: 0 })
      for (const key of ['one', 'two', 'three', 'four']) await ask(key)
      expect(site.requests).toHaveLength(4)
      expect(reports.map(({ outcome }) => outcome)).toEqual(Array(4).fill('no-answer'))
    },
  )

  it('is asked by one viewer only after the pause, and by another when he leaves', async () => {
    const site = await startSite(broken)
    const { ask, clock, remote } = openRemote(site.auth, {
      ...{ breaker, retries: 0, timeoutMs: 3000, ...tellUri },
    })
    await ask('one')
    await ask('two')
    clock.advance(10_000)
    const held: (() => void)[] = []
    site.route('/auth', (_request, response) => void held.push(() => response.writeHead(200).end()))
    const leaving = new AbortController()
    const probe = remote.ask(viewerAsks(), { cacheKey: 'three', signal: leaving.signal })
    await site.arrival(2)
    const beside = await remote.ask(viewerAsks({ target: '/other' }), {
      ...{ cacheKey: 'four', signal: stay() },
    })
    expect(beside).toMatchObject({ allow: false, answered: false })
    leaving.abort(new Error('left'))
    await expect(probe).rejects.toThrow('left')
    site.route('/auth', approve)
    expect(await ask('five')).toMatchObject({ allow: true, answered: true })
    expect(site.requests).toHaveLength(4)
  })
})
