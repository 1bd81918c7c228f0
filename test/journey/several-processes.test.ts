import { Agent, get } from 'node:http'
import { describe, expect, it, vi } from 'vitest'
import { useClosing } from '../stage/closing.ts'
import { type ServedFolder, type ServedGate, serveFolderOf } from '../stage/serve-command.ts'
import { startRedis } from '../stage/start-redis.ts'
import { describeWith } from '../stage/tools.ts'

// Whole servers, and tens of thousands of requests.
vi.setConfig({ testTimeout: 240_000 })
const opened = useClosing()

interface Got {
  readonly status: number
  readonly reason: string | undefined
  readonly token: string | undefined
}

/** One request; a server that is killed in the middle of it gives status 0. */
function ask(agent: Agent, url: string, userAgent = 'Viewer'): Promise<Got> {
  return new Promise((resolve) => {
    const lost = () => resolve({ status: 0, reason: undefined, token: undefined })
    const asking = get(url, { agent, headers: { 'User-Agent': userAgent } }, (response) => {
      let body = ''
      response.on('data', (chunk) => (body += chunk))
      response.on('error', lost)
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response
        const token = /token="([^"]+)"/.exec(String(headers['playgate-session']))?.[1]
        resolve({ status, reason: /"reason":"([^"]+)"/.exec(body)?.[1], token })
      })
    })
    asking.on('error', lost)
  })
}

function keepAlive(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 200 })
  opened({ close: async () => agent.destroy() })
  return agent
}

/** Every round, 200 requests at the same time with one token, spread over the servers: one of them opens a session. */
async function expectOneWinner(folder: ServedFolder, servers: readonly ServedGate[]) {
  const agent = keepAlive()
  for (let round = 0; round < 100; round++) {
    const token = folder.mint({ payload: `round-${round}` })
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => {
        const server = servers[index % servers.length]
        return ask(agent, `${server?.url}/vod/index.m3u8?hdnts=${token}`)
      }),
    )
    const tally = { opened: 0, refused: 0, other: 0 }
    for (const { status, reason } of answers) {
      if (status === 200) tally.opened++
      else if (status === 403 && reason === 'token-refused') tally.refused++
      else tally.other++
    }
    expect(tally).toEqual({ opened: 1, refused: 199, other: 0 })
  }
}

/** Some servers are killed while they open sessions: nothing that opened one opens another, then or later. */
async function expectNothingTwice(
  folder: ServedFolder,
  servers: readonly ServedGate[],
  kill: () => Promise<ServedGate>,
) {
  const agent = keepAlive()
  const tokens = Array.from({ length: 1500 }, (_, index) => folder.mint({ payload: `t${index}` }))
  const opened = new Map<string, number>()
  const tryAll = async (server: ServedGate, order: readonly string[]) => {
    for (let from = 0; from < order.length; from += 50) {
      const some = order.slice(from, from + 50)
      const answers = await Promise.all(
        some.map((token) => ask(agent, `${server.url}/vod/index.m3u8?hdnts=${token}`)),
      )
      for (const [index, { status }] of answers.entries()) {
        const token = some[index] ?? ''
        if (status === 200) opened.set(token, (opened.get(token) ?? 0) + 1)
      }
    }
  }
  const running = servers.map((server, index) =>
    tryAll(server, index % 2 === 0 ? tokens : [...tokens].reverse()),
  )
  await expect.poll(() => opened.size, { timeout: 30_000, interval: 5 }).toBeGreaterThan(200)
  expect(opened.size).toBeLessThan(tokens.length)
  const heir = await kill()
  await Promise.all(running)
  await tryAll(heir, tokens)
  await tryAll(heir, tokens)
  expect([...opened.values()].filter((count) => count > 1)).toEqual([])
  // What was opened for somebody who never heard of it is lost; all else was opened for somebody.
  expect(opened.size).toBeGreaterThan(tokens.length - 200)
}

/** How long after its end on one server a session still plays on another, in milliseconds. */
async function measureEnding(folder: ServedFolder, one: ServedGate, other: ServedGate) {
  const agent = keepAlive()
  const { token } = await ask(agent, `${one.url}/vod/index.m3u8?hdnts=${folder.mint()}`)
  const play = (server: ServedGate) => ask(agent, `${server.url}/vod/1.ts?hdntl=${token}`)
  expect((await play(one)).status).toBe(200)
  expect((await play(other)).status).toBe(200)
  const id = /~id=([0-9a-f]{40})~/.exec(token ?? '')?.[1]
  const answer = await one.admin('DELETE', `sessions/${id}`)
  const startedAt = performance.now()
  expect(answer.status).toBe(200)
  expect((await play(one)).reason).toBe('session-ended')
  for (;;) {
    if ((await play(other)).reason === 'session-ended') return performance.now() - startedAt
    expect(performance.now() - startedAt).toBeLessThan(5000)
  }
}

/** Of several endings, since the machine has other things to do: the one in the middle took less than a second. */
async function expectEndedWithinASecond(...stage: Parameters<typeof measureEnding>) {
  const took: number[] = []
  for (let round = 0; round < 5; round++) took.push(await measureEnding(...stage))
  expect(took.sort((one, other) => one - other)[2]).toBeLessThan(1000)
}

/** 60 devices of one viewer at the same time, spread over the servers: as many play as may. */
async function expectTwoStreams(folder: ServedFolder, servers: readonly ServedGate[]) {
  const agent = keepAlive()
  for (let round = 0; round < 20; round++) {
    const subject = `viewer-${round}`
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => {
        const server = servers[index % servers.length]
        const token = folder.mint({ subject, payload: String(index) })
        return ask(agent, `${server?.url}/vod/index.m3u8?hdnts=${token}`, `Device ${index}`)
      }),
    )
    const playing = answers.filter(({ status }) => status === 200)
    expect(playing).toHaveLength(2)
    expect(answers.filter(({ reason }) => reason === 'session-limit')).toHaveLength(58)
  }
}

const singleUse = { access: { format: 'edgeauth', key: 'vod', singleUse: true } }
const limited = { session: { maxConcurrent: 2 } }

describe('four workers on one LMDB directory', () => {
  const workers = { workers: 4, store: 'lmdb:store' }

  it('open one session with one single-use token, in each of 100 rounds of 200 requests', async () => {
    const folder = opened(serveFolderOf(singleUse))
    await expectOneWinner(folder, [opened(await folder.serve(workers))])
  })

  it('take nothing twice when all of them are killed in the middle', async () => {
    const folder = opened(serveFolderOf(singleUse))
    const server = opened(await folder.serve(workers))
    await expectNothingTwice(folder, [server], async () => {
      await server.kill()
      return opened(await folder.serve(workers))
    })
  })

  it('let as many streams of a viewer play as may', async () => {
    const folder = opened(serveFolderOf(limited))
    await expectTwoStreams(folder, [opened(await folder.serve(workers))])
  })

  it('end a session everywhere within a second', async () => {
    const folder = opened(serveFolderOf({}))
    // Two servers stand for two workers that one could not choose between.
    const store = { store: 'lmdb:store' }
    const [one, other] = [opened(await folder.serve(store)), opened(await folder.serve(store))]
    await expectEndedWithinASecond(folder, one, other)
  })

  it('go on with every session while they are replaced one by one', async () => {
    const folder = opened(serveFolderOf(limited))
    const server = opened(await folder.serve({ ...workers, workers: 2 }))
    const agent = keepAlive()
    const tokens = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const token = folder.mint({ subject: `viewer-${index}` })
        return (await ask(agent, `${server.url}/vod/index.m3u8?hdnts=${token}`)).token
      }),
    )
    const replaced = () => server.err().split('a worker took over').length - 1
    const answers = new Map<string, number>()
    const play = async (token: string | undefined) => {
      do {
        const { status, reason } = await ask(agent, `${server.url}/vod/1.ts?hdntl=${token}`)
        const answer = `${status} ${reason ?? ''}`
        answers.set(answer, (answers.get(answer) ?? 0) + 1)
      } while (replaced() < 2)
    }
    const playing = Promise.all(tokens.map(play))
    server.child.kill('SIGUSR2')
    await playing
    expect([...answers.keys()]).toEqual(['200 '])
    expect(answers.get('200 ')).toBeGreaterThan(100)
  })
})

describeWith(['redis-server'], 'two servers on one Redis', () => {
  async function stage(rule: object) {
    const redis = opened(await startRedis({ isPersistent: true }))
    const folder = opened(serveFolderOf(rule))
    const serve = async () => opened(await folder.serve({ store: redis.url }))
    return { redis, folder, serve, servers: [await serve(), await serve()] }
  }

  it('open one session with one single-use token, in each of 100 rounds of 200 requests', async () => {
    const { folder, servers } = await stage(singleUse)
    await expectOneWinner(folder, servers)
  })

  it('take nothing twice when one of them is killed in the middle', async () => {
    const { folder, servers, serve } = await stage(singleUse)
    await expectNothingTwice(folder, servers, async () => {
      await servers[0]?.kill()
      return serve()
    })
  })

  it('let as many streams of a viewer play as may', async () => {
    const { folder, servers } = await stage(limited)
    await expectTwoStreams(folder, servers)
  })

  it('end a session everywhere within a second, and list it everywhere', async () => {
    const { folder, servers } = await stage({})
    const [one, other] = servers as [ServedGate, ServedGate]
    await expectEndedWithinASecond(folder, one, other)
    const listed = await other.admin('GET', 'sessions?state=ended')
    expect(listed.body).toMatchObject({ sessions: expect.objectContaining({ length: 5 }) })
  })

  it('let a viewer end his other session on one, and open the next on the other at once', async () => {
    const { folder, servers } = await stage({ session: { maxConcurrent: 1 } })
    const agent = keepAlive()
    const open = (server: ServedGate | undefined, device: string) => {
      const token = folder.mint({ subject: 'u7', payload: device })
      return ask(agent, `${server?.url}/vod/index.m3u8?hdnts=${token}`, device)
    }
    expect((await open(servers[0], 'tv')).status).toBe(200)
    const token = folder.mint({ subject: 'u7', payload: 'phone' })
    const refusal = await fetch(`${servers[1]?.url}/vod/index.m3u8?hdnts=${token}`, {
      headers: { 'User-Agent': 'phone' },
    })
    const { sessions, endRight } = await refusal.json()
    const ended = await fetch(`${servers[1]?.url}/_playgate/session/end`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ endRight, sessionId: sessions[0].sessionId }),
    })
    expect(ended.status).toBe(200)
    expect((await open(servers[0], 'phone')).status).toBe(200)
    expect((await open(servers[1], 'tablet')).reason).toBe('session-limit')
  })

  it('end the oldest for the newest, whichever server it comes to', async () => {
    const session = { maxConcurrent: 2, onLimit: 'end-oldest' }
    const { folder, servers } = await stage({ session })
    const agent = keepAlive()
    const devices = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const device = `Device ${index}`
        const token = folder.mint({ subject: 'u7', payload: String(index) })
        const url = `${servers[index % 2]?.url}/vod/index.m3u8?hdnts=${token}`
        const opening = await ask(agent, url, device)
        return { device, ...opening }
      }),
    )
    expect(devices.map(({ status }) => status)).toEqual(Array(20).fill(200))
    const playing = async (server: ServedGate | undefined) => {
      const answers = await Promise.all(
        devices.map(({ device, token }) =>
          ask(agent, `${server?.url}/vod/1.ts?hdntl=${token}`, device),
        ),
      )
      expect(answers.filter(({ status }) => status !== 200 && status !== 403)).toEqual([])
      return answers.filter(({ status }) => status === 200).length
    }
    for (const server of servers) await expect.poll(() => playing(server)).toBe(2)
  })

  it('keep the place of a session that is renewed on the other one', async () => {
    const { folder, servers } = await stage({ session: { maxConcurrent: 1 } })
    const agent = keepAlive()
    const mint = (payload: string) => folder.mint({ subject: 'u7', payload })
    const first = await ask(agent, `${servers[0]?.url}/vod/index.m3u8?hdnts=${mint('a')}`)
    const renewed = await fetch(`${servers[1]?.url}/_playgate/session`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'User-Agent': 'Viewer' },
      body: JSON.stringify({
        accessToken: mint('b'),
        path: '/vod/index.m3u8',
        sessionToken: first.token,
      }),
    })
    expect(renewed.status).toBe(200)
    const { token } = await renewed.json()
    for (const server of servers) {
      expect((await ask(agent, `${server.url}/vod/1.ts?hdntl=${token}`)).status).toBe(200)
      const other = await ask(agent, `${server.url}/vod/index.m3u8?hdnts=${mint('c')}`, 'Other')
      expect(other.reason).toBe('session-limit')
    }
  })

  it('play on while Redis is dead, and hear what was ended as soon as it is back', async () => {
    const { redis, folder, servers } = await stage(limited)
    const [one, other] = servers as [ServedGate, ServedGate]
    const agent = keepAlive()
    const open = (subject: string) =>
      ask(agent, `${one.url}/vod/index.m3u8?hdnts=${folder.mint({ subject })}`)
    const { token } = await open('u1')
    const play = (server: ServedGate) => ask(agent, `${server.url}/vod/1.ts?hdntl=${token}`)
    expect((await play(other)).status).toBe(200)
    await redis.kill()
    expect((await open('u2')).reason).toBe('store-unavailable')
    for (const server of servers) expect((await play(server)).status).toBe(200)
    expect((await one.admin('POST', 'sessions/end', { subject: 'u1' })).status).toBe(503)
    await redis.restart()
    await expect
      .poll(async () => (await one.admin('POST', 'sessions/end', { subject: 'u1' })).status, {
        timeout: 15_000,
      })
      .toBe(200)
    await expect.poll(async () => (await play(other)).reason).toBe('session-ended')
    expect((await open('u2')).status).toBe(200)
  })
})
