import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'

const top = join(import.meta.dirname, '../..')
const running: ChildProcess[] = []

afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'close')
  }
})

/** Starts a script of the package as a person would, without what vitest puts into the environment. */
function start(file: string, args: string[], environment: Record<string, string>) {
  const { VITEST: _vitest, NODE_ENV: _mode, ...own } = process.env
  const child = spawn(process.execPath, [join(top, file), ...args], {
    cwd: top,
    env: { ...own, NO_COLOR: '1', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.push(child)
  let out = ''
  child.stdout.on('data', (chunk) => (out += chunk))
  return { child, out: () => out }
}

it('the command can be executed as it is built', () => {
  expect(statSync(join(top, 'dist/server/cli/main.js')).mode & 0o111).toBe(0o111)
})

describe('npm start', () => {
  it('prints its pages, a link for any player and the admin page, and all are there', async () => {
    const { child, out } = start('dist/server/main.js', [], { PORT: '0' })
    await expect.poll(out, { timeout: 15_000 }).toMatch(/with the token \S+\n/)
    const [page = '', tools = '', link = '', admin = ''] = out().match(/http:\S+/g) ?? []
    expect(await (await fetch(page)).text()).toContain('<title>')
    expect(await (await fetch(tools)).text()).toContain('id="make-form"')
    const playlist = await fetch(link)
    expect(await playlist.text()).toContain('v540/index.m3u8?hdntl=')
    expect((await fetch(link.split('?')[0] ?? '')).status).toBe(403)
    expect(await (await fetch(admin)).text()).toContain('<title>')
    const authorization = `Bearer ${/with the token (\S+)/.exec(out())?.[1]}`
    const listed = await fetch(`${admin}sessions`, { headers: { authorization } })
    expect(await listed.json()).toMatchObject({ sessions: [{ state: 'active', requests: 1 }] })
    child.kill('SIGTERM')
    expect((await once(child, 'close'))[0]).toBe(0)
  })
})

describe('npm run dev', () => {
  it('serves the page by Vite with the gate in the same process', async () => {
    const { out } = start(
      'node_modules/vite/bin/vite.js',
      ['--port', '0', '--host', '127.0.0.1'],
      {},
    )
    await expect.poll(out, { timeout: 30_000 }).toMatch(/http:\/\/127\.0\.0\.1:\d+/)
    const origin = /http:\/\/127\.0\.0\.1:\d+/.exec(out())?.[0] ?? ''
    expect(await (await fetch(`${origin}/`)).text()).toContain('/@vite/client')
    expect((await fetch(`${origin}/vod/sample/index.m3u8`)).status).toBe(403)
    const access = await fetch(`${origin}/demo/api/access`, { method: 'POST' })
    const { token, parameter } = (await access.json()) as { token: string; parameter: string }
    const played = await fetch(`${origin}/vod/sample/index.m3u8?${parameter}=${token}`)
    expect(played.status).toBe(200)
    // The stream's own files are the gate's to serve, not Vite's.
    expect((await fetch(`${origin}/stream/index.m3u8`)).status).toBe(404)
  })
})
