import { createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { deriveKey } from '../../server/token/keyring.ts'
import { otherKey, startGate, testKey } from '../stage/start-gate.ts'
import {
  expectRefused,
  expectService,
  openSession,
  type Place,
  places,
  playlist,
  segment,
  send,
  sendCarrying,
  sign,
} from './refusal.ts'

const doors = ['hdnts', 'hdntl'] as const
const kinds = ['access', 'session'] as const

/** Every kind of token at every door; only the diagonal passes, and a path is no door for access tokens. */
const matrix = kinds.flatMap((kind) =>
  doors.flatMap((door) =>
    places.map((place): [(typeof kinds)[number], (typeof doors)[number], Place, boolean] => [
      kind,
      door,
      place,
      (kind === 'session' && door === 'hdntl') ||
        (kind === 'access' && door === 'hdnts' && place !== 'path'),
    ]),
  ),
)

describe.each([
  ['keys derived apart', {}, {}],
  ['one key and one salt for both', { key: 'vod', salt: 'pepper' }, { salt: 'pepper' }],
])('T08 and T09: with %s', (_what, session, access) => {
  it.each(matrix)('%s token as %s in the %s: passes %s', async (kind, name, place, passes) => {
    const stage = await startGate({ session, access })
    const token = kind === 'access' ? stage.mint() : await openSession(stage)
    const asking = () => sendCarrying(stage, playlist, [{ place, name, token }])
    if (passes) expect((await asking()).status).toBe(200)
    else if (name === 'hdnts' && place === 'path') {
      // Not a door at all: the segment stays a part of the path, and its escaped slashes are refused there.
      await expectRefused(stage, asking, { status: 400, reason: 'bad-request' })
    } else await expectRefused(stage, asking, { reason: 'token-refused' })
    await expectService(stage)
  })
})

describe('T09: a token of one kind', () => {
  it('cannot be renewed into another: no session token opens or renews a session', async () => {
    const stage = await startGate()
    const sessionToken = await openSession(stage)
    const body = JSON.stringify({ accessToken: sessionToken, path: playlist, sessionToken })
    const headers = ['Content-Type: application/json', `Content-Length: ${body.length}`]
    await expectRefused(
      stage,
      () => send(stage, '/_playgate/session', { method: 'POST', headers, body }),
      { reason: 'token-refused' },
    )
  })

  it.each(['hdntl', 'hdntl,x', 'hdntl,x,sid=1'])(
    'is not made by an issuer who writes the mark of sessions: %s',
    async (data) => {
      const stage = await startGate({ session: { key: 'vod', salt: 'p' }, access: { salt: 'p' } })
      const end = stage.clock.nowSeconds() + 60
      const token = sign(`exp=${end}~acl=/vod/*~data=${data}`, { salt: 'p' })
      const asking = () => send(stage, `${playlist}?hdnts=${token}`)
      await expectRefused(stage, asking, { reason: 'token-refused' })
    },
  )

  it('is not a session with the mark escaped, prefixed or in another case', async () => {
    const stage = await startGate({ session: { key: 'vod', salt: 'p' }, access: { salt: 'p' } })
    const end = stage.clock.nowSeconds() + 60
    for (const data of ['%68dntl', 'hdntl%2cx', 'HDNTL', 'hdntlx', 'x,hdntl']) {
      const token = sign(`exp=${end}~acl=/vod/*~data=${data}`, { salt: 'p' })
      const asking = () => send(stage, `${segment}?hdntl=${token}`)
      await expectRefused(stage, asking, { reason: 'token-refused' })
    }
  })

  it('does not verify under the key of the other kind, fields being equal', async () => {
    const stage = await startGate({ session: { salt: 'p' } })
    const end = stage.clock.nowSeconds() + 60
    const derived = deriveKey(createSecretKey(testKey, 'hex'), 'session token v1')
      .export()
      .toString('hex')
    const forSession = `exp=${end}~acl=/vod/*~id=x~data=hdntl`
    const ask = (token: string) => () => send(stage, `${segment}?hdntl=${token}`)
    expect((await ask(sign(forSession, { key: derived, salt: 'p' }))()).status).toBe(200)
    await expectRefused(stage, ask(sign(forSession, { salt: 'p' })))
    await expectRefused(stage, ask(sign(forSession, { key: derived })))
    const forAccess = sign(`exp=${end}~acl=/vod/*`, { key: derived })
    await expectRefused(stage, () => send(stage, `${playlist}?hdnts=${forAccess}`))
  })

  it('for one URL does not open another, nor serve as an ACL token', async () => {
    const stage = await startGate()
    const end = stage.clock.nowSeconds() + 60
    const token = sign(`exp=${end}`, { url: playlist })
    const ask = (path: string, text: string) => () => send(stage, `${path}?hdnts=${text}`)
    expect((await ask(playlist, token)()).status).toBe(200)
    await expectRefused(stage, ask('/vod/other/index.m3u8', token))
    // What was signed for a path that the attacker chose must not become a field (token-formats 1.9).
    const chosen = sign(`exp=${end}`, { url: '/x~acl=/*' })
    const fields = `exp=${end}~url=/x~acl=/*`
    await expectRefused(stage, ask(playlist, `${fields}${chosen.slice(chosen.lastIndexOf('~'))}`))
    await expectRefused(stage, ask(playlist, sign(`exp=${end}~acl=/vod/*~url=${playlist}`)))
  })
})

describe('T26: keys', () => {
  it('of a stranger open nothing, and transition keys open until they are taken away', async () => {
    const keys = { vod: { primary: testKey, transition: otherKey } }
    const stage = await startGate({ configuration: { keys } })
    const fields = `exp=${stage.clock.nowSeconds() + 60}~acl=/vod/film/*`
    const ask = (key: string) => () => send(stage, `${playlist}?hdnts=${sign(fields, { key })}`)
    expect((await ask(otherKey)()).status).toBe(200)
    const session = await openSession(stage)
    await expectRefused(stage, ask('00112233445566778899aabbccddeeff'))
    const rule = (primary: string) => ({
      keys: { vod: { primary } },
      rules: [
        {
          match: { paths: ['/vod/*'] },
          stripPrefix: '/vod',
          origin: stage.origin.url,
          access: { format: 'edgeauth' as const, key: 'vod' },
          session: {},
        },
      ],
    })
    stage.gate.reload(rule(testKey))
    await expectRefused(stage, ask(otherKey), { reason: 'token-refused' })
    expect((await send(stage, `${segment}?hdntl=${session}`)).status).toBe(200)
    stage.gate.reload(rule(otherKey))
    await expectRefused(stage, ask(testKey), { reason: 'token-refused' })
    await expectRefused(stage, () => send(stage, `${segment}?hdntl=${session}`))
    await expectService(stage)
  })
})
