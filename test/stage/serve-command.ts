import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Configuration, createPlaygate, type MintAccessOptions } from '../../server/index.ts'
import { testKey } from './start-gate.ts'

const bin = join(import.meta.dirname, '../../dist/server/cli/main.js')
const playlist = '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n1.ts\n#EXT-X-ENDLIST\n'

export const adminToken = 'a-token-for-administrators'

/** `playgate serve` as built, in a process of its own or several. */
export interface ServedGate {
  readonly url: string
  /** Its configuration file, in JSON. */
  readonly config: string
  readonly child: ChildProcess
  /** What it wrote to stderr: the log. */
  readonly err: () => string
  /** An order to the admin API. */
  admin(method: string, path: string, body?: object): Promise<{ status: number; body: unknown }>
  /** `kill -9`, its workers included. */
  kill(): Promise<void>
  close(): Promise<void>
}

/** A folder with a stream below `/vod`, for any number of servers. */
export interface ServedFolder {
  readonly folder: string
  serve(configuration: Partial<Configuration>, rule?: object): Promise<ServedGate>
  mint(options?: Partial<MintAccessOptions>): string
  close(): Promise<void>
}

export function serveFolderOf(rule: object): ServedFolder {
  const folder = mkdtempSync(join(tmpdir(), 'playgate-served-'))
  mkdirSync(join(folder, 'media'))
  writeFileSync(join(folder, 'media', 'index.m3u8'), playlist)
  writeFileSync(join(folder, 'media', '1.ts'), 'segment')
  const full: Configuration = {
    keys: { vod: { primary: testKey } },
    admin: { token: adminToken },
    rules: [
      {
        name: 'film',
        match: { paths: ['/vod/*'] },
        stripPrefix: '/vod',
        origin: './media',
        session: {},
        access: { format: 'edgeauth', key: 'vod' },
        ...rule,
      },
    ],
  }
  const minting = createPlaygate(full, { baseDirectory: folder })
  let servers = 0
  return {
    folder,
    serve: (configuration) =>
      start(folder, join(folder, `playgate-${servers++}.json`), { ...full, ...configuration }),
    mint: (options) => minting.mint({ path: '/vod/*', ttlSeconds: 600, ...options }),
    async close() {
      await minting.close()
      rmSync(folder, { recursive: true })
    },
  }
}

async function start(cwd: string, file: string, configuration: Configuration): Promise<ServedGate> {
  writeFileSync(file, JSON.stringify(configuration))
  const child = spawn(process.execPath, [bin, 'serve', '--config', file, '--port', '0'], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err, hasEnded] = ['', '', false]
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (err += chunk))
  const ended = once(child, 'close').then(() => {
    hasEnded = true
  })
  const listening = /listens on (http:\S+)/
  await expect.poll(() => hasEnded || listening.test(out), { timeout: 30_000 }).toBe(true)
  const url = listening.exec(out)?.[1]
  if (url === undefined) throw new Error(`playgate serve ended:\n${err}`)
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!hasEnded) child.kill(signal)
    await ended
  }
  return {
    url,
    config: file,
    child,
    err: () => err,
    async admin(method, path, body) {
      const response = await fetch(`${url}/_playgate/admin/${path}`, {
        method,
        headers: { Authorization: `Bearer ${adminToken}`, 'Content-Type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      return { status: response.status, body: await response.json() }
    },
    kill: () => end('SIGKILL'),
    close: () => end('SIGTERM'),
  }
}
