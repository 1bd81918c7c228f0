import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { run } from '../../../server/cli/run.ts'
import { createPlaygate } from '../../../server/index.ts'
import { edgeauth } from '../../../server/token/index.ts'
import { otherKey, testKey } from '../../stage/start-gate.ts'

const now = Date.UTC(2026, 0, 1)
const seconds = now / 1000
let folder = ''
let config = ''

const yaml = `
keys:
  vod: { primary: ${testKey}, transition: ${otherKey} }
rules:
  - name: films
    match: { paths: [/vod/*] }
    origin: https://origin.example.com
    access: { format: edgeauth, key: vod }
    session: {}
  - { name: public, match: { paths: [/public/*] }, origin: https://origin.example.com, open: true }
`

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'playgate-cli-'))
  config = join(folder, 'playgate.yaml')
  writeFileSync(config, yaml)
})
afterAll(() => rmSync(folder, { recursive: true }))

async function playgate(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const out: string[] = []
  const err: string[] = []
  const status = await run(args, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    now: () => now,
  })
  return { status, out: out.join('\n'), err: err.join('\n') }
}

const twice = (flag: string, value: string) => [flag, value, flag, value]

describe('playgate key new', () => {
  it('prints 32 bytes in hexadecimal, fresh each time', async () => {
    const [one, other] = [await playgate('key', 'new'), await playgate('key', 'new')]
    expect(one).toMatchObject({ status: 0, out: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(other.out).not.toBe(one.out)
  })
})

describe('a file for several workers that names no store', () => {
  let several = ''
  beforeAll(() => {
    mkdirSync(join(folder, 'several'))
    several = join(folder, 'several', 'playgate.yaml')
    writeFileSync(several, `workers: 4\n${yaml}`)
  })

  it('is good for every command, and none of them makes the store', async () => {
    expect((await playgate('config', 'check', several)).status).toBe(0)
    const minted = await playgate('token', 'mint', '--config', several, '--path', '/vod/*')
    expect(minted.status).toBe(0)
    const explain = ['explain', `/vod/a.m3u8?hdnts=${minted.out}`, '--config', several]
    expect((await playgate(...explain)).status).toBe(0)
    expect((await playgate('token', 'inspect', minted.out, '--config', several)).status).toBe(0)
    expect(existsSync(join(folder, 'several', '.playgate'))).toBe(false)
  })

  it('is explained with what was ended while it was served', async () => {
    const minted = await playgate('token', 'mint', '--config', several, '--path', '/vod/*')
    const { keys, rules } = parse(yaml)
    const served = createPlaygate(
      { keys, rules, store: 'lmdb:.playgate/store' },
      { baseDirectory: join(folder, 'several'), now: () => now },
    )
    await served.sessions.endAll({ accessToken: minted.out })
    await served.close()
    const explained = await playgate(
      'explain',
      `/vod/a.m3u8?hdnts=${minted.out}`,
      '--config',
      several,
    )
    expect(explained.status).toBe(1)
    expect(explained.out).toContain('everything that it opened was ended')
  })
})

describe('playgate config check', () => {
  it('passes a good file', async () => {
    const checked = await playgate('config', 'check', config)
    expect(checked).toMatchObject({ status: 0, out: '' })
    expect(checked.err).toContain('2 rules (films, public)')
  })

  it.each(['memory:', 'memory:   # until it ends', "'memory:'"])(
    'takes store: %s as it is written',
    async (store) => {
      const file = join(folder, 'memory.yaml')
      writeFileSync(file, `store: ${store}\n${yaml}`)
      expect(await playgate('config', 'check', file)).toMatchObject({ status: 0, out: '' })
    },
  )

  it('names the option path of each mistake, in JSON too', async () => {
    const bad = join(folder, 'bad.yaml')
    writeFileSync(bad, `${yaml}  - { name: public, origin: ./none, opne: true }\n`)
    const checked = await playgate('config', 'check', bad)
    expect(checked).toMatchObject({ status: 1, err: 'rules[2].opne: no such option' })
    const json = await playgate('config', 'check', bad, '--json')
    expect(JSON.parse(json.out)).toEqual({
      valid: false,
      problems: [{ path: 'rules[2].opne', message: 'no such option' }],
    })
  })

  it('names line and column of broken YAML', async () => {
    const bad = join(folder, 'broken.yaml')
    writeFileSync(bad, 'keys:\n  vod: [1, 2\nrules: 3\n')
    const checked = await playgate('config', 'check', bad)
    expect(checked.status).toBe(1)
    expect(checked.err).toMatch(/broken\.yaml:\d+:\d+: /)
  })

  it('names an alias that leads nowhere: a pattern without quotes', async () => {
    const bad = join(folder, 'alias.yaml')
    writeFileSync(bad, 'rules:\n  - { match: { paths: [*.m3u8] }, origin: https://a.example }\n')
    const checked = await playgate('config', 'check', bad)
    expect(checked.status).toBe(1)
    expect(checked.err).toContain('alias')
  })

  it('says so when there is no file', async () => {
    expect(await playgate('config', 'check', join(folder, 'none.yaml'))).toMatchObject({
      status: 1,
      err: expect.stringContaining('cannot be read (ENOENT)'),
    })
  })
})

describe('playgate token', () => {
  it('mints a token that the library verifies', async () => {
    const minted = await playgate(
      ...['token', 'mint', '--config', config, '--path', '/vod/film/*', '--ttl', '300'],
      ...['--subject', '007', '--ip', '203.0.113.9'],
    )
    expect(minted.status).toBe(0)
    const verified = edgeauth.verify(minted.out, {
      path: '/vod/film/index.m3u8',
      keys: [testKey],
      now: seconds,
      clientIp: '203.0.113.9',
    })
    expect(verified).toMatchObject({
      valid: true,
      claims: { endTime: seconds + 300, sessionId: '007', acl: '/vod/film/*' },
    })
  })

  it('inspects what it minted', async () => {
    const minted = await playgate('token', 'mint', '--config', config, '--path', '/vod/*')
    const bare = await playgate('token', 'inspect', minted.out)
    expect(bare.status).toBe(0)
    expect(bare.out).toContain('2026-01-01T00:05:00Z, in 5 min')
    expect(bare.out).toContain('opens     /vod/*')

    for (const copied of [
      minted.out,
      `?hdnts=${minted.out}`,
      `https://a.example/vod/x.m3u8?a=b&hdnts=${minted.out}&c=d`,
    ]) {
      const verified = await playgate('token', 'inspect', copied, '--config', config)
      expect(verified).toMatchObject({ status: 0 })
      expect(verified.out).toContain(
        'ok  films: verifies with the primary key; not judged: its paths',
      )
    }

    const elsewhere = await playgate(
      ...['token', 'inspect', minted.out, '--config', config, '--path', '/live/x.m3u8', '--json'],
    )
    expect(elsewhere.status).toBe(1)
    expect(JSON.parse(elsewhere.out)).toMatchObject({
      valid: false,
      kind: 'access',
      verdicts: [{ rule: 'films', valid: false, reason: 'path_not_allowed' }],
    })
  })

  it('says why a token does not verify', async () => {
    const foreign = edgeauth.mint({
      mode: 'acl',
      path: '/*',
      key: 'ab12'.repeat(16),
      endTime: seconds + 9,
    })
    const inspected = await playgate('token', 'inspect', foreign, '--config', config)
    expect(inspected.status).toBe(1)
    expect(inspected.out).toContain('NO  films: bad_signature')
    expect(await playgate('token', 'inspect', 'rubbish')).toMatchObject({ status: 1 })
  })

  it.each([
    ['too early', { startTime: seconds + 60, endTime: seconds + 120 }, 'not_yet_valid'],
    ['milliseconds by mistake', { endTime: seconds * 1000 }, 'too-long'],
    ['ended', { endTime: seconds - 1 }, 'expired'],
    ['for another address', { endTime: seconds + 9, ip: '10.0.0.2' }, 'ip_mismatch'],
  ])('does not call good what the server refuses: %s', async (_what, fields, reason) => {
    const token = edgeauth.mint({ mode: 'acl', path: '/vod/*', key: testKey, ...fields })
    const args = ['token', 'inspect', token, '--config', config, '--ip', '10.0.0.1']
    expect(await playgate(...args)).toMatchObject({
      status: 1,
      out: expect.stringContaining(`NO  films: ${reason}`),
    })
  })

  it('asks for the viewer’s headers before it calls a session token bad', async () => {
    const token = edgeauth.mint({
      ...{ mode: 'acl', path: '/vod/*', key: testKey, endTime: seconds + 9 },
      payload: 'hdntl',
    } as const)
    const bare = await playgate('token', 'inspect', token, '--config', config)
    expect(bare).toMatchObject({ status: 1, out: expect.stringContaining('not-judged') })
    expect(bare.out).toContain('user-agent')
    const withHeaders = await playgate(
      ...['token', 'inspect', token, '--config', config, '-H', 'User-Agent: x'],
    )
    expect(withHeaders.out).toContain('bad_signature')
  })

  it.each([['/nope/*'], ['vod/film/*']])(
    'does not mint for %s, which opens nothing',
    async (path) => {
      const minted = await playgate('token', 'mint', '--config', config, '--path', path)
      expect(minted).toMatchObject({ status: 2, out: '' })
      expect(minted.err).toContain('--path: ')
    },
  )

  it('mints for all of the rule when no path is given', async () => {
    const minted = await playgate('token', 'mint', '--config', config)
    expect(minted.out).toContain('~acl=/vod/*~')
  })

  it('verifies tokens of the transition key, and names it', async () => {
    const old = edgeauth.mint({ mode: 'acl', path: '/vod/*', key: otherKey, endTime: seconds + 9 })
    const inspected = await playgate('token', 'inspect', `hdnts=${old}`, '--config', config)
    expect(inspected.out).toContain('verifies with the transition key')
  })

  it('does not mint what the rule would refuse', async () => {
    const minted = await playgate('token', 'mint', '--config', config, '--ttl', '100000')
    expect(minted).toMatchObject({ status: 2, out: '' })
    expect(minted.err).toContain('--ttl: more than maxLifetimeSeconds')
  })
})

describe('playgate explain', () => {
  it('tells rule, checks and answer', async () => {
    const minted = await playgate('token', 'mint', '--config', config, '--path', '/vod/film/*')
    const url = `https://video.example.com/vod/film/index.m3u8?hdnts=${minted.out}`
    const good = await playgate('explain', url, '--config', config, '--json')
    expect(good.status).toBe(0)
    expect(JSON.parse(good.out)).toMatchObject({ rule: 'films', answer: { outcome: 'access' } })

    const late = await playgate('explain', url, '--config', config, '--at', String(seconds + 301))
    expect(late.status).toBe(1)
    expect(late.out).toContain('NO  access-token edgeauth in query: expired')
    expect(late.out).toContain('=>  refused 403 token-expired')
  })

  it.each([
    ['/public/x.ts', 0, 'open'],
    ['/nowhere', 1, 'not-found 404'],
    ['/vod/a/../b', 1, 'refused 400 bad-request'],
    ['/vod/a', 1, 'refused 403 token-missing'],
  ])('%s', async (url, status, answer) => {
    const explained = await playgate('explain', url, '--config', config)
    expect(explained.status).toBe(status)
    expect(explained.out).toContain(`=>  ${answer}`)
  })
})

describe('explain, with header fields that are sent several times', () => {
  const explain = async (...fields: string[]) => {
    const headers = fields.flatMap((field) => ['-H', field])
    return playgate('explain', '/vod/film/x.m3u8', '--config', config, ...headers)
  }

  it('looks at each Cookie, whichever holds the token', async () => {
    const { out: token } = await playgate('token', 'mint', '--config', config)
    for (const fields of [
      ['Cookie: lang=de', `cookie: hdnts=${token}`],
      [`Cookie: hdnts=${token}`, 'Cookie: lang=de'],
    ]) {
      expect((await explain(...fields)).out).toContain('=>  access')
    }
  })

  it('refuses two tokens as the server does, and does not choose the last', async () => {
    const { out: token } = await playgate('token', 'mint', '--config', config)
    for (const fields of [
      ['Cookie: hdnts=x', `Cookie: hdnts=${token}`],
      ['hdnts: x', `hdnts: ${token}`],
    ]) {
      expect((await explain(...fields)).out).toMatch(/stands twice in the (cookie|header)/)
    }
  })
})

describe('what no client can ask', () => {
  it.each([
    ['http://user@video.example.com/vod/x', 'URL: names no host'],
    ['http://user:secret@video.example.com/vod/x', 'URL: names no host'],
    ['http://exa mple/vod/x', 'URL: names no host'],
    ['http://host:99999/vod/x', 'URL: names no host'],
    ['http://host:x/vod/x', 'URL: names no host'],
    ['http:///vod/x', 'URL: names no host'],
    ['ftp://host/vod/x', 'URL: neither a whole URL'],
  ])('is wrong usage of explain: %s', async (url, message) => {
    const explained = await playgate('explain', url, '--config', config)
    expect(explained).toMatchObject({ status: 2, out: '' })
    expect(explained.err).toContain(message)
  })

  it.each(['nonsense', '10.0.0.0/8', '211.37.', '010.0.0.1', '1.2.3.4:80', '::1%', ''])(
    'is wrong usage of --ip: %j',
    async (ip) => {
      const { out: token } = await playgate('token', 'mint', '--config', config)
      for (const command of [
        ['explain', `/vod/x.m3u8?hdnts=${token}`, '--config', config],
        ['token', 'inspect', token, '--config', config],
        ['token', 'inspect', token],
      ]) {
        const asked = await playgate(...command, '--ip', ip)
        expect(asked).toMatchObject({ status: 2, out: '' })
        expect(asked.err).toContain('--ip: must be one IPv4 or IPv6 address')
      }
    },
  )
})

describe('wrong usage', () => {
  it.each([
    ['no such command', ['sing']],
    ['an unknown option', ['key', 'new', '--loud']],
    ['a missing operand', ['explain', '--config', 'x']],
    ['a missing --config', ['token', 'mint']],
    ['a number that is none', ['token', 'mint', '--config', 'x', '--ttl', 'soon']],
    ['a word too many', ['config', 'check', 'a', 'b']],
    ['a header that is none', ['token', 'inspect', 'x', '-H', 'nonsense']],
    ['two Hosts', ['token', 'inspect', 'x', '-H', 'Host: a.example', '-H', 'host: a.example']],
    ['two Authorizations', ['token', 'inspect', 'x', ...twice('-H', 'Authorization: Bearer x')]],
    ['a parameter given twice', ['token', 'mint', '--config', 'x', ...twice('--param', 'a=b')]],
    ['serve without anything to serve', ['serve']],
    ['serve with both', ['serve', '--config', 'a', '--origin', 'b']],
  ])('%s ends with 2', async (_what, args) => {
    const result = await playgate(...args)
    expect(result.status).toBe(2)
    expect(result.err).toContain('playgate: ')
    expect(result.out).toBe('')
  })

  it('tells its version', async () => {
    expect(await playgate('--version')).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    })
  })

  it('tells a bad configuration in JSON too', async () => {
    const result = await playgate('token', 'mint', '--config', join(folder, 'none.yaml'), '--json')
    expect(result.status).toBe(2)
    expect(JSON.parse(result.out)).toMatchObject({
      problems: [{ message: 'cannot be read (ENOENT)' }],
    })
  })

  it('shows the help when it is asked for, or nothing is', async () => {
    for (const args of [[], ['--help'], ['token', 'mint', '--help']]) {
      const result = await playgate(...args)
      expect(result.status).toBe(0)
      expect(result.out).toContain('playgate token mint')
    }
  })
})
