import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPlaygate } from '../../server/index.ts'
import { deferred } from '../stage/deferred.ts'
import { startFakeOrigin } from '../stage/fake-origin.ts'
import { testKey } from '../stage/start-gate.ts'
import { sampleStream } from '../stage/static-server.ts'

const bin = join(import.meta.dirname, '../../dist/server/cli/main.js')

let folder = ''
const running: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'playgate-serve-'))
})
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
  }
  rmSync(folder, { recursive: true })
})

interface Served {
  readonly child: ChildProcess
  readonly out: () => string
  readonly err: () => string
}

/** Starts the command as built, away from the project; resolves when it listens or has ended. */
async function serve(args: string[], environment: Record<string, string> = {}): Promise<Served> {
  const child = spawn(process.execPath, [bin, 'serve', '--port', '0', ...args], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.push(child)
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (err += chunk))
  let ended = false
  child.once('close', () => (ended = true))
  await expect
    .poll(() => ended || /\n/.test(out.split('listens on')[1] ?? ''), { timeout: 15_000 })
    .toBe(true)
  return { child, out: () => out, err: () => err }
}

describe('playgate serve --origin', () => {
  it('prints a link that plays, and whose parts do not play elsewhere', async () => {
    const { child, out } = await serve(['--origin', sampleStream])
    await expect.poll(() => /index\.m3u8\?hdnts=\S+\n/.test(out())).toBe(true)
    const link = /http:\S+index\.m3u8\?hdnts=\S+/.exec(out())?.[0] ?? ''
    const playlist = await fetch(link)
    const variant = /^v360\/\S+$/m.exec(await playlist.text())?.[0] ?? ''
    const media = new URL(variant, link)
    expect((await fetch(media)).status).toBe(200)
    expect((await fetch(media, { headers: { 'User-Agent': 'other' } })).status).toBe(403)
    child.kill('SIGTERM')
    const [status] = await once(child, 'close')
    expect(status).toBe(0)
  })

  it('says what is wrong with an origin that is not there', async () => {
    const { child, err } = await serve(['--origin', './none'])
    expect(child.exitCode).toBe(2)
    expect(err()).toContain('rules[0].origin: no such directory')
  })
})

describe('playgate serve --config', () => {
  const yaml = (mode: string) => `
keys: { vod: { primary: env:VOD_KEY } }
rules:
  - { name: film, origin: ${JSON.stringify(sampleStream)}, mode: ${mode}, access: { format: edgeauth, key: vod }, session: {} }
`

  it('takes a changed file up on SIGHUP, and keeps the old one when the new one is bad', async () => {
    const config = join(folder, 'playgate.yaml')
    writeFileSync(config, yaml('enforce'))
    const { child, out, err } = await serve(['--config', config], { VOD_KEY: testKey })
    const url = /http:\S+/.exec(out())?.[0] ?? ''
    const status = async () => (await fetch(`${url}/index.m3u8`)).status
    expect(await status()).toBe(403)

    writeFileSync(config, yaml('off'))
    child.kill('SIGHUP')
    await expect.poll(status).toBe(200)

    writeFileSync(config, yaml('sometimes'))
    child.kill('SIGHUP')
    await expect.poll(err).toContain('rules[0].mode')
    expect(await status()).toBe(200)
  })

  it('finishes an answer under way before it stops', async () => {
    const { promise: held, resolve: release } = deferred()
    const origin = await startFakeOrigin({
      '/film.mp4': async (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'video/mp4', 'Content-Length': '10' })
        response.write('first')
        await held
        response.end('later')
      },
    })
    const config = join(folder, 'playgate.yaml')
    writeFileSync(config, `rules: [{ origin: "${origin.url}", open: true }]`)
    const { child, out } = await serve(['--config', config])
    const answer = await fetch(`${/http:\S+/.exec(out())?.[0]}/film.mp4`)
    child.kill('SIGTERM')
    const url = /http:\S+/.exec(out())?.[0] ?? ''
    await expect
      .poll(() =>
        fetch(url).then(
          () => 'answers',
          () => 'refuses',
        ),
      )
      .toBe('refuses')
    release()
    expect(await answer.text()).toBe('firstlater')
    const [status] = await once(child, 'close')
    expect(status).toBe(0)
    await origin.close()
  })
})

describe('the store of a configuration file that names none', () => {
  const keys = { vod: { primary: testKey } }
  const yaml = `
keys: { vod: { primary: ${testKey} } }
rules:
  - { name: film, origin: ${JSON.stringify(sampleStream)}, access: { format: edgeauth, key: vod, singleUse: true }, session: {} }
`
  async function mint(): Promise<string> {
    const access = { format: 'edgeauth', key: 'vod' } as const
    const gate = createPlaygate({ keys, rules: [{ origin: sampleStream, access, session: {} }] })
    const token = gate.mint({ path: '/*', ttlSeconds: 300 })
    await gate.close()
    return token
  }
  const spend = async ({ out }: Served, token: string): Promise<number> =>
    (await fetch(`${/http:\S+/.exec(out())?.[0]}/index.m3u8?hdnts=${token}`)).status
  async function stop({ child }: Served): Promise<void> {
    child.kill('SIGTERM')
    expect(await once(child, 'close')).toEqual([0, null])
  }

  it('lies beside the file, and outlives the process', async () => {
    const config = join(folder, 'playgate.yaml')
    writeFileSync(config, yaml)
    const token = await mint()
    const first = await serve(['--config', config])
    expect(await spend(first, token)).toBe(200)
    await stop(first)
    expect(existsSync(join(folder, '.playgate', 'store'))).toBe(true)
    const second = await serve(['--config', config])
    expect(await spend(second, token)).toBe(403)
    expect(await spend(second, await mint())).toBe(200)
    await stop(second)
    expect(second.err()).not.toContain('remembered until the end only')
  })

  it('is the memory, with a warning, where there can be no directory', async () => {
    writeFileSync(join(folder, '.playgate'), 'a file in its place')
    const config = join(folder, 'playgate.yaml')
    writeFileSync(config, yaml)
    const token = await mint()
    const served = await serve(['--config', config])
    expect(served.err()).toContain('what is spent is remembered until the end only')
    expect(served.err()).toContain('.playgate/store')
    expect(await spend(served, token)).toBe(200)

    // A directory that can be used by now must not make it forget.
    rmSync(join(folder, '.playgate'))
    served.child.kill('SIGHUP')
    await expect.poll(served.err, { timeout: 10_000 }).toContain('took the configuration up')
    expect(await spend(served, token)).toBe(403)
    await stop(served)
  })

  it('is the memory without a word for a directory that is given instead of a file', async () => {
    const served = await serve(['--origin', sampleStream])
    expect(existsSync(join(folder, '.playgate'))).toBe(false)
    await stop(served)
    expect(served.err()).not.toContain('remembered until the end only')
  })
})

describe('a server of one process', () => {
  it('stays when it is told to replace its workers, and says that it has none', async () => {
    const config = join(folder, 'playgate.yaml')
    writeFileSync(config, `rules: [{ origin: ${JSON.stringify(sampleStream)}, open: true }]`)
    const { child, out, err } = await serve(['--config', config])
    child.kill('SIGUSR2')
    await expect.poll(err, { timeout: 10_000 }).toContain('with one process there is nobody')
    expect((await fetch(`${/http:\S+/.exec(out())?.[0]}/index.m3u8`)).status).toBe(200)
  })
})
