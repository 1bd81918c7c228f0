import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { describeIssue } from '../../../server/options/describe-issue.ts'
import { bareRequest } from '../../../server/remote/bare-request.ts'
import { judgeRemote, remoteSchema } from '../../../server/remote/options.ts'
import { OptionError, type OptionProblem } from '../../../shared/codes.ts'
import { judged, viewerAsks } from './staged.ts'

const good = { url: 'https://site.example/auth' }
const secrets: Readonly<Record<string, string>> = {
  'env:ASKER': 'a secret from outside',
  'env:SHORT': 'short',
  'env:CUT': 'two\r\nlines',
}

function readSecret(text: string): string {
  if (!text.startsWith('env:')) return text
  const value = secrets[text]
  if (value === undefined) throw new TypeError(`the environment variable ${text} is not set`)
  return value
}

function problemsOf(entry: Record<string, unknown>): readonly OptionProblem[] {
  const shaped = remoteSchema.safeParse({ ...good, ...entry })
  if (!shaped.success) return shaped.error.issues.flatMap(describeIssue)
  try {
    judgeRemote(shaped.data, readSecret)
    return []
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    return error.problems
  }
}

const fifty = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`name${index}`, 'x']))

describe('an entry of remotes', () => {
  it('needs a URL only, and gets the documented defaults', () => {
    expect(judged()).toEqual({
      origin: 'https://site.example',
      path: '/auth',
      method: 'POST',
      parameters: { keep: 'all', add: [] },
      headers: { keep: 'all', add: [] },
      timeoutMs: 3000,
      retries: 1,
      onTimeout: 'reject',
      recheckSeconds: 0,
      signingKey: null,
      breaker: { failures: 5, pauseSeconds: 10 },
      maxConnections: 64,
      allowPrivate: true,
    })
  })

  it.each<Record<string, unknown>>([
    { url: 'http://127.0.0.1:8080' },
    { url: 'https://[2001:db8::1]:8443/a/b' },
    { method: 'GET' },
    { method: 'HEAD' },
    { timeoutMs: 500 },
    { retries: 0 },
    { retries: 3 },
    { onTimeout: 'approve' },
    { recheckSeconds: 86_400 },
    { parameters: { keep: 'none' } },
    { parameters: { keep: ['hdnts', 'user'], add: { uri: '$uri', site: 'a b=c&d' } } },
    { parameters: { add: fifty } },
    { headers: { keep: ['Cookie', 'User-Agent'] } },
    {
      headers: {
        keep: [],
        add: { 'X-Forwarded-For': '$x_forwarded_for', Authorization: 'env:ASKER' },
      },
    },
    { headers: { add: fifty } },
    { signature: { secret: 'env:ASKER' } },
    { breaker: { failures: 0 } },
  ])('may say %j', (entry) => {
    expect(problemsOf(entry)).toEqual([])
  })

  it.each<[entry: Record<string, unknown>, path: string, message: RegExp]>([
    [{ url: 'site.example/auth' }, 'url', /not an http or https URL/],
    [{ url: 'ftp://site.example/' }, 'url', /not an http or https URL/],
    [{ url: '' }, 'url', /not an http or https URL/],
    [{ url: 'https://u:p@site.example/' }, 'url', /headers\.add/],
    [{ url: 'https://site.example/?a=1' }, 'url', /parameters\.add/],
    [{ url: 'https://site.example/#a' }, 'url', /fragment/],
    [{ method: 'PUT' }, 'method', /POST/],
    [{ timeoutMs: 499 }, 'timeoutMs', /500/],
    [{ timeoutMs: 3001 }, 'timeoutMs', /3000/],
    [{ retries: 4 }, 'retries', /3/],
    [{ retries: -1 }, 'retries', /0/],
    [{ onTimeout: 'maybe' }, 'onTimeout', /approve/],
    [{ recheckSeconds: 1.5 }, 'recheckSeconds', /int/],
    [{ followRedirects: true }, 'followRedirects', /no such option/],
    [{ parameters: { keep: 'some' } }, 'parameters.keep', /neither all nor none nor a list/],
    [{ parameters: { keep: ['good', 'not good'] } }, 'parameters.keep[1]', /parameter name/],
    [{ parameters: { keep: 7 } }, 'parameters.keep', /all, none, or a list/],
    [{ parameters: { add: { uri: '$url' } } }, 'parameters.add.uri', /there: \$host, \$uri/],
    [{ parameters: { add: { ua: '$user_agent' } } }, 'parameters.add.ua', /no such preset/],
    [{ parameters: { add: { 'a=b': 'x' } } }, 'parameters.add.a=b', /parameter name/],
    [{ parameters: { add: { site: '中文' } } }, 'parameters.add.site', /visible ASCII/],
    [{ parameters: { add: { site: '' } } }, 'parameters.add.site', /visible ASCII/],
    [{ parameters: { add: { ...fifty, more: 'x' } } }, 'parameters.add', /more than 50/],
    [{ headers: { add: { ...fifty, more: 'x' } } }, 'headers.add', /more than 50/],
    [{ headers: { add: { 'X-A': 'b', 'x-a': 'c' } } }, 'headers.add.x-a', /named twice/],
    [{ headers: { add: { 'X A': 'b' } } }, 'headers.add.X A', /header name/],
    [{ headers: { add: { 'X-A': 'env:CUT' } } }, 'headers.add.X-A', /visible ASCII/],
    [{ headers: { add: { 'X-A': 'env:NONE' } } }, 'headers.add.X-A', /not set/],
    [{ headers: { add: { 'X-A': '$client_ip' } } }, 'headers.add.X-A', /there: \$user_agent/],
    [{ headers: { keep: ['Cookie', 'Range'] } }, 'headers.keep[1]', /never sent/],
    [{ signature: { secret: 'env:SHORT' } }, 'signature.secret', /16 characters/],
    [{ signature: { secret: 'env:NONE' } }, 'signature.secret', /not set/],
    [{ signature: {} }, 'signature.secret', /string/],
  ])('is refused for %j, and the place is named', (entry, path, message) => {
    expect(problemsOf(entry)).toEqual([{ path, message: expect.stringMatching(message) }])
  })

  it.each([
    ...['Host', 'Content-Length', 'Connection', 'Transfer-Encoding', 'Keep-Alive', 'Upgrade', 'TE'],
    ...['Trailer', 'Expect', 'Proxy-Authorization', 'If-None-Match', 'Playgate-Signature'],
  ])('adds no %s header, in any spelling of it', (name) => {
    for (const spelling of [name, name.toUpperCase(), name.replace('-', '_')]) {
      expect(problemsOf({ headers: { add: { [spelling]: 'x' } } })).toHaveLength(1)
    }
  })

  it('tells every mistake at once', () => {
    const entry = {
      url: 'x',
      headers: { keep: ['Host'], add: { Host: 'x' } },
      signature: { secret: '' },
    }
    expect(problemsOf(entry).map(({ path }) => path)).toEqual([
      'url',
      'headers.add.Host',
      'headers.keep[0]',
      'signature.secret',
    ])
  })

  it('shows no secret when it is printed', () => {
    const options = judgeRemote(
      remoteSchema.parse({
        ...good,
        headers: { add: { Authorization: 'env:ASKER' } },
        signature: { secret: 'env:ASKER' },
      }),
      readSecret,
    )
    const bare = bareRequest(viewerAsks(), [])
    expect(options.headers.add[0]?.value(bare)).toBe('a secret from outside')
    const shown = inspect(options, { depth: 9, showHidden: true }) + JSON.stringify(options)
    expect(shown).not.toContain('a secret from outside')
  })
})
