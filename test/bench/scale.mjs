/**
 * What sessions cost the store, measured on the built files, and what that makes of a million of them.
 *
 *     node test/bench/scale.mjs [--sessions 100000] [--stores memory,lmdb,redis] [--json]
 *
 * Redis is started for the measurement, on the loopback interface; without a redis-server it is left out, and said so. Everything that
 * was started is ended, and every file removed.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { Endings } from '../../dist/server/session/endings.js'
import {
  accessTag,
  keyTag,
  newSessionId,
  subjectDigest,
} from '../../dist/server/session/session-id.js'
import { SessionTracker } from '../../dist/server/session/session-tracker.js'
import { createStore } from '../../dist/server/store/create-store.js'
import { describeMillion } from './scale-million.mjs'

const batchSize = 1000
const claimsAtOnce = 100

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '100000' },
    stores: { type: 'string', default: 'memory,lmdb,redis' },
    json: { type: 'boolean', default: false },
  },
})
const total = Number(values.sessions)
if (!Number.isInteger(total) || total < 10_000 || total > 5_000_000) {
  process.stderr.write('--sessions: 10000 to 5000000\n')
  process.exit(2)
}

const openedAtMs = Date.now()
const ids = Array.from({ length: total }, (_, index) =>
  newSessionId({
    openedAtMs: openedAtMs - total + index,
    keyTag: keyTag('vod'),
    accessTag: accessTag(`token ${index}`),
  }),
)

/** News of a session such as a film of two hours has. */
function sighting(index, seenAtMs) {
  return {
    id: ids[index],
    subject: `user-${index % (total / 2)}`,
    rule: 'films',
    path: `/vod/film-${index % 5000}/index.m3u8`,
    client: `198.51.${(index >> 8) & 255}.${index & 255}`,
    userAgent:
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
    openedAtMs: openedAtMs - total + index,
    seenAtMs,
    endsAtMs: openedAtMs + 7_500_000,
    requests: 1,
  }
}

const cpuMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** @returns {Promise<{ seconds: number, cpuMicroseconds: number }>} of one of the `count` operations */
async function timed(count, work) {
  const [cpu, start] = [cpuMs(), performance.now()]
  await work()
  const seconds = (performance.now() - start) / 1000
  return { perSecond: count / seconds, cpuMicroseconds: ((cpuMs() - cpu) * 1000) / count }
}

async function noteAll(store, seenAtMs) {
  for (let from = 0; from < total; from += batchSize) {
    const end = Math.min(from + batchSize, total)
    const news = Array.from({ length: end - from }, (_, step) => sighting(from + step, seenAtMs))
    await store.noteSessions(news)
  }
}

async function claimSome(store, count) {
  const claim = (index) => ({
    subject: subjectDigest(`user-${index}`),
    sessionId: ids[index % total],
    device: subjectDigest('device'),
    idleSeconds: 60,
    max: 3,
    onLimit: 'deny',
    isNew: true,
  })
  for (let from = 0; from < count; from += claimsAtOnce) {
    await store.claimPlaces(Array.from({ length: claimsAtOnce }, (_, step) => claim(from + step)))
  }
}

/** @param {{ location: string, size: () => Promise<number>, outside: () => Promise<object> }} subject */
async function measureStore({ location, size, outside }) {
  const store = createStore(location, {
    now: () => Date.now(),
    baseDirectory: '/',
    timeoutMs: 60_000,
    maxMarkers: 5_000_000,
  })
  await ready(store)
  const emptyBytes = await size()
  const before = await outside()
  const opening = await timed(total, () => noteAll(store, openedAtMs))
  const opened = await outside()
  const bytes = ((await size()) - emptyBytes) / total
  const touching = await timed(total, () => noteAll(store, openedAtMs + 15_000))
  const touched = await outside()
  const claims = Math.min(total, 50_000)
  const claiming = await timed(claims, () => claimSome(store, claims))
  const claimed = await outside()
  const listing = await timed(1, () => store.listSessions({ limit: 100 }))
  const ofSubject = await timed(1, () => store.listSessions({ limit: 100, subject: 'user-7' }))
  const ending = await timed(1, () =>
    store.revoke([{ kind: 'all', value: '*', beforeMs: Date.now(), untilMs: Date.now() + 1e8 }]),
  )
  const { cursor } = await store.revocationsSince(null)
  const polling = await timed(200, async () => {
    for (let count = 0; count < 200; count++) await store.revocationsSince(cursor)
  })
  await store.close()
  const ms = ({ perSecond }) => 1000 / perSecond
  return {
    bytesASession: bytes,
    opening: { ...opening, ...difference(before, opened, total) },
    touching: { ...touching, ...difference(opened, touched, total) },
    claiming: { ...claiming, ...difference(touched, claimed, claims) },
    listMs: ms(listing),
    listSubjectMs: ms(ofSubject),
    endAllMs: ms(ending),
    pollMs: ms(polling),
  }
}

/** What the server itself says of so many operations, for one of them. */
function difference(before, after, count) {
  return Object.fromEntries(
    Object.keys(after).map((name) => [name, (after[name] - before[name]) / count]),
  )
}

async function ready(store) {
  for (let left = 100; ; left--) {
    try {
      return await store.check()
    } catch (error) {
      if (left === 0) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

const subjects = {
  async memory() {
    const heap = async () => {
      globalThis.gc?.()
      return process.memoryUsage().heapUsed
    }
    return measureStore({ location: 'memory:', size: heap, outside: async () => ({}) })
  },

  async lmdb() {
    const folder = mkdtempSync(join(tmpdir(), 'playgate-scale-'))
    try {
      const size = async () => statSync(join(folder, 'data.mdb')).blocks * 512
      return await measureStore({ location: `lmdb:${folder}`, size, outside: async () => ({}) })
    } finally {
      rmSync(folder, { recursive: true })
    }
  },

  async redis() {
    if (spawnSync('redis-server', ['--version']).error !== undefined) return null
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address()
    probe.close()
    const words = ['--port', String(port), '--bind', '127.0.0.1', '--save', '']
    const server = spawn('redis-server', words, { stdio: 'ignore' })
    const admin = new Redis(port, '127.0.0.1')
    admin.on('error', () => undefined)
    const number = async (section, name) =>
      Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(await admin.info(section))?.[1])
    const outside = async () => {
      const commands = [...(await admin.info('commandstats')).matchAll(/calls=(\d+)/g)]
      return {
        serverCommands: commands.reduce((sum, [, calls]) => sum + Number(calls), 0),
        serverCpuMicroseconds:
          1e6 * ((await number('cpu', 'used_cpu_user')) + (await number('cpu', 'used_cpu_sys'))),
        bytesIn: await number('stats', 'total_net_input_bytes'),
        bytesOut: await number('stats', 'total_net_output_bytes'),
      }
    }
    try {
      const size = () => number('memory', 'used_memory')
      return await measureStore({ location: `redis://127.0.0.1:${port}`, size, outside })
    } finally {
      admin.disconnect()
      server.kill('SIGKILL')
      await once(server, 'exit')
    }
  },
}

/** What a process pays for a request under a session, and for knowing one. */
async function measureProcess() {
  const count = Math.min(total, 100_000)
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  const rule = {}
  const tracker = new SessionTracker({
    store: { noteSessions: async () => undefined },
    now: () => openedAtMs,
    onEnded: async () => undefined,
    onFailure: (error) => {
      throw error
    },
  })
  const admit = (index) =>
    tracker.admit(rule, ids[index], openedAtMs + 7_500_000, () => ({
      facts: sighting(index, openedAtMs),
      counting: null,
    }))
  for (let index = 0; index < count; index++) admit(index)
  globalThis.gc?.()
  const bytes = (process.memoryUsage().heapUsed - before) / count
  const known = await timed(10 * count, () => {
    for (let round = 0; round < 10; round++)
      for (let index = 0; index < count; index++) admit(index)
  })
  const endings = new Endings()
  const entries = Array.from({ length: 10_000 }, (_, index) => ({
    kind: 'session',
    value: `ended ${index}`,
    beforeMs: 1,
    untilMs: 2,
  }))
  endings.apply(entries)
  const identities = ids.slice(0, count).map((id) => ({ id, subject: 'user-7' }))
  const asked = await timed(10 * count, () => {
    for (let round = 0; round < 10; round++) {
      for (let index = 0; index < count; index++) {
        endings.endedBy(identities[index])
      }
    }
  })
  return {
    bytesASession: bytes,
    admitMicroseconds: known.cpuMicroseconds,
    endedByMicroseconds: asked.cpuMicroseconds,
  }
}

const measured = {
  sessions: total,
  node: process.version,
  process: await measureProcess(),
  stores: {},
}
for (const name of values.stores.split(',')) {
  if (!Object.hasOwn(subjects, name)) {
    process.stderr.write(`no store ${name}\n`)
    process.exit(2)
  }
  measured.stores[name] = await subjects[name]()
  if (measured.stores[name] === null) process.stderr.write(`${name}: no server here, left out\n`)
}
process.stdout.write(values.json ? `${JSON.stringify(measured)}\n` : describeMillion(measured))
