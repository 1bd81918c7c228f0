import { describe, expect, it } from 'vitest'
import { otherKey, sessionTokenOf, startGate, testKey } from '../../stage/start-gate.ts'

const path = '/vod/film/index.m3u8'
const once = { access: { singleUse: true } }

describe('a single-use access token', () => {
  it('opens one session, for whoever comes first', async () => {
    const { ask, mint } = await startGate(once)
    const target = `${path}?hdnts=${mint()}`
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(target)))
    const opened = answers.filter(({ status }) => status === 200)
    expect(opened).toHaveLength(1)
    for (const { status, problem, headers } of answers.filter((answer) => answer !== opened[0])) {
      expect([status, problem.reason, problem.renew]).toEqual([403, 'token-refused', true])
      expect(headers.get('playgate-session')).toBeNull()
    }
    const session = opened[0] && sessionTokenOf(opened[0])
    expect((await ask(`/vod/film/low/1.m4s?hdntl=${session}`)).status).toBe(200)
  })

  it('is another one for each viewer, also in the same second', async () => {
    const { ask, mint } = await startGate(once)
    const tokens = [mint(), mint(), mint({ subject: 'u' }), mint({ subject: 'u' })]
    for (const token of tokens) expect((await ask(`${path}?hdnts=${token}`)).status).toBe(200)
  })

  it('is not burnt by what opens nothing', async () => {
    const { ask, clock, mint, origin } = await startGate(once)
    const target = `${path}?hdnts=${mint()}`
    await ask(target, { method: 'HEAD' })
    await ask(target, { method: 'OPTIONS' })
    await ask(target.replace('/film/', '/other/'))
    await ask(target.replace('hmac=', 'hmac=0'))
    await ask(`/vod/film/low/1.m4s?${target.split('?')[1]}`)
    clock.advance(20_000) // until the playlist has to be fetched again
    origin.route('/film/index.m3u8', (_request, response) => void response.writeHead(500).end())
    expect((await ask(target)).status).toBe(502)
    origin.route('/film/index.m3u8', (_request, response) => {
      response
        .setHeader('Content-Type', 'application/vnd.apple.mpegurl')
        .end('#EXTM3U\n#EXTINF:1,\na.ts\n')
    })
    expect((await ask(target)).status).toBe(200)
    expect((await ask(target)).status).toBe(403)
  })

  it('is one token, however it is spelled and wherever it is carried', async () => {
    const { ask, mint } = await startGate(once)
    const token = mint()
    expect((await ask(`${path}?hdnts=${token}`)).status).toBe(200)
    expect((await ask(`${path}?hdnts=${encodeURIComponent(token)}`)).status).toBe(403)
    expect((await ask(path, { headers: { hdnts: token } })).status).toBe(403)
    const body = JSON.stringify({ accessToken: token, path })
    const headers = { 'Content-Type': 'application/json' }
    expect((await ask('/_playgate/session', { method: 'POST', headers, body })).status).toBe(403)
  })

  it('may be used again by the same client within the grace, for a lost answer', async () => {
    const stage = await startGate({ access: { singleUse: true, singleUseGraceSeconds: 10 } })
    const target = `${path}?hdnts=${stage.mint()}`
    expect((await stage.ask(target)).status).toBe(200)
    expect((await stage.ask(target, { headers: { 'User-Agent': 'Other' } })).status).toBe(403)
    expect((await stage.ask(target)).status).toBe(200)
    stage.clock.advance(11_000)
    expect((await stage.ask(target)).status).toBe(403)
  })

  it('stays spent through a reload', async () => {
    const stage = await startGate(once)
    const target = `${path}?hdnts=${stage.mint()}`
    expect((await stage.ask(target)).status).toBe(200)
    const access = { format: 'edgeauth' as const, key: 'vod', singleUse: true }
    const rule = {
      match: { paths: ['/vod/*'] },
      stripPrefix: '/vod',
      origin: stage.origin.url,
      access,
      session: {},
    }
    stage.gate.reload({ keys: { vod: { primary: otherKey, transition: testKey } }, rules: [rule] })
    expect((await stage.ask(target)).status).toBe(403)
  })

  it('is one token, under however many names its key stands in the configuration', async () => {
    const edgeauth = { format: 'edgeauth' as const, singleUse: true }
    const stage = await startGate({
      access: { key: 'vod', singleUse: true },
      configuration: {
        keys: {
          vod: { primary: testKey },
          live: { primary: otherKey, transition: testKey },
        },
      },
      rule: { access: [{ ...edgeauth, key: 'vod' }] },
    })
    const token = stage.mint()
    expect((await stage.ask(`${path}?hdnts=${token}`)).status).toBe(200)
    const rule = (key: string) => ({
      match: { paths: ['/vod/*'] },
      stripPrefix: '/vod',
      origin: stage.origin.url,
      access: { ...edgeauth, key },
      session: {},
    })
    stage.gate.reload({
      keys: { live: { primary: otherKey, transition: testKey }, vod: { primary: testKey } },
      rules: [rule('live')],
    })
    expect((await stage.ask(`${path}?hdnts=${token}`)).status).toBe(403)
  })

  it('is let through in mode log, and the log says that it was used before', async () => {
    const { ask, log, mint } = await startGate({ ...once, rule: { mode: 'log' } })
    const target = `${path}?hdnts=${mint()}`
    expect([(await ask(target)).status, (await ask(target)).status]).toEqual([200, 200])
    expect(JSON.parse(log.at(-1) ?? '')).toMatchObject({
      event: 'request',
      outcome: 'opened',
      wouldRefuse: 'token-refused',
      detail: 'single use: this access token was used before',
    })
  })

  it('delivers one object where the rule has no sessions', async () => {
    const { ask, mint } = await startGate({ ...once, session: null })
    const target = `/vod/film/low/1.m4s?hdnts=${mint()}`
    expect((await ask(target)).status).toBe(200)
    expect((await ask(target)).status).toBe(403)
  })

  it('is refused while the store does not answer, and running sessions go on', async () => {
    const stage = await startGate({ ...once, configuration: { store: 'redis://127.0.0.1:1/0' } })
    const token = stage.mint()
    const refused = await stage.ask(`${path}?hdnts=${token}`)
    expect([refused.status, refused.problem.reason]).toEqual([503, 'store-unavailable'])
    expect(refused.headers.get('cache-control')).toBe('no-store')
    const ready = await stage.ask('/_playgate/ready')
    expect([ready.status, JSON.parse(ready.text).store]).toEqual([503, 'unavailable'])
  })
})
