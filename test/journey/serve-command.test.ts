import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
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
