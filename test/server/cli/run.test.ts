import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../../server/cli/run.ts'
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

describe('playgate key new', () => {
  it('prints 32 bytes in hexadecimal, fresh each time', async () => {
    const [one, other] = [await playgate('key', 'new'), await playgate('key', 'new')]
    expect(one).toMatchObject({ status: 0, out: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(other.out).not.toBe(one.out)
  })
})

describe('playgate config check', () => {
  it('passes a good file', async () => {
    const checked = await playgate('config', 'check', config)
    expect(checked).toMatchObject({ status: 0, out: '' })
    expect(checked.err).toContain('2 rules (films, public)')
  })

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

    const verified = await playgate('token', 'inspect', minted.out, '--config', config)
    expect(verified).toMatchObject({ status: 0 })
    expect(verified.out).toContain('ok  films: verifies with the primary key')

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

  it('verifies tokens of the transition key, and names it', async () => {
    const old = edgeauth.mint({ mode: 'acl', path: '/vod/*', key: otherKey, endTime: seconds + 9 })
    const inspected = await playgate('token', 'inspect', `hdnts=${old}`, '--config', config)
    expect(inspected.out).toContain('verifies with the transition key')
  })

  it('does not mint what the rule would refuse', async () => {
    const minted = await playgate('token', 'mint', '--config', config, '--ttl', '100000')
    expect(minted).toMatchObject({ status: 2, out: '' })
    expect(minted.err).toContain('ttlSeconds')
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

describe('wrong usage', () => {
  it.each([
    ['no such command', ['sing']],
    ['an unknown option', ['key', 'new', '--loud']],
    ['a missing operand', ['explain', '--config', 'x']],
    ['a missing --config', ['token', 'mint']],
    ['a number that is none', ['token', 'mint', '--config', 'x', '--ttl', 'soon']],
    ['a word too many', ['config', 'check', 'a', 'b']],
    ['a header that is none', ['token', 'inspect', 'x', '-H', 'nonsense']],
    ['serve without anything to serve', ['serve']],
    ['serve with both', ['serve', '--config', 'a', '--origin', 'b']],
  ])('%s ends with 2', async (_what, args) => {
    const result = await playgate(...args)
    expect(result.status).toBe(2)
    expect(result.err).toContain('playgate: ')
    expect(result.out).toBe('')
  })

  it('shows the help when it is asked for, or nothing is', async () => {
    for (const args of [[], ['--help'], ['token', 'mint', '--help']]) {
      const result = await playgate(...args)
      expect(result.status).toBe(0)
      expect(result.out).toContain('playgate token mint')
    }
  })
})
