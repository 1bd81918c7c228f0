import { describe, expect, it } from 'vitest'
import { parsePlaygateSession } from '../../../shared/playgate-session.ts'
import {
  type Answer,
  body,
  media,
  type StagedGate,
  type StageOptions,
  sessionTokenOf,
  startGate,
} from '../../stage/start-gate.ts'

const path = '/vod/film/index.m3u8'
const live = '/vod/film/live.m3u8'
const steering = '/vod/film/steer.json'
const start = 1_767_225_600

const liveMedia = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5
#EXT-X-PART-INF:PART-TARGET=0.5
#EXT-X-MAP:URI="init.mp4"
#EXT-X-KEY:METHOD=AES-128,URI="key.bin"
#EXTINF:4,
1.m4s
#EXT-X-PART:DURATION=0.5,URI="2.0.m4s"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="2.1.m4s"
#EXT-X-RENDITION-REPORT:URI="../other/live.m3u8",LAST-MSN=1,LAST-PART=0
`
const tokensIn = (text: string) => [...text.matchAll(/hdntl=([^"\n]+)/g)].map(([, token]) => token)
const endOf = (token = '') => Number(/^exp=(\d+)/.exec(token)?.[1]) - start
const why = ({ status, problem }: Answer) => (status === 200 ? 200 : `${status} ${problem.reason}`)

function startLive(session: StageOptions['session'] = {}, more: StageOptions = {}) {
  return startGate({
    startMs: start * 1000,
    ...more,
    session: { slidingSeconds: 60, ...session },
    routes: {
      '/film/live.m3u8': body(liveMedia),
      '/film/steer.json': body(
        '{"VERSION":1,"TTL":10,"PATHWAY-PRIORITY":["A"]}',
        'application/json',
      ),
      ...more.routes,
    },
  })
}

const openLive = async (stage: StagedGate, target = live) =>
  sessionTokenOf(await stage.ask(`${target}?hdnts=${stage.mint({ ttlSeconds: 30 })}`))

/** The session of an answer's header. */
const freshOf = ({ headers }: Answer) => parsePlaygateSession(headers.get('playgate-session') ?? '')

describe('slidingSeconds', () => {
  it('gives live sessions short tokens, and others the tokens that they had', async () => {
    const stage = await startLive()
    expect(endOf(await openLive(stage))).toBe(60)
    expect(endOf(sessionTokenOf(await stage.ask(`${path}?hdnts=${stage.mint()}`)))).toBe(312)
  })

  it('keeps the text of every URI for half of the time, whatever token the playlist is asked for with', async () => {
    const stage = await startLive()
    const first = await openLive(stage)
    const seen: string[] = []
    for (let at = 0; at <= 60; at += 2) {
      const answer = await stage.ask(`${live}?hdntl=${first}`)
      const tokens = new Set(tokensIn(answer.text))
      // Parts, hints and rendition reports agree with the segments.
      expect(tokensIn(answer.text)).toHaveLength(6)
      expect(tokens.size).toBe(1)
      const [token = ''] = tokens
      if (seen.at(-1) !== token) seen.push(token)
      expect([at, endOf(token)]).toEqual([at, at <= 30 ? 60 : 90])
      expect(freshOf(answer)?.token).toBe(at <= 30 ? undefined : token)
      expect(answer.headers.get('cache-control')).toBe('private, no-store')
      stage.clock.advance(2000)
    }
    expect(seen).toHaveLength(2)
    // And the one that a player stuck to is over.
    expect(why(await stage.ask(`${live}?hdntl=${first}`))).toBe('403 token-expired')
    expect(why(await stage.ask(`/vod/film/low/1.m4s?hdntl=${seen[1]}`))).toBe(200)
  })

  it('lets a session that takes fresh tokens up play to its lifetime, and not a second longer', async () => {
    const stage = await startLive({ maxLifetimeSeconds: 200 })
    let token = await openLive(stage)
    const ids = new Set<string>()
    const changes: number[] = []
    for (let at = 0; ; at += 5, stage.clock.advance(5000)) {
      const answer = await stage.ask(`${live}?hdntl=${token}`)
      if (answer.status !== 200) {
        expect([at, why(answer)]).toEqual([205, '403 token-expired'])
        break
      }
      const fresh = freshOf(answer)
      if (fresh === null) continue
      expect(fresh.expiresInSeconds).toBe(endOf(fresh.token) - at)
      expect(endOf(fresh.token)).toBeLessThanOrEqual(200)
      token = fresh.token
      ids.add(fresh.sessionId ?? '')
      changes.push(at)
    }
    // Not before half of a token is used up.
    expect(changes).toEqual([35, 65, 95, 125, 155])
    expect(ids.size).toBe(1)
  })

  it('begins anew with a renewal by an access token', async () => {
    const stage = await startLive({ maxLifetimeSeconds: 100 })
    const token = await openLive(stage)
    stage.clock.advance(50_000)
    const answer = await stage.ask('/_playgate/session', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ accessToken: stage.mint(), path: live, sessionToken: token }),
    })
    const renewed = JSON.parse(answer.text)
    expect(renewed).toMatchObject({ expiresInSeconds: 60 })
    stage.clock.advance(59_000)
    const fresh = freshOf(await stage.ask(`${live}?hdntl=${renewed.token}`))
    expect(endOf(fresh?.token)).toBe(140)
    stage.clock.advance(29_000)
    const last = freshOf(await stage.ask(`${live}?hdntl=${fresh?.token}`))
    expect(endOf(last?.token)).toBe(150)
  })

  it('sets a cookie where a cookie brought the token, and leaves the playlist alone', async () => {
    const stage = await startLive({ carrier: ['cookie'] }, { rule: { cors: { origins: [] } } })
    const token = await openLive(stage)
    stage.clock.advance(31_000)
    const answer = await stage.ask(live, { headers: { Cookie: `hdntl=${token}` } })
    expect(answer.text).toBe(liveMedia)
    const fresh = freshOf(answer)?.token ?? ''
    expect(answer.headers.get('set-cookie')).toBe(
      `hdntl=${fresh}; Max-Age=59; Path=/vod/film/; HttpOnly; Secure; SameSite=Lax`,
    )
    const played = await stage.ask('/vod/film/low/1.m4s', { headers: { Cookie: `hdntl=${fresh}` } })
    expect(why(played)).toBe(200)
  })

  it.each([
    ['header', ['player'], (token: string) => [live, { hdntl: token }]],
    [
      'query, attached by the plugin',
      ['player'],
      (token: string) => [`${live}?hdntl=${token}`, {}],
    ],
  ] as const)('tells the plugin in the header alone: %s', async (_where, carrier, asking) => {
    const stage = await startLive({ carrier: [...carrier] })
    const token = await openLive(stage)
    stage.clock.advance(31_000)
    const [target, headers] = asking(token)
    const answer = await stage.ask(target as string, { headers: headers as Record<string, string> })
    expect([answer.text, answer.headers.get('cache-control')]).toEqual([
      liveMedia,
      'private, no-store',
    ])
    expect(endOf(freshOf(answer)?.token)).toBe(90)
  })

  it('changes no path: below another one the player would find another playlist', async () => {
    const stage = await startLive({ carrier: ['path', 'player'] })
    const token = await openLive(stage)
    stage.clock.advance(31_000)
    const answer = await stage.ask(`/hdntl=${token}${live}`)
    expect(answer.text).toBe(liveMedia)
    expect(endOf(freshOf(answer)?.token)).toBe(90)
  })

  it('changes no playlist that is the same for everybody', async () => {
    const stage = await startLive({ carrier: ['define', 'query'] })
    const opened = await stage.ask('/_playgate/session', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ accessToken: stage.mint(), path: live, carrier: 'define' }),
    })
    const { token } = JSON.parse(opened.text)
    const before = await stage.ask(`${live}?hdntl=${token}`)
    stage.clock.advance(31_000)
    const after = await stage.ask(`${live}?hdntl=${token}`)
    expect(after.text).toBe(before.text)
    expect(freshOf(after)?.token).toContain('c=define')
    expect(after.headers.get('cache-control')).toBe('private, no-store')
  })

  it('gives nothing to a session that was ended, and ends with it', async () => {
    const stage = await startLive()
    const token = await openLive(stage)
    stage.clock.advance(31_000)
    const fresh = freshOf(await stage.ask(`${live}?hdntl=${token}`))
    await stage.gate.sessions.end(fresh?.sessionId ?? '')
    for (const text of [token, fresh?.token]) {
      const refused = await stage.ask(`${live}?hdntl=${text}`)
      expect(why(refused)).toBe('403 session-ended')
      expect(freshOf(refused)).toBeNull()
    }
  })

  it('takes fresh tokens for what they are: of the same client, for the same paths', async () => {
    const stage = await startLive()
    const token = await openLive(stage)
    stage.clock.advance(31_000)
    const fresh = freshOf(await stage.ask(`${live}?hdntl=${token}`))?.token
    const thief = { headers: { 'User-Agent': 'Thief/1.0' } }
    expect(why(await stage.ask(`${live}?hdntl=${fresh}`, thief))).toBe('403 token-refused')
    expect(why(await stage.ask(`/vod/other/index.m3u8?hdntl=${fresh}`))).toBe('403 token-refused')
  })

  it('answers HEAD with the headers of GET', async () => {
    const stage = await startLive()
    const token = await openLive(stage)
    stage.clock.advance(31_000)
    const identity = { headers: { 'Accept-Encoding': 'identity' } }
    const got = await stage.ask(`${live}?hdntl=${token}`, identity)
    const asked = await stage.ask(`${live}?hdntl=${token}`, { method: 'HEAD', ...identity })
    for (const name of ['playgate-session', 'content-length', 'cache-control']) {
      expect(asked.headers.get(name)).toBe(got.headers.get(name))
    }
  })

  it('brings a fresh token with no segment', async () => {
    const stage = await startLive()
    const token = await openLive(stage)
    stage.clock.advance(59_000)
    const answer = await stage.ask(`/vod/film/low/1.m4s?hdntl=${token}`)
    expect([why(answer), freshOf(answer)]).toEqual([200, null])
  })
})

describe('content steering', () => {
  const document = (more: object = {}) =>
    body(
      JSON.stringify({ VERSION: 1, TTL: 300, 'PATHWAY-PRIORITY': ['A'], ...more }),
      'application/json',
    )
  const startSteered = (more: object = {}, session: StageOptions['session'] = {}) =>
    startGate({
      startMs: start * 1000,
      session,
      routes: { '/film/steer.json': document(more) },
    })
  const open = async (stage: StagedGate) =>
    sessionTokenOf(await stage.ask(`${path}?hdnts=${stage.mint()}`))

  it('brings a fresh token when a third of the life is left: in RELOAD-URI and in clones', async () => {
    const stage = await startSteered({
      'RELOAD-URI': 'steer.json?dc=7',
      'PATHWAY-CLONES': [
        {
          'BASE-ID': 'A',
          ID: 'B',
          'URI-REPLACEMENT': { 'PER-VARIANT-URIS': { v1: '/vod/film/low/index.m3u8' } },
        },
      ],
    })
    const token = await open(stage)
    const early = await stage.ask(`${steering}?hdntl=${token}`)
    expect(new Set(tokensIn(early.text))).toEqual(new Set([token]))
    expect(freshOf(early)).toBeNull()

    stage.clock.advance(300_000)
    const answer = await stage.ask(`${steering}?hdntl=${token}`)
    const fresh = freshOf(answer)
    expect(endOf(fresh?.token)).toBe(624)
    const { 'RELOAD-URI': reload, 'PATHWAY-CLONES': clones } = JSON.parse(answer.text)
    expect(reload).toBe(`steer.json?dc=7&hdntl=${fresh?.token}`)
    const [variant] = Object.values(clones[0]['URI-REPLACEMENT']['PER-VARIANT-URIS'])
    expect(variant).toBe(`/vod/film/low/index.m3u8?hdntl=${fresh?.token}`)
    expect(answer.headers.get('cache-control')).toBe('private, no-store')

    stage.clock.advance(20_000)
    expect(why(await stage.ask(`${steering}?hdntl=${token}`))).toBe('403 token-expired')
    expect(why(await stage.ask(`${steering}?hdntl=${fresh?.token}`))).toBe(200)
    expect((await stage.gate.sessions.list()).sessions).toMatchObject([
      { sessionId: fresh?.sessionId, requests: 4 },
    ])
  })

  it('names where to reload from, where the origin’s manifest leaves the player with the old URL', async () => {
    const stage = await startSteered()
    const token = await open(stage)
    const target = `${steering}?_HLS_pathway=%22A%22&x=%20&hdntl=${token}&_HLS_throughput=5`
    expect((await stage.ask(target)).text).not.toContain('RELOAD-URI')
    stage.clock.advance(300_000)
    const answer = await stage.ask(target)
    expect(JSON.parse(answer.text)).toEqual({
      'RELOAD-URI': `${steering}?x=%20&hdntl=${freshOf(answer)?.token}`,
      VERSION: 1,
      TTL: 300,
      'PATHWAY-PRIORITY': ['A'],
    })
    const reloaded = await stage.ask(JSON.parse(answer.text)['RELOAD-URI'])
    expect(why(reloaded)).toBe(200)
  })

  it('gives a player below a token in the path another path', async () => {
    const stage = await startSteered({ 'RELOAD-URI': 'steer.json' }, { carrier: ['path'] })
    const token = await open(stage)
    const target = `/hdntl=${token}${steering}`
    expect(JSON.parse((await stage.ask(target)).text)['RELOAD-URI']).toBe('steer.json')
    stage.clock.advance(300_000)
    const answer = await stage.ask(target)
    expect(JSON.parse(answer.text)['RELOAD-URI']).toBe(
      `/hdntl=${freshOf(answer)?.token}${steering}`,
    )
  })

  it('never beyond the rule’s lifetime from the opening, however often it is asked for', async () => {
    const stage = await startSteered({}, { maxLifetimeSeconds: 1000 })
    let token = await open(stage)
    let at = 0
    for (; at < 2000; at += 50, stage.clock.advance(50_000)) {
      const answer = await stage.ask(`${steering}?hdntl=${token}`)
      if (answer.status !== 200) break
      token = freshOf(answer)?.token ?? token
      expect(endOf(token)).toBeLessThanOrEqual(1000)
    }
    expect(at).toBe(1050)
  })

  it('brings none to an ended session, to another client, or to a link for another device', async () => {
    const stage = await startSteered({}, { cast: true })
    const token = await open(stage)
    const linked = await stage.ask('/_playgate/session', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ purpose: 'cast', path, sessionToken: token }),
    })
    const link = JSON.parse(linked.text)
    stage.clock.advance(311_000)
    const cast = await stage.ask(`/hdntl=${link.token}${steering}`)
    expect([why(cast), freshOf(cast)]).toEqual([200, null])
    const thief = await stage.ask(`${steering}?hdntl=${token}`, {
      headers: { 'User-Agent': 'Thief/1.0' },
    })
    expect([why(thief), freshOf(thief)]).toEqual(['403 token-refused', null])
    await stage.gate.sessions.endAll({ all: true })
    const ended = await stage.ask(`${steering}?hdntl=${token}`)
    expect([why(ended), freshOf(ended)]).toEqual(['403 session-ended', null])
  })

  it('slides like playlists do, in a session that slides', async () => {
    const stage = await startLive()
    const token = await openLive(stage)
    stage.clock.advance(31_000)
    const answer = await stage.ask(`${steering}?hdntl=${token}`)
    expect(endOf(freshOf(answer)?.token)).toBe(90)
    expect(JSON.parse(answer.text)['RELOAD-URI']).toContain(freshOf(answer)?.token)
  })

  it('leaves VOD playlists as they are', async () => {
    const stage = await startSteered()
    const token = await open(stage)
    stage.clock.advance(311_000)
    const answer = await stage.ask(`/vod/film/low/index.m3u8?hdntl=${token}`)
    expect(answer.text).toBe(media.replace(/(init\.mp4|key\.bin|\d\.m4s)/g, `$1?hdntl=${token}`))
    expect(freshOf(answer)).toBeNull()
  })
})
