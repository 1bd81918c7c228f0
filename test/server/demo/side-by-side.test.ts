import Router from '@koa/router'
import Koa from 'koa'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listen } from '../../../server/app.ts'
import {
  mountSideBySide,
  refuseRevoked,
  sideBySideRule,
} from '../../../server/demo/side-by-side.ts'
import { Visits } from '../../../server/demo/visits.ts'
import { createLog } from '../../../server/http/log.ts'
import { createPlaygate } from '../../../server/index.ts'
import { createClock } from '../../stage/clock.ts'
import { testKey } from '../../stage/start-gate.ts'
import { sampleStream } from '../../stage/static-server.ts'

const source = '/vod/side-by-side/long.m3u8'
const agent = { 'User-Agent': 'Viewer/1.0' }

/** The site of the page with the two players, on a clock that stands still. */
async function startSite() {
  const clock = createClock()
  const waits: number[] = []
  const visits = new Visits()
  const gate = createPlaygate(
    { keys: { demo: { primary: testKey } }, rules: [sideBySideRule(sampleStream)] },
    { now: clock.now, environment: {}, log: createLog('silent') },
  )
  const router = new Router()
  mountSideBySide(router, { gate, visits, wait: async (ms) => waits.push(ms) })
  const app = new Koa()
  app.use(router.routes())
  app.use(refuseRevoked(visits))
  app.use(gate.middleware())
  const server = await listen(app.callback(), { host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    await server.close(0)
    await gate.close()
  })
  const post = async (path: string, body: object) => {
    const response = await fetch(server.url + path, {
      method: 'POST',
      headers: { ...agent, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: response.status, document: Object(await response.json()) }
  }
  const get = async (path: string, headers = agent) => {
    const response = await fetch(server.url + path, { headers })
    const text = await response.text()
    return { status: response.status, text, problem: response.ok ? null : JSON.parse(text) }
  }
  const { visit } = (await post('/side-by-side/visit', {})).document
  const token = async () =>
    (await post('/side-by-side/token', { visit, player: 'playgate' })).document.token as string
  const exchange = async (sessionToken?: string) =>
    (
      await post('/_playgate/session', {
        accessToken: await token(),
        path: source,
        ...(sessionToken !== undefined && { sessionToken }),
      })
    ).document
  return { clock, waits, visit, post, get, token, exchange }
}

describe('the site of the page with two players', () => {
  it('hands out tokens of ten seconds, and so are the sessions that they open', async () => {
    const { clock, get, token, exchange } = await startSite()
    const access = `${source}?hdnts=${await token()}`
    const session = await exchange()
    expect(session.expiresInSeconds).toBe(10)
    const segment = `/vod/side-by-side/v540/segment-01.m4s?hdntl=${session.token}`
    expect((await get(access)).text).toContain('v540/long.m3u8?hdntl=')
    expect((await get(segment)).status).toBe(200)
    expect((await get(segment, { 'User-Agent': 'Other/1.0' })).problem).toMatchObject({
      reason: 'token-refused',
    })
    clock.advance(11_000)
    for (const path of [access, segment]) {
      expect((await get(path)).problem).toMatchObject({ status: 403, reason: 'token-expired' })
    }
  })

  it('revokes the tokens that are out, and the session goes on with the next', async () => {
    const { visit, get, post, exchange } = await startSite()
    const first = await exchange()
    const segment = (token: string) => `/vod/side-by-side/v540/segment-01.m4s?hdntl=${token}`
    expect((await get(segment(first.token))).status).toBe(200)
    expect((await post('/side-by-side/revoke', { visit })).status).toBe(200)
    expect((await get(segment(first.token))).problem).toMatchObject({
      status: 403,
      reason: 'token-refused',
      renew: true,
    })
    const second = await exchange(first.token)
    expect(second.sessionId).toBe(first.sessionId)
  })

  it('is as slow as the page wants it to be', async () => {
    const { visit, waits, post, token } = await startSite()
    await token()
    expect(waits).toEqual([])
    await post('/side-by-side/site', { visit, isSlow: true, isDenied: false })
    await token()
    expect(waits).toEqual([5_000])
  })

  it('denies a page that wants it so, and no other', async () => {
    const { visit, post } = await startSite()
    await post('/side-by-side/site', { visit, isSlow: false, isDenied: true })
    const denied = await post('/side-by-side/token', { visit, player: 'stock' })
    expect(denied).toMatchObject({ status: 403, document: { renew: false } })
    const other = (await post('/side-by-side/visit', {})).document.visit
    expect(await post('/side-by-side/token', { visit: other, player: 'stock' })).toMatchObject({
      status: 200,
      document: { parameter: 'hdnts', expiresIn: 10 },
    })
  })

  it.each([
    ['token', { visit: 'unknown', player: 'stock' }, 404],
    ['revoke', { visit: 'unknown' }, 404],
    ['site', { visit: 'unknown', isSlow: true, isDenied: true }, 404],
    ['token', { visit: 'unknown', player: 'other' }, 400],
    ['site', {}, 400],
  ])('refuses %s of %j with %i', async (path, body, status) => {
    const { post } = await startSite()
    expect((await post(`/side-by-side/${path}`, body)).status).toBe(status)
  })
})
