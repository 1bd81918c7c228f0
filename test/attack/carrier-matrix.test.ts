import { describe, expect, it } from 'vitest'
import { type StagedGate, startGate } from '../stage/start-gate.ts'
import {
  type Carried,
  expectRefused,
  expectService,
  openSession,
  places,
  playlist,
  segment,
  send,
  sendCarrying,
  tokenOf,
} from './refusal.ts'

/** Everything that can be wrong with a session token, and nothing. */
const states = [
  'good',
  'changed',
  'ended',
  'otherPath',
  'otherClient',
  'accessKind',
  'empty',
] as const
type State = (typeof states)[number]
const accessStates = ['none', 'good', 'changed', 'ended'] as const

const forge = (token: string) => token.slice(0, -1) + (token.endsWith('0') ? '1' : '0')

async function sessionIn(state: State, stage: StagedGate): Promise<string> {
  if (state === 'accessKind') return stage.mint()
  if (state === 'empty') return ''
  const path = state === 'otherPath' ? '/vod/other/*' : '/vod/film/*'
  const at = state === 'otherPath' ? '/vod/other/index.m3u8' : playlist
  const headers = state === 'otherClient' ? ['User-Agent: Another/2.0'] : []
  const token = tokenOf(await send(stage, `${at}?hdnts=${stage.mint({ path })}`, { headers }))
  if (state === 'ended') stage.clock.advance(90_000_000)
  return state === 'changed' ? forge(token) : token
}

function accessIn(state: (typeof accessStates)[number], stage: StagedGate): string | null {
  if (state === 'none') return null
  if (state === 'good') return stage.mint()
  const token = stage.mint({ ttlSeconds: 1 })
  if (state === 'changed') return forge(token)
  stage.clock.advance(2000)
  return token
}

const rows = places.flatMap((place) =>
  states.flatMap((state) => accessStates.map((access) => [place, state, access] as const)),
)

describe('T25 and T55: the published table of carriers (token-formats section 1.7)', () => {
  it.each(rows)(
    'a session token in the %s that is %s, beside an access token that is %s',
    async (place, state, access) => {
      const stage = await startGate()
      const carried: Carried[] = [{ place, name: 'hdntl', token: await sessionIn(state, stage) }]
      const accessToken = accessIn(access, stage)
      if (accessToken !== null) carried.push({ place: 'query', name: 'hdnts', token: accessToken })
      const asking = () => sendCarrying(stage, playlist, carried)
      if (state === 'good') {
        const reply = await asking()
        expect(reply.status).toBe(200)
        expect(reply.header('playgate-session')).toBeNull()
      } else if (place === 'cookie' && access === 'good') {
        expect(tokenOf(await asking())).toContain('~data=hdntl~')
      } else {
        // From any place but the cookie a bad session token decides, whatever stands beside it.
        await expectRefused(stage, asking)
      }
    },
  )

  const pairs = places.flatMap((good) =>
    places.filter((bad) => bad !== good).map((bad) => [good, bad] as const),
  )
  it.each(pairs)(
    'of a good one in the %s and a bad one in the %s the first in order decides',
    async (good, bad) => {
      const stage = await startGate()
      const token = await openSession(stage)
      const carried = [
        { place: good, name: 'hdntl', token },
        { place: bad, name: 'hdntl', token: forge(token) },
      ]
      const asking = () => sendCarrying(stage, segment, carried)
      const order = ['path', 'query', 'header', 'cookie']
      if (order.indexOf(good) < order.indexOf(bad)) expect((await asking()).status).toBe(200)
      else await expectRefused(stage, asking, { reason: 'token-refused' })
      await expectService(stage)
    },
  )

  it('lets a bad cookie fall back to an access token for this object alone, and mints for no cache', async () => {
    const stage = await startGate({
      session: { carrier: ['cookie'] },
      routes: {
        '/film/low/1.m4s': (_request, response) => {
          response.setHeader('Cache-Control', 'public, max-age=3600')
          response.writeHead(200, { 'Content-Type': 'video/iso.segment' }).end('x')
        },
      },
    })
    const headers = [`Cookie: hdntl=stale; hdnts=${stage.mint()}`]
    const reply = await send(stage, segment, { headers })
    expect([reply.status, reply.text]).toEqual([200, 'x'])
    expect(tokenOf(reply)).toContain('~data=hdntl~')
    expect(reply.header('set-cookie')).toContain('hdntl=')
    // T75: an answer that mints is never stored, whatever the origin allows.
    expect(reply.header('cache-control')).toBe('private, no-store')
  })

  it('does not fall back beyond what the access token covers, nor for HEAD', async () => {
    const stage = await startGate({ session: { carrier: ['cookie'] } })
    const cookie = `Cookie: hdntl=stale; hdnts=${stage.mint()}`
    await expectRefused(stage, () => send(stage, '/vod/other/index.m3u8', { headers: [cookie] }))
    const head = await send(stage, segment, { method: 'HEAD', headers: [cookie] })
    expect([head.header('set-cookie'), head.header('playgate-session')]).toEqual([null, null])
  })

  it('refuses a token given twice in one place, and takes the same one twice', async () => {
    const stage = await startGate()
    const token = await openSession(stage)
    const bad = { status: 400, reason: 'bad-request' }
    const other = forge(token)
    const twice: [string, string[]][] = [
      [`${segment}?hdntl=${token}&hdntl=${other}`, []],
      [`${segment}?hdntl=${token}&%68dntl=${other}`, []],
      [`${segment}?hdntl=${token}&hdntl`, []],
      [segment, [`hdntl: ${token}`, `HDNTL: ${other}`]],
      [segment, [`Hdntl: ${token}, ${other}`]],
      [segment, [`Cookie: hdntl=${token}; hdntl=${other}`]],
      [segment, [`Cookie: hdntl=${token}`, `Cookie: hdntl=${other}`]],
      [`/hdntl=x/vod/film/hdntl=y/low/1.m4s`, []],
    ]
    for (const [target, headers] of twice) {
      await expectRefused(stage, () => send(stage, target, { headers }), bad)
    }
    const same = `${segment}?hdntl=${token}&%68dnt%6C=${token}`
    expect((await send(stage, same, { headers: [`hDnTl: ${token}`] })).status).toBe(200)
    expect(stage.origin.requests.at(-1)?.path).toBe('/film/low/1.m4s')
  })
})

describe('T31: what opens nothing', () => {
  it.each(['HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'QUERY'])(
    '%s mints nothing, and the token is as good as before',
    async (method) => {
      const stage = await startGate()
      const token = stage.mint()
      const target = `${playlist}?hdnts=${token}`
      for (let times = 0; times < 3; times += 1) {
        const reply = await send(stage, target, { method })
        expect(reply.status).toBe(method === 'HEAD' ? 200 : 405)
        expect(reply.header('playgate-session')).toBeNull()
        expect(reply.header('set-cookie')).toBeNull()
        expect(reply.header('cache-control')).toMatch(/no-store$/)
      }
      const metrics = (await send(stage, '/_playgate/metrics')).text
      expect(metrics).not.toContain('playgate_sessions_opened_total{')
      expect((await send(stage, target)).status).toBe(200)
    },
  )
})
