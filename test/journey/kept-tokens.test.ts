import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { useClosing } from '../stage/closing.ts'
import { type ServedFolder, type ServedGate, serveFolderOf } from '../stage/serve-command.ts'
import { startRedis } from '../stage/start-redis.ts'
import { describeWith } from '../stage/tools.ts'

// Whole servers, and commands in processes of their own.
vi.setConfig({ testTimeout: 120_000 })
const opened = useClosing()
const call = promisify(execFile)
const bin = join(import.meta.dirname, '../../dist/server/cli/main.js')
const access = [{ format: 'managed' }, { format: 'timed', key: 'vod', revocable: true }]

/** `playgate …` in a process of its own, with the configuration of the first server. */
async function playgate(folder: ServedFolder, ...args: string[]): Promise<string> {
  const config = join(folder.folder, 'playgate-0.json')
  const { stdout } = await call(process.execPath, [bin, ...args, '--config', config])
  return stdout.trim()
}

async function get(server: ServedGate, target: string) {
  const response = await fetch(server.url + target)
  const text = await response.text()
  return { status: response.status, text, session: /hdntl=(\S+)/.exec(text)?.[1] ?? '' }
}
const open = (server: ServedGate, token: string) => get(server, `/vod/index.m3u8?token=${token}`)
const play = async (server: ServedGate, session: string) =>
  (await get(server, `/vod/1.ts?hdntl=${session}`)).status

/** A token made by the command plays on every server, and is revoked on all of them by an order to one. */
async function expectOneLife(folder: ServedFolder, one: ServedGate, other: ServedGate) {
  const token = await playgate(
    folder,
    'token',
    'mint',
    '--format',
    'managed',
    '--subject',
    'lobby 2',
  )
  const revocable = await playgate(folder, 'token', 'mint', '--format', 'timed', '--ttl', '600')
  const session = (await open(one, token)).session
  expect([await play(one, session), await play(other, session)]).toEqual([200, 200])
  expect((await open(other, token)).status).toBe(200)
  expect((await open(other, revocable)).status).toBe(200)
  expect(JSON.parse(await playgate(folder, 'token', 'inspect', token, '--json'))).toMatchObject({
    valid: true,
    fields: { name: 'lobby 2' },
  })

  const revoked = await one.admin('POST', 'tokens/revoke', { name: 'lobby 2' })
  expect(revoked).toEqual({ status: 200, body: { revoked: 1 } })
  expect([(await open(one, token)).status, await play(one, session)]).toEqual([403, 403])
  const asked = async () => [(await open(other, token)).status, await play(other, session)]
  await expect.poll(asked, { interval: 50 }).toEqual([403, 403])
  expect((await open(other, revocable)).status).toBe(200)
  await expect(playgate(folder, 'token', 'inspect', token)).rejects.toMatchObject({
    code: 1,
    stdout: expect.stringContaining('unknown'),
  })
  await expect(playgate(folder, 'explain', `/vod/index.m3u8?token=${token}`)).rejects.toMatchObject(
    {
      code: 1,
      stdout: expect.stringContaining('revoked'),
    },
  )
  // None of the texts stands in a log.
  for (const server of [one, other]) {
    expect(server.err()).not.toContain(token)
    expect(server.err()).not.toContain(revocable)
  }
}

describe('kept tokens of two servers on one LMDB directory', () => {
  it('are made by the command while they run, and revoked for both', async () => {
    const folder = opened(serveFolderOf({ access }))
    const store = { store: 'lmdb:store' }
    const one = opened(await folder.serve(store))
    await expectOneLife(folder, one, opened(await folder.serve(store)))
  })

  it('outlive the server, and so does what was revoked', async () => {
    const folder = opened(serveFolderOf({ access }))
    const store = { store: 'lmdb:store' }
    const first = opened(await folder.serve(store))
    const make = async () =>
      (await first.admin('POST', 'tokens/managed', {})).body as { token: string; id: string }
    const [kept, revoked] = [await make(), await make()]
    await first.admin('DELETE', `tokens/managed/${revoked.id}`)
    await first.kill()
    const next = opened(await folder.serve(store))
    expect((await open(next, kept.token)).status).toBe(200)
    expect((await open(next, revoked.token)).status).toBe(403)
  })

  it('are known to every worker', async () => {
    const folder = opened(serveFolderOf({ access }))
    const server = opened(await folder.serve({ store: 'lmdb:store', workers: 2 }))
    const { body } = await server.admin('POST', 'tokens/managed', { name: 'u7' })
    const { token } = body as { token: string }
    const statuses = async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => open(server, token)))
      return [...new Set(answers.map(({ status }) => status))]
    }
    expect(await statuses()).toEqual([200])
    await server.admin('DELETE', 'tokens/managed?name=u7')
    await expect.poll(statuses, { interval: 50 }).toEqual([403])
  })
})

describeWith(['redis-server'], 'kept tokens of two servers on one Redis', () => {
  it('are made by the command while they run, and revoked for both', async () => {
    const redis = opened(await startRedis())
    const folder = opened(serveFolderOf({ access }))
    const store = { store: redis.url }
    const one = opened(await folder.serve(store))
    await expectOneLife(folder, one, opened(await folder.serve(store)))
  })

  it('are refused with 503 while it is gone, remembered or not, and let in again afterwards', async () => {
    const redis = opened(await startRedis({ isPersistent: true }))
    const folder = opened(serveFolderOf({ access }))
    const server = opened(await folder.serve({ store: redis.url }))
    const token = await playgate(folder, 'token', 'mint', '--format', 'managed')
    const { session } = await open(server, token)
    await redis.kill()
    await expect.poll(async () => (await open(server, token)).status).toBe(503)
    expect(await play(server, session)).toBe(200)
    await expect(playgate(folder, 'token', 'mint', '--format', 'managed')).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('the store does not answer'),
    })
    await redis.restart()
    await expect.poll(async () => (await open(server, token)).status).toBe(200)
  })
})
