import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll } from 'vitest'
import { requireTool } from './tools.ts'

/** A front server of the test's own, with a configuration out of the documentation. */
export interface Proxy {
  /** Such as `http://127.0.0.1:40123`. */
  readonly origin: string
  close(): Promise<void>
}

export interface ProxyOptions {
  readonly port: number
  /** What stands below `/srv/media` in the configuration, by name: the folders themselves. */
  readonly media: Readonly<Record<string, string>>
  /** Texts of the configuration and what takes their place. */
  readonly replace: Readonly<Record<string, string>>
}

/** A test whose setup throws closes nothing: no server may outlive the file that started it. */
const running = new Map<ChildProcess, string>()
afterAll(async () => {
  for (const [child, folder] of running) {
    await end(child)
    rmSync(folder, { recursive: true, force: true })
  }
})

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

function prepare(name: string, { media }: ProxyOptions): string {
  const folder = mkdtempSync(join(tmpdir(), `playgate-${name}-`))
  for (const [below, target] of Object.entries(media)) symlinkSync(target, join(folder, below))
  return folder
}

/** @throws {Error} naming the text that the configuration does not have */
function filled(configuration: string, folder: string, options: ProxyOptions): string {
  const replace = { ...options.replace, '/srv/media': folder }
  return Object.entries(replace).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the configuration does not have ${from}`)
    return text.replaceAll(from, to)
  }, configuration)
}

/** @throws {Error} with its output, when it ends before it takes connections */
async function run(
  program: 'nginx' | 'caddy',
  words: readonly string[],
  folder: string,
  port: number,
): Promise<Proxy> {
  const child = spawn(requireTool(program), words, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
  })
  running.set(child, folder)
  child.once('exit', () => running.delete(child))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null) throw new Error(`${program} ended:\n${output}`)
    await pause(20)
  }
  return {
    origin: `http://127.0.0.1:${port}`,
    async close() {
      await end(child)
      rmSync(folder, { recursive: true })
    },
  }
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Starts nginx with what belongs into its `http` block. */
export async function startNginx(configuration: string, options: ProxyOptions): Promise<Proxy> {
  const folder = prepare('nginx', options)
  const text = `
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    daemon off;
    worker_processes 1;
    pid nginx.pid;
    error_log stderr warn;
    events {}
    http {
      types { application/vnd.apple.mpegurl m3u8; video/iso.segment m4s; video/mp4 mp4; text/vtt vtt; }
      access_log off;
      client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
      ${filled(configuration, folder, options)}
    }`
  writeFileSync(join(folder, 'nginx.conf'), text)
  const words = ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr']
  return run('nginx', words, folder, options.port)
}

/** Starts Caddy with site blocks. */
export async function startCaddy(configuration: string, options: ProxyOptions): Promise<Proxy> {
  const folder = prepare('caddy', options)
  const text = `{
	admin off
	auto_https off
}
${filled(configuration, folder, options)}
`
  writeFileSync(join(folder, 'Caddyfile'), text)
  const words = ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile']
  return run('caddy', words, folder, options.port)
}
