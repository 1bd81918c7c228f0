import { describe, expect, it } from 'vitest'
import { peers } from '../../../server/authorize/peers.ts'
import type { RawResponse } from '../../stage/raw-socket.ts'
import { freePort } from '../../stage/start-redis.ts'
import { ask, askerNamed, askers, startAskedGate, told } from './asking.ts'

const path = '/live/show'
const problem = (status: number, reason: string, renew: boolean) => [
  status,
  { type: 'about:blank', title: expect.any(String), status, reason, renew },
]
const srsNo = [200, { code: 403, data: null }]

/** spec/forward-auth section 3: what each of them understands. */
const answers = [
  {
    name: 'nginx',
    allowed: [204],
    missing: problem(403, 'token-missing', true),
    refused: problem(403, 'token-refused', true),
  },
  {
    name: 'caddy',
    allowed: [204],
    missing: problem(403, 'token-missing', true),
    refused: problem(403, 'token-refused', true),
  },
  {
    name: 'traefik',
    allowed: [204],
    missing: problem(403, 'token-missing', true),
    refused: problem(403, 'token-refused', true),
  },
  {
    name: 'envoy',
    allowed: [200],
    missing: problem(403, 'token-missing', true),
    refused: problem(403, 'token-refused', true),
  },
  {
    name: 'tencent',
    allowed: [200],
    missing: problem(403, 'token-missing', true),
    refused: problem(403, 'token-refused', true),
  },
  {
    name: 'mediamtx',
    allowed: [204],
    missing: problem(401, 'token-missing', true),
    refused: problem(403, 'token-refused', true),
  },
  { name: 'srs', allowed: [200, { code: 0, data: null }], missing: srsNo, refused: srsNo },
  {
    name: 'ome',
    allowed: [200, { allowed: true }],
    missing: [200, { allowed: false, reason: 'token-missing' }],
    refused: [200, { allowed: false, reason: 'token-refused' }],
  },
  {
    name: 'nginx-rtmp',
    allowed: [204],
    missing: problem(403, 'token-missing', true),
    refused: problem(403, 'token-refused', true),
  },
]

/** Does an answer with that status let the viewer in? */
function lets({ name, allowed }: (typeof answers)[number], response: RawResponse): boolean {
  const [status, body] = told(response)
  if (name === 'srs') return status === 200 && JSON.stringify(body) === JSON.stringify(allowed[1])
  if (name === 'ome') return status === 200 && (body as { allowed?: unknown }).allowed === true
  // Any other answer than 403 is no answer, and approves.
  if (name === 'tencent') return status !== 403
  return typeof status === 'number' && status >= 200 && status < 300
}

function expectBare(response: RawResponse): void {
  expect(response.header('cache-control')).toBe('no-store')
  for (const name of ['etag', 'last-modified', 'location', 'set-cookie', 'playgate-session']) {
    expect(response.all(name)).toEqual([])
  }
}

it('knows the servers of the design, and has a test for each', () => {
  expect([...peers.keys()]).toEqual(askers.map(({ name }) => name))
  expect(answers.map(({ name }) => name)).toEqual([...peers.keys()])
})

describe.each(answers)('$name', (expected) => {
  const asker = askerNamed(expected.name)
  const acl = '/live/show*'

  it('is told in its own terms that a viewer may come in', async () => {
    const stage = await startAskedGate()
    const target = `${path}?hdnts=${stage.mint({ path: acl })}`
    const response = await ask(stage, asker, { target })
    expect(told(response)).toEqual(expected.allowed)
    expect(lets(expected, response)).toBe(true)
    expectBare(response)
    expect(stage.origin.requests).toEqual([])
  })

  it('is told in its own terms that one without a token may not', async () => {
    const stage = await startAskedGate()
    const response = await ask(stage, asker, { target: path })
    expect(told(response)).toEqual(expected.missing)
    expect(lets(expected, response)).toBe(false)
    expectBare(response)
  })

  it.each([
    [
      'changed by one byte',
      (token: string) => token.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
    ],
    ['for another stream', (token: string) => token.replace('/live/show', '/live/else')],
  ])('is told so of a token %s', async (_what, change) => {
    const stage = await startAskedGate()
    const token = change(stage.mint({ path: acl }))
    const response = await ask(stage, asker, { target: `${path}?hdnts=${token}` })
    expect(told(response)).toEqual(expected.refused)
    expectBare(response)
  })

  it('is told so of a token that is for another address', async () => {
    const stage = await startAskedGate()
    const target = `${path}?hdnts=${stage.mint({ path: acl, ip: '192.0.2.7' })}`
    expect(lets(expected, await ask(stage, asker, { target }))).toBe(true)
    const response = await ask(stage, asker, { target, address: '192.0.2.8' })
    expect(lets(expected, response)).toBe(false)
  })

  it.each([
    ['without the secret', null],
    ['with another secret', 'a-secret-of-asking-serverz'],
    ['with an empty secret', ''],
  ])('is refused %s', async (_what, given) => {
    const stage = await startAskedGate()
    const target = `${path}?hdnts=${stage.mint({ path: acl })}`
    const response = await ask(stage, asker, { target, secret: given })
    expect(lets(expected, response)).toBe(false)
    expect([403, 200]).toContain(response.status)
    expectBare(response)
    expect(stage.log.at(-1)).toContain('"reason":"policy-refused"')
  })

  it('is told that nobody knows, where the store does not answer', async () => {
    const stage = await startAskedGate({
      access: { singleUse: true },
      configuration: { store: `redis://127.0.0.1:${await freePort()}` },
    })
    const target = `${path}?hdnts=${stage.mint({ path: acl })}`
    const response = await ask(stage, asker, { target })
    expect(response.status).toBe(expected.name === 'tencent' ? 403 : 503)
    expect(lets(expected, response)).toBe(false)
    expectBare(response)
  })

  it('takes a single-use token once, and again within its grace', async () => {
    const stage = await startAskedGate({
      access: { singleUse: true, singleUseGraceSeconds: 10 },
    })
    const target = `${path}?hdnts=${stage.mint({ path: acl })}`
    expect(lets(expected, await ask(stage, asker, { target }))).toBe(true)
    stage.clock.advance(9_000)
    expect(lets(expected, await ask(stage, asker, { target }))).toBe(true)
    expect(lets(expected, await ask(stage, asker, { target, address: '192.0.2.8' }))).toBe(false)
    stage.clock.advance(2_000)
    const response = await ask(stage, asker, { target })
    expect(told(response)).toEqual(expected.refused)
  })

  it.each([
    ['a dot segment', '/live/../live/show'],
    ['an escaped slash', '/live%2fshow/show'],
    ['an empty segment', '/live//show'],
    ['an escaped dot', '/live/%2e%2e/show'],
  ])('lets nobody in at a path with %s', async (_what, other) => {
    const stage = await startAskedGate({ rule: { match: { paths: ['/*'] } } })
    const target = `${other}?hdnts=${stage.mint({ path: '/*' })}`
    const response = await ask(stage, asker, { target })
    expect(lets(expected, response)).toBe(false)
    expectBare(response)
  })

  it('lets nobody in where no rule is, and says nothing else', async () => {
    const stage = await startAskedGate({ rule: { match: { paths: ['/vod/*'] } } })
    const target = `${path}?hdnts=${stage.mint({ path: '/*' })}`
    const response = await ask(stage, asker, { target })
    expect(lets(expected, response)).toBe(false)
    expectBare(response)
  })

  it('lets everybody in at an open rule', async () => {
    const stage = await startAskedGate({
      rule: { access: undefined, open: true, match: { paths: ['/*'] }, stripPrefix: '' } as object,
    })
    expect(lets(expected, await ask(stage, asker, { target: path }))).toBe(true)
  })

  it('lets in what a rule in mode log would refuse, and the log says so', async () => {
    const stage = await startAskedGate({
      rule: { mode: 'log', match: { paths: ['/*'] }, stripPrefix: '' },
    })
    expect(lets(expected, await ask(stage, asker, { target: path }))).toBe(true)
    expect(stage.log.at(-1)).toContain('"wouldRefuse":"token-missing"')
  })

  it('shows in the log who asked for whom, in the figures and among the refusals, and never the token', async () => {
    const stage = await startAskedGate()
    const token = stage.mint({ path: acl })
    await ask(stage, asker, { target: `${path}?hdnts=${token}` })
    await ask(stage, asker, { target: `${path}?hdnts=${token}0` })
    const lines = stage.log
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'authorize')
    const [good, bad] = lines
    expect(good).toMatchObject({
      peer: expected.name,
      rule: 'film',
      outcome: 'access',
      client: '192.0.2.7',
      method: 'GET',
    })
    expect(bad).toMatchObject({ peer: expected.name, outcome: 'refused', reason: 'token-refused' })
    expect(stage.log.join()).not.toContain(token)
    expect(stage.log.join()).not.toMatch(/a-secret-of-asking/)
    const metrics = await stage.ask('/_playgate/metrics')
    expect(metrics.text).toContain(
      'playgate_requests_total{rule="film",outcome="access",reason=""} 1',
    )
    expect(metrics.text).toContain(
      'playgate_requests_total{rule="film",outcome="refused",reason="token-refused"} 1',
    )
  })

  it('turns a redirect of the rule into a refusal, unless it passes it on', async () => {
    const stage = await startAskedGate({
      rule: {
        match: { paths: ['/live/*'] },
        stripPrefix: '',
        denial: { status: 302, location: 'https://www.example.com/login' },
      },
    })
    const response = await ask(stage, asker, { target: path })
    expect(lets(expected, response)).toBe(false)
    const passesOn = ['caddy', 'traefik', 'envoy'].includes(expected.name)
    expect(response.all('location')).toEqual(passesOn ? ['https://www.example.com/login'] : [])
    expect(response.status === 302).toBe(passesOn)
  })
})

describe('without a secret in the configuration', () => {
  it('answers this machine', async () => {
    const stage = await startAskedGate({ configuration: { authorize: undefined } as object })
    const target = `${path}?hdnts=${stage.mint({ path: '/live/*' })}`
    for (const asker of askers) {
      const expected = answers.find(({ name }) => name === asker.name)
      expect(told(await ask(stage, asker, { target, secret: null }))).toEqual(expected?.allowed)
    }
  })
})

describe('a name that no server has', () => {
  it.each([
    ['/_playgate/authorize/nginx2'],
    ['/_playgate/authorize/Nginx'],
    ['/_playgate/authorize/nginx/'],
    ['/_playgate/authorize/nginx/live/show'],
    ['/_playgate/authorize/'],
    ['/_playgate/authorize'],
    ['/_playgate/authorize?secret=x'],
    ['/_playgate/authorize/%6eginx'],
    ['/_playgate/authorize/../authorize/nginx'],
    ['/_playgate/authorize/constructor'],
  ])('is denied at %s', async (target) => {
    const stage = await startAskedGate()
    const response = await ask(stage, askerNamed('nginx'), { target: path }, (bytes) =>
      bytes.replace('/_playgate/authorize/nginx ', `${target} `),
    )
    expect(response.status).toBe(403)
    expect(JSON.parse(response.body.toString())).toMatchObject({ status: 403 })
    expectBare(response)
  })

  it('is not one that only begins like the endpoint', async () => {
    const stage = await startAskedGate()
    expect((await stage.ask('/_playgate/authorizes/nginx')).status).toBe(404)
  })
})
