import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../../../server/cli/run.ts'
import { edgeauth } from '../../../server/token/index.ts'
import { type StagedGate, startGate, testKey } from '../../stage/start-gate.ts'

const now = Date.UTC(2026, 0, 1)
const playlist = '/vod/film/index.m3u8'
const token = (id?: string): string =>
  edgeauth.mint({
    mode: 'acl',
    path: '/vod/*',
    key: testKey,
    endTime: now / 1000 + 300,
    ...(id !== undefined && { sessionId: id }),
  })

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'playgate-explain-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function explain(bearer: string, store = ''): Promise<{ status: number; lines: string[] }> {
  const config = join(folder, 'playgate.yaml')
  const yaml = `
keys: { vod: { primary: ${testKey} } }
rules:
  - match: { paths: [/vod/*] }
    origin: https://origin.example.com
    access: { format: edgeauth, key: vod, singleUse: true }
    session: { maxConcurrent: 1 }
`
  writeFileSync(config, store + yaml)
  const lines: string[] = []
  const out = (line: string): void => void lines.push(line)
  const url = `${playlist}?hdnts=${bearer}`
  const args = ['explain', url, '--config', config, '-H', 'User-Agent: phone']
  const status = await run(args, { out, err: out, now: () => now })
  return { status, lines: lines.slice(-3) }
}

/** The server that runs, over what `serve` would keep beside the file. */
const serve = (): Promise<StagedGate> =>
  startGate({
    access: { singleUse: true },
    session: { maxConcurrent: 1 },
    startMs: now,
    configuration: { store: `lmdb:${join(folder, '.playgate', 'store')}` },
  })

describe('playgate explain, of what the store knows', () => {
  it('looks at the store of the server that runs, and changes nothing there', async () => {
    const stage = await serve()
    const [used, fresh] = [token('u7'), token('u8')]
    expect((await stage.ask(`${playlist}?hdnts=${used}`)).status).toBe(200)
    const refused = await explain(used)
    expect(refused.status).toBe(1)
    expect(refused.lines).toEqual([
      'NO  concurrent-limit: 1 streams of its subject are playing (session.maxConcurrent)',
      'NO  single-use: single use: this access token was used before',
      '=>  refused 403 token-refused: single use: this access token was used before, a fresh access token would help',
    ])
    for (const _ of [1, 2]) {
      const good = await explain(fresh)
      expect(good.status).toBe(0)
      expect(good.lines).toMatchObject([
        'ok  concurrent-limit: a place is there: 1 at most for streams of its subject',
        'ok  single-use: the token was not used before',
        expect.stringContaining('=>  access'),
      ])
    }
    expect((await stage.ask(`${playlist}?hdnts=${fresh}`)).status).toBe(200)
  })

  it.each(['', 'store: memory:'])('says where it cannot look: %j', async (store) => {
    const { status, lines } = await explain(token('u7'), store)
    expect(status).toBe(0)
    expect(lines).toMatchObject([
      '-   concurrent-limit: how many streams of its subject are playing, only the running server knows',
      '-   single-use: whether the token was used before, only the running server knows',
      expect.stringContaining('=>  access'),
    ])
  })

  it('needs no store to refuse a token without a subject', async () => {
    const { status, lines } = await explain(token())
    expect(status).toBe(1)
    expect(lines[0]).toMatch(/^NO {2}concurrent-limit: .* names no subject/)
    expect(lines[2]).toMatch(/^=> {2}refused 403 token-refused: .* names no subject/)
  })
})
