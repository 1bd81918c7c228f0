import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { requireTool } from './tools.ts'

/** A redis-server of the test's own, on the loopback interface. */
export interface RedisServer {
  readonly port: number
  /** Such as `redis://127.0.0.1:40123`. */
  readonly url: string
  /** Where it keeps its files. */
  readonly folder: string
  /** Ends it in an orderly way; what it keeps on disk is there after `restart`. */
  stop(): Promise<void>
  /** `kill -9`. */
  kill(): Promise<void>
  /** Stops it from answering, with all its connections left open. */
  pause(): void
  resume(): void
  /** Starts it again on the same port, with the same folder. */
  restart(): Promise<void>
  /** Ends it, and removes its files. */
  close(): Promise<void>
}

export interface RedisServerOptions {
  /** Write every change to disk before it is answered. @default false */
  readonly isPersistent?: boolean
  /** Further arguments, such as `--maxmemory`, `1mb`. @default none */
  readonly settings?: readonly string[]
  /** A sentinel instead: its file, which it writes to as well. */
  readonly configuration?: string
}

/** The arguments for the port; a TLS server has another name for it. */
const portSetting = (port: number, settings: readonly string[]): string[] =>
  settings.includes('--tls-port') ? [] : ['--port', String(port)]

export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** A test whose setup throws closes nothing: no server may outlive the file that started it. */
const running = new Map<ChildProcess, string>()
afterAll(async () => {
  for (const [child, folder] of running) {
    await end(child, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
})

/** @throws {Error} with its output, when it ends before it takes connections */
async function run(words: readonly string[], folder: string): Promise<ChildProcess> {
  const child = spawn(requireTool('redis-server'), words, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.set(child, folder)
  child.once('exit', () => running.delete(child))
  let output = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (/Ready to accept connections|Sentinel ID is/.test(output)) resolve()
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`redis-server ended:\n${output}`)))
  })
  return child
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGCONT')
  child.kill(signal)
  await ended
}

export async function startRedis({
  isPersistent = false,
  settings = [],
  configuration,
}: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'playgate-redis-'))
  const port = await freePort()
  const keeping = isPersistent ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []
  const before = configuration === undefined ? [] : [configuration]
  const after = configuration === undefined ? [] : ['--sentinel']
  const words = [
    ...before,
    ...portSetting(port, settings),
    ...[
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      ...(configuration === undefined ? ['--save', ''] : []),
    ],
    ...keeping,
    ...settings.map((word) => (word === '%port%' ? String(port) : word)),
    ...after,
  ]
  let child = await run(words, folder)
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    folder,
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async restart() {
      await end(child, 'SIGTERM')
      child = await run(words, folder)
    },
    async close() {
      await end(child, 'SIGKILL')
      rmSync(folder, { recursive: true })
    },
  }
}
