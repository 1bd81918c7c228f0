import { describe, expect, it } from 'vitest'
import type { Configuration } from '../../server/index.ts'
import { ectoken } from '../../server/token/index.ts'
import { type StagedGate, startGate, testKey } from '../stage/start-gate.ts'
import { expectRefused, playlist, type Reply, segment, send, sign, tokenOf } from './refusal.ts'

const phrase = 'a pass phrase that nobody guesses, 7 times over'
const keys = { vod: { primary: testKey }, portal: { primary: phrase } }
const refused = { reason: 'token-refused' }

const bare = { format: 'ectoken', key: 'portal' } as const
const named = { ...bare, parameter: 'ticket' } as const
const sealed = { format: 'timed', key: 'vod', parameter: 'pass' } as const
const managed = { format: 'managed', key: 'vod' } as const

type Access = NonNullable<Configuration['rules'][number]['access']>

function start(access: Access, session: object | null = {}, configuration = {}) {
  return startGate({ rule: { access }, session, configuration: { keys, ...configuration } })
}

/** A good token of each format that a rule of `all` takes, with its place. */
const all: Access = [{ format: 'edgeauth', key: 'vod' }, bare, named, sealed, managed]
async function tokensOf(stage: StagedGate) {
  const film = ectoken.seal({ ec_url_allow: '/vod/film/' }, { key: phrase })
  return {
    hdnts: stage.mint(),
    '': film,
    ticket: film,
    pass: stage.gate.mint({ format: 'timed', ttlSeconds: 60 }),
    token: (await stage.gate.tokens.mint({ format: 'managed' })).token,
  }
}
const at = (name: string, token: string) =>
  `${playlist}?${name === '' ? token : `${name}=${token}`}`

describe('T09: a token of one format', () => {
  it('at the door of another opens nothing: only the diagonal passes', async () => {
    const stage = await start(all)
    const tokens = await tokensOf(stage)
    for (const [kind, token] of Object.entries(tokens)) {
      for (const door of Object.keys(tokens)) {
        const passes =
          kind === door || (kind === 'ticket' && door === '') || (kind === '' && door === 'ticket')
        const asking = () => send(stage, at(door, token))
        if (passes) expect((await asking()).status).toBe(200)
        else if (door === '' && kind === 'hdnts') await expectRefused(stage, asking)
        else await expectRefused(stage, asking, refused)
      }
    }
  })

  it('is no session token, and no session token is one of them', async () => {
    const stage = await start(all)
    const tokens = await tokensOf(stage)
    const session = tokenOf(await send(stage, at('token', tokens.token)))
    for (const token of Object.values(tokens)) {
      await expectRefused(stage, () => send(stage, `${segment}?hdntl=${token}`), refused)
    }
    for (const door of ['ticket', 'pass', 'token']) {
      await expectRefused(stage, () => send(stage, at(door, session)), refused)
    }
  })

  it('stands in no path', async () => {
    const stage = await start(all)
    for (const [name, token] of Object.entries(await tokensOf(stage))) {
      if (name === '') continue
      const reply = await send(stage, `/${name}=${token.replaceAll('/', '%2f')}${playlist}`)
      expect(reply.status).not.toBe(200)
    }
    expect(stage.origin.requests).toEqual([])
  })
})

describe('T08 and T24: a session', () => {
  /** Three sites on one server, which share a key and take different tokens for the same paths. */
  async function sites() {
    const stage = await start(managed)
    const rule = {
      match: { paths: ['/vod/*'] },
      stripPrefix: '/vod',
      origin: stage.origin.url,
      session: {},
    }
    const site = (name: string, access: Access) => ({
      ...rule,
      name,
      match: { ...rule.match, hosts: [name] },
      access,
    })
    stage.gate.reload({
      keys,
      rules: [
        site('edge.example', { format: 'edgeauth', key: 'vod' }),
        site('timed.example', sealed),
        site('films.example', { ...managed, realm: 'films' }),
        site('sport.example', { ...managed, realm: 'sport' }),
        site('kept.example', { ...sealed, revocable: true, realm: 'films' }),
      ],
    })
    return stage
  }

  it('is good at no rule that would not take the access token behind it', async () => {
    const stage = await sites()
    const end = stage.clock.nowSeconds() + 60
    const mint = async (rule: string, more = {}) =>
      (await stage.gate.tokens.mint({ rule, ...more })).token
    const tokens = {
      'edge.example': `hdnts=${sign(`exp=${end}~acl=/*`)}`,
      'timed.example': `pass=${await mint('timed.example', { ttlSeconds: 60 })}`,
      'films.example': `token=${await mint('films.example')}`,
      'sport.example': `token=${await mint('sport.example')}`,
      'kept.example': `pass=${await mint('kept.example', { ttlSeconds: 60 })}`,
    }
    for (const [home, query] of Object.entries(tokens)) {
      const session = tokenOf(
        await send(stage, `${playlist}?${query}`, { headers: [`Host: ${home}`] }),
      )
      for (const host of Object.keys(tokens)) {
        const asking = () =>
          send(stage, `${segment}?hdntl=${session}`, { headers: [`Host: ${host}`] })
        if (host === home) expect((await asking()).status).toBe(200)
        else await expectRefused(stage, asking, refused)
      }
    }
  })

  it('bears no demand that its access token could have written there', async () => {
    const stage = await start({ format: 'edgeauth', key: 'vod' })
    const end = stage.clock.nowSeconds() + 60
    for (const data of [
      'ec=iu.ec_clientip%3d10.0.0.1',
      'x,ec=.ec_proto_allow%3dhttps',
      'x%2cec%3d.y',
    ]) {
      const access = sign(`exp=${end}~acl=/vod/*~id=a%2cec=.b~data=${data}`)
      const session = tokenOf(await send(stage, at('hdnts', access)))
      expect((await send(stage, `${segment}?hdntl=${session}`)).status).toBe(200)
    }
  })
})

describe('T27: a revoked token', () => {
  it('does not live on in what was remembered of it, nor in its sessions, renewed ones among them', async () => {
    const stage = await start(managed)
    const [one, other] = [await stage.gate.tokens.mint({}), await stage.gate.tokens.mint({})]
    const renew = (accessToken: string, sessionToken: string): Promise<Reply> => {
      const body = JSON.stringify({ accessToken, path: playlist, sessionToken })
      const headers = ['Content-Type: application/json', `Content-Length: ${body.length}`]
      return send(stage, '/_playgate/session', { method: 'POST', headers, body })
    }
    const session = tokenOf(await send(stage, at('token', one.token)))
    const renewed = tokenOf(await renew(one.token, session))
    // A viewer with two tokens does not get the session of one renewed by the other, and so past its end.
    const crossed = tokenOf(await renew(other.token, session))
    const play = (token: string) => () => send(stage, `${segment}?hdntl=${token}`)
    for (const token of [session, renewed, crossed]) expect((await play(token)()).status).toBe(200)
    await stage.gate.tokens.revoke({ tokens: [other.token] })
    await expectRefused(stage, play(crossed), { reason: 'session-ended' })
    expect((await play(renewed)()).status).toBe(200)
    await stage.gate.tokens.revoke({ tokens: [one.token] })
    for (const token of [session, renewed]) {
      await expectRefused(stage, play(token), { reason: 'session-ended' })
    }
    await expectRefused(stage, () => send(stage, at('token', one.token)), refused)
    await expectRefused(stage, () => renew(one.token, session), refused)
    stage.clock.advance(60_001)
    const late = async () => (await send(stage, at('token', one.token))).status
    await expect.poll(late).toBe(403)
  })
})

describe('T28: a name', () => {
  it.each([
    '../../etc/passwd',
    '<script>alert(1)</script>',
    '"; DROP TABLE',
    '%0d%0aSet-Cookie: x=1',
    '__proto__',
    '-',
  ])('is data and nothing else, in tokens, headers, lists and logs: %s', async (subject) => {
    const stage = await start(managed)
    const { token } = await stage.gate.tokens.mint({ subject })
    const opened = await send(stage, at('token', token))
    expect(opened.status).toBe(200)
    expect(opened.header('set-cookie')).toBeNull()
    expect(opened.header('playgate-session')).toMatch(
      /^token="[A-Za-z0-9\-._~=:@!()*,%/]+", parameter="hdntl", expires-in=312, session-id="[0-9a-f]{40}"$/,
    )
    const { tokens } = await stage.gate.tokens.list({ name: subject })
    expect(tokens.map(({ name }) => name)).toEqual([subject])
    for (const line of stage.log) expect(() => JSON.parse(line)).not.toThrow()
  })
})
