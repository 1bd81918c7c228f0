import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aclAllows } from '../../shared/acl.ts'
import { body, media, otherKey, startGate, testKey } from '../stage/start-gate.ts'
import {
  expectRefused,
  expectService,
  openSession,
  playlist,
  segment,
  send,
  sign,
  tokenOf,
} from './refusal.ts'

describe('T17: the window of a token', () => {
  // token-formats section 1.5 step 4 makes both ends inclusive; T17's "exp equal to now is expired" gives way.
  it.each([0, 5])('has both its ends, to the second, with %d seconds of skew', async (skew) => {
    const stage = await startGate({ access: { clockSkewSeconds: skew } })
    const begin = stage.clock.nowSeconds() + 20
    const end = begin + 3
    const token = sign(`st=${begin}~exp=${end}~acl=/vod/film/*`)
    const ask = () => send(stage, `${playlist}?hdnts=${token}`)
    for (let now = begin - 20; now <= end + 10; now += 1) {
      if (now > end + skew) await expectRefused(stage, ask, { reason: 'token-expired' })
      else if (now < begin - skew) await expectRefused(stage, ask, { reason: 'token-refused' })
      else expect([now, (await ask()).status]).toEqual([now, 200])
      stage.clock.advance(1000)
    }
  })

  it('of a session ends when it says, by skew of none, and refreshes do not move it', async () => {
    const stage = await startGate({ access: { clockSkewSeconds: 60 } })
    const token = await openSession(stage)
    const end = Number(/exp=(\d+)/.exec(token)?.[1])
    const ask = () => send(stage, `/vod/film/low/index.m3u8?hdntl=${token}`)
    while (stage.clock.nowSeconds() < end) {
      stage.clock.advance(Math.min(50, end - stage.clock.nowSeconds()) * 1000)
      const reply = await ask()
      expect(reply.status).toBe(200)
      expect(reply.text).toContain(`1.m4s?hdntl=${token}\n`)
      expect(reply.header('playgate-session')).toBeNull()
    }
    stage.clock.advance(1000)
    await expectRefused(stage, ask, { reason: 'token-expired' })
    await expectRefused(stage, () => send(stage, `${segment}?hdntl=${token}`))
  })

  it('is not said to have ended by a forged token', async () => {
    const stage = await startGate()
    const forged = sign('exp=1~acl=/vod/film/*', { key: otherKey })
    const asking = () => send(stage, `${playlist}?hdnts=${forged}`)
    await expectRefused(stage, asking, { reason: 'token-refused' })
  })

  it('T18: stays shut when the clock jumps far ahead', async () => {
    const stage = await startGate()
    const [access, session] = [stage.mint(), await openSession(stage)]
    stage.clock.advance(100 * 365 * 86_400_000)
    await expectRefused(stage, () => send(stage, `${playlist}?hdnts=${access}`))
    await expectRefused(stage, () => send(stage, `${segment}?hdntl=${session}`))
    await expectService(stage)
  })
})

describe('T19 and T20: an ACL', () => {
  it.each<[string, string, boolean]>([
    ['/vod/film/index.m3u8', '/vod/film/index.m3u8', true],
    ['/vod/film/index.m3u8', '/vod/film/index.m3u88', false],
    ['/vod/film/index.m3u8', '/vod/film/index.m3u', false],
    ['/vod/film/index.m3u8', '/vod/film/index.m3u8/', false],
    ['/vod/film/index.m3u8', '/vod/film/Index.m3u8', false],
    ['/vod/film', '/vod/film/index.m3u8', false],
    ['/vod/film/', '/vod/film/index.m3u8', false],
    ['/vod/film/*', '/vod/film2/index.m3u8', false],
    ['/vod/film/*', '/vod/film', false],
    ['/vod/film*', '/vod/film2/index.m3u8', true],
    ['/vod/*/index.m3u8', '/vod/film/low/index.m3u8', true],
    ['/vod/*/index.m3u8', '/vod/index.m3u8', false],
    ['/vod/film/index.m3u?', '/vod/film/index.m3u8', true],
    ['/vod/film/index.m3u?', '/vod/film/index.m3u88', false],
    ['/vod/film/?ndex.m3u8', '/vod/film//ndex.m3u8', false],
    ['/x!/vod/film/*', '/vod/film/index.m3u8', true],
    ['*', '/vod/film/index.m3u8', true],
    ['.*', '/vod/film/index.m3u8', false],
    ['/vod/(film|other)/*', '/vod/other/index.m3u8', false],
    ['/vod/[a-z]*', '/vod/film/index.m3u8', false],
    // Decoding once is the published rule (token-formats section 1.6), so an escaped star is a star.
    ['/vod/film/%2a', '/vod/film/index.m3u8', true],
    ['/x%21/vod/film/*', '/vod/film/index.m3u8', true],
    ['%2fvod%2ffilm%2f*', '/vod/film/index.m3u8', true],
    ['/vod/film/%252a', '/vod/film/index.m3u8', false],
    ['%252fvod%252ffilm%252f*', '/vod/film/index.m3u8', false],
    ['/x%2521/vod/film/*', '/vod/film/index.m3u8', false],
    ['/vod/%2e%2e/other/*', '/vod/other/index.m3u8', false],
    ['/vod/film/../*', '/vod/other/index.m3u8', false],
    ['/vod/%/*', '/vod/film/index.m3u8', false],
  ])('%s does or does not open %s: %s', async (acl, path, opens) => {
    const stage = await startGate({
      routes: Object.fromEntries(
        ['/film2/index.m3u8', '/other/index.m3u8', '/index.m3u8'].map((at) => [at, body(media)]),
      ),
    })
    const token = sign(`exp=${stage.clock.nowSeconds() + 60}~acl=${acl}`)
    const asking = () => send(stage, `${path}?hdnts=${token}`)
    if (opens) expect((await asking()).status).toBe(200)
    else {
      const status = path.includes('//') ? 400 : 403
      await expectRefused(stage, asking, { status })
    }
  })

  it('T21: of the worst kind is answered, and refused beyond the bounds', async () => {
    const stage = await startGate()
    const end = stage.clock.nowSeconds() + 60
    const worst = sign(`exp=${end}~acl=/vod/${'*a'.repeat(60)}*b`)
    const path = `/vod/${'a'.repeat(3000)}.m3u8`
    await expectRefused(stage, () => send(stage, `${path}?hdnts=${worst}`))
    for (const acl of [`/vod/${'x'.repeat(2100)}!/vod/*`, `${'/x!'.repeat(40)}/vod/*`]) {
      await expectRefused(stage, () =>
        send(stage, `${playlist}?hdnts=${sign(`exp=${end}~acl=${acl}`)}`),
      )
    }
    await expectService(stage)
  })
})

describe('T24: a session', () => {
  const piece = fc.constantFrom(
    ...['a', 'b', 'film', '*', '?', '/', '!', '%2f', '%2a', '%20', '%3f', '%', '%25', '%e2%82%ac'],
    ...['é'.normalize(), '+', '(', ')', "'", ',', '=', '@', '$', '&'.replace('&', '%26'), '[', '|'],
  )
  const acls = fc
    .array(piece, { minLength: 1, maxLength: 8 })
    .map((parts) => `/vod/${parts.join('')}`)
    .filter((acl) => !/[^!-~]/.test(acl))
  const names = fc.array(
    fc.constantFrom('a', 'b', 'film', '/', '%20', '%2B', '%3F', '(', '+', '@'),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  const paths = names
    .map((parts) => `/vod/${parts.join('')}`.replace(/\/{2,}/g, '/'))
    .filter((path) => !path.endsWith('/'))

  it.each([['query' as const], ['path' as const]])(
    'opens no path that the access token behind it does not, for the carrier %s',
    async (carrier) => {
      const stage = await startGate({ session: { carrier: [carrier] } })
      // Any path is a playlist to this origin: what is refused is refused by us.
      const end = stage.clock.nowSeconds() + 60
      let opened = 0
      await fc.assert(
        fc.asyncProperty(
          acls,
          fc.array(paths, { minLength: 6, maxLength: 12 }),
          async (acl, all) => {
            const token = sign(`exp=${end}~acl=${acl}!${playlist}`)
            const reply = await send(stage, `${playlist}?hdnts=${encodeURIComponent(token)}`)
            if (reply.status !== 200) return
            opened += 1
            const session = tokenOf(reply)
            for (const path of all) {
              const { status } = await send(stage, `${path}?hdntl=${session}`)
              const wanted = aclAllows(`${acl}!${playlist}`, path)
              // 404 is the origin's answer: the gate had let the request through.
              expect([acl, path, status === 404 || status === 200]).toEqual([acl, path, wanted])
            }
          },
        ),
        // A `%` that is no escape, next to what has to be escaped for a path.
        { numRuns: 60, examples: [['/vod/%*', ['/vod/%3Fa', '/vod/a']]] },
      )
      expect(opened).toBeGreaterThan(20)
    },
  )

  it('lives no longer than the media, its maximum and a day allow, however long the access token', async () => {
    const stage = await startGate({
      session: { maxLifetimeSeconds: 100 },
      access: { maxLifetimeSeconds: 1_000_000 },
    })
    const end = Number(/exp=(\d+)/.exec(await openSession(stage, { ttlSeconds: 900_000 }))?.[1])
    expect(end).toBe(stage.clock.nowSeconds() + 100)
  })

  it('keeps the address of its access token', async () => {
    const stage = await startGate({ configuration: { trustedProxies: ['127.0.0.1'] } })
    const from = (address: string) => [`X-Forwarded-For: ${address}`]
    const token = await openSession(stage, { ip: '203.0.113.9' }, from('203.0.113.9'))
    const ask = (headers: string[]) => () => send(stage, `${segment}?hdntl=${token}`, { headers })
    expect((await ask(from('203.0.113.9'))()).status).toBe(200)
    await expectRefused(stage, ask(from('203.0.113.8')))
    await expectRefused(stage, ask([]))
    await expectRefused(stage, ask(from('203.0.113.9, 198.51.100.1')))
  })

  it('for one URL covers its directory and not the one beside it', async () => {
    const stage = await startGate({ routes: { '/film2/1.m4s': body('x', 'video/mp4') } })
    const access = sign(`exp=${stage.clock.nowSeconds() + 60}`, { url: playlist })
    const session = tokenOf(await send(stage, `${playlist}?hdnts=${access}`))
    expect((await send(stage, `${segment}?hdntl=${session}`)).status).toBe(200)
    for (const path of ['/vod/film2/1.m4s', '/vod/other/index.m3u8', '/vod/film']) {
      await expectRefused(stage, () => send(stage, `${path}?hdntl=${session}`))
    }
  })

  it.each(['/vod/a*b/index.m3u8', '/vod/a!b/index.m3u8', '/vod/a%2Ab/index.m3u8'])(
    'is not opened for one URL whose directory no ACL can say: %s',
    async (path) => {
      const stage = await startGate({ routes: { [path.slice(4)]: body(media) } })
      const access = sign(`exp=${stage.clock.nowSeconds() + 60}`, { url: path })
      const reply = await send(stage, `${path}?hdnts=${access}`)
      expect([reply.status, reply.header('playgate-session')]).toEqual([403, null])
    },
  )
})

describe('T24: a session of one rule at another', () => {
  const rule = (name: string, url: string, more: object) => ({
    name,
    match: { paths: [`/${name}/*`] },
    stripPrefix: `/${name}`,
    origin: url,
    session: {},
    ...more,
  })
  const edgeauth = { format: 'edgeauth' as const, key: 'vod' }

  it.each([
    ['asks for another salt', { ...edgeauth }, { ...edgeauth, salt: 'pepper' }],
    [
      'takes fewer keys',
      [edgeauth, { ...edgeauth, key: 'second', parameter: 'hdnea' }],
      [edgeauth],
    ],
  ])(
    'opens nothing there that its access token does not open, when that rule %s',
    async (_what, here, there) => {
      const origin = await startGate()
      const parameter = Array.isArray(here) ? 'hdnea' : 'hdnts'
      const stage = await startGate({
        configuration: {
          keys: { vod: { primary: testKey }, second: { primary: otherKey } },
          rules: [
            rule('vod', origin.origin.url, { access: here }),
            rule('secret', origin.origin.url, { access: there }),
          ],
        },
      })
      const end = stage.clock.nowSeconds() + 60
      const access = sign(`exp=${end}~acl=/*`, { key: Array.isArray(here) ? otherKey : testKey })
      const opened = await send(stage, `${playlist}?${parameter}=${access}`)
      const session = tokenOf(opened)
      expect((await send(stage, `${segment}?hdntl=${session}`)).status).toBe(200)
      const at = '/secret/film/index.m3u8'
      await expectRefused(origin, () => send(stage, `${at}?${parameter}=${access}`))
      await expectRefused(origin, () => send(stage, `${at}?hdntl=${session}`))
    },
  )

  it('is good there when both rules take the very same access tokens', async () => {
    const origin = await startGate()
    const stage = await startGate({
      configuration: {
        rules: [
          rule('vod', origin.origin.url, { access: edgeauth }),
          rule('cdn', origin.origin.url, { access: edgeauth }),
        ],
      },
    })
    const access = sign(`exp=${stage.clock.nowSeconds() + 60}~acl=/*`)
    const session = tokenOf(await send(stage, `${playlist}?hdnts=${access}`))
    expect((await send(stage, `/cdn/film/low/1.m4s?hdntl=${session}`)).status).toBe(200)
  })
})
