import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useClosing } from '../../stage/closing.ts'
import { startSlowProxy } from '../../stage/slow-proxy.ts'
import {
  type Answer,
  media,
  multivariant,
  otherKey,
  type StagedGate,
  type StageOptions,
  sessionTokenOf,
  startGate,
  testKey,
} from '../../stage/start-gate.ts'
import { startRedis } from '../../stage/start-redis.ts'
import { describeWith } from '../../stage/tools.ts'

const path = '/vod/film/index.m3u8'
const opened = useClosing()
type Session = NonNullable<StageOptions['session']>

/** A gate that gives links, and believes a test about addresses. */
const startCast = (session: Session = {}, more: StageOptions = {}) =>
  startGate({
    ...more,
    session: { cast: true, ...session },
    configuration: { trustedProxies: ['127.0.0.1'], ...more.configuration },
  })

const tv = { 'User-Agent': 'CrKey/1.56' }
const from = (address: string, headers: object = tv) => ({
  headers: { ...headers, 'X-Forwarded-For': address },
})
const why = ({ status, problem }: Answer) => (status === 200 ? 200 : `${status} ${problem.reason}`)

async function openParent(stage: StagedGate, options: Parameters<StagedGate['mint']>[0] = {}) {
  return sessionTokenOf(await stage.ask(`${path}?hdnts=${stage.mint(options)}`))
}

function askLink(stage: StagedGate, body: object, headers: object = {}): Promise<Answer> {
  return stage.ask('/_playgate/session', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ purpose: 'cast', path, ...body }),
  })
}

interface Link {
  readonly token: string
  readonly url: string
  readonly sessionId: string
  readonly expiresInSeconds: number
}

async function linkOf(stage: StagedGate, sessionToken: string, body: object = {}): Promise<Link> {
  const answer = await askLink(stage, { sessionToken, ...body })
  expect(why(answer)).toBe(200)
  return JSON.parse(answer.text)
}

async function parentAndLink(stage: StagedGate, options: Parameters<StagedGate['mint']>[0] = {}) {
  const sessionToken = await openParent(stage, options)
  const link = await linkOf(stage, sessionToken)
  const parentId = /(?:~id|,sid)=([0-9a-f]{40})~/.exec(sessionToken)?.[1] ?? ''
  return {
    sessionToken,
    parentId,
    ...link,
    segment: `/hdntl=${link.token}/vod/film/low/1.m4s`,
    playParent: () => stage.ask(`/vod/film/low/1.m4s?hdntl=${sessionToken}`),
  }
}

describe('a link for another device', () => {
  it('is a URL that a receiver plays from without our code, and without headers of the page', async () => {
    const stage = await startCast()
    const sessionToken = await openParent(stage, { subject: 'u7', payload: 'tariff,gold' })
    const answer = await askLink(stage, { sessionToken })
    const link = JSON.parse(answer.text)
    expect(link).toEqual({
      token: expect.stringContaining(',p=cast,sid='),
      parameter: 'hdntl',
      expiresInSeconds: 312,
      sessionId: expect.stringMatching(/^[0-9a-f]{40}$/),
      carrier: 'path',
      url: `/hdntl=${link.token}${path}`,
    })
    // What is for the receiver does not get into the page's own requests.
    expect(answer.headers.get('playgate-session')).toBeNull()
    expect(answer.headers.get('set-cookie')).toBeNull()
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(link.token).toContain('~acl=%2fvod%2ffilm%2f*~id=u7~data=hdntl,tariff%2cgold,ps=')

    const playlist = await stage.ask(link.url, { headers: tv })
    expect([playlist.status, playlist.text]).toEqual([200, multivariant])
    const below = link.url.replace('index.m3u8', 'low/')
    expect((await stage.ask(`${below}index.m3u8`, { headers: tv })).text).toBe(media)
    expect((await stage.ask(`${below}1.m4s`, { headers: tv })).text).toBe('segment one')
    expect(stage.origin.requests.filter(({ path }) => path.includes('hdntl'))).toEqual([])
  })

  it('keeps the query of the playlist, without tokens', async () => {
    const stage = await startCast()
    const sessionToken = await openParent(stage)
    const target = `${path}?a=%20b&hdntl=x&hdnts=y`
    const { url, token } = await linkOf(stage, sessionToken, { path: target })
    expect(url).toBe(`/hdntl=${token}${path}?a=%20b`)
  })

  it('is listed as a session of its own that names its parent, once it is used', async () => {
    const stage = await startCast()
    const { parentId, sessionId, url } = await parentAndLink(stage, { subject: 'u7' })
    expect((await stage.gate.sessions.list()).sessions).toHaveLength(1)
    await stage.ask(url, from('192.0.2.9'))
    expect(await stage.gate.sessions.get(sessionId)).toMatchObject({
      state: 'active',
      subject: 'u7',
      client: '192.0.2.9',
      userAgent: 'CrKey/1.56',
      parent: parentId,
    })
    expect(await stage.gate.sessions.get(parentId)).toMatchObject({ parent: null })
    expect((await stage.gate.sessions.list({ subject: 'u7' })).sessions).toHaveLength(2)
  })

  it('is explained', async () => {
    const stage = await startCast()
    const { parentId, sessionId, url } = await parentAndLink(stage)
    const explained = await stage.gate.explain({ url })
    expect(explained.answer).toMatchObject({ outcome: 'session', detail: `session ${sessionId}` })
    const details = explained.checks.map(
      ({ check, outcome, detail }) => `${check} ${outcome} ${detail}`,
    )
    expect(details).toContainEqual(
      expect.stringMatching(`^session-token in path passed .*of session ${parentId}$`),
    )
    expect(details).toContainEqual(expect.stringMatching(/^receiver skipped .*first/))
    // Explaining is no use.
    expect(why(await stage.ask(url, from('192.0.2.9')))).toBe(200)
  })

  it('lives as long as a session that opens now, and no longer than its own may', async () => {
    const stage = await startCast({ maxLifetimeSeconds: 600 })
    const sessionToken = await openParent(stage)
    stage.clock.advance(200_000)
    expect((await linkOf(stage, sessionToken)).expiresInSeconds).toBe(312)
    stage.clock.advance(100_000)
    const { expiresInSeconds, url } = await linkOf(stage, sessionToken)
    expect(expiresInSeconds).toBe(300)
    expect(why(await stage.ask(url, { headers: tv }))).toBe(200)
    stage.clock.advance(301_000)
    expect(why(await stage.ask(url, { headers: tv }))).toBe('403 token-expired')
  })

  it('plays on when the page is closed and the token of its session has ended', async () => {
    const stage = await startCast()
    const { sessionToken, playParent } = await parentAndLink(stage)
    stage.clock.advance(200_000)
    const { url } = await linkOf(stage, sessionToken)
    stage.clock.advance(150_000)
    expect(why(await playParent())).toBe('403 token-expired')
    expect(why(await stage.ask(url, { headers: tv }))).toBe(200)
  })
})

describe('the device that uses it first', () => {
  it('has it for itself: nobody else at another address or with another User-Agent', async () => {
    const stage = await startCast()
    const { url, segment } = await parentAndLink(stage)
    expect(why(await stage.ask(url, from('192.0.2.9')))).toBe(200)
    const before = stage.origin.requests.length
    for (const other of [
      from('192.0.2.10'),
      from('192.0.2.9', { 'User-Agent': 'Thief/1.0' }),
      from('192.0.2.10'),
      {},
    ]) {
      const refused = await stage.ask(segment, other)
      expect(why(refused)).toBe('403 token-refused')
      expect(refused.headers.get('cache-control')).toBe('no-store')
    }
    expect(stage.origin.requests).toHaveLength(before)
    expect(stage.log.join('')).toContain('another one has used it first')
    expect(why(await stage.ask(segment, from('192.0.2.9')))).toBe(200)
  })

  it.each(['query', 'header', 'cookie', 'escaped query'])(
    'has it wherever the token stands: %s',
    async (place) => {
      const stage = await startCast()
      const { url, token } = await parentAndLink(stage)
      const target = '/vod/film/low/1.m4s'
      const asked = (headers: Record<string, string>) => {
        if (place === 'header') return stage.ask(target, { headers: { ...headers, hdntl: token } })
        if (place === 'cookie') {
          return stage.ask(target, { headers: { ...headers, Cookie: `hdntl=${token}` } })
        }
        const text = place === 'query' ? token : encodeURIComponent(token)
        return stage.ask(`${target}?hdntl=${text}`, { headers })
      }
      expect(why(await asked(tv))).toBe(200)
      expect(why(await asked({ 'User-Agent': 'Thief/1.0' }))).toBe('403 token-refused')
      expect(why(await stage.ask(url, { headers: tv }))).toBe(200)
    },
  )

  it('is one of fifty that ask at the same time', async () => {
    const stage = await startCast()
    const { segment } = await parentAndLink(stage)
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => stage.ask(segment, from(`192.0.2.${index}`))),
    )
    const served = answers.flatMap(({ status }, index) => (status === 200 ? [index] : []))
    expect(served).toHaveLength(1)
    for (let round = 0; round < 3; round++) {
      expect(why(await stage.ask(segment, from(`192.0.2.${served[0]}`)))).toBe(200)
    }
  })

  it('has every further link of the same session, too', async () => {
    const stage = await startCast()
    const { sessionToken, sessionId, url } = await parentAndLink(stage)
    await stage.ask(url, from('192.0.2.9'))
    stage.clock.advance(1000)
    const next = await linkOf(stage, sessionToken)
    expect([next.sessionId, next.url === url]).toEqual([sessionId, false])
    expect(why(await stage.ask(next.url, from('192.0.2.10')))).toBe('403 token-refused')
    expect(why(await stage.ask(next.url, from('192.0.2.9')))).toBe(200)
  })

  it('costs the store one question, however many segments it asks for', async () => {
    const stage = await startCast()
    const { segment } = await parentAndLink(stage)
    for (let count = 0; count < 20; count++) {
      expect(why(await stage.ask(segment, { headers: tv }))).toBe(200)
      await stage.ask(segment, from('192.0.2.10'))
    }
    const { text } = await stage.ask('/_playgate/metrics')
    expect(text).toContain('playgate_store_seconds_count{operation="spend"} 2')
  })

  it('is let through on trial, whoever it is', async () => {
    const stage = await startCast({}, { rule: { mode: 'log' } })
    const { segment } = await parentAndLink(stage)
    expect(why(await stage.ask(segment, from('192.0.2.9')))).toBe(200)
    expect(why(await stage.ask(segment, from('192.0.2.10')))).toBe(200)
    expect(stage.log.join('')).toContain('"wouldRefuse":"token-refused"')
  })
})

describe('who gets a link', () => {
  it('nobody under a rule that gives none', async () => {
    const stage = await startGate()
    const refused = await askLink(stage, { sessionToken: await openParent(stage) })
    expect([why(refused), refused.problem.renew]).toEqual(['403 policy-refused', false])
  })

  it('nobody who found the token of the session, but the client that it was made for', async () => {
    const stage = await startCast()
    const sessionToken = await openParent(stage)
    const thief = { 'User-Agent': 'Thief/1.0' }
    expect(why(await askLink(stage, { sessionToken }, thief))).toBe('403 token-refused')
    const page = { Origin: 'https://evil.example' }
    expect(why(await askLink(stage, { sessionToken }, page))).toBe('403 token-refused')
    expect(why(await askLink(stage, { sessionToken: stage.mint() }))).toBe('403 token-refused')
  })

  it('no link: neither a further one, nor a renewal', async () => {
    const stage = await startCast()
    const { token } = await parentAndLink(stage)
    const further = await askLink(stage, { sessionToken: token })
    expect(why(further)).toBe('403 token-refused')
    expect(stage.log.join('')).toContain('a link for another device gives no further one')
    const renewed = await stage.ask('/_playgate/session', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ accessToken: stage.mint(), path, sessionToken: token }),
    })
    expect(why(renewed)).toBe('403 token-refused')
    expect(stage.log.join('')).toContain('is not renewed')
  })

  it('no session for a path that it may not have itself; and its link reaches no further', async () => {
    const stage = await startCast()
    const { sessionToken, token } = await parentAndLink(stage)
    const other = '/vod/other/index.m3u8'
    expect(why(await askLink(stage, { sessionToken, path: other }))).toBe('403 token-refused')
    expect(why(await stage.ask(`/hdntl=${token}${other}`, { headers: tv }))).toBe(
      '403 token-refused',
    )
  })

  it('no session that is bound to an address', async () => {
    const stage = await startCast()
    const sessionToken = await openParent(stage, { ip: '127.0.0.1' })
    expect(why(await askLink(stage, { sessionToken }))).toBe('403 policy-refused')
    expect(stage.log.join('')).toContain('for one address')
  })

  it.each([
    ['192.0.2.7', '403 policy-refused'],
    ['192.0.2.', 200],
  ])('a session of a timed token for %s: %s', async (clientIp, expected) => {
    const stage = await startCast({}, { access: { format: 'timed' } })
    const token = stage.gate.mint({ ip: clientIp, ttlSeconds: 60 })
    const page = { 'X-Forwarded-For': '192.0.2.7' }
    const sessionToken = sessionTokenOf(
      await stage.ask(`${path}?token=${token}`, { headers: page }),
    )
    const answer = await askLink(stage, { sessionToken }, page)
    expect(why(answer)).toBe(expected)
    if (answer.status !== 200) return
    // What its access token asks, is asked of the receiver as well.
    const { url } = JSON.parse(answer.text)
    expect(why(await stage.ask(url, from('198.51.100.1')))).toBe('403 token-refused')
    expect(why(await stage.ask(url, from('192.0.2.9')))).toBe(200)
  })

  it('no session whose time is over, or that was ended', async () => {
    const stage = await startCast()
    const { sessionToken, parentId } = await parentAndLink(stage)
    stage.clock.advance(313_000)
    expect(why(await askLink(stage, { sessionToken }))).toBe('403 token-expired')
    const running = await openParent(stage)
    await stage.gate.sessions.endAll({ all: true })
    expect(why(await askLink(stage, { sessionToken: running }))).toBe('403 session-ended')
    expect(parentId).toMatch(/^[0-9a-f]{40}$/)
  })

  it('with an access token beside it, only if that is good and of the same viewer', async () => {
    const stage = await startCast()
    const sessionToken = await openParent(stage, { subject: 'u7' })
    const asked = async (accessToken: string) =>
      why(await askLink(stage, { sessionToken, accessToken }))
    expect(await asked(stage.mint({ subject: 'u7' }))).toBe(200)
    expect(await asked(stage.mint({ subject: 'u8' }))).toBe('403 token-refused')
    expect(await asked(stage.mint({ subject: 'u7', path: '/vod/other/*' }))).toBe(
      '403 token-refused',
    )
  })

  it.each([
    ['another purpose', { purpose: 'play' }],
    ['no session token', { sessionToken: undefined }],
    ['a carrier', { carrier: 'define' }],
    ['an unknown member', { forEver: true }],
  ])('nobody who asks with %s', async (_what, change) => {
    const stage = await startCast()
    const sessionToken = await openParent(stage)
    const answer = await askLink(stage, { sessionToken, ...change })
    expect(why(answer)).toBe('400 bad-request')
  })

  it('nobody for a path without a playlist', async () => {
    const stage = await startCast()
    const sessionToken = await openParent(stage)
    const answer = await askLink(stage, { sessionToken, path: '/vod/film/low/1.m4s' })
    expect(answer.status).toBe(404)
  })
})

describe('what a link’s token says', () => {
  it('is proven: no session token becomes a link, and no link a session token', async () => {
    const stage = await startCast()
    const { sessionToken, token } = await parentAndLink(stage)
    const forged = [
      sessionToken.replace('~data=hdntl', '~data=hdntl,p=cast'),
      sessionToken.replace('~data=hdntl', '~data=hdntl,ps=0,p=cast'),
      token.replace(',p=cast', ''),
      token.replace('p=cast', 'p=none'),
      token.replace(/ps=\w{8}/, 'ps=00000000'),
    ]
    for (const text of forged) {
      expect([sessionToken, token]).not.toContain(text)
      const answer = await stage.ask(`/vod/film/low/1.m4s?hdntl=${text}`)
      expect([text.length > 0, why(answer)]).toEqual([true, '403 token-refused'])
    }
  })

  it.each(['p=cast', 'x,p=cast', 'hdnt,ps=0,p=cast', 'x%2cp%3dcast'])(
    'is no payload of an access token: %s',
    async (payload) => {
      const stage = await startCast()
      const token = await openParent(stage, { payload })
      const segment = `/vod/film/low/1.m4s?hdntl=${token}`
      expect(why(await stage.ask(segment))).toBe(200)
      expect(why(await stage.ask(segment, { headers: tv }))).toBe('403 token-refused')
    },
  )

  it('is signed with the key of its session, and ends with that key', async () => {
    const stage = await startCast()
    const { sessionToken, url } = await parentAndLink(stage)
    const rotate = (keys: { primary: string; transition?: string }) =>
      stage.gate.reload({
        trustedProxies: ['127.0.0.1'],
        keys: { vod: keys },
        rules: [
          {
            name: 'film',
            match: { paths: ['/vod/*'] },
            stripPrefix: '/vod',
            origin: stage.origin.url,
            access: { format: 'edgeauth', key: 'vod' },
            session: { cast: true },
          },
        ],
      })
    rotate({ primary: otherKey, transition: testKey })
    stage.clock.advance(1000)
    const later = await linkOf(stage, sessionToken)
    for (const link of [url, later.url])
      expect(why(await stage.ask(link, { headers: tv }))).toBe(200)
    rotate({ primary: otherKey })
    for (const link of [url, later.url]) {
      expect(why(await stage.ask(link, { headers: tv }))).toBe('403 token-refused')
    }
  })

  it('is good for nothing under a rule that gives no links any more', async () => {
    const stage = await startCast()
    const { url } = await parentAndLink(stage)
    stage.gate.reload({
      keys: { vod: { primary: testKey } },
      rules: [
        {
          name: 'film',
          match: { paths: ['/vod/*'] },
          stripPrefix: '/vod',
          origin: stage.origin.url,
          access: { format: 'edgeauth', key: 'vod' },
          session: {},
        },
      ],
    })
    expect(why(await stage.ask(url, { headers: tv }))).toBe('403 token-refused')
    expect(stage.log.join('')).toContain('where the rule gives none')
  })
})

describe('a link ends', () => {
  it.each([
    ['with its session', (stage, { parentId }) => stage.gate.sessions.end(parentId)],
    ['by itself', (stage, { sessionId }) => stage.gate.sessions.end(sessionId)],
    ['with all of its subject', (stage) => stage.gate.sessions.endAll({ subject: 'u7' })],
    ['with all of its key', (stage) => stage.gate.sessions.endAll({ key: 'vod' })],
    ['with all there are', (stage) => stage.gate.sessions.endAll({ all: true })],
  ] as [string, (stage: StagedGate, of: { parentId: string; sessionId: string }) => unknown][])(
    '%s',
    async (how, end) => {
      const stage = await startCast()
      const link = await parentAndLink(stage, { subject: 'u7' })
      expect(why(await stage.ask(link.url, { headers: tv }))).toBe(200)
      await end(stage, link)
      expect(why(await stage.ask(link.url, { headers: tv }))).toBe('403 session-ended')
      expect(why(await link.playParent())).toBe(how === 'by itself' ? 200 : '403 session-ended')
      const view = await stage.gate.sessions.get(link.sessionId)
      expect(view?.state).toBe('ended')
      // And its session gives no other one in its stead.
      const again = await askLink(stage, { sessionToken: link.sessionToken })
      expect(why(again)).toBe('403 session-ended')
    },
  )

  it('with the access token that opened its session', async () => {
    const stage = await startCast()
    const accessToken = stage.mint()
    const sessionToken = sessionTokenOf(await stage.ask(`${path}?hdnts=${accessToken}`))
    const { url } = await linkOf(stage, sessionToken)
    await stage.gate.sessions.endAll({ accessToken })
    expect(why(await stage.ask(url, { headers: tv }))).toBe('403 session-ended')
  })
})

describe('a limit on concurrent streams', () => {
  const limited = { maxConcurrent: 1, idleSeconds: 60 }
  const open = (stage: StagedGate, device: string) =>
    stage.ask(`${path}?hdnts=${stage.mint({ subject: 'u7' })}`, {
      headers: { 'User-Agent': device },
    })

  it('counts session and link as one: both play, and a third device finds no place', async () => {
    const stage = await startCast(limited)
    const { segment, playParent } = await parentAndLink(stage, { subject: 'u7' })
    for (let turn = 0; turn < 5; turn++) {
      stage.clock.advance(10_000)
      expect(why(await stage.ask(segment, { headers: tv }))).toBe(200)
      expect(why(await playParent())).toBe(200)
    }
    expect(why(await open(stage, 'Tablet'))).toBe('403 session-limit')
  })

  it('keeps the place while only the receiver plays, and gives it away when that is idle', async () => {
    const stage = await startCast(limited)
    const { segment } = await parentAndLink(stage, { subject: 'u7' })
    for (let turn = 0; turn < 6; turn++) {
      stage.clock.advance(20_000)
      expect(why(await stage.ask(segment, { headers: tv }))).toBe(200)
      await stage.gate.sessions.list()
    }
    const denied = await open(stage, 'Tablet')
    expect(why(denied)).toBe('403 session-limit')
    stage.clock.advance(61_000)
    expect(why(await open(stage, 'Tablet'))).toBe(200)
    // It comes back, and finds no place.
    expect(why(await stage.ask(segment, { headers: tv }))).toBe('403 session-limit')
  })

  it('frees the place of both with the right to end the session', async () => {
    const stage = await startCast(limited)
    const { segment, parentId } = await parentAndLink(stage, { subject: 'u7' })
    expect(why(await stage.ask(segment, { headers: tv }))).toBe(200)
    const { sessions, endRight } = JSON.parse((await open(stage, 'Tablet')).text)
    expect(sessions).toMatchObject([{ sessionId: parentId }])
    await stage.ask('/_playgate/session/end', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ endRight, sessionId: parentId }),
    })
    expect(why(await open(stage, 'Tablet'))).toBe(200)
    expect(why(await stage.ask(segment, { headers: tv }))).toBe('403 session-ended')
  })

  it('ends the link with its session where the newcomer takes the place (end-oldest)', async () => {
    const stage = await startCast({ ...limited, onLimit: 'end-oldest' })
    const { segment } = await parentAndLink(stage, { subject: 'u7' })
    expect(why(await stage.ask(segment, { headers: tv }))).toBe(200)
    stage.clock.advance(1000)
    expect(why(await open(stage, 'Tablet'))).toBe(200)
    expect(why(await stage.ask(segment, { headers: tv }))).toBe('403 session-ended')
  })
})

describe('several processes on one store', () => {
  it('know of one device that a link is for, and of one place', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'playgate-cast-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const configuration = { store: `lmdb:${folder}/store` }
    const startMs = Date.now()
    const session = { maxConcurrent: 1 }
    const one = await startCast(session, { configuration, startMs })
    const other = await startCast(session, { configuration, startMs })
    const { url, segment, parentId } = await parentAndLink(one, { subject: 'u7' })
    expect(why(await one.ask(url, from('192.0.2.9')))).toBe(200)
    expect(why(await other.ask(segment, from('192.0.2.10')))).toBe('403 token-refused')
    expect(why(await other.ask(segment, from('192.0.2.9')))).toBe(200)
    const mine = `${path}?hdnts=${other.mint({ subject: 'u7' })}`
    expect(why(await other.ask(mine, from('192.0.2.11')))).toBe('403 session-limit')
    await one.gate.sessions.end(parentId)
    await expect
      .poll(async () => why(await other.ask(segment, from('192.0.2.9'))))
      .toBe('403 session-ended')
  })
})

describeWith(['redis-server'], 'while the store does not answer', () => {
  it('a link goes on that is known here, and any other waits', async () => {
    const redis = opened(await startRedis())
    const proxy = opened(await startSlowProxy(redis.port))
    const stage = await startCast(
      {},
      { configuration: { store: `redis://127.0.0.1:${proxy.port}` }, startMs: Date.now() },
    )
    await stage.gate.ready()
    const known = await parentAndLink(stage)
    const unknown = await parentAndLink(stage)
    expect(why(await stage.ask(known.url, { headers: tv }))).toBe(200)
    proxy.delay(Number.POSITIVE_INFINITY)
    expect(why(await stage.ask(known.segment, { headers: tv }))).toBe(200)
    expect(why(await stage.ask(known.segment, from('192.0.2.10')))).toBe('503 store-unavailable')
    expect(why(await stage.ask(unknown.url, { headers: tv }))).toBe('503 store-unavailable')
    proxy.delay(0)
    await expect
      .poll(async () => why(await stage.ask(known.segment, { headers: tv })), { timeout: 15_000 })
      .toBe(200)
  })
})
