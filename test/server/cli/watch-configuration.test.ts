import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import {
  type ConfigurationWatch,
  watchConfiguration,
} from '../../../server/cli/watch-configuration.ts'

const yaml = `
admin: { token: file:secrets/admin }
keys: { vod: { primary: file:primary, transition: env:OLD_KEY } }
geoip: { database: ./country.mmdb }
rules: [{ origin: &here [*here, file:in-itself] }]
`

let folder = ''
let config = ''
let watch: ConfigurationWatch
let taken = 0
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  folder = mkdtempSync(join(tmpdir(), 'playgate-watch-'))
  config = join(folder, 'playgate.yaml')
  writeFileSync(config, yaml)
  watch = watchConfiguration(config)
  taken = 0
  watch.start(() => (taken += 1))
})
afterEach(() => {
  watch.stop()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
  rmSync(folder, { recursive: true })
})

/** Lets time pass, and waits until what was begun at its end is done, and the next look is due. */
async function pass(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms)
  await expect.poll(() => vi.getTimerCount()).toBe(1)
}

/** What happened before is seen by then, and taken up. */
async function passASecond(): Promise<void> {
  await pass(1_000)
  await pass(200)
}

it.each(['playgate.yaml', 'primary', 'country.mmdb', 'in-itself'])(
  'takes a change of %s up, which is the configuration or named by it',
  async (name) => {
    writeFileSync(join(folder, name), `${yaml}# changed`)
    await passASecond()
    expect(taken).toBe(1)
    await passASecond()
    expect(taken).toBe(1)
  },
)

it('waits until a file has been left alone for a moment', async () => {
  writeFileSync(config, yaml.slice(0, 40))
  await pass(1_000)
  writeFileSync(config, `${yaml}# changed`)
  await pass(200)
  expect(taken).toBe(0)
  await pass(200)
  expect(taken).toBe(1)
})

it('goes on looking at the files that were named when the configuration is broken', async () => {
  writeFileSync(config, 'keys: { vod: {')
  await passASecond()
  expect(taken).toBe(1)
  writeFileSync(join(folder, 'primary'), 'a key')
  await passASecond()
  expect(taken).toBe(2)
})

it('takes up what it is told to at once, and not once more on its own', async () => {
  writeFileSync(config, `${yaml}# changed`)
  watch.takeNow()
  expect(taken).toBe(1)
  await passASecond()
  expect(taken).toBe(1)
})

it('takes nothing up when a file is touched', async () => {
  utimesSync(config, 1_700_000_000, 1_700_000_000)
  await passASecond()
  expect(taken).toBe(0)
})
