import { describe, expect, it } from 'vitest'
import type { Configuration } from '../../../server/index.ts'
import { sessionTokenOf, startGate, testKey } from '../../stage/start-gate.ts'
import {
  linkOf,
  playlist,
  type Site,
  says,
  segment,
  startAsking,
  startSite,
} from './remote-site.ts'

describe('a rule with remoteAuth', () => {
  it('asks once when a session opens, and for no segment', async () => {
    const site = await startSite()
    const stage = await startAsking(site, { parameters: { add: { uri: '$uri', cdn: '$cdn_ip' } } })
    const link = `${playlist}?user=7&hdnts=${stage.mint()}`
    const token = sessionTokenOf(await stage.ask(link))
    for (let count = 0; count < 3; count += 1) {
      expect((await stage.ask(`${segment}?hdntl=${token}`)).status).toBe(200)
    }
    expect(site.asked).toHaveLength(1)
    const [{ method, url }] = site.asked as [Site['asked'][number]]
    expect(method).toBe('POST')
    const query = new URL(url, site.url).searchParams
    expect(query.get('uri')).toBe(link)
    expect(query.get('user')).toBe('7')
    expect(query.get('cdn')).toBe('127.0.0.1')
  })

  it('is refused with remote-refused, opens nothing, and tells the origin nothing of the viewer', async () => {
    const site = await startSite(says(403))
    const stage = await startAsking(site, {}, { access: { singleUse: true } })
    const link = linkOf(stage)
    const refused = await stage.ask(link)
    expect([refused.status, refused.problem]).toEqual([
      403,
      expect.objectContaining({ reason: 'remote-refused', renew: false }),
    ])
    expect(refused.headers.get('playgate-session')).toBeNull()
    expect(refused.headers.get('cache-control')).toBe('no-store')
    expect((await stage.gate.sessions.list()).sessions).toEqual([])
    // Single use comes last: the refused request burnt nothing.
    site.answer = says(200)
    expect((await stage.ask(link)).status).toBe(200)
    expect(stage.log.filter((line) => line.includes('site rejects'))).not.toEqual([])
  })

  it('comes after everything that is known here: a bad token asks nobody', async () => {
    const site = await startSite()
    const restrict = { hosts: { allow: ['other.example'] } }
    const stage = await startAsking(site, {}, { rule: { remoteAuth: 'site', restrict } })
    await stage.ask(`${playlist}?hdnts=${stage.mint().slice(0, -1)}x`)
    await stage.ask(playlist)
    await stage.ask(linkOf(stage))
    expect(site.asked).toEqual([])
  })

  it.each([
    ['reject', 403],
    ['approve', 200],
  ] as const)('without an answer, onTimeout: %s answers %i, in time', async (onTimeout, status) => {
    const site = await startSite(says(500))
    const stage = await startAsking(site, { onTimeout, retries: 1 })
    const started = performance.now()
    expect((await stage.ask(linkOf(stage))).status).toBe(status)
    expect(performance.now() - started).toBeLessThan(1_500)
    expect(site.asked).toHaveLength(2)
  })

  it('asks for each object where the rule has no session', async () => {
    const site = await startSite()
    const stage = await startAsking(site, {}, { session: null })
    const token = stage.mint()
    for (let count = 0; count < 2; count += 1) {
      expect((await stage.ask(`${segment}?hdnts=${token}`)).status).toBe(200)
    }
    expect(site.asked).toHaveLength(2)
    site.answer = says(403)
    expect((await stage.ask(`${segment}?hdnts=${token}`)).problem.reason).toBe('remote-refused')
  })

  it('asks again each recheckSeconds, under the running session', async () => {
    const site = await startSite()
    const stage = await startAsking(site, { recheckSeconds: 60 })
    const token = sessionTokenOf(await stage.ask(linkOf(stage)))
    const play = () => stage.ask(`${segment}?hdntl=${token}`)
    await play()
    expect(site.asked).toHaveLength(1)
    site.answer = says(403)
    stage.clock.advance(59_000)
    expect((await play()).status).toBe(200)
    stage.clock.advance(2_000)
    expect((await play()).problem.reason).toBe('remote-refused')
    expect((await play()).problem.reason).toBe('remote-refused')
    expect(site.asked).toHaveLength(2)
    // A site that thinks better of it lets the session go on.
    site.answer = says(200)
    stage.clock.advance(61_000)
    expect((await play()).status).toBe(200)
  })

  it('takes subject, lifetime and limit from the answer, and only ever narrows', async () => {
    const site = await startSite(
      says(200, {
        'Playgate-Subject': 'u7',
        'Playgate-Max-Lifetime': '60',
        'Playgate-Max-Concurrent': '1',
      }),
    )
    const stage = await startAsking(site, {}, { session: { slackSeconds: 3_600 } })
    const first = await stage.ask(linkOf(stage))
    expect(first.headers.get('playgate-session')).toContain('expires-in=60')
    const { sessions } = await stage.gate.sessions.list()
    expect(sessions.map(({ subject }) => subject)).toEqual(['u7'])
    const second = await stage.ask(linkOf(stage), { headers: { 'User-Agent': 'Other/1.0' } })
    expect(second.problem).toMatchObject({ reason: 'session-limit', maxConcurrent: 1 })
    // The first plays on, counted under the limit that its opening was told.
    const token = sessionTokenOf(first)
    expect((await stage.ask(`${segment}?hdntl=${token}`)).status).toBe(200)
    // The subject of the access token stays whoever the site names.
    expect((await stage.ask(linkOf(stage, 'u8'))).status).toBe(200)
    const subjects = (await stage.gate.sessions.list()).sessions.map(({ subject }) => subject)
    expect(subjects.sort()).toEqual(['u7', 'u8'])
  })

  it('narrows the life of a link that the session gives away, too', async () => {
    const site = await startSite(says(200, { 'Playgate-Max-Lifetime': '120' }))
    const stage = await startAsking(site, {}, { session: { cast: true } })
    const sessionToken = sessionTokenOf(await stage.ask(linkOf(stage)))
    stage.clock.advance(50_000)
    const answer = await stage.ask('/_playgate/session', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ purpose: 'cast', path: playlist, sessionToken }),
    })
    expect(JSON.parse(answer.text)).toMatchObject({ expiresInSeconds: 70 })
  })

  it('never allows more streams than the rule', async () => {
    const site = await startSite(says(200, { 'Playgate-Max-Concurrent': '5' }))
    const stage = await startAsking(site, {}, { session: { maxConcurrent: 1 } })
    expect((await stage.ask(linkOf(stage, 'u7'))).status).toBe(200)
    const second = await stage.ask(linkOf(stage, 'u7'), { headers: { 'User-Agent': 'Other/1.0' } })
    expect(second.problem).toMatchObject({ reason: 'session-limit', maxConcurrent: 1 })
  })

  it('renews a session for the same viewer only, also where the site names him', async () => {
    const site = await startSite(says(200, { 'Playgate-Subject': 'u7' }))
    const stage = await startAsking(site)
    const opened = sessionTokenOf(await stage.ask(linkOf(stage)))
    const renew = async (accessToken: string) => {
      const answer = await stage.ask('/_playgate/session', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ accessToken, path: playlist, sessionToken: opened }),
      })
      return JSON.parse(answer.text).sessionId as string
    }
    const sessionId = (await stage.gate.sessions.list()).sessions[0]?.sessionId
    expect(await renew(stage.mint())).toBe(sessionId)
    site.answer = says(200, { 'Playgate-Subject': 'u8' })
    expect(await renew(stage.mint())).not.toBe(sessionId)
  })

  it('is asked about a session that was opened where nobody is asked', async () => {
    const site = await startSite(says(403))
    const stage = await startGate()
    const rule = (name: string, paths: string[], remoteAuth?: string) => ({
      ...{ name, match: { paths }, stripPrefix: '/vod', origin: stage.origin.url, session: {} },
      access: { format: 'edgeauth' as const, key: 'vod' },
      ...(remoteAuth !== undefined && { remoteAuth }),
    })
    stage.gate.reload({
      keys: { vod: { primary: testKey } },
      remotes: { site: { url: site.url, timeoutMs: 500, retries: 0 } },
      rules: [rule('strict', ['/vod/film/low/*'], 'site'), rule('lax', ['/vod/*'])],
    })
    const token = sessionTokenOf(await stage.ask(linkOf(stage)))
    const play = () => stage.ask(`${segment}?hdntl=${token}`)
    expect((await play()).problem.reason).toBe('remote-refused')
    site.answer = says(200)
    expect((await play()).status).toBe(200)
    const asked = site.asked.length
    expect((await play()).status).toBe(200)
    expect(site.asked).toHaveLength(asked)
  })

  it('says once that limits are dropped where the rule has no session', async () => {
    const site = await startSite(says(200, { 'Playgate-Max-Concurrent': '1' }))
    const stage = await startAsking(site, {}, { session: null })
    for (let times = 0; times < 2; times += 1) {
      expect((await stage.ask(`${segment}?hdnts=${stage.mint()}`)).status).toBe(200)
    }
    const told = stage.log.filter((line) => line.includes('a limit in an answer is dropped'))
    expect(told).toEqual([expect.stringContaining('"rule":"film","maxConcurrent":1')])
  })

  it('grants no life anew to a session that it limited, without being asked', async () => {
    const site = await startSite(says(200, { 'Playgate-Max-Lifetime': '60' }))
    const stage = await startAsking(site)
    const opened = sessionTokenOf(await stage.ask(linkOf(stage, 'u7')))
    site.answer = says(403)
    const renewed = await stage.ask('/_playgate/session', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        accessToken: stage.mint({ subject: 'u7' }),
        path: playlist,
        sessionToken: opened,
      }),
    })
    expect(renewed.problem.reason).toBe('remote-refused')
  })

  it('in mode log lets through whom the site rejects, and says so', async () => {
    const site = await startSite(says(403))
    const stage = await startAsking(site, {}, { rule: { remoteAuth: 'site', mode: 'log' } })
    expect((await stage.ask(linkOf(stage))).status).toBe(200)
    expect(stage.log.join('\n')).toContain('"wouldRefuse":"remote-refused"')
    expect(JSON.parse(stage.log.at(-1) ?? '')).toMatchObject({
      event: 'request',
      outcome: 'opened',
      wouldRefuse: 'remote-refused',
    })
    const { text } = await stage.ask('/_playgate/metrics')
    expect(text).toContain('outcome="let-through",reason="remote-refused"} 1')
  })

  it('is switched on, changed and off by a reload', async () => {
    const site = await startSite(says(403))
    const stage = await startGate()
    const configuration = (remoteAuth?: string): Configuration => ({
      keys: { vod: { primary: testKey } },
      remotes: { site: { url: site.url, timeoutMs: 500, retries: 0 } },
      rules: [
        {
          name: 'film',
          match: { paths: ['/vod/*'] },
          stripPrefix: '/vod',
          origin: stage.origin.url,
          access: { format: 'edgeauth', key: 'vod' },
          session: {},
          ...(remoteAuth !== undefined && { remoteAuth }),
        },
      ],
    })
    expect((await stage.ask(linkOf(stage))).status).toBe(200)
    stage.gate.reload(configuration('site'))
    expect((await stage.ask(linkOf(stage))).problem.reason).toBe('remote-refused')
    stage.gate.reload(configuration())
    expect((await stage.ask(linkOf(stage))).status).toBe(200)
    expect(() => stage.gate.reload(configuration('none'))).toThrow('rules[0].remoteAuth')
  })

  it('is told by explain as a question that nobody asked', async () => {
    const site = await startSite()
    const stage = await startAsking(site)
    const { checks } = await stage.gate.explain({ url: linkOf(stage) })
    expect(checks.at(-1)).toEqual({
      check: 'remote-authentication',
      outcome: 'skipped',
      detail: 'site is asked when a session opens',
    })
    expect(site.asked).toEqual([])
  })

  it('counts its questions', async () => {
    const site = await startSite(says(403))
    const stage = await startAsking(site)
    await stage.ask(linkOf(stage))
    const metrics = (await stage.ask('/_playgate/metrics')).text
    expect(metrics).toContain('playgate_remote_total{remote="site",outcome="reject"} 1')
  })

  it.each([
    [{ url: 'ftp://x' }, 'remotes.site.url'],
    [{ url: 'http://u:p@x/' }, 'remotes.site.url'],
    [{ url: 'http://x/', timeoutMs: 499 }, 'remotes.site.timeoutMs'],
    [{ url: 'http://x/', retries: 4 }, 'remotes.site.retries'],
    [{ url: 'http://x/', headers: { add: { Host: 'x' } } }, 'remotes.site.headers.add.Host'],
    [{ url: 'http://x/', parameters: { add: { a: '$nothing' } } }, 'remotes.site.parameters.add.a'],
    [{ url: 'http://x/', more: 1 }, 'remotes.site'],
  ])('%j stops the start and names %s', async (remote, place) => {
    const started = startGate({ configuration: { remotes: { site: remote as never } } })
    await expect(started).rejects.toThrow(place)
  })
})
