import { describe, expect, it } from 'vitest'
import type { Configuration } from '../../../server/index.ts'
import { edgeauth } from '../../../server/token/index.ts'
import { sessionTokenOf, startGate, testKey } from '../../stage/start-gate.ts'
import {
  linkOf,
  playlist,
  type RemoteOptions,
  type Site,
  says,
  segment,
  startAsking,
  startSite,
} from './remote-site.ts'

/** What `startAsking` starts with, asked again each minute. */
const configurationOf = (site: Site, origin: string): Configuration => ({
  keys: { vod: { primary: testKey } },
  remotes: { site: { url: site.url, timeoutMs: 500, retries: 0, recheckSeconds: 60 } },
  rules: [
    {
      ...{ name: 'film', match: { paths: ['/vod/*'] }, stripPrefix: '/vod', origin, session: {} },
      ...{ access: { format: 'edgeauth', key: 'vod' }, remoteAuth: 'site' },
    },
  ],
})

describe('an approval is one rule’s', () => {
  const [free, premium] = [segment, '/vod/other/index.m3u8']
  type RuleConfiguration = Configuration['rules'][number]

  async function startTwo(
    site: Site,
    name: (rule: string) => Partial<RuleConfiguration>,
    remote: RemoteOptions = {},
  ) {
    const stage = await startGate()
    const rule = (path: string): RuleConfiguration => ({
      ...{ ...name(path), match: { paths: [`/vod/${path}/*`] }, stripPrefix: '/vod' },
      ...{ origin: stage.origin.url, remoteAuth: 'site', session: { key: 'vod', salt: 's' } },
      access: { format: 'edgeauth', key: 'vod' },
    })
    const load = (...paths: string[]) =>
      stage.gate.reload({
        keys: { vod: { primary: testKey } },
        remotes: { site: { url: site.url, timeoutMs: 500, retries: 0, ...remote } },
        rules: paths.map(rule),
      })
    load('film', 'other')
    const play = (path: string, token: string) => stage.ask(`${path}?hdntl=${token}`)
    const open = async () =>
      sessionTokenOf(await stage.ask(`${playlist}?hdnts=${stage.mint({ path: '/vod/*' })}`))
    return { stage, load, play, open }
  }

  const unnamed = () => ({})
  it.each([
    ['by their names', (name: string) => ({ name: `${name}, in "HD"` }), 0],
    ['without names', unnamed, 0],
    ['without names, and asked again each minute', unnamed, 60],
  ])('%s', async (_how, name, recheckSeconds) => {
    const site = await startSite()
    const { load, play, open, stage } = await startTwo(site, name, { recheckSeconds })
    const token = await open()
    site.answer = says(403)
    expect((await play(premium, token)).problem.reason).toBe('remote-refused')
    expect((await play(free, token)).status).toBe(200)
    site.answer = says(200)
    stage.clock.advance(recheckSeconds * 1000 + 1)
    expect((await play(premium, token)).status).toBe(200)
    const asked = site.asked.length
    expect((await play(premium, token)).status).toBe(200)
    expect(site.asked).toHaveLength(asked)
    // What the process remembers goes with the configuration; what the token says stays, wherever its rule stands.
    load('other', 'film')
    site.answer = says(403)
    expect((await play(premium, token)).problem.reason).toBe('remote-refused')
    if (recheckSeconds === 0) expect((await play(free, token)).status).toBe(200)
  })

  it('and asks about tokens of an older spelling, which named the server alone', async () => {
    const site = await startSite(says(403))
    const { play, stage } = await startTwo(site, unnamed)
    const token = edgeauth.mint({
      ...{ mode: 'acl', path: '/vod/*', key: testKey, salt: 's', sessionId: 'a1' },
      ...{ payload: 'hdntl,ra=site', endTime: Math.floor(stage.clock.now() / 1000) + 600 },
    })
    expect((await play(free, token)).problem.reason).toBe('remote-refused')
    site.answer = says(200)
    expect((await play(free, token)).status).toBe(200)
    expect((await play(free, token)).status).toBe(200)
    expect(site.asked).toHaveLength(2)
  })
})

describe('a running session', () => {
  it('is asked at the next request about a session that was let in without an answer', async () => {
    const site = await startSite(says(503))
    const stage = await startAsking(site, { onTimeout: 'approve' })
    const token = sessionTokenOf(await stage.ask(linkOf(stage)))
    const play = () => stage.ask(`${segment}?hdntl=${token}`)
    expect((await play()).status).toBe(200)
    site.answer = says(403)
    expect((await play()).problem.reason).toBe('remote-refused')
    site.answer = says(200)
    expect((await play()).status).toBe(200)
    const asked = site.asked.length
    expect((await play()).status).toBe(200)
    expect(site.asked).toHaveLength(asked)
  })

  it.each(['reject', 'approve'] as const)(
    'plays on under the last approval when a recheck has no answer, onTimeout: %s',
    async (onTimeout) => {
      const site = await startSite()
      const stage = await startAsking(site, { recheckSeconds: 60, onTimeout })
      const token = sessionTokenOf(await stage.ask(linkOf(stage)))
      const play = () => stage.ask(`${segment}?hdntl=${token}`)
      site.answer = says(500)
      stage.clock.advance(61_000)
      for (let times = 0; times < 3; times += 1) expect((await play()).status).toBe(200)
      // At the opening, and once more; then at the next interval.
      expect(site.asked).toHaveLength(2)
      stage.clock.advance(61_000)
      expect((await play()).status).toBe(200)
      expect(site.asked).toHaveLength(3)
      const told = stage.log.filter((line) => line.includes('plays on under its last approval'))
      expect(told).toHaveLength(2)
      expect(told[0]).toContain('no answer from site, so the last one stands: it answered 500')
      const metrics = (await stage.ask('/_playgate/metrics')).text
      expect(metrics).toContain('playgate_remote_standing_total{remote="site"} 2')
      // Nobody new gets in that way.
      const opened = await stage.ask(linkOf(stage))
      expect(opened.status).toBe(onTimeout === 'approve' ? 200 : 403)
      site.answer = says(403)
      stage.clock.advance(61_000)
      expect((await play()).problem.reason).toBe('remote-refused')
      // Nor does anybody come back whom it has refused.
      site.answer = says(500)
      stage.clock.advance(61_000)
      expect((await play()).problem.reason).toBe('remote-refused')
      site.answer = says(200)
      stage.clock.advance(61_000)
      expect((await play()).status).toBe(200)
    },
  )

  it('plays on in a process that knows of the approval by the token alone', async () => {
    const site = await startSite()
    const stage = await startAsking(site, { recheckSeconds: 60 })
    const token = sessionTokenOf(await stage.ask(linkOf(stage)))
    site.answer = says(500)
    stage.gate.reload(configurationOf(site, stage.origin.url))
    for (let times = 0; times < 3; times += 1) {
      expect((await stage.ask(`${segment}?hdntl=${token}`)).status).toBe(200)
    }
    expect(site.asked).toHaveLength(2)
  })

  it('renews a session that plays on under an approval, with its limit', async () => {
    const site = await startSite(says(200, { 'Playgate-Max-Concurrent': '1' }))
    const stage = await startAsking(site, { recheckSeconds: 60 })
    const opened = sessionTokenOf(await stage.ask(linkOf(stage, 'u7')))
    site.answer = says(500)
    stage.clock.advance(61_000)
    const renewed = await stage.ask('/_playgate/session', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        ...{ accessToken: stage.mint({ subject: 'u7' }), path: playlist, sessionToken: opened },
      }),
    })
    expect(renewed.status).toBe(200)
    const { token } = JSON.parse(renewed.text)
    expect(token).toContain('mc=1,ra=')
    expect((await stage.ask(`${segment}?hdntl=${token}`)).status).toBe(200)
  })
})
