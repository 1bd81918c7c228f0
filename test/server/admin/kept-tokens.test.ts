import { describe, expect, it } from 'vitest'
import type { StagedGate } from '../../stage/start-gate.ts'
import { adminPath, askAdmin, playlist, segment, startAdminGate } from './ask-admin.ts'

const access = [
  { format: 'managed' as const },
  { format: 'timed' as const, key: 'vod' },
  { format: 'timed' as const, key: 'vod', revocable: true, realm: 'previews' },
]
const start = () => startAdminGate({ rule: { access } })

async function ask(stage: StagedGate, method: string, path: string, body?: unknown) {
  const answer = await askAdmin(stage, method, path, body)
  return { status: answer.status, body: JSON.parse(answer.text) }
}
const make = async (stage: StagedGate, body: object = {}) =>
  (await ask(stage, 'POST', '/tokens/managed', body)).body as { token: string; id: string }
const open = async (stage: StagedGate, token: string) =>
  (await stage.ask(`${playlist}?token=${token}`)).status

describe('managed tokens', () => {
  it('are made, listed without their texts, and revoked by id', async () => {
    const stage = await start()
    const { status, body } = await ask(stage, 'POST', '/tokens/managed', {
      ...{ name: 'viewer-17', clientIp: '127.0.0.', rule: 'film' },
    })
    expect(status).toBe(201)
    expect(body).toEqual({
      token: expect.stringMatching(/^pgm_[A-Za-z0-9_-]{43}$/),
      ...{ format: 'managed', parameter: 'token', rule: 'film', expiresAt: null },
      id: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
    })
    expect(await open(stage, body.token)).toBe(200)
    const listed = await ask(stage, 'GET', '/tokens/managed')
    expect(listed.body).toEqual({
      tokens: [
        expect.objectContaining({ id: body.id, name: 'viewer-17', ip: '127.0.0.', endsAt: null }),
      ],
      next: null,
    })
    expect(await ask(stage, 'DELETE', `/tokens/managed/${body.id}`)).toEqual({
      status: 200,
      body: { revoked: 1 },
    })
    expect(await ask(stage, 'DELETE', `/tokens/managed/${body.id}`)).toEqual({
      status: 200,
      body: { revoked: 0 },
    })
    expect(await open(stage, body.token)).toBe(403)
    expect(JSON.stringify(listed.body) + stage.log.join()).not.toContain(body.token)
  })

  it('are listed page by page, the latest first, and by name', async () => {
    const stage = await start()
    for (const name of ['a', 'b', 'a', 'c']) {
      await make(stage, { name })
      stage.clock.advance(1)
    }
    const names = async (query: string) => {
      const { body } = await ask(stage, 'GET', `/tokens/managed?${query}`)
      return [body.tokens.map(({ name }: { name: string }) => name).join(''), body.next] as const
    }
    const [first, cursor] = await names('limit=3')
    expect(first).toBe('cab')
    expect(await names(`limit=3&cursor=${cursor}`)).toEqual(['a', null])
    expect(await names('name=a')).toEqual(['aa', null])
    expect(await names('realm=previews')).toEqual(['', null])
  })

  it.each<[string, (made: { token: string; id: string }[]) => object, number]>([
    ['a list of texts and ids', ([one, other]) => ({ tokens: [one?.token, other?.id] }), 2],
    ['all of a name', () => ({ name: 'u1' }), 1],
    ['all of a name in another realm', () => ({ name: 'u1', realm: 'previews' }), 0],
    ['all of the realm', () => ({ all: true }), 3],
    ['all of another realm', () => ({ all: true, realm: 'previews' }), 0],
  ])('are revoked as %s', async (_what, selector, count) => {
    const stage = await start()
    const made = [
      await make(stage, { name: 'u0' }),
      await make(stage, { name: 'u1' }),
      await make(stage),
    ]
    const sessions = []
    for (const { token } of made) {
      const { text } = await stage.ask(`${playlist}?token=${token}`)
      sessions.push(/hdntl=(\S+)/.exec(text)?.[1])
    }
    const { status, body } = await ask(stage, 'POST', '/tokens/revoke', selector(made))
    expect([status, body]).toEqual([200, { revoked: count }])
    const statuses = []
    for (const session of sessions) {
      statuses.push((await stage.ask(`${segment}?hdntl=${session}`)).status)
    }
    expect(statuses.filter((one) => one === 403)).toHaveLength(count)
  })

  it('are revoked by name in one request without a body as well', async () => {
    const stage = await start()
    const { token } = await make(stage, { name: 'u&7 ü' })
    await make(stage, { name: 'u' })
    const target = `/tokens/managed?name=${encodeURIComponent('u&7 ü')}`
    expect((await ask(stage, 'DELETE', target)).body).toEqual({ revoked: 1 })
    expect(await open(stage, token)).toBe(403)
  })
})

describe('timed tokens', () => {
  it('are made with the names of the classic service', async () => {
    const stage = await start()
    const { status, body } = await ask(stage, 'POST', '/tokens/timed', {
      ...{ lifeSeconds: 3600, clientIp: '127.0.0.1', referrer: 'example.com' },
    })
    expect([status, body]).toEqual([
      201,
      {
        token: expect.stringMatching(/^pgt_/),
        ...{
          format: 'timed',
          parameter: 'token',
          rule: 'film',
          expiresAt: 1_767_229_200,
          id: null,
        },
      },
    ])
    const page = { headers: { Referer: 'https://example.com/' } }
    expect((await stage.ask(`${playlist}?token=${body.token}`, page)).status).toBe(200)
    expect((await ask(stage, 'POST', '/tokens/revoke', { timedOfKey: 'vod' })).body).toEqual({
      revoked: 0,
    })
    expect((await stage.ask(`${playlist}?token=${body.token}`, page)).status).toBe(403)
  })
})

describe('a mistake', () => {
  it.each<[string, string, unknown, string]>([
    ['POST', '/tokens/timed', {}, 'body lifeSeconds'],
    ['POST', '/tokens/timed', { lifeSeconds: 59 }, 'body lifeSeconds'],
    [
      'POST',
      '/tokens/timed',
      { lifeSeconds: 60, clientIp: '10.0' },
      'body clientIp: must be an address',
    ],
    [
      'POST',
      '/tokens/timed',
      { lifeSeconds: 60, referrer: 'https://a' },
      'body referrer: must be a domain',
    ],
    [
      'POST',
      '/tokens/timed',
      { lifeSeconds: 60, name: 'u7' },
      'body name: a token of format timed has no place',
    ],
    ['POST', '/tokens/timed', { lifeSeconds: 60, rule: 'none' }, 'body rule: no rule of that name'],
    ['POST', '/tokens/timed', { lifeSeconds: 60, ttlSeconds: 60 }, 'an unknown member'],
    ['POST', '/tokens/managed', { name: '' }, 'body name'],
    ['POST', '/tokens/managed', { name: 'x'.repeat(257) }, 'body name'],
    ['POST', '/tokens/managed', { name: 'a\nb' }, 'body name: 1 to 256 characters'],
    ['POST', '/tokens/managed', { clientIp: '10.0.0.0/33' }, 'body clientIp: must be an address'],
    [
      'POST',
      '/tokens',
      { format: 'managed', subject: 'x'.repeat(300) },
      'body subject: 1 to 256 characters',
    ],
    ['POST', '/tokens', { format: 'managed', ip: '10' }, 'body ip: must be an address'],
    [
      'POST',
      '/tokens',
      { format: 'managed', ttlSeconds: 60 },
      'body ttlSeconds: a token of format managed',
    ],
    [
      'POST',
      '/tokens',
      { format: 'timed', ttlSeconds: 5 },
      'body ttlSeconds: must be whole seconds',
    ],
    [
      'POST',
      '/tokens',
      { format: 'edgeauth', ttlSeconds: 60 },
      'body format: no rule takes edgeauth tokens',
    ],
    ['POST', '/tokens/revoke', {}, 'exactly one of tokens, name, all and timedOfKey'],
    ['POST', '/tokens/revoke', { all: true, name: 'u7' }, 'exactly one of'],
    ['POST', '/tokens/revoke', { all: false }, 'body all'],
    ['POST', '/tokens/revoke', { tokens: [] }, 'body tokens'],
    ['POST', '/tokens/revoke', { tokens: ['x'] }, 'tokens: neither the text nor the id'],
    ['POST', '/tokens/revoke', { nmae: 'u7' }, 'an unknown member'],
    ['DELETE', '/tokens/managed', undefined, 'query name'],
    ['DELETE', '/tokens/managed?name=', undefined, 'query name'],
    ['DELETE', '/tokens/managed?nmae=u7', undefined, 'query: nmae is no parameter here'],
    ['DELETE', '/tokens/managed/short', undefined, 'path: no id of a token'],
    ['GET', '/tokens/managed?limit=0', undefined, 'query limit'],
    ['GET', '/tokens/managed?cursor=x', undefined, 'after: no such cursor'],
  ])('in %s %s %j is named', async (method, path, body, detail) => {
    const stage = await start()
    await make(stage)
    const answer = await ask(stage, method, path, body)
    expect([answer.status, answer.body.detail]).toEqual([400, expect.stringContaining(detail)])
    expect((await ask(stage, 'GET', '/tokens/managed')).body.tokens).toHaveLength(1)
  })

  it('is not what the log repeats: no token stands in it', async () => {
    const stage = await start()
    const { token } = await make(stage)
    await ask(stage, 'POST', '/tokens/revoke', { tokens: [token, `${token}x`] })
    await stage.ask(`${adminPath}/tokens/managed/${token}`, { method: 'DELETE' })
    await ask(stage, 'GET', `/tokens/managed?${token}=1`)
    expect(stage.log.join()).not.toContain(token)
    expect(await open(stage, token)).toBe(200)
  })

  it('is what a stranger has to say', async () => {
    const stage = await start()
    const { id } = await make(stage)
    for (const [method, path] of [
      ['POST', '/tokens/managed'],
      ['GET', '/tokens/managed'],
      ['DELETE', `/tokens/managed/${id}`],
      ['DELETE', '/tokens/managed?name=u7'],
      ['POST', '/tokens/revoke'],
      ['POST', '/tokens/timed'],
    ] as const) {
      const answer = await stage.ask(adminPath + path, { method })
      expect([method, path, answer.status]).toEqual([method, path, 401])
    }
  })
})
