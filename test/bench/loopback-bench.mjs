import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { edgeauth } from '../../dist/server/token/index.js'
import { Child } from './child.mjs'
import {
  keyHex,
  mediaPath,
  parameter,
  segmentBytes,
  sessionFields,
  userAgent,
  usualPlaylist,
  viewers,
} from './material.mjs'
import { interleaved } from './measure.mjs'
import { tableOf } from './report.mjs'

const segmentPath = mediaPath.replace('index.m3u8', 'segment/000007.m4s')
const names = {
  playgate: 'Playgate, session token',
  naive: 'naive Koa: verify, read, rewrite',
  static: 'limit: Koa, a static copy from memory',
  stream: 'Koa + createReadStream, no check',
  memory: 'limit: Koa, bytes from memory, no check',
}

/** Whole answers over loopback; servers, load and referee are a process each. */
export async function benchLoopback(effort) {
  const directory = await mkdtemp(join(tmpdir(), 'playgate-bench-'))
  const children = []
  const start = (file) => {
    const child = new Child(file)
    children.push(child)
    return child
  }
  try {
    await place(join(directory, mediaPath), usualPlaylist)
    await place(join(directory, segmentPath), randomBytes(segmentBytes))
    const load = start('load-process.mjs')
    const servers = new Map()
    for (const name of Object.keys(names)) {
      servers.set(name, await startServer(start('server-process.mjs'), name, directory))
    }
    return await measure(servers, load, effort)
  } finally {
    await Promise.all(children.map((child) => child.end()))
    await rm(directory, { recursive: true })
  }
}

async function place(file, bytes) {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, bytes)
}

/** With a token for each viewer: a session's, or one of the same length for who knows no sessions. */
async function startServer(child, name, directory) {
  const endTime = Math.floor(Date.now() / 1000) + 2100
  const minted = Array.from({ length: viewers }, () =>
    edgeauth.mint({ ...sessionFields(endTime), key: keyHex }),
  )
  const { port, accessToken } = await child.ask({ name, directory, token: minted[0] })
  const tokens =
    accessToken === undefined
      ? minted
      : await Promise.all(minted.map(() => openSession(port, accessToken)))
  return { child, port, tokens }
}

async function openSession(port, accessToken) {
  const { headers } = await ask(port, `${mediaPath}?hdnts=${accessToken}`, 'identity')
  const token = /token="([^"]+)"/.exec(headers.get('playgate-session') ?? '')?.[1]
  assert.ok(token, 'no session was opened')
  return token
}

async function ask(port, target, encoding) {
  const headers = { 'User-Agent': userAgent, 'Accept-Encoding': encoding }
  const response = await fetch(`http://127.0.0.1:${port}${target}`, { headers })
  const body = Buffer.from(await response.arrayBuffer())
  assert.equal(response.status, 200, body.toString())
  return { headers: response.headers, body }
}

async function measure(servers, load, effort) {
  const playlistServers = ['naive', 'playgate', 'static']
  const segmentServers = ['stream', 'playgate', 'memory']
  const series = [
    {
      id: 'loopback-playlist',
      title: '20 KB media playlist under a session, as it is',
      path: mediaPath,
      encoding: 'identity',
      among: playlistServers,
      floors: [1.1, 0.15],
    },
    {
      id: 'loopback-playlist-gzip',
      title: '20 KB media playlist under a session, gzip accepted',
      path: mediaPath,
      encoding: 'gzip',
      among: playlistServers,
      floors: [0.8, 0.04],
    },
    {
      id: 'loopback-segment',
      title: '100 KB segment of a directory, under a session',
      path: segmentPath,
      encoding: 'identity',
      among: segmentServers,
      floors: [1, 0.1],
    },
  ]
  const tables = []
  for (const one of series) {
    await checkAnswers(one, servers)
    tables.push(...tablesOf(one, await measureSeries(one, servers, load, effort), effort))
  }
  return tables
}

/** What they answer differs in nothing but the token. */
async function checkAnswers({ path, encoding, among }, servers) {
  const bodies = await Promise.all(
    among.map(async (name) => {
      const { port, tokens } = servers.get(name)
      const { headers, body } = await ask(port, `${path}?${parameter}=${tokens[0]}`, encoding)
      assert.equal(headers.get('content-encoding'), encoding === 'gzip' ? 'gzip' : null, name)
      return body.toString('latin1').replaceAll(tokens[0], 'TOKEN')
    }),
  )
  for (const body of bodies) assert.equal(body, bodies[0])
}

/** Answers a second, and CPU time of the server an answer, one figure a round. */
async function measureSeries({ path, encoding, among }, servers, load, effort) {
  const { rounds, warmUpRequests, loadRequests } = effort
  const perSecond = new Map(among.map((name) => [names[name], []]))
  const cpu = new Map(among.map((name) => [names[name], []]))
  const run = async (name, count) => {
    const { child, port, tokens } = servers.get(name)
    const requests = tokens.map((token) => requestFor(path, token, encoding))
    const before = await child.ask({})
    const { elapsedMs } = await load.ask({ port, requests, count })
    const after = await child.ask({})
    const spent = after.user + after.system - before.user - before.system
    return { perSecond: (count * 1000) / elapsedMs, cpu: spent / count }
  }
  // Before that the compiler has not seen enough of a server to judge it.
  for (const name of among) await run(name, warmUpRequests)
  for (const name of interleaved(among, rounds)) {
    const result = await run(name, loadRequests)
    perSecond.get(names[name]).push(result.perSecond)
    cpu.get(names[name]).push(result.cpu)
  }
  return { perSecond, cpu }
}

function requestFor(path, token, encoding) {
  return [
    `GET ${path}?${parameter}=${token} HTTP/1.1`,
    'Host: 127.0.0.1',
    `User-Agent: ${userAgent}`,
    'Accept: */*',
    `Accept-Encoding: ${encoding}`,
    'Accept-Language: en',
    '',
    '',
  ].join('\r\n')
}

function tablesOf({ id, title, among, floors }, { perSecond, cpu }, { slack }) {
  const [peer, playgate, limit] = among.map((name) => names[name])
  const [overPeer, ofLimit] = floors
  const common = { peer, limit, slack }
  return [
    tableOf({
      ...common,
      id,
      title: `${title}; answers a second, ${viewers} connections`,
      unit: 'answers/s',
      better: 'more',
      samples: perSecond,
      expectations: [],
    }),
    tableOf({
      ...common,
      id: `${id}-cpu`,
      title: `${title}; the server's CPU time an answer`,
      unit: 'µs CPU',
      better: 'less',
      samples: cpu,
      // The processor's time is what neighbours on the machine disturb least.
      expectations: [
        { what: `${id}: an answer against ${peer}`, of: playgate, to: peer, atLeast: overPeer },
        { what: `${id}: an answer against the limit`, of: playgate, to: limit, atLeast: ofLimit },
      ],
    }),
  ]
}
