import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { judgeOptions } from '../../../server/options/judge-options.ts'
import { OptionError } from '../../../shared/codes.ts'
import { testKey } from '../../stage/start-gate.ts'

const sources = { environment: { VOD_KEY: testKey, EMPTY: '' }, baseDirectory: import.meta.dirname }

const good = {
  keys: { vod: { primary: testKey } },
  rules: [
    {
      name: 'films',
      match: { paths: ['/vod/*'] },
      origin: 'https://origin.example.com/library',
      access: { format: 'edgeauth', key: 'vod' },
      session: {},
    },
  ],
}

/** The good configuration with one value changed; `undefined` takes it away. */
function changed(path: string, value: unknown): unknown {
  const copy = structuredClone(good) as Record<string, unknown>
  const parts = path.split('.')
  const last = parts.pop() ?? ''
  let place = copy
  for (const part of parts) {
    place[part] ??= {}
    place = place[part] as Record<string, unknown>
  }
  if (value === undefined) delete place[last]
  else place[last] = value
  return copy
}

function problemsOf(raw: unknown): { path: string; message: string }[] {
  try {
    judgeOptions(raw, sources)
    return []
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    expect(error).toBeInstanceOf(TypeError)
    expect(error.code).toBe('ERR_OPTION')
    return [...error.problems]
  }
}

describe('a good configuration', () => {
  it('gets the documented defaults', () => {
    const options = judgeOptions(good, sources)
    expect(options.listen).toEqual({ host: '127.0.0.1', port: 8080 })
    expect(options.rules[0]).toMatchObject({
      name: 'films',
      mode: 'enforce',
      stripPrefix: '',
      denial: { status: 403, location: null, byReason: {} },
      access: [
        { parameter: 'hdnts', carriers: ['query', 'cookie', 'header'], maxLifetimeSeconds: 86_400 },
      ],
      session: {
        carriers: ['query'],
        parameter: 'hdntl',
        salt: '',
        saltHeaders: ['user-agent', 'x-playback-session-id', 'origin'],
        maxLifetimeSeconds: 86_400,
        slackSeconds: 300,
      },
    })
  })

  it.each([
    ['from the environment', 'env:VOD_KEY'],
    ['from a file', 'file:key.hex'],
  ])('takes a key %s', (_where, text) => {
    expect(problemsOf(changed('keys.vod.primary', text))).toEqual([])
  })

  it('shows no key when it is printed', () => {
    const options = judgeOptions(good, sources)
    const shown = inspect(options, { depth: 20 }) + JSON.stringify(options)
    expect(shown).not.toContain(testKey.slice(0, 16))
  })

  it('cannot be changed afterwards', () => {
    const options = judgeOptions(good, sources)
    expect(() => Object.assign(options, { listen: null })).toThrow(TypeError)
    expect(() => Object.assign(options.rules[0] ?? {}, { mode: 'off' })).toThrow(TypeError)
  })

  it('takes options that say what is so anyway', () => {
    expect(problemsOf({ ...good, workers: 1, store: 'memory:' })).toEqual([])
    expect(problemsOf(changed('rules.0.session', { maxConcurrent: 0, slidingSeconds: 0 }))).toEqual(
      [],
    )
  })

  it.each([
    [{ slidingSeconds: 60 }, []],
    [{ slidingSeconds: 60, carrier: ['path', 'player'] }, []],
    [{ slidingSeconds: 60, carrier: ['path'] }, ['rules[0].session.slidingSeconds']],
    [{ slidingSeconds: 60, carrier: ['path', 'define'] }, ['rules[0].session.slidingSeconds']],
    [{ slidingSeconds: 0, carrier: ['path'] }, []],
    [{ slidingSeconds: 29 }, ['rules[0].session.slidingSeconds']],
    [{ slidingSeconds: 86_401 }, ['rules[0].session.slidingSeconds']],
    [{ slidingSeconds: -1 }, ['rules[0].session.slidingSeconds']],
  ])('takes %j only where a fresh token can be taken up', (session, places) => {
    const problems = problemsOf(changed('rules.0.session', session))
    expect(problems.map(({ path }) => path)).toEqual(places)
  })
})

describe('a mistake is named with its path', () => {
  it.each<[string, unknown, string]>([
    ['keys.vod.primary', 'not hex', 'keys.vod.primary'],
    ['keys.vod.primary', '', 'keys.vod.primary'],
    ['keys.vod.primary', 'abc', 'keys.vod.primary'],
    ['keys.vod.primary', '00112233', 'keys.vod.primary'],
    ['keys.vod.primary', 'ab'.repeat(16), 'keys.vod.primary'],
    ['keys.vod.primary', 'aabbccddeeff00112233445566778899', 'keys.vod.primary'],
    ['keys.vod.primary', 'env:NOT_SET', 'keys.vod.primary'],
    ['keys.vod.primary', 'env:EMPTY', 'keys.vod.primary'],
    ['keys.vod.primary', 'file:none.hex', 'keys.vod.primary'],
    ['keys.vod.transition', 'zz', 'keys.vod.transition'],
    ['typo', true, 'typo'],
    ['rules', [], 'rules'],
    ['rules.0.typo', true, 'rules[0].typo'],
    ['rules.0.session.maxlifetimeSeconds', 5, 'rules[0].session.maxlifetimeSeconds'],
    ['rules.0.origin', undefined, 'rules[0].origin'],
    ['rules.0.origin', './no-such-directory', 'rules[0].origin'],
    ['rules.0.origin', 'ftp://origin.example.com', 'rules[0].origin'],
    ['rules.0.origin', 'https://user:secret@origin.example.com', 'rules[0].origin'],
    ['rules.0.origin', 'https://origin.example.com/?a=b', 'rules[0].origin'],
    ['rules.0.access', undefined, 'rules[0].access'],
    ['rules.0.open', true, 'rules[0].open'],
    ['rules.0.access.key', 'other', 'rules[0].access[0].key'],
    ['rules.0.access.parameter', 'hdntl', 'rules[0].session.parameter'],
    ['rules.0.access.parameter', 'HDNTL', 'rules[0].session.parameter'],
    ['rules.0.session.parameter', 'HDNTS', 'rules[0].session.parameter'],
    ['rules.0.access.parameter', '_HLS_x', 'rules[0].access[0].parameter'],
    ['rules.0.access.parameter', 'a b', 'rules[0].access[0].parameter'],
    ['rules.0.access.algorithm', 'none', 'rules[0].access[0].algorithm'],
    ['rules.0.session.saltHeaders', ['User-Agent\r\n'], 'rules[0].session.saltHeaders[0]'],
    ['rules.0.session.saltHeaders', ['User-Agent', 'Range'], 'rules[0].session.saltHeaders[1]'],
    ['rules.0.session.saltHeaders', ['Origin', 'origin'], 'rules[0].session.saltHeaders[1]'],
    ['rules.0.session.maxLifetimeSeconds', 86_401, 'rules[0].session.maxLifetimeSeconds'],
    ['rules.0.session.maxLifetimeSeconds', 0, 'rules[0].session.maxLifetimeSeconds'],
    ['rules.0.session.reach', ['cdn.example.com'], 'rules[0].session.reach[0]'],
    ['rules.0.session.key', 'none', 'rules[0].session.key'],
    ['rules.0.cors', { origins: ['https://a.example/'] }, 'rules[0].cors.origins[0]'],
    ['rules.0.cors', { origins: ['null'] }, 'rules[0].cors.origins[0]'],
    ['rules.0.denial', { status: 302 }, 'rules[0].denial.location'],
    ['rules.0.denial', { status: 200 }, 'rules[0].denial.status'],
    ['rules.0.denial', { status: 302, location: '//evil.example' }, 'rules[0].denial.location'],
    [
      'rules.0.denial',
      { byReason: { 'no-such-reason': 401 } },
      'rules[0].denial.byReason.no-such-reason',
    ],
    ['rules.0.stripPrefix', '/vod/', 'rules[0].stripPrefix'],
    ['rules.0.stripPrefix', '/films', 'rules[0].stripPrefix'],
    ['rules.0.access.format', 'edgeAuth', 'rules[0].access[0].format'],
    ['rules.0.session.carrier', ['querry'], 'rules[0].session.carrier[0]'],
    ['rules.0.match.paths', ['vod/*'], 'rules[0].match.paths[0]'],
    ['trustedProxies', ['10.0.0.0/33'], 'trustedProxies'],
    ['trustedProxies', ['proxy.example.com'], 'trustedProxies'],
    ['listen', { port: 70_000 }, 'listen.port'],
    ['store', 'sqlite:x', 'store'],
    ['store', 'redis://', 'store'],
    ['workers', 'auto', 'store'],
    ['workers', 2, 'store'],
    ['workers', 0, 'workers'],
    ['workers', 'many', 'workers'],
    ['admin', { token: 'short' }, 'admin.token'],
    ['admin', { token: 'with a blank in it' }, 'admin.token'],
    ['admin', { token: 'env:NOT_SET' }, 'admin.token'],
    ['admin', {}, 'admin.token'],
    ['authorize', { secret: 'short' }, 'authorize.secret'],
    ['authorize', { secret: 'what-needs=escapes&in-a-query' }, 'authorize.secret'],
    ['authorize', { secret: 'env:NOT_SET' }, 'authorize.secret'],
    ['authorize', {}, 'authorize.secret'],
    ['rules.0.session.maxConcurrent', -1, 'rules[0].session.maxConcurrent'],
    ['rules.0.session.onLimit', 'shrug', 'rules[0].session.onLimit'],
    ['rules.0.session.idleSeconds', 0, 'rules[0].session.idleSeconds'],
    ['rules.0.session.idleSeconds', 86_401, 'rules[0].session.idleSeconds'],
    ['rules.0.access.singleUseGraceSeconds', 3600, 'rules[0].access[0].singleUseGraceSeconds'],
  ])('%s = %j', (path, value, place) => {
    expect(problemsOf(changed(path, value)).map((problem) => problem.path)).toContain(place)
  })

  it('and all of them at once', () => {
    const raw = changed('keys.vod.primary', 'zz') as typeof good
    Object.assign(raw.rules[0] ?? {}, { origin: './none', denial: { status: 301 } })
    expect(problemsOf(raw).map(({ path }) => path)).toEqual([
      'keys.vod.primary',
      'rules[0].origin',
      'rules[0].denial.location',
    ])
  })

  it("refuses '*' beside the cookie carrier", () => {
    const raw = changed('rules.0.session', { carrier: ['cookie'] }) as typeof good
    expect(problemsOf(raw)).toEqual([])
    Object.assign(raw.rules[0] ?? {}, { cors: { origins: ['*'] } })
    expect(problemsOf(raw).map(({ path }) => path)).toEqual(['rules[0].cors.origins'])
  })

  it('takes names that differ in case alone where the access token is looked for in no header', () => {
    const access = { format: 'edgeauth', key: 'vod', parameter: 'HDNTL' }
    const problems = (more: object) => problemsOf(changed('rules.0.access', { ...access, ...more }))
    expect(problems({ carriers: ['query', 'cookie'] })).toEqual([])
    expect(problems({ carriers: ['query', 'header'] })).toHaveLength(1)
  })

  it.each<[object, object, boolean]>([
    [{ format: 'ectoken', key: 'portal' }, {}, false],
    [{ format: 'timed', key: 'vod' }, {}, false],
    [[{ format: 'ectoken', key: 'portal' }, { format: 'timed' }], {}, false],
    [{ format: 'ectoken', key: 'portal' }, { remoteAuth: 'site' }, true],
    [
      [
        { format: 'ectoken', key: 'portal' },
        { format: 'edgeauth', key: 'vod' },
      ],
      {},
      true,
    ],
    [{ format: 'timed', key: 'vod', revocable: true }, {}, true],
    [[{ format: 'timed', key: 'vod' }, { format: 'managed' }], {}, true],
    // What it could say is not known before its own mistake is mended.
    [{ format: 'edgeauth', key: 'none' }, {}, true],
  ])(
    'takes a limit on streams only where a subject can be named: %j, %j',
    (access, more, isTaken) => {
      const raw = changed('rules.0.session', { maxConcurrent: 2 }) as typeof good
      Object.assign(raw, {
        keys: { ...good.keys, portal: { primary: 'a pass phrase that nobody guesses, 7 times' } },
        remotes: { site: { url: 'https://site.example/auth' } },
      })
      Object.assign(raw.rules[0] ?? {}, { access, ...more })
      const places = problemsOf(raw).map(({ path }) => path)
      expect(places.includes('rules[0].session.maxConcurrent')).toBe(!isTaken)
    },
  )

  it.each([
    [['define'], ['rules[0].session.carrier']],
    [['define', 'define'], ['rules[0].session.carrier']],
    [['define', 'query'], []],
    [['player', 'define'], []],
  ])(
    'takes carrier %j only beside one for players that do not say that they can',
    (carrier, places) => {
      const problems = problemsOf(changed('rules.0.session', { carrier }))
      expect(problems.map(({ path }) => path)).toEqual(places)
    },
  )
})

it.each([null, 1, 'text', [], { rules: 'none' }])(
  'a configuration that is %j is refused',
  (raw) => {
    expect(problemsOf(raw).length).toBeGreaterThan(0)
  },
)
