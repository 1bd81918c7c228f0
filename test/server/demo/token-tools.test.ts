import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listen, type RunningServer } from '../../../server/app.ts'
import { keyNew } from '../../../server/cli/key-new.ts'
import { createDemo, type Demo } from '../../../server/demo/demo-app.ts'
import type { MadeToken, TakenApart } from '../../../server/demo/token-tools.ts'
import { createLog } from '../../../server/http/log.ts'
import type { TokenList } from '../../../server/index.ts'
import { createClock } from '../../stage/clock.ts'
import { sampleStream } from '../../stage/static-server.ts'

const keys: string[] = []
const answered: string[] = []
function newKey(): string {
  const key = keyNew()
  keys.push(key)
  return key
}

let demo: Demo
let server: RunningServer
async function start(now?: () => number): Promise<void> {
  const log = createLog('silent')
  demo = createDemo({ stream: sampleStream, page: null, log, newKey, ...(now && { now }) })
  server = await listen(demo.listener, { host: '127.0.0.1', port: 0 })
}
async function stop(): Promise<void> {
  await server.close(0)
  await demo.gate.close()
}
beforeEach(() => start())
afterEach(async () => {
  await stop()
  expect(keys.length).toBeGreaterThan(0)
  for (const key of keys) expect(answered.filter((text) => text.includes(key))).toEqual([])
})

interface Answer<Body> {
  readonly status: number
  readonly body: Body
}

async function ask<Body>(
  what: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<Body>> {
  const response = await fetch(`${server.url}/demo/api/tokens/${what}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'User-Agent': 'viewer', ...headers },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  answered.push(text)
  expect(response.headers.get('Cache-Control')).toBe('no-store')
  return { status: response.status, body: JSON.parse(text) }
}

async function mint(fields: object): Promise<MadeToken> {
  const { status, body } = await ask<MadeToken>('mint', fields)
  expect(status).toBe(200)
  return body
}

async function inspect(text: string, request: object = {}): Promise<TakenApart> {
  const { status, body } = await ask<TakenApart>('inspect', { text, request })
  expect(status).toBe(200)
  return body
}

const outcome = ({ explanation }: TakenApart): string | undefined => explanation?.answer.outcome
const failed = ({ explanation }: TakenApart): string | undefined =>
  explanation?.checks.find((check) => check.outcome === 'failed')?.detail

const examples = [
  [
    'edgeauth',
    { path: '/tools/sample/*', ttlSeconds: '300', subject: 'viewer-17', payload: 'plan=gold' },
    { acl: '/tools/sample/*', id: 'viewer-17', data: 'plan=gold' },
  ],
  [
    'ectoken',
    { path: '/tools/*', ttlSeconds: '300', params: { ec_ref_deny: 'evil.example, *.bad.example' } },
    { ec_url_allow: ['/tools/'], ec_ref_deny: ['evil.example', '*.bad.example'] },
  ],
  ['timed', { ttlSeconds: '3600', ip: '127.' }, { clientIp: '127.' }],
  ['managed', { subject: 'viewer-17', ip: '127.0.0.0/8' }, { name: 'viewer-17' }],
] as const

describe.each(examples)('a token of format %s', (format, fields, said) => {
  it('comes with its URL, which plays, and says what was said', async () => {
    const made = await mint({ format, ...fields })
    expect(made).toMatchObject({ format, rule: 'tools', said: { format, kind: 'access' } })
    expect(made.said?.fields).toMatchObject(said)
    expect((await fetch(`${server.url}${made.link}`)).status).toBe(200)
  })

  it.each<[string, (made: MadeToken) => string]>([
    ['by itself', ({ token }) => `  ${token}\n`],
    ['as a query', ({ link }) => link?.slice(link.indexOf('?')) ?? ''],
    ['in a path', ({ link }) => link ?? ''],
    ['in a URL', ({ link }) => `${server.url}${link}#t=4`],
  ])('is read %s, and found good', async (_how, textOf) => {
    const made = await mint({ format, ...fields })
    const taken = await inspect(textOf(made))
    expect(taken).toMatchObject({ token: made.token, url: `${server.url}${made.link}` })
    expect(taken.said?.fields).toMatchObject(said)
    expect(outcome(taken)).toBe('access')
  })

  it('is refused for another client, with the reason', async () => {
    const { link } = await mint({ format, ...fields, ip: '192.0.2.7' })
    const taken = await inspect(link ?? '')
    expect(outcome(taken)).toBe('refused')
    expect(failed(taken)).toBeDefined()
    expect(outcome(await inspect(link ?? '', { address: '192.0.2.7' }))).toBe('access')
  })

  it('is refused with one character changed', async () => {
    const { token, link = '' } = await mint({ format, ...fields })
    const middle = Math.floor(token.length * 0.8)
    const other = token.charAt(middle) === '0' ? '1' : '0'
    const changed = token.slice(0, middle) + other + token.slice(middle + 1)
    expect(outcome(await inspect((link ?? '').replace(token, changed)))).toBe('refused')
  })
})

describe('the request that a token is judged with', () => {
  it('is another one than the page’s own where that is said', async () => {
    const { token } = await mint({
      format: 'ectoken',
      path: '/tools/sample/*',
      ttlSeconds: '300',
      params: {
        ec_ref_allow: 'www.example.com',
        ec_host_allow: 'video.example.com',
        ec_proto_allow: 'https',
      },
    })
    const request = {
      referrer: 'https://www.example.com/film',
      host: 'video.example.com',
      scheme: 'https',
    }
    const taken = await inspect(token, request)
    expect(taken.url).toBe(`https://video.example.com/tools/sample/index.m3u8?${token}`)
    expect(outcome(taken)).toBe('access')
    for (const name of Object.keys(request)) {
      expect(outcome(await inspect(token, { ...request, [name]: undefined }))).toBe('refused')
    }
    expect(outcome(await inspect(token, { ...request, path: '/tools/other.m3u8' }))).toBe('refused')
  })

  it('is that of a session, whose token is bound to the browser', async () => {
    const { link } = await mint({ format: 'edgeauth', ttlSeconds: '300' })
    const headers = { 'User-Agent': 'viewer' }
    const playlist = await (await fetch(`${server.url}${link}`, { headers })).text()
    const session = /hdntl=([^"\s&]+)/.exec(playlist)?.[1] ?? ''
    const taken = await inspect(session)
    expect(taken.said).toMatchObject({ format: 'edgeauth', kind: 'session' })
    expect(outcome(taken)).toBe('session')
    const other = await ask<TakenApart>('inspect', { text: session }, { 'User-Agent': 'other' })
    expect(outcome(other.body)).toBe('refused')
  })

  it('has no token where none can be found', async () => {
    expect(await inspect('/tools/sample/index.m3u8?v2')).toMatchObject({ token: null, said: null })
    const nothing = await inspect('/tools/sample/index.m3u8')
    expect(nothing.explanation?.answer.reason).toBe('token-missing')
    expect(await inspect('what is this')).toMatchObject({ said: null, url: null })
    const twice = await inspect('/tools/sample/index.m3u8?hdnts=a&hdnts=b')
    expect(twice).toMatchObject({ token: null })
    expect(outcome(twice)).toBe('refused')
  })

  it('is judged as of now', async () => {
    await stop()
    const clock = createClock()
    await start(clock.now)
    const { link } = await mint({ format: 'timed', ttlSeconds: '60' })
    clock.advance(61_000)
    const taken = await inspect(link ?? '')
    expect(taken.explanation?.answer.reason).toBe('token-expired')
  })
})

describe('managed tokens', () => {
  it('are listed without their text, and are refused as soon as they are revoked', async () => {
    const { id, token, link } = await mint({ format: 'managed', subject: 'viewer-18' })
    const { body } = await ask<TokenList>('list', {})
    expect(body.tokens).toContainEqual(expect.objectContaining({ id, name: 'viewer-18' }))
    expect(JSON.stringify(body)).not.toContain(token)

    expect((await fetch(`${server.url}${link}`)).status).toBe(200)
    expect(await ask('revoke', { id })).toEqual({ status: 200, body: { revoked: 1 } })
    expect((await fetch(`${server.url}${link}`)).status).toBe(403)
    expect(failed(await inspect(token))).toBeDefined()
  })

  it('are no more than the demo has room for', async () => {
    for (let count = 0; count < 50; count += 1) await mint({ format: 'managed' })
    const refused = await ask<{ problems: { path: string }[] }>('mint', { format: 'managed' })
    expect(refused.status).toBe(422)
    expect(refused.body.problems[0]?.path).toBe('format')
    const { body } = await ask<TokenList>('list', {})
    await ask('revoke', { id: body.tokens[0]?.id })
    await mint({ format: 'managed' })
  })
})

describe('a field that is wrong', () => {
  it.each([
    ['path', { format: 'edgeauth', ttlSeconds: '60', path: 'tools' }],
    ['path', { format: 'edgeauth', ttlSeconds: '60', path: '/vod/*' }],
    ['path', { format: 'ectoken', ttlSeconds: '60', path: '/tools/*/a' }],
    ['path', { format: 'ectoken', ttlSeconds: '60', path: '/tools/a b*' }],
    ['ttlSeconds', { format: 'edgeauth' }],
    ['ttlSeconds', { format: 'ectoken', ttlSeconds: 'soon' }],
    ['ttlSeconds', { format: 'timed', ttlSeconds: '59' }],
    ['ip', { format: 'edgeauth', ttlSeconds: '60', ip: '203.0.113.0/24' }],
    ['ip', { format: 'ectoken', ttlSeconds: '60', ip: 'here' }],
    ['ip', { format: 'timed', ttlSeconds: '60', ip: '211.3' }],
    ['subject', { format: 'edgeauth', ttlSeconds: '60', subject: 'a~b' }],
    ['subject', { format: 'managed', subject: 'x'.repeat(257) }],
    ['payload', { format: 'edgeauth', ttlSeconds: '60', payload: 'a~b' }],
    ['referrer', { format: 'managed', referrer: 'https://example.com' }],
    [
      'ec_country_allow',
      { format: 'ectoken', ttlSeconds: '60', params: { ec_country_allow: 'DEU' } },
    ],
    ['ec_ref_deny', { format: 'ectoken', ttlSeconds: '60', params: { ec_ref_deny: 'a b' } }],
    ['ec_host_allow', { format: 'ectoken', ttlSeconds: '60', params: { ec_host_allow: '*' } }],
  ])('is named %s for %j', async (path, fields) => {
    const { status, body } = await ask<{ problems: { path: string; message: string }[] }>(
      'mint',
      fields,
    )
    expect(status).toBe(422)
    expect(body.problems.map((problem) => problem.path)).toEqual([path])
  })

  it.each([
    ['text', { text: '  ' }],
    ['text', { text: 'x'.repeat(8193) }],
    ['path', { text: 'x', request: { path: 'film' } }],
    ['address', { text: 'x', request: { address: 'here' } }],
    ['referrer', { text: 'x', request: { referrer: 'www.example.com' } }],
    ['country', { text: 'x', request: { country: 'DEU' } }],
    ['host', { text: 'x', request: { host: 'a b' } }],
    ['scheme', { text: 'x', request: { scheme: 'ftp' } }],
  ])('is named %s when a token is taken apart', async (path, body) => {
    const refused = await ask<{ problems: { path: string }[] }>('inspect', body)
    expect(refused.status).toBe(422)
    expect(refused.body.problems.map((problem) => problem.path)).toEqual([path])
  })

  it('is the id of no token', async () => {
    expect((await ask('revoke', { id: 'x' })).status).toBe(422)
  })
})

describe('another site', () => {
  it.each([
    [{ 'Sec-Fetch-Site': 'cross-site' }],
    [{ 'Sec-Fetch-Site': 'same-site' }],
    [{ Origin: 'https://evil.example' }],
    [{ Origin: 'null' }],
    [{ 'Content-Type': 'text/plain' }],
  ])('is not served, asking with %j', async (headers) => {
    const { status } = await ask('mint', { format: 'edgeauth', ttlSeconds: '60' }, headers)
    expect(status).toBe('Content-Type' in headers ? 400 : 403)
  })

  it('is told from the page itself by what the browser says', async () => {
    const fields = { format: 'edgeauth', ttlSeconds: '60' }
    for (const headers of [{ 'Sec-Fetch-Site': 'same-origin' }, { Origin: server.url }]) {
      expect((await ask('mint', fields, headers)).status).toBe(200)
    }
  })

  it('cannot have a token made by a link', async () => {
    expect((await fetch(`${server.url}/demo/api/tokens/mint`)).status).toBe(404)
  })
})
