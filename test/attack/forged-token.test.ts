import { describe, expect, it } from 'vitest'
import { type StagedGate, startGate } from '../stage/start-gate.ts'
import {
  expectRefused,
  expectService,
  openSession,
  playlist,
  segment,
  send,
  sign,
  tokenOf,
} from './refusal.ts'

const refused = { reason: 'token-refused' }

function ask(stage: StagedGate, token: string) {
  return () => send(stage, `${playlist}?hdnts=${token}`)
}

describe('T36: a store', () => {
  it('is told nothing by thousands of forged tokens, of either kind, at every door', async () => {
    const stage = await startGate({
      access: { singleUse: true },
      session: { maxConcurrent: 2 },
      routes: {},
    })
    const good = stage.mint({ subject: 'u7' })
    const session = await openSession(stage, { subject: 'u7' })
    const calls = async () => {
      const { text } = await stage.ask('/_playgate/metrics')
      const counts = [...text.matchAll(/playgate_store_seconds_count\{operation="(\w+)"\} (\d+)/g)]
      return counts.filter(([, name]) => name !== 'revocationsSince').map(([line]) => line)
    }
    await stage.gate.sessions.list()
    const before = await calls()
    for (let count = 0; count < 700; count++) {
      const mac = count.toString(16).padStart(64, '0')
      const forge = (token: string) => token.replace(/hmac=.*/, `hmac=${mac}`)
      const answers = await Promise.all([
        stage.ask(`${playlist}?hdnts=${forge(good)}`),
        stage.ask(`${segment}?hdntl=${forge(session)}`),
        stage.ask('/_playgate/session', {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ accessToken: forge(good), path: playlist, sessionToken: session }),
        }),
      ])
      expect(answers.map(({ status }) => status)).toEqual([403, 403, 403])
    }
    expect(await calls()).toEqual(before)
  })
})

describe('T01: a forged or edited token', () => {
  it('is refused whichever byte of an access token was changed', async () => {
    const stage = await startGate()
    const good = stage.mint()
    for (let at = 0; at < good.length; at += 1) {
      const byte = good.charAt(at) === 'x' ? 'y' : 'x'
      const forged = good.slice(0, at) + byte + good.slice(at + 1)
      await expectRefused(stage, ask(stage, forged), refused)
    }
    await expectService(stage)
  })

  it('is refused whichever byte of a session token was changed, also after the good one was remembered', async () => {
    const stage = await startGate()
    const good = await openSession(stage)
    expect((await send(stage, `${segment}?hdntl=${good}`)).status).toBe(200)
    for (let at = 0; at < good.length; at += 1) {
      const byte = good.charAt(at) === '0' ? '1' : '0'
      const forged = good.slice(0, at) + byte + good.slice(at + 1)
      await expectRefused(stage, () => send(stage, `${segment}?hdntl=${forged}`), refused)
    }
    expect((await send(stage, `${segment}?hdntl=${good}`)).status).toBe(200)
  })

  it('is refused with the hmac of another good token, or the fields of another', async () => {
    const stage = await startGate()
    const [one, other] = [stage.mint(), stage.mint({ path: '/vod/other/*' })]
    const swap = (fields: string, mac: string) =>
      fields.slice(0, fields.lastIndexOf('~')) + mac.slice(mac.lastIndexOf('~'))
    for (const forged of [swap(one, other), swap(other, one)]) {
      await expectRefused(stage, ask(stage, forged), refused)
    }
  })

  it.each([0, 1, 63, 65, 128])(
    'T02: with an hmac of %d digits is like any wrong one',
    async (digits) => {
      const stage = await startGate()
      const good = stage.mint()
      const cut = good.lastIndexOf('=') + 1
      const short = good.slice(0, cut) + good.slice(cut).repeat(2).slice(0, digits)
      const wrong = good.slice(0, -1) + (good.endsWith('0') ? '1' : '0')
      const [one, other] = [
        await expectRefused(stage, ask(stage, short), refused),
        await expectRefused(stage, ask(stage, wrong), refused),
      ]
      expect(one.text).toBe(other.text)
    },
  )
})

describe('T06: the algorithm', () => {
  it.each(['md5', 'sha1', 'sha512'])(
    'is not chosen by the token: %s is refused',
    async (algorithm) => {
      const stage = await startGate()
      const fields = `exp=${stage.clock.nowSeconds() + 60}~acl=/vod/film/*`
      expect((await ask(stage, sign(fields))()).status).toBe(200)
      const before = stage.origin.requests.length
      await expectRefused(stage, ask(stage, sign(fields, { algorithm })), refused)
      expect(stage.origin.requests).toHaveLength(before)
    },
  )

  it.each(['alg=none', 'alg=md5', 'typ=JWT'])('is not read from a field: %s', async (field) => {
    const stage = await startGate()
    const fields = `exp=${stage.clock.nowSeconds() + 60}~acl=/vod/film/*~${field}`
    await expectRefused(stage, ask(stage, sign(fields)), refused)
    await expectRefused(stage, ask(stage, `${fields}~hmac=`), refused)
    await expectRefused(stage, ask(stage, fields), refused)
  })
})

describe('T14 and T16: a well-signed access token', () => {
  const ahead = (stage: StagedGate) => stage.clock.nowSeconds() + 60

  it.each<[string, (end: number) => string]>([
    ['no end', () => 'acl=/vod/film/*'],
    ['an empty end', () => 'exp=~acl=/vod/film/*'],
    ['an end in exponents', () => 'exp=2e9~acl=/vod/film/*'],
    ['an end in hexadecimal', (end) => `exp=0x${end.toString(16)}~acl=/vod/film/*`],
    ['a sign', (end) => `exp=+${end}~acl=/vod/film/*`],
    ['a leading zero', (end) => `exp=0${end}~acl=/vod/film/*`],
    ['a fraction', (end) => `exp=${end}.5~acl=/vod/film/*`],
    ['a blank', (end) => `exp=%20${end}~acl=/vod/film/*`],
    ['underscores', (end) => `exp=${String(end).replace(/^(.)/, '$1_')}~acl=/vod/film/*`],
    ['milliseconds', (end) => `exp=${end}000~acl=/vod/film/*`],
    ['an end beyond the maximum life', (end) => `exp=${end + 86_400}~acl=/vod/film/*`],
    ['infinity', () => 'exp=Infinity~acl=/vod/film/*'],
    ['a start in exponents', (end) => `st=1e3~exp=${end}~acl=/vod/film/*`],
    ['an empty ACL', (end) => `exp=${end}~acl=`],
    ['an ACL of nothing but separators', (end) => `exp=${end}~acl=!!`],
    ['two ends', (end) => `exp=1~exp=${end}~acl=/vod/film/*`],
    ['two ACLs', (end) => `exp=${end}~acl=/x~acl=/vod/film/*`],
    ['neither ACL nor its URL signed', (end) => `exp=${end}`],
    ['an unknown field', (end) => `exp=${end}~acl=/vod/film/*~role=admin`],
  ])('with %s is refused', async (_what, fields) => {
    const stage = await startGate()
    await expectRefused(stage, ask(stage, sign(fields(ahead(stage)))), refused)
    await expectService(stage)
  })

  it('with its end at the very maximum is taken, and one second more is not', async () => {
    const stage = await startGate({ access: { maxLifetimeSeconds: 600 } })
    const at = (seconds: number) =>
      ask(stage, sign(`exp=${stage.clock.nowSeconds() + seconds}~acl=/vod/film/*`))
    expect((await at(600)()).status).toBe(200)
    await expectRefused(stage, at(601), refused)
  })
})

describe('T15: another spelling of a good token', () => {
  it.each<[string, (token: string) => string]>([
    ['upper-case digits', (token) => token.replace(/[0-9a-f]{64}$/, (mac) => mac.toUpperCase())],
    ['encoded twice', (token) => encodeURIComponent(encodeURIComponent(token))],
    ['a blank behind it', (token) => `${token}%20`],
    ['a line feed behind it', (token) => `${token}%0A`],
    ['a NUL behind it', (token) => `${token}%00`],
    ['quotes around it', (token) => `"${token}"`],
    ['a plus in front', (token) => `+${token}`],
    ['overlong UTF-8', (token) => token.replace('/', '%C0%AF')],
    ['a broken escape behind it', (token) => `${token}%`],
  ])('is refused: %s', async (_what, respell) => {
    const stage = await startGate()
    await expectRefused(stage, ask(stage, respell(stage.mint())), refused)
  })

  it.each<[string, (token: string) => string]>([
    ['encoded whole', encodeURIComponent],
    ['tildes encoded', (token) => token.replaceAll('~', '%7E')],
    ['stars and slashes encoded', (token) => token.replaceAll('/', '%2f').replaceAll('*', '%2A')],
    ['every byte', (token) => token.replace(/./g, (c) => `%${c.charCodeAt(0).toString(16)}`)],
  ])('leads to the one text that was signed: %s', async (_what, respell) => {
    const stage = await startGate()
    const good = await openSession(stage)
    const child = await send(stage, `/vod/film/low/index.m3u8?hdntl=${respell(good)}`)
    expect(child.status).toBe(200)
    expect(child.text).toContain(`1.m4s?hdntl=${good}\n`)
    expect(tokenOf(await ask(stage, respell(stage.mint()))())).toContain('~data=hdntl~')
  })
})
