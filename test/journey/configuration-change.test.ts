import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createPlaygate } from '../../server/index.ts'
import { type ServedFolder, type ServedGate, serveFolderOf } from '../stage/serve-command.ts'
import { testKey } from '../stage/start-gate.ts'

// Several processes, beside whatever else the machine does.
vi.setConfig({ testTimeout: 90_000 })

let folder: ServedFolder
let served: ServedGate
beforeAll(() => {
  folder = serveFolderOf({ denial: { status: 403 } })
})
afterEach(() => served.close())
afterAll(() => folder.close())

/** As an editor saves it: the file has another one's place. */
function save(text: string, file = served.config): void {
  writeFileSync(`${file}~`, text)
  renameSync(`${file}~`, file)
}

/** The same configuration with another answer to those without a token. */
function denying(status: number): string {
  return readFileSync(served.config, 'utf8').replace(/"status":\d+/, `"status":${status}`)
}

async function ask(token?: string): Promise<number> {
  const query = token === undefined ? '' : `?hdnts=${token}`
  const response = await fetch(`${served.url}/vod/index.m3u8${query}`)
  await response.arrayBuffer()
  return response.status
}

/** What the whole server answers; the number of requests is above that of its processes. */
async function answers(): Promise<number[]> {
  return [...new Set(await Promise.all(Array.from({ length: 12 }, () => ask())))]
}

function reports(): Record<string, unknown>[] {
  return served
    .err()
    .split('\n')
    .filter((line) => line.includes('"event":"reload"'))
    .map((line) => JSON.parse(line))
}

const messages = (): unknown[] => reports().map(({ msg }) => msg)
const [took, kept] = ['took the configuration up', 'kept the old configuration']

describe.each([1, 2])('a configuration file that is changed under %i process(es)', (workers) => {
  const serve = async (more: object = {}): Promise<void> => {
    served = await folder.serve({ workers, store: 'lmdb:./store', ...more })
  }

  it('counts from then on, and no request is dropped', async () => {
    await serve()
    const token = folder.mint()
    const statuses: number[] = []
    let isOver = false
    const viewer = async (): Promise<void> => {
      while (!isOver) statuses.push(await ask(token))
    }
    const viewers = Promise.all([viewer(), viewer(), viewer(), viewer()])
    for (const status of [410, 404, 451]) {
      save(denying(status))
      await expect.poll(answers, { timeout: 30_000 }).toEqual([status])
    }
    isOver = true
    await viewers
    expect(statuses.length).toBeGreaterThan(12)
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(messages()).toEqual([took, took, took])
  })

  it('is left alone when it is bad, and what is wrong is said once', async () => {
    await serve()
    const good = readFileSync(served.config, 'utf8')
    save(good.replace('"/vod/*"', '"vod/*"'))
    await expect.poll(messages, { timeout: 30_000 }).toEqual([kept])
    expect(reports()[0]?.problems).toMatchObject([{ path: 'rules[0].match.paths[0]' }])

    writeFileSync(served.config, good.slice(0, good.length / 2))
    await expect.poll(messages, { timeout: 30_000 }).toEqual([kept, kept])
    const { problems } = reports()[1] as { problems: { path: string }[] }
    expect(problems[0]?.path).toMatch(/\.json:\d+:\d+$/)

    rmSync(served.config)
    await expect.poll(messages, { timeout: 30_000 }).toEqual([kept, kept, kept])
    expect(reports()[2]?.problems).toMatchObject([{ message: 'cannot be read (ENOENT)' }])
    expect(await answers()).toEqual([403])
    expect(await ask(folder.mint())).toBe(200)

    save(good.replace(/"status":\d+/, '"status":410'))
    await expect.poll(answers, { timeout: 30_000 }).toEqual([410])
    expect(messages()).toEqual([kept, kept, kept, took])
  })

  it('counts when a file with a secret changes that it names', async () => {
    const key = join(folder.folder, 'vod.key')
    writeFileSync(key, testKey)
    await serve({ keys: { vod: { primary: 'file:vod.key' } } })
    expect(await ask(folder.mint())).toBe(200)

    save('no key', key)
    await expect.poll(messages, { timeout: 30_000 }).toEqual([kept])
    expect(reports()[0]?.problems).toMatchObject([{ path: 'keys.vod.primary' }])
    expect(await ask(folder.mint())).toBe(200)

    const other = testKey.split('').reverse().join('')
    save(other, key)
    await expect.poll(messages, { timeout: 30_000 }).toEqual([kept, took])
    const minting = createPlaygate({
      keys: { vod: { primary: other } },
      rules: [{ origin: folder.folder, access: { format: 'edgeauth', key: 'vod' } }],
    })
    const token = minting.mint({ path: '/vod/*', ttlSeconds: 600 })
    await minting.close()
    await expect.poll(() => ask(token)).toBe(200)
    await expect.poll(() => ask(folder.mint())).toBe(403)
  })
})
