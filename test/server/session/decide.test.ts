import { describe, expect, it } from 'vitest'
import { type StagedGate, sessionTokenOf, startGate } from '../../stage/start-gate.ts'

const segment = '/vod/film/low/1.m4s'
const playlist = '/vod/film/index.m3u8'

type Place = 'query' | 'path' | 'header' | 'cookie'

/** The target and headers of a request that carries these. */
function carrying(path: string, tokens: { place: Place; name: string; token: string }[]) {
  let target = path
  const headers: Record<string, string> = {}
  const cookies: string[] = []
  for (const { place, name, token } of tokens) {
    if (place === 'query') target += `${target.includes('?') ? '&' : '?'}${name}=${token}`
    if (place === 'path') target = `/${name}=${token.replaceAll('/', '%2f')}${target}`
    if (place === 'header') headers[name] = token
    if (place === 'cookie') cookies.push(`${name}=${token}`)
  }
  if (cookies.length > 0) headers.Cookie = cookies.join('; ')
  return { target, headers }
}

async function openedIn(stage: StagedGate, carrier?: string): Promise<string> {
  const opened = await stage.ask(`${playlist}?hdnts=${stage.mint()}`)
  const token = sessionTokenOf(opened)
  if (carrier === 'path') expect(opened.text).toContain('/hdntl=')
  return token
}

const changed = (token: string) => token.slice(0, -1) + (token.endsWith('0') ? '1' : '0')

describe('a session token', () => {
  it.each<Place>(['query', 'header', 'cookie'])('is read from the %s', async (place) => {
    const stage = await startGate()
    const { target, headers } = carrying(segment, [
      { place, name: 'hdntl', token: await openedIn(stage) },
    ])
    expect((await stage.ask(target, { headers })).status).toBe(200)
  })

  it('is read from the path', async () => {
    const stage = await startGate({ session: { carrier: ['path'] } })
    const token = await openedIn(stage, 'path')
    expect((await stage.ask(`/hdntl=${token}${segment}`)).status).toBe(200)
    expect((await stage.ask(`/vod/film/low/hdntl=${token}/1.m4s`)).status).toBe(200)
  })

  // design section 4, step 3; token-formats section 1.7: the published table.
  it.each<[Place, number]>([
    ['query', 403],
    ['header', 403],
    ['cookie', 200],
  ])('that is bad in the %s, beside a good access token, gives %i', async (place, status) => {
    const stage = await startGate()
    const { target, headers } = carrying(playlist, [
      { place, name: 'hdntl', token: changed(await openedIn(stage)) },
      { place: 'query', name: 'hdnts', token: stage.mint() },
    ])
    const answer = await stage.ask(target, { headers })
    expect(answer.status).toBe(status)
    if (status === 403) expect(answer.problem.reason).toBe('token-refused')
  })

  it('that is bad in the path, beside a good access token, gives 403', async () => {
    const stage = await startGate({ session: { carrier: ['path'] } })
    const token = changed(await openedIn(stage))
    const answer = await stage.ask(`/hdntl=${token}${playlist}?hdnts=${stage.mint()}`)
    expect([answer.status, answer.problem.reason]).toEqual([403, 'token-refused'])
  })

  it('that has ended in a cookie is replaced, on a segment as well', async () => {
    const stage = await startGate({
      session: { carrier: ['cookie'], maxLifetimeSeconds: 60 },
      rule: { cors: { origins: [] } },
    })
    const old = await openedIn(stage)
    stage.clock.advance(61_000)
    const { headers } = carrying(segment, [
      { place: 'cookie', name: 'hdntl', token: old },
      { place: 'cookie', name: 'hdnts', token: stage.mint() },
    ])
    const answer = await stage.ask(segment, { headers })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('set-cookie')).toContain(sessionTokenOf(answer))
  })

  it('that has ended says so, and one that is forged does not', async () => {
    const stage = await startGate()
    const token = await openedIn(stage)
    stage.clock.advance(400_000)
    const [ended, forged] = [
      await stage.ask(`${segment}?hdntl=${token}`),
      await stage.ask(`${segment}?hdntl=${changed(token)}`),
    ]
    expect(ended.problem).toMatchObject({ reason: 'token-expired', renew: true })
    expect(forged.problem).toMatchObject({ reason: 'token-refused' })
  })

  it('is good for the client that opened the session, and for no other', async () => {
    const stage = await startGate()
    const token = await openedIn(stage)
    for (const headers of [
      { 'User-Agent': 'Other' },
      { Origin: 'https://evil.example' },
      { 'X-Playback-Session-Id': '1' },
    ]) {
      const answer = await stage.ask(`${segment}?hdntl=${token}`, { headers })
      expect([headers, answer.status]).toEqual([headers, 403])
    }
    expect((await stage.ask(`${segment}?hdntl=${token}`)).status).toBe(200)
  })

  it('opens nothing outside what the access token opens', async () => {
    const stage = await startGate()
    const answer = await stage.ask(`/vod/other/index.m3u8?hdntl=${await openedIn(stage)}`)
    expect([answer.status, answer.problem.reason]).toEqual([403, 'token-refused'])
  })

  it('survives a client that escapes it once', async () => {
    const stage = await startGate()
    const token = await openedIn(stage)
    const answer = await stage.ask(`/vod/film/low/index.m3u8?hdntl=${encodeURIComponent(token)}`)
    expect(answer.status).toBe(200)
    expect(answer.text).toContain(`1.m4s?hdntl=${token}`)
  })

  it('is refused, with the cause in the log, when the player left a variable in its place', async () => {
    const stage = await startGate()
    const answer = await stage.ask(`${segment}?hdntl=%7B$hdntl%7D`)
    expect(answer.problem.reason).toBe('token-refused')
    expect(stage.log.join('')).toContain('QUERYPARAM')
  })
})

describe('two kinds of token', () => {
  it('never pass for each other, even under one key', async () => {
    const stage = await startGate({
      session: { key: 'vod', salt: 'fixed' },
      access: { salt: 'fixed' },
    })
    const access = stage.mint()
    const session = await openedIn(stage)
    const asSession = await stage.ask(`${segment}?hdntl=${access}`)
    const asAccess = await stage.ask(`${playlist}?hdnts=${session}`)
    expect([asSession.problem.reason, asAccess.problem.reason]).toEqual([
      'token-refused',
      'token-refused',
    ])
    expect((await stage.ask(`${segment}?hdntl=${session}`)).status).toBe(200)
  })

  it('are not minted for each other', async () => {
    const stage = await startGate()
    expect(() => stage.mint({ payload: 'hdntl' })).toThrow(/payload/)
  })
})

describe('a name that stands twice', () => {
  it.each([
    ['the query', (token: string) => `${playlist}?hdnts=${token}&hdnts=other`, {}],
    ['two cookies', () => playlist, { Cookie: 'hdntl=one; hdntl=two' }],
  ])('in %s with different values is a bad request', async (_where, target, headers) => {
    const stage = await startGate()
    const answer = await stage.ask(target(stage.mint()), {
      headers: headers as Record<string, string>,
    })
    expect([answer.status, answer.problem.reason]).toEqual([400, 'bad-request'])
    expect(stage.origin.requests).toEqual([])
  })
})

describe('an access token', () => {
  it.each<Place>(['query', 'header', 'cookie'])('is read from the %s', async (place) => {
    const stage = await startGate()
    const { target, headers } = carrying(playlist, [{ place, name: 'hdnts', token: stage.mint() }])
    expect((await stage.ask(target, { headers })).status).toBe(200)
  })

  it('is not read where the rule does not look', async () => {
    const stage = await startGate({ access: { carriers: ['header'] } })
    const answer = await stage.ask(`${playlist}?hdnts=${stage.mint()}`)
    expect(answer.problem.reason).toBe('token-missing')
  })

  it('is good to the second of its end and not after', async () => {
    const stage = await startGate()
    const token = stage.mint({ ttlSeconds: 10 })
    stage.clock.advance(10_000)
    expect((await stage.ask(`${playlist}?hdnts=${token}`)).status).toBe(200)
    stage.clock.advance(1_000)
    const late = await stage.ask(`${playlist}?hdnts=${token}`)
    expect(late.problem).toMatchObject({ reason: 'token-expired', renew: true })
  })

  it('made for another address is refused', async () => {
    const stage = await startGate()
    const answer = await stage.ask(`${playlist}?hdnts=${stage.mint({ ip: '203.0.113.9' })}`)
    expect(answer.problem.reason).toBe('token-refused')
  })

  it('hands its address, id and payload on to the session', async () => {
    const stage = await startGate()
    const minted = stage.mint({ ip: '127.0.0.1', subject: 'user-7', payload: 'a,b=c' })
    const token = sessionTokenOf(await stage.ask(`${playlist}?hdnts=${minted}`))
    expect(token).toMatch(
      /^ip=127\.0\.0\.1~exp=\d+~acl=\/vod\/film\/\*~id=user-7~data=hdntl,a%2cb%3dc,sid=[0-9a-f]{40}~hmac=/,
    )
    expect((await stage.ask(`${segment}?hdntl=${token}`)).status).toBe(200)
  })

  it('that lives longer than the rule allows is refused', async () => {
    const stage = await startGate({ access: { maxLifetimeSeconds: 600 } })
    const generous = await startGate()
    generous.clock.advance(0)
    const token = generous.mint({ ttlSeconds: 601 })
    const answer = await stage.ask(`${playlist}?hdnts=${token}`)
    expect(answer.problem.reason).toBe('token-refused')
    expect(() => stage.mint({ ttlSeconds: 601 })).toThrow(/ttlSeconds/)
  })
})
