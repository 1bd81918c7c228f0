import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openSession } from '../../../server/http/open-session.ts'
import { judgeOptions } from '../../../server/options/judge-options.ts'
import { decide } from '../../../server/session/decide.ts'
import { Endings } from '../../../server/session/endings.ts'
import type { Judging } from '../../../server/session/judging.ts'
import { ProofMemory } from '../../../server/session/proof-memory.ts'
import type { RequestFacts } from '../../../server/session/request-facts.ts'
import { ectoken } from '../../../server/token/index.ts'
import { decodeOnce } from '../../../shared/query.ts'
import { parseRequestTarget } from '../../../shared/request-target.ts'
import { epochSeconds } from '../../../shared/units.ts'

const key = 'a pass phrase that nobody guesses, 7 times over'
const now = epochSeconds(1_767_225_600)

interface Asked {
  readonly path: string
  readonly host: string
  readonly proto: 'http' | 'https'
  readonly clientIp: string
  readonly referrer: string | null
}

function staged(ignoreCase: boolean) {
  const configuration = {
    keys: { portal: { primary: key } },
    rules: [
      {
        origin: 'https://origin.example',
        access: { format: 'ectoken', key: 'portal', ignoreCase },
        session: {},
      },
    ],
  }
  const options = judgeOptions(configuration, { environment: {}, baseDirectory: '/' })
  const rule = options.rules[0]
  const session = rule?.session
  if (rule === undefined || !session) throw new Error('no rule')
  const judging: Judging = {
    now,
    endings: new Endings(),
    memory: new ProofMemory(session),
    geoip: { needsTrustedProxy: false, countryOf: () => null },
    kept: new Map(),
  }
  const judge = (asked: Asked, query: string) =>
    decide(factsOf(asked, query), rule, judging).decision
  return {
    judge,
    /** The session token that the request gets; `null`: none. */
    open(asked: Asked, token: string): string | null {
      const grant = judge(asked, token)
      if (grant.kind !== 'access') return null
      try {
        const facts = factsOf(asked, token)
        const opening = {
          sessionId: 'a'.repeat(40),
          maxLifetimeSeconds: 600,
          fillsVariables: false,
        }
        return openSession(grant, session, facts, { durationSeconds: 60 }, now, opening).token
      } catch {
        return null
      }
    },
  }
}

function factsOf({ path, host, proto, clientIp, referrer }: Asked, query: string): RequestFacts {
  const parsed = parseRequestTarget(path, { allowSemicolon: true })
  if (!parsed.ok) throw new Error(`no path of the test's: ${path}`)
  return {
    method: 'GET',
    target: `${path}?${query}`,
    rawPath: parsed.rawPath,
    path: parsed.path,
    host,
    scheme: proto,
    clientAddress: clientIp,
    serverAddress: '',
    viaTrustedProxy: false,
    headers: new Map([
      ['user-agent', ['Viewer']],
      ...(referrer === null ? [] : [['referer', [referrer]] as [string, string[]]]),
    ]),
  } as RequestFacts
}

const paths = [
  ...['/vod/film/index.m3u8', '/vod/film/low/1.ts', '/vod/film2/index.m3u8', '/vod/index.m3u8'],
  ...[
    '/VOD/Film/index.m3u8',
    '/vod/a%20b/index.m3u8',
    '/vod/a%20b/1.ts',
    '/vod/a/b/1.ts',
    '/vod/ab/1.ts',
  ],
  ...[
    '/vod/%c3%a4/index.m3u8',
    '/vod/a!b/1.ts',
    '/vod/a*b/1.ts',
    '/vod/a~b/1.ts',
    '/other/index.m3u8',
  ],
]
const prefixes = [
  ...[
    '/',
    '/vod/',
    '/vod/fi',
    '/vod/film/',
    '/vod/film/index',
    '/VOD/film/',
    '/vOd/A%20B/',
    '/vod/a b/',
  ],
  ...[
    '/vod/a%20b/',
    '/vod/a%2fb/',
    '/vod/%66ilm2/',
    '/vod/a%2a',
    '/vod/a*',
    '/vod/a?',
    '/vod/a!b/',
    '/vod/a!',
  ],
  ...['/vod/a%2520b/', '/vod/ä/', '/vod/%C3%A4/', '/vod/a~b/', '/vod/%', '/vod/a%zz!/', '*', ''],
]
const list = (...entries: string[]) =>
  fc.uniqueArray(fc.constantFrom(...entries), { minLength: 1, maxLength: 2 })
/** Seldom there: a token that demands too much opens nothing. */
const lists = (...entries: string[]) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, list(...entries))
const hosts = ['a.example', 'www.a.example', 'b.example:8080', 'evila.example']
const pages = [
  null,
  'https://a.example/',
  'https://www.a.example/Watch/7',
  'https://b.example/x?y',
  'rubbish',
]
const referrers = ['a.example', '*.a.example', 'www.a.example/watch', 'missing', 'b.example/x']

const paramsText = fc
  .record({
    ec_expire: fc.constant(String(now + 60)),
    ec_url_allow: fc.option(list(...prefixes), { nil: undefined }),
    ec_host_allow: lists('a.example', '*.a.example', 'b.example'),
    ec_host_deny: lists('a.example', '*.a.example'),
    ec_ref_allow: lists(...referrers),
    ec_ref_deny: lists(...referrers),
    ec_clientip: fc.constantFrom(
      undefined,
      undefined,
      '192.0.2.1',
      '192.0.2.0/24',
      '2001:db8::/32',
    ),
    ec_proto_allow: lists('http', 'https'),
    ec_proto_deny: lists('http'),
    ec_country_deny: lists('DE'),
  })
  .map((params) =>
    Object.entries(params).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${[value].flat().join(',')}`],
    ),
  )
const asked: fc.Arbitrary<Asked> = fc.record({
  path: fc.constantFrom(...paths),
  host: fc.constantFrom(...hosts),
  proto: fc.constantFrom('http', 'https'),
  clientIp: fc.constantFrom('192.0.2.1', '192.0.2.77', '198.51.100.1', '2001:db8::1'),
  referrer: fc.constantFrom(...pages),
})

/** By the library, which knows nothing of sessions; a path as in the request line, or decoded once. */
function allows(parts: readonly string[], { path, ...rest }: Asked, ignoreCase: boolean): boolean {
  const text = parts.filter((part) => !part.startsWith('ec_expire=')).join('&')
  const demanded = text === '' ? 'ec_proto_allow=http,https' : text
  return [path, decodeOnce(path)].some(
    (spelling) =>
      ectoken.check(demanded, { ...rest, path: spelling, country: null, now }, { ignoreCase })
        .allow,
  )
}

describe.each([false, true])(
  'T24: a session that an ectoken opened (case ignored: %s)',
  (ignoreCase) => {
    it('is no wider than the ectoken, whatever that demands and whoever asks', () => {
      const { judge, open } = staged(ignoreCase)
      const seen = { opened: 0, allowed: 0, refused: 0 }
      fc.assert(
        fc.property(
          paramsText,
          asked,
          fc.array(asked, { minLength: 4, maxLength: 8 }),
          (parts, first, then) => {
            const token = ectoken.seal(parts.join('&'), { key })
            const session = open(first, token)
            if (session === null) return
            seen.opened += 1
            for (const next of [first, { ...first, path: '/vod/film/low/1.ts' }, ...then]) {
              const isAllowed = judge(next, `hdntl=${session}`).kind === 'session'
              seen[isAllowed ? 'allowed' : 'refused'] += 1
              if (isAllowed) expect([next, allows(parts, next, ignoreCase)]).toEqual([next, true])
            }
          },
        ),
        { numRuns: 4000 },
      )
      expect(seen.opened).toBeGreaterThan(200)
      expect(seen.allowed).toBeGreaterThan(400)
      expect(seen.refused).toBeGreaterThan(400)
    })
  },
)

it.each([
  ['an escape of what needs none', '/vod/%66ilm2/', '/vod/film2/index.m3u8'],
  ['an escaped slash', '/vod/a%2fb/', '/vod/a/b/1.ts'],
  ['an escape in other case', '/vod/%C3%A4/', '/vod/%c3%a4/index.m3u8'],
])('is no wider where a beginning holds %s', (_what, prefix, path) => {
  const { judge, open } = staged(false)
  const first = { path: '/vod/film/index.m3u8', host: 'a', proto: 'http', clientIp: '192.0.2.1' }
  const asked = { ...first, referrer: null } as const
  const token = ectoken.seal(`ec_url_allow=/vod/film/,${prefix}`, { key })
  const session = open(asked as Asked, token)
  expect(session).not.toBeNull()
  expect(judge({ ...asked, path: '/vod/film/low/1.ts' } as Asked, `hdntl=${session}`).kind).toBe(
    'session',
  )
  const next = { ...asked, path } as Asked
  expect([judge(next, token).kind, judge(next, `hdntl=${session}`).kind]).toEqual([
    'refused',
    'refused',
  ])
})

it.each([
  ['an escaped blank', '/vod/a%20b/', '/vod/a%20b/1.ts'],
  ['a blank', '/vod/a b/', '/vod/a%20b/1.ts'],
  ['an escape in the same case', '/vod/%c3%a4/', '/vod/%c3%a4/1.ts'],
  ['a letter beyond ASCII', '/vod/ä/', '/vod/%c3%a4/1.ts'],
  ['a tilde', '/vod/a~b/', '/vod/a~b/1.ts'],
])('opens what the ectoken opens where a beginning holds %s', (_what, prefix, path) => {
  const first = { host: 'a', proto: 'http', clientIp: '192.0.2.1', referrer: null } as const
  const token = ectoken.seal(`ec_url_allow=${prefix}`, { key })
  for (const [stage, sealed] of [
    [staged(false), token],
    [
      staged(true),
      ectoken.seal(`ec_url_allow=${prefix.toUpperCase().replace('%C3%A4', '%c3%a4')}`, { key }),
    ],
  ] as const) {
    const session = stage.open({ ...first, path: path.replace('1.ts', 'index.m3u8') }, sealed)
    expect(stage.judge({ ...first, path }, `hdntl=${session}`).kind).toBe('session')
  }
})

it('is not opened where its ACL would be too long to be read', () => {
  const { judge, open } = staged(false)
  const asked: Asked = {
    path: '/vod/1/a.m3u8',
    host: 'a',
    proto: 'http',
    clientIp: '192.0.2.1',
    referrer: null,
  }
  const token = (count: number) =>
    ectoken.seal(
      { ec_url_allow: Array.from({ length: count }, (_, index) => `/vod/${index}/`) },
      { key },
    )
  expect(judge({ ...asked, path: '/vod/31/1.ts' }, `hdntl=${open(asked, token(32))}`).kind).toBe(
    'session',
  )
  expect(judge(asked, token(33)).kind).toBe('access')
  expect(open(asked, token(33))).toBeNull()
})
