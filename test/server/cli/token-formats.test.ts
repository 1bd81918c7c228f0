import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../../server/cli/run.ts'
import { ectoken, timed } from '../../../server/token/index.ts'
import { otherKey, testKey } from '../../stage/start-gate.ts'

const now = Date.UTC(2026, 0, 1)
const seconds = now / 1000
const phrase = 'a pass phrase that nobody guesses, 7 times over'
let folder = ''

const rules = `
keys:
  vod: { primary: ${testKey} }
  portal: { primary: '${phrase}' }
rules:
  - name: films
    match: { paths: [/vod/*] }
    origin: https://origin.example.com
    access:
      - { format: edgeauth, key: vod }
      - { format: ectoken, key: portal, maxLifetimeSeconds: 86400 }
      - { format: timed, key: vod }
      - { format: managed }
  - name: previews
    match: { paths: [/previews/*] }
    origin: https://origin.example.com
    access: { format: timed, key: vod, revocable: true, realm: previews }
`

/** A configuration in a directory of its own, with a store of its own. */
function configured(store: string): string {
  const file = join(mkdtempSync(join(folder, 'case-')), 'playgate.yaml')
  writeFileSync(file, store === '' ? rules : `store: '${store}'\n${rules}`)
  return file
}

let sealing = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'playgate-cli-formats-'))
  sealing = configured('memory:')
})
afterAll(() => rmSync(folder, { recursive: true }))

async function playgate(...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const status = await run(args, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    now: () => now,
  })
  return { status, out: out.join('\n'), err: err.join('\n') }
}
const mint = (config: string, ...args: string[]) =>
  playgate('token', 'mint', '--config', config, ...args)
const inspect = (config: string, token: string, ...args: string[]) =>
  playgate('token', 'inspect', token, '--config', config, ...args)

describe('token inspect', () => {
  it.each(['fb00', 'fbef'])('takes a token that looks like an option: iv %s…', async (start) => {
    const text = `ec_expire=${seconds + 60}&ec_url_allow=/vod/`
    const token = ectoken.seal(text, { key: phrase, iv: start.padEnd(24, '0') })
    expect(token).toMatch(/^-/)
    const anywhere = [
      ['token', 'inspect', token, '--config', sealing],
      ['token', 'inspect', '--config', sealing, token],
      ['token', 'inspect', '--config', sealing, '--', token],
    ]
    for (const args of anywhere) expect(await playgate(...args)).toMatchObject({ status: 0 })
    expect((await playgate('token', 'inspect', token, token)).status).toBe(2)
    expect((await playgate('token', 'inspect', '-x')).status).toBe(2)
  })
})

describe('playgate token mint', () => {
  it('makes an ectoken, with parameters of its own', async () => {
    const minted = await mint(
      ...[
        sealing,
        '--format',
        'ectoken',
        '--path',
        '/vod/film/*',
        '--ttl',
        '60',
        '--ip',
        '10.0.0.0/8',
      ],
      ...['--param', 'ec_country_allow=CH,AT', '--param', 'ec_ref_deny=missing'],
    )
    expect(minted).toMatchObject({
      status: 0,
      err: 'for rule films, as ?…, ends 2026-01-01T00:01:00Z, in 1 min',
    })
    expect(ectoken.open(minted.out, { keys: [phrase] })).toMatchObject({
      params: {
        ec_expire: seconds + 60,
        ec_url_allow: ['/vod/film/'],
        ec_clientip: '10.0.0.0/8',
        ec_country_allow: ['CH', 'AT'],
        ec_ref_deny: ['missing'],
      },
    })
  })

  it('makes a timed token, good for five minutes unless told otherwise', async () => {
    const args = ['--format', 'timed', '--ip', '211.37.', '--referrer', 'example.com']
    const minted = await mint(sealing, ...args)
    expect(minted.err).toBe('for rule films, as ?token=…, ends 2026-01-01T00:05:00Z, in 5 min')
    const request = { clientIp: '211.37.0.9', referrer: 'https://example.com/' }
    expect(timed.verify(minted.out, { keys: [testKey], request, now: seconds }).valid).toBe(true)
  })

  it('makes kept tokens into the store that serve uses, before it has run and after', async () => {
    const config = configured('')
    const managed = await mint(config, '--format', 'managed', '--subject', 'lobby 2')
    expect(managed.out).toMatch(/^pgm_/)
    expect(managed.err).toMatch(/^for rule films, as \?token=…, no end, id [A-Za-z0-9_-]{43}$/)
    const revocable = await mint(config, '--rule', 'previews', '--ttl', '3600', '--subject', 'u7')
    expect(revocable).toMatchObject({ status: 0, out: expect.stringMatching(/^pgr_/) })
    for (const [token, path] of [
      [managed.out, '/vod/x'],
      [revocable.out, '/previews/x'],
    ] as const) {
      const explained = await playgate('explain', `${path}?token=${token}`, '--config', config)
      expect(explained).toMatchObject({ status: 0, out: expect.stringContaining('=>  access') })
      expect((await inspect(config, token)).status).toBe(0)
    }
  })

  it('makes no store for tokens that nobody keeps', async () => {
    const config = configured('')
    expect((await mint(config, '--format', 'timed')).status).toBe(0)
    expect((await mint(config, '--format', 'ectoken')).status).toBe(0)
    expect(existsSync(join(config, '..', '.playgate'))).toBe(false)
  })

  it.each([
    ['--format', 'managed'],
    ['--rule', 'previews'],
  ])('refuses to keep a token in the memory of a process that is over: %s %s', async (...args) => {
    const minted = await mint(sealing, ...args)
    expect(minted).toMatchObject({ status: 2, out: '' })
    expect(minted.err).toMatch(
      /tokens are kept in the store, and that is the memory of another process/,
    )
    expect(minted.err).toContain('admin API')
  })

  it('says 1, and nothing on stdout, where the store does not answer', async () => {
    const minted = await mint(configured('redis://127.0.0.1:1'), '--format', 'managed')
    expect(minted).toMatchObject({ status: 1, out: '' })
    expect(minted.err).toContain('the store does not answer')
  })

  it.each([
    ['edgeauth', ['--subject', 'u7'], { parameter: 'hdnts', expiresAt: seconds + 300, id: null }],
    ['ectoken', [], { parameter: '', expiresAt: seconds + 300, id: null }],
    ['timed', ['--ttl', '60'], { parameter: 'token', expiresAt: seconds + 60, id: null }],
    ['managed', [], { parameter: 'token', expiresAt: null, id: expect.any(String) }],
  ])('tells all of it in JSON: %s', async (format, args, minted) => {
    const config = configured('')
    const { status, out, err } = await mint(config, '--format', format, '--json', ...args)
    expect([status, err]).toEqual([0, ''])
    expect(JSON.parse(out)).toEqual({ token: expect.any(String), format, rule: 'films', ...minted })
  })

  it.each<[string[], string]>([
    [['--format', 'jwt'], '--format is one of edgeauth, ectoken, timed, managed: jwt'],
    [['--format', 'timed', '--ttl', '59'], '--ttl: must be whole seconds, 60 to 604800'],
    [['--format', 'timed', '--ip', '10.0'], '--ip: must be an address'],
    [['--format', 'timed', '--referrer', 'a/b'], '--referrer: must be a domain'],
    [
      ['--format', 'timed', '--subject', 'u7'],
      '--subject: a token of format timed has no place for it',
    ],
    [
      ['--format', 'timed', '--path', '/vod/*'],
      '--path: a token of format timed has no place for it',
    ],
    [
      ['--format', 'ectoken', '--payload', 'x'],
      '--payload: a token of format ectoken has no place',
    ],
    [
      ['--format', 'ectoken', '--path', '/vod/*.ts'],
      '--path: an ectoken opens what begins with a text',
    ],
    [
      ['--format', 'ectoken', '--ttl', '90000'],
      '--ttl: more than maxLifetimeSeconds of films (86400)',
    ],
    [
      ['--format', 'ectoken', '--param', 'ec_proto_allow=ftp'],
      '--param ec_proto_allow: holds an entry',
    ],
    [['--format', 'ectoken', '--param', 'ec_x=1'], '--param ec_x: is no parameter of an ectoken'],
    [['--format', 'ectoken', '--param', 'nonsense'], '--param is not NAME=VALUE: nonsense'],
    [
      ['--format', 'ectoken', ...['US', 'CA'].flatMap((c) => ['--param', `ec_country_deny=${c}`])],
      '--param ec_country_deny is there twice: give all of it at once, ec_country_deny=A,B',
    ],
    [['--param', 'ec_host_allow=a'], '--param: a token of format edgeauth'],
    [['--subject', 'a~b'], '--subject: must not hold ~'],
    [['--rule', 'none'], '--rule: no rule of that name asks for tokens (there: films, previews)'],
    [
      ['--rule', 'previews', '--format', 'ectoken'],
      '--format: no rule takes ectoken tokens (there: timed)',
    ],
  ])('names the option: %j', async (args, message) => {
    const minted = await mint(sealing, ...args)
    expect(minted).toMatchObject({ status: 2, out: '' })
    expect(minted.err).toContain(message)
  })

  it.each([
    [
      ['--format', 'managed', '--ttl', '60'],
      '--ttl: a token of format managed has no place for it',
    ],
    [['--format', 'managed', '--subject', 'x'.repeat(257)], '--subject: 1 to 256 characters'],
    [['--format', 'managed', '--subject', ''], '--subject: 1 to 256 characters'],
    [['--format', 'managed', '--ip', '1.2'], '--ip: must be an address'],
  ])('names the option of a token that is kept: %j', async (args, message) => {
    const minted = await mint(configured(''), ...args)
    expect(minted).toMatchObject({ status: 2, out: '' })
    expect(minted.err).toContain(message)
  })
})

describe('playgate token inspect', () => {
  it.each([
    ['ectoken', 'access token, ectoken v3', 'ec_expire         2026-01-01T00:05:00Z, in 5 min', ''],
    ['timed', 'access token, timed', 'endTime           2026-01-01T00:05:00Z, in 5 min', 'token='],
    [
      'managed',
      'access token, managed',
      'createdAtMs       2026-01-01T00:00:00Z, in 0 s',
      'token=',
    ],
  ])(
    'takes a token of format %s apart, in whatever it was copied with',
    async (format, head, line, name) => {
      const config = configured('')
      const { out: token } = await mint(config, '--format', format)
      for (const copied of [
        token,
        `?${name}${token}`,
        `https://a.example/vod/x.m3u8?a=1&${name}${token}&b=2#t`,
      ]) {
        const inspected = await inspect(config, copied)
        expect(inspected.status).toBe(0)
        expect(inspected.out.split('\n')[0]).toBe(head)
        expect(inspected.out).toContain(line)
        expect(inspected.out).toMatch(/\nok {2}films: /)
        expect(format === 'managed' && inspected.out.includes(token)).toBe(false)
      }
      const bare = await playgate('token', 'inspect', token)
      expect(bare).toMatchObject({
        status: 0,
        out: expect.stringContaining('opaque: only the key or the store'),
      })
      expect(bare.out).toContain('not verified: give --config')
    },
  )

  it.each([
    ['a foreign ectoken', () => ectoken.seal({ ec_url_allow: '/' }, { key: 'x' }), 'unreadable'],
    [
      'a foreign timed token',
      () => timed.mint({ lifeSeconds: 60 }, { key: otherKey }),
      'unreadable',
    ],
    ['a managed token that was never made', () => `pgm_${'A'.repeat(43)}`, 'unknown'],
    ['an ectoken that has ended', () => ectoken.seal('ec_expire=1', { key: phrase }), 'expired'],
  ])('says 1, and why, of %s', async (_what, make, reason) => {
    const inspected = await inspect(sealing, make())
    expect(inspected.status).toBe(1)
    expect(inspected.out).toContain(`NO  films: ${reason} (`)
    const json = await inspect(sealing, make(), '--json')
    expect(json.status).toBe(1)
    expect(JSON.parse(json.out)).toMatchObject({
      valid: false,
      verdicts: [{ rule: 'films', reason }],
    })
  })

  it('judges by path, address and page, where they are given', async () => {
    const token = ectoken.seal(
      { ec_url_allow: '/vod/', ec_clientip: '10.0.0.0/8', ec_ref_allow: 'a.example' },
      { key: phrase },
    )
    const config = join(folder, 'no-maximum.yaml')
    writeFileSync(config, rules.replace(', maxLifetimeSeconds: 86400', ''))
    const good = ['--path', '/vod/x?y=1', '--ip', '10.1.1.1', '-H', 'Referer: https://a.example/']
    expect((await inspect(config, token, ...good)).out).not.toContain('not judged')
    for (const [args, reason] of [
      [['--path', '/x'], 'path_not_allowed'],
      [['--ip', '11.0.0.1'], 'ip_mismatch'],
      [['-H', 'Referer: https://b.example/'], 'referrer_not_allowed'],
    ] as const) {
      const inspected = await inspect(config, token, ...args)
      expect([inspected.status, inspected.out]).toEqual([1, expect.stringContaining(reason)])
    }
  })

  it('reads a bare token that got an equals sign on its way, as the gate does', async () => {
    const token = ectoken.seal({ ec_expire: seconds + 60 }, { key: phrase })
    for (const copied of [`?${token}=`, `https://a.example/vod/x.m3u8?a=1&${token}=&b=2#t`]) {
      expect(await inspect(sealing, copied)).toMatchObject({
        status: 0,
        out: expect.stringContaining('access token, ectoken v3'),
      })
      const target = copied.replace(/^\?/, '/vod/x.m3u8?').replace(/#.*/, '')
      const explained = await playgate('explain', target, '--config', sealing)
      expect(explained).toMatchObject({ status: 0, out: expect.stringContaining('=>  access') })
    }
    expect((await inspect(sealing, `?${token}==`)).status).toBe(1)
  })

  it('says 1 of what is no token, in JSON too', async () => {
    expect(await inspect(sealing, 'rubbish')).toMatchObject({
      status: 1,
      out: 'not a token of a known format',
    })
    const json = await inspect(sealing, '?v2', '--json')
    expect([json.status, JSON.parse(json.out)]).toEqual([1, { valid: false, reason: 'malformed' }])
  })
})
