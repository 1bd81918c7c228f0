import { describe, expect, it } from 'vitest'
import { ectoken } from '../../../server/token/index.ts'
import { type StagedGate, startGate, testKey } from '../../stage/start-gate.ts'

const path = '/vod/film/index.m3u8'
const segment = '/vod/film/low/1.m4s'
const phrase = 'a pass phrase that nobody guesses, 7 times over'
type Mint = (stage: StagedGate) => Promise<string>

const kept =
  (options: object): Mint =>
  async ({ gate }) =>
    (await gate.tokens.mint(options)).token
const formats: [string, Record<string, unknown>, Mint][] = [
  [
    'ectoken',
    { format: 'ectoken', key: 'portal' },
    async () => ectoken.seal({ ec_url_allow: '/vod/film/' }, { key: phrase }),
  ],
  ['timed', { format: 'timed', key: 'vod' }, kept({ ttlSeconds: 600 })],
  [
    'revocable timed',
    { format: 'timed', key: 'vod', revocable: true },
    kept({ ttlSeconds: 600, subject: 'u7' }),
  ],
  ['managed', { format: 'managed', key: 'vod' }, kept({ subject: 'u7' })],
]

function start(access: Record<string, unknown>, session: object = {}) {
  return startGate({
    access,
    session,
    configuration: { keys: { vod: { primary: testKey }, portal: { primary: phrase } } },
  })
}

async function exchange(stage: StagedGate, body: object) {
  const answer = await stage.ask('/_playgate/session', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ path, ...body }),
  })
  return { ...answer, session: JSON.parse(answer.text) as { token: string; sessionId: string } }
}

describe.each(formats)(
  'POST /_playgate/session with a token of format %s',
  (_format, access, mint) => {
    it('opens a session, and renews it', async () => {
      const stage = await start(access)
      const accessToken = await mint(stage)
      const opened = await exchange(stage, { accessToken })
      expect(opened.status).toBe(200)
      const { token, sessionId } = opened.session
      expect((await stage.ask(`${segment}?hdntl=${token}`)).status).toBe(200)
      const renewed = await exchange(stage, { accessToken, sessionToken: token })
      expect(renewed.session.sessionId).toBe(sessionId)
      expect((await stage.ask(`${segment}?hdntl=${renewed.session.token}`)).status).toBe(200)
      expect(stage.log.join()).not.toContain(accessToken)
    })

    it.each(['path', 'cookie', 'header'] as const)(
      'plays with the session in the %s',
      async (place) => {
        const stage = await start(access, { carrier: [place] })
        const { session } = await exchange(stage, { accessToken: await mint(stage) })
        const { token } = session
        const [target, headers] =
          place === 'path'
            ? [`/hdntl=${token}${segment}`, {}]
            : [segment, place === 'cookie' ? { Cookie: `hdntl=${token}` } : { hdntl: token }]
        expect((await stage.ask(target, { headers })).status).toBe(200)
        expect((await stage.ask(segment)).status).toBe(403)
      },
    )

    it('refuses the token with a character changed, and opens nothing', async () => {
      const stage = await start(access)
      const good = await mint(stage)
      const accessToken = `${good.slice(0, 9)}${good[9] === 'A' ? 'B' : 'A'}${good.slice(10)}`
      const answer = await exchange(stage, { accessToken })
      expect([answer.status, answer.problem.reason]).toEqual([403, 'token-refused'])
      expect((await stage.gate.sessions.list({ state: 'all' })).sessions).toEqual([])
    })
  },
)

describe('a session that is renewed with another token', () => {
  it('becomes a new one where the store keeps them: each token ends what it opened', async () => {
    const stage = await start({ format: 'managed', key: 'vod' })
    const [one, other] = [await kept({})(stage), await kept({})(stage)]
    const first = (await exchange(stage, { accessToken: one })).session
    const second = (await exchange(stage, { accessToken: other, sessionToken: first.token }))
      .session
    expect(second.sessionId).not.toBe(first.sessionId)
    await stage.gate.tokens.revoke({ tokens: [other] })
    expect((await stage.ask(`${segment}?hdntl=${second.token}`)).problem.reason).toBe(
      'session-ended',
    )
    expect((await stage.ask(`${segment}?hdntl=${first.token}`)).status).toBe(200)
  })

  it('is as narrow as that one', async () => {
    const stage = await start({ format: 'timed', key: 'vod' })
    const wide = stage.gate.mint({ ttlSeconds: 600 })
    const narrow = stage.gate.mint({ ttlSeconds: 600, referrer: 'a.example' })
    const { token } = (await exchange(stage, { accessToken: wide })).session
    const refused = await exchange(stage, { accessToken: narrow, sessionToken: token })
    expect(refused.problem.reason).toBe('token-refused')
    const page = { Referer: 'https://a.example/' }
    const answer = await stage.ask('/_playgate/session', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...page },
      body: JSON.stringify({ path, accessToken: narrow, sessionToken: token }),
    })
    const renewed = JSON.parse(answer.text).token
    expect((await stage.ask(`${segment}?hdntl=${renewed}`)).status).toBe(403)
    expect((await stage.ask(`${segment}?hdntl=${renewed}`, { headers: page })).status).toBe(200)
  })
})
