import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createPlaygate } from '../../server/index.ts'
import { deferred } from '../stage/deferred.ts'
import { startFakeOrigin } from '../stage/fake-origin.ts'
import { testKey } from '../stage/start-gate.ts'

const bin = join(import.meta.dirname, '../../dist/server/cli/main.js')
const playlist = '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n1.ts\n#EXT-X-ENDLIST\n'
const segment = 'x'.repeat(50_000)

// Each test starts several processes, beside whatever else the machine does.
vi.setConfig({ testTimeout: 90_000 })
const poll = <Value>(look: () => Value) => expect.poll(look, { timeout: 30_000 })

let folder = ''
let config = ''
const running: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'playgate-workers-'))
  config = join(folder, 'playgate.yaml')
  mkdirSync(join(folder, 'media'))
  writeFileSync(join(folder, 'media', 'index.m3u8'), playlist)
  writeFileSync(join(folder, 'media', '1.ts'), segment)
})
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    // Not before the last worker has let go of its output.
    if (!child.stderr?.closed) await once(child, 'close')
  }
  rmSync(folder, { recursive: true })
})

const openRule = (origin = './media') => `{ name: open, origin: "${origin}", open: true }`
const yaml = (workers: number | string, rule = openRule()) =>
  `workers: ${workers}\nstore: lmdb:./store\nrules: [${rule}]\n`

type Line = Readonly<Record<string, unknown>>

interface Served {
  readonly child: ChildProcess
  readonly url: string
  readonly out: () => string
  readonly err: () => string
  /** The lines of the log with that event. */
  readonly log: (event: string) => Line[]
  /** The process numbers of the workers that serve. */
  readonly workers: () => number[]
  readonly ended: Promise<{ status: number | null; signal: NodeJS.Signals | null }>
}

interface ServeOptions {
  readonly port?: string
  readonly detached?: boolean | undefined
}

/** Starts the command as built; resolves when it listens or has ended. */
function serve(text: string, { port = '0', detached }: ServeOptions = {}): Promise<Served> {
  writeFileSync(config, text)
  return start([bin, 'serve', '--config', config, '--port', port], detached)
}

async function start(args: string[], detached = false): Promise<Served> {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    // `true`: a process group of its own, as a terminal makes one.
    detached,
  })
  running.push(child)
  let [out, err, hasEnded] = ['', '', false]
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (err += chunk))
  // It is over when the last process has let go of its output, the workers too.
  const ended = once(child, 'close').then(([status, signal]) => {
    hasEnded = true
    return { status, signal }
  })
  await poll(() => hasEnded || /\n/.test(out.split('listens on')[1] ?? '')).toBe(true)
  const lines = (): Line[] =>
    err
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line))
  const log = (event: string): Line[] => lines().filter((line) => line.event === event)
  const workers = (): number[] => {
    const pids = new Set<number>()
    for (const { msg, worker, old } of lines()) {
      if (msg === 'a worker listens') pids.add(Number(worker))
      if (msg === 'a worker ended unasked') pids.delete(Number(worker))
      if (msg === 'a worker took over') pids.delete(Number(old))
    }
    return [...pids]
  }
  const url = /http:\S+/.exec(out)?.[0] ?? ''
  return { child, url, out: () => out, err: () => err, log, workers, ended }
}

/** The same, when all of so many workers serve. */
async function serveWith(count: number, rule?: string, options?: ServeOptions): Promise<Served> {
  const served = await serve(yaml(count, rule), options)
  await poll(served.workers).toHaveLength(count)
  return served
}

interface Got {
  readonly status: number
  readonly body: string
  readonly isLast: boolean
}

/** Did it happen on a connection over which an answer, or a part of one, had come? */
function isServed(error: unknown): boolean {
  return error instanceof Error && error.cause === 'served'
}

/** One request, over a connection of its own unless an agent is given. */
function ask(url: string, agent: Agent | false = false): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asking = get(url, { agent }, (response) => {
      let body = ''
      response.setEncoding('latin1')
      response.on('data', (chunk) => (body += chunk))
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response
        resolve({ status, body, isLast: headers.connection === 'close' })
      })
      response.on('error', (error) => {
        error.cause = 'served'
        reject(error)
      })
    })
    asking.on('error', (error) => {
      if (asking.reusedSocket) error.cause = 'served'
      reject(error)
    })
  })
}

/** Why not, if not. */
async function tryToConnect(url: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  try {
    await once(socket, 'connect')
    return 'connected'
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  } finally {
    socket.destroy()
  }
}

/** Twenty viewers over as many kept connections, and five that connect for each request, until stopped. */
function startLoad(url: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 20 })
  onTestFinished(() => agent.destroy())
  const failures: string[] = []
  const count = { asked: 0, last: 0, unconnected: 0 }
  let isOn = true
  const view = async (over: Agent | false): Promise<void> => {
    for (let turn = 0; isOn; turn += 1) {
      const [path, expected] = turn % 2 === 0 ? ['index.m3u8', playlist] : ['1.ts', segment]
      count.asked += 1
      try {
        const { status, body, isLast } = await ask(`${url}/${path}`, over)
        if (status !== 200 || body !== expected) failures.push(`${status} with ${body.length}`)
        if (isLast && over !== false) count.last += 1
      } catch (error) {
        if (isServed(error)) failures.push(String(error))
        else count.unconnected += 1
      }
    }
  }
  const viewers = [...Array(20).fill(agent), ...Array(5).fill(false)].map(view)
  return {
    count,
    failures,
    async stop() {
      isOn = false
      await Promise.all(viewers)
    },
  }
}

async function requestsCounted({ url }: Served): Promise<number> {
  const { body } = await ask(`${url}/_playgate/metrics`)
  const counts = body.matchAll(/^playgate_requests_total\{rule="open".*\} (\d+)$/gm)
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
}

/** An origin whose answers begin at once, and end when they are released. */
async function startSlowOrigin() {
  const { promise: held, resolve: release } = deferred()
  const origin = await startFakeOrigin({
    '/film.mp4': async (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'video/mp4', 'Content-Length': '10' })
      response.write('first')
      await held
      response.end('later')
    },
  })
  onTestFinished(() => origin.close())
  return { origin, release }
}

describe('several workers', () => {
  it('serve at one address, announced once', async () => {
    const { child, url, out, log } = await serveWith(2)
    expect(out().match(/listens on .*/g)).toEqual([
      `listens on ${url} (process ${child.pid}, 2 workers)`,
    ])
    for (let count = 0; count < 8; count += 1) {
      expect((await ask(`${url}/index.m3u8`)).body).toBe(playlist)
    }
    const pids = log('request').map(({ pid }) => pid)
    expect(new Set(pids).size).toBe(2)
    expect(pids).not.toContain(child.pid)
  })

  it('have their figures added up, and none is lost with a worker', async () => {
    const served = await serveWith(2)
    for (let count = 0; count < 9; count += 1) await ask(`${served.url}/index.m3u8`)
    for (let count = 0; count < 4; count += 1) expect(await requestsCounted(served)).toBe(9)
    const before = served.workers()
    served.child.kill('SIGUSR2')
    await poll(() => served.log('restart').at(-1)?.msg).toBe('all workers have been replaced')
    expect(served.workers().filter((pid) => before.includes(pid))).toEqual([])
    expect(await requestsCounted(served)).toBe(9)
    await ask(`${served.url}/index.m3u8`)
    expect(await requestsCounted(served)).toBe(10)
  })

  it('spend a token once between them, in the store beside the file that names none', async () => {
    const rule = `{ name: film, origin: ./media, access: { format: edgeauth, key: vod, singleUse: true }, session: {} }`
    const text = `workers: 2\nkeys: { vod: { primary: ${testKey} } }\nrules: [${rule}]\n`
    const { url, log, workers } = await serve(text)
    await poll(workers).toHaveLength(2)
    const minter = createPlaygate({
      keys: { vod: { primary: testKey } },
      rules: [{ origin: folder, access: { format: 'edgeauth', key: 'vod' }, session: {} }],
    })
    const token = minter.mint({ path: '/*', ttlSeconds: 60 })
    await minter.close()
    const statuses: number[] = []
    for (let count = 0; count < 6; count += 1) {
      statuses.push((await ask(`${url}/index.m3u8?hdnts=${token}`)).status)
    }
    expect(statuses).toEqual([200, 403, 403, 403, 403, 403])
    expect(new Set(log('request').map(({ pid }) => pid)).size).toBe(2)
  })

  it('are replaced when they are killed, and service goes on', async () => {
    const { url, log, workers } = await serveWith(2)
    const [victim = 0, survivor = 0] = workers()
    process.kill(victim, 'SIGKILL')
    await poll(() => log('worker').some(({ how }) => how === 'SIGKILL')).toBe(true)
    await poll(workers).toHaveLength(2)
    expect(workers()).toContain(survivor)
    expect(workers()).not.toContain(victim)
    for (let count = 0; count < 4; count += 1) {
      expect((await ask(`${url}/index.m3u8`)).status).toBe(200)
    }
  })

  it('hear what one of them tells the others, and nothing of their own', async () => {
    const script = join(folder, 'tell.mjs')
    const from = (file: string) => JSON.stringify(join(bin, '../..', file))
    // The command's own two halves, around a gate that lends its peers to the test.
    writeFileSync(
      script,
      `import { createPlaygate } from ${from('index.js')}
import { isWorker, runWorker } from ${from('cli/worker.js')}
import { runPrimary } from ${from('cli/workers.js')}
import { createLog } from ${from('http/log.js')}
const log = createLog('info')
const raw = { rules: [{ origin: ${JSON.stringify(folder)}, open: true }] }
const options = { workers: 3, listen: { host: '127.0.0.1', port: 0 } }
const watch = { start() {}, takeNow() {}, stop() {} }
const open = (joinPeers) => {
  let peers
  const heard = []
  const gate = createPlaygate(raw, { joinPeers: (registry) => (peers = joinPeers(registry)) })
  peers.onTold((message) => heard.push(message))
  const callback = () => (request, response) => {
    if (request.url === '/tell') peers.tell({ by: process.pid })
    response.end(JSON.stringify({ pid: process.pid, heard }))
  }
  return { gate: { ...gate, callback }, reload() {} }
}
process.exitCode = isWorker()
  ? await runWorker({ log, open, at: () => options.listen })
  : await runPrimary({ log, options, watch, args: [], onListens: (url) => console.log('listens on ' + url) })
`,
    )
    const { url, workers } = await start([script])
    await poll(workers).toHaveLength(3)
    const { pid: teller } = JSON.parse((await ask(`${url}/tell`)).body)
    const heard = new Map<number, { by: number }[]>()
    await poll(async () => {
      const answer = JSON.parse((await ask(url)).body)
      heard.set(
        answer.pid,
        answer.heard.filter(({ by }: { by?: number }) => by !== undefined),
      )
      return [...heard.values()].flat()
    }).toEqual([{ by: teller }, { by: teller }])
    await poll(async () => heard.set(JSON.parse((await ask(url)).body).pid, []).size).toBe(3)
    expect(heard.has(teller)).toBe(true)
  })

  it('do not outlive a primary process that is killed', async () => {
    const { child, ended, url } = await serveWith(2)
    child.kill('SIGKILL')
    expect(await ended).toEqual({ status: null, signal: 'SIGKILL' })
    expect(await tryToConnect(url)).toBe('ECONNREFUSED')
  })
})

describe('a rolling restart', () => {
  it('replaces all workers under load without a request lost', async () => {
    const { child, url, log, workers } = await serveWith(2)
    const before = workers()
    const load = startLoad(url)
    await poll(() => load.count.asked).toBeGreaterThan(500)
    child.kill('SIGUSR2')
    await poll(() => log('restart').at(-1)?.msg).toBe('all workers have been replaced')
    const askedBy = load.count.asked
    await poll(() => load.count.asked).toBeGreaterThan(askedBy + 500)
    await load.stop()
    expect(load.failures).toEqual([])
    expect(load.count.unconnected).toBe(0)
    expect(workers()).toHaveLength(2)
    expect(workers().filter((pid) => before.includes(pid))).toEqual([])
    // Each viewer was told to connect anew, by each worker that it met and that left.
    expect(load.count.last).toBeGreaterThanOrEqual(20)
  })

  it('leaves the old workers when the file is bad now, and says why', async () => {
    const { child, url, log, workers } = await serveWith(2)
    const before = workers()
    writeFileSync(config, yaml(2, openRule('./none')))
    child.kill('SIGUSR2')
    await poll(() => log('restart').at(-1)?.reason).toContain('rules[0].origin: no such directory')
    expect(workers()).toEqual(before)
    expect((await ask(`${url}/index.m3u8`)).status).toBe(200)
  })

  it('lets an answer under way come to its end', async () => {
    const { origin, release } = await startSlowOrigin()
    const { child, url, log } = await serveWith(2, openRule(origin.url))
    const answers = [1, 2, 3, 4].map(() => ask(`${url}/film.mp4`))
    await poll(() => origin.requests.length).toBe(4)
    child.kill('SIGUSR2')
    await poll(() => log('restart').at(-1)?.msg).toBe('a worker took over')
    release()
    for (const { body } of await Promise.all(answers)) expect(body).toBe('firstlater')
    await poll(() => log('restart').at(-1)?.msg).toBe('all workers have been replaced')
  })
})

describe('a changed configuration file', () => {
  it('is taken up by all workers, and a bad one is reported once', async () => {
    const { child, url, err, log } = await serveWith(2)
    const statuses = async (): Promise<number[]> => {
      const all = [1, 2, 3, 4].map(async () => (await ask(`${url}/index.m3u8`)).status)
      return [...new Set(await Promise.all(all))]
    }
    expect(await statuses()).toEqual([200])

    writeFileSync(
      config,
      yaml(3, `{ name: open, origin: ./media, match: { paths: [/other/*] }, open: true }`),
    )
    child.kill('SIGHUP')
    await poll(statuses).toEqual([404])
    expect(err()).toContain('workers is read at the start only')

    writeFileSync(config, yaml(2, openRule('./none')))
    child.kill('SIGHUP')
    await poll(err).toContain('kept the old configuration')
    expect(await statuses()).toEqual([404])

    writeFileSync(config, yaml(2))
    child.kill('SIGHUP')
    await poll(statuses).toEqual([200])
    expect(log('reload').filter(({ level }) => level === 'error')).toHaveLength(1)
  })
})

describe('stopping', () => {
  it('finishes what is under way, takes no more, and ends with 0', async () => {
    const { origin, release } = await startSlowOrigin()
    const { child, url, ended } = await serveWith(2, openRule(origin.url), { detached: true })
    const answers = Array.from({ length: 10 }, () => ask(`${url}/film.mp4`))
    await poll(() => origin.requests.length).toBe(10)
    // To the whole group, as from a terminal.
    process.kill(-Number(child.pid), 'SIGINT')
    await poll(() => tryToConnect(url)).toBe('ECONNREFUSED')
    release()
    for (const { status, body } of await Promise.all(answers)) {
      expect([status, body]).toEqual([200, 'firstlater'])
    }
    expect(await ended).toEqual({ status: 0, signal: null })
  })

  it('under load cuts no answer, and no request that comes over a kept connection', async () => {
    const { child, url, ended } = await serveWith(2)
    const load = startLoad(url)
    await poll(() => load.count.asked).toBeGreaterThan(500)
    child.kill('SIGTERM')
    expect(await ended).toEqual({ status: 0, signal: null })
    await load.stop()
    expect(load.failures).toEqual([])
  })

  it('is done at once when it is asked for a second time', async () => {
    const { origin, release } = await startSlowOrigin()
    const { child, url, ended } = await serveWith(2, openRule(origin.url))
    const answer = ask(`${url}/film.mp4`).catch(() => 'cut')
    await poll(() => origin.requests.length).toBe(1)
    child.kill('SIGTERM')
    await poll(() => tryToConnect(url)).toBe('ECONNREFUSED')
    child.kill('SIGTERM')
    expect(await ended).toEqual({ status: null, signal: 'SIGTERM' })
    expect(await answer).toBe('cut')
    release()
  })
})

describe('a start that fails', () => {
  it('says so once, when the port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const port = String((taken.address() as { port: number }).port)
    const { err, ended } = await serve(yaml(2), { port })
    expect(await ended).toEqual({ status: 1, signal: null })
    expect(err().match(/cannot listen/g)).toHaveLength(1)
    expect(err()).toContain('EADDRINUSE')
  })

  it('names the store that cannot be used', async () => {
    writeFileSync(join(folder, '.playgate'), 'a file in the place of the directory')
    const rule = `{ origin: ./media, access: { format: edgeauth, key: vod, singleUse: true }, session: {} }`
    const { err, ended } = await serve(
      `workers: 2\nkeys: { vod: { primary: ${testKey} } }\nrules: [${rule}]\n`,
    )
    expect(await ended).toEqual({ status: 2, signal: null })
    expect(err().match(/^store: .*/gm)).toHaveLength(1)
  })

  it('names every mistake of the configuration, before there is any worker', async () => {
    const { err, ended } = await serve(yaml(2, openRule('./none')))
    expect(await ended).toEqual({ status: 2, signal: null })
    expect(err()).toMatch(/^rules\[0\]\.origin: no such directory/)
  })
})
