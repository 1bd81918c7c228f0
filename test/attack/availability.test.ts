import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { listen } from '../../server/app.ts'
import { Gate } from '../../server/http/gate.ts'
import { createLog } from '../../server/http/log.ts'
import { createMetrics } from '../../server/http/metrics.ts'
import { alone } from '../../server/http/peers.ts'
import { RefusalLog } from '../../server/http/refusal-log.ts'
import { createPlaygate } from '../../server/index.ts'
import { judgeOptions } from '../../server/options/judge-options.ts'
import { systemSources } from '../../server/options/system-sources.ts'
import { compilePlaylist } from '../../server/playlist/index.ts'
import { startFakeOrigin } from '../stage/fake-origin.ts'
import { addressOf, openSocket } from '../stage/raw-socket.ts'
import { body, media, startGate, testKey } from '../stage/start-gate.ts'
import { expectService, openSession, playlist, segment, send } from './refusal.ts'

describe('T92: a client that is slow', () => {
  it('with its head or its body is cut off in time, and holds nobody up', async () => {
    const stage = await startGate()
    const [head, drip, bodyless] = [
      await openSocket(addressOf(stage.url)),
      await openSocket(addressOf(stage.url)),
      await openSocket(addressOf(stage.url)),
    ]
    head.send(`GET ${playlist} HTTP/1.1\r\nHost: a\r\nX: `)
    drip.send('G')
    const dripping = setInterval(() => drip.closed || drip.send('E'), 500)
    bodyless.send('GET /vod')
    await expectService(stage)
    const waiting = { timeoutMs: 20_000 }
    const ends = await Promise.all([head, drip, bodyless].map((slow) => slow.untilClosed(waiting)))
    clearInterval(dripping)
    for (const text of ends.map(String)) expect(text).toMatch(/^HTTP\/1\.1 4\d\d [\s\S]*no-store/)
    await expectService(stage)
  })
})

describe('T94: what one client sends', () => {
  const piece = fc.constantFrom(
    ...[
      'GET ',
      'POST ',
      '/vod/film/index.m3u8',
      ' HTTP/1.1',
      '\r\n',
      '\r\n\r\n',
      'Host: a\r\n',
      'Content-Length: 5\r\n',
    ],
    ...[
      'Transfer-Encoding: chunked\r\n',
      '0\r\n\r\n',
      '5\r\nhello\r\n',
      '/_playgate/session',
      '\0',
      'é',
      '%',
      '?hdnts=',
      '/hdntl=',
    ],
    ...[
      'Cookie: hdntl=',
      '__proto__: x\r\n',
      'exp=1~acl=/*~hmac=',
      'Expect: 100-continue\r\n',
      'Upgrade: x\r\n',
      '{"a":1}',
      ';',
    ],
  )
  const bytes = fc.array(piece, { maxLength: 14 }).map((parts) => parts.join(''))

  it('never ends the process, nor another client’s film', async () => {
    const stage = await startGate()
    const failures: unknown[] = []
    const note = (error: unknown): void => void failures.push(error)
    process.on('unhandledRejection', note).on('uncaughtExceptionMonitor', note)
    onTestFinished(() => {
      process.off('unhandledRejection', note).off('uncaughtExceptionMonitor', note)
    })
    await fc.assert(
      fc.asyncProperty(bytes, fc.boolean(), async (text, aborts) => {
        const socket = await openSocket(addressOf(stage.url))
        socket.send(Buffer.from(text, 'latin1'))
        if (!aborts) {
          socket.send('\r\n\r\nX\r\n\r\n')
          socket.end()
          await socket.untilClosed()
        }
        socket.destroy()
        expect(socket.received.toString('latin1')).not.toMatch(/^HTTP\/1\.1 [25]/)
      }),
      { numRuns: 1500 },
    )
    expect(stage.origin.requests).toEqual([])
    expect(failures).toEqual([])
    await expectService(stage)
  })

  it('and aborts at any moment leaves nothing behind', async () => {
    const spoken = vi.spyOn(console, 'error')
    const stage = await startGate({
      routes: {
        '/film/low/1.m4s': (_request, response) => {
          response.writeHead(200, { 'Content-Type': 'video/mp4' })
          response.write(Buffer.alloc(100_000))
          setImmediate(() => response.end(Buffer.alloc(1_000_000)))
        },
      },
    })
    const session = await openSession(stage)
    for (const path of [segment, '/vod/film/low/index.m3u8', playlist]) {
      for (let turns = 0; turns < 12; turns += 1) {
        const socket = await openSocket(addressOf(stage.url))
        const lines = [`GET ${path}?hdntl=${session} HTTP/1.1`, 'Host: a', 'User-Agent: Viewer/1.0']
        socket.send(`${lines.join('\r\n')}\r\n\r\n`)
        for (let turn = 0; turn < turns; turn += 1) await new Promise((next) => setImmediate(next))
        socket.destroy()
      }
    }
    await expectService(stage)
    expect(stage.log.filter((line) => line.includes('"internal"'))).toEqual([])
    // Koa would write to the terminal, past the one door to the log.
    expect(spoken).not.toHaveBeenCalled()
    spoken.mockRestore()
  })
})

describe('T95: a client that leaves', () => {
  it.each(['/film/slow.m4s', '/film/slow.m3u8'])(
    'ends our request for %s, and nothing is minted after that',
    async (path) => {
      const stage = await startGate({
        routes: {
          [path]: async (_request, response, seen) => {
            await seen.over
            response.end()
          },
        },
      })
      const session = await openSession(stage)
      const before = stage.origin.requests.length
      const socket = await openSocket(addressOf(stage.url))
      const token = path.endsWith('m3u8') ? `hdnts=${stage.mint()}` : `hdntl=${session}`
      socket.send(`GET /vod${path}?${token} HTTP/1.1\r\nHost: a\r\nUser-Agent: Viewer/1.0\r\n\r\n`)
      const seen = await stage.origin.arrival(before)
      socket.destroy()
      expect(await seen.over).toBe('aborted')
      const metrics = (await send(stage, '/_playgate/metrics')).text
      expect(metrics).toContain('playgate_sessions_opened_total{rule="film"} 1\n')
    },
  )

  it('does not end what others wait for', async () => {
    let answer = (): void => undefined
    const stage = await startGate({
      routes: {
        '/film/slow.m3u8': (request, response) => {
          answer = () => void body(media)(request, response, stage.origin.requests[0] as never)
        },
      },
    })
    const target = `/vod/film/slow.m3u8?hdnts=${stage.mint()}`
    const staying = send(stage, target)
    await stage.origin.arrival(0)
    const leaving = await openSocket(addressOf(stage.url))
    leaving.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)
    for (let turn = 0; turn < 50; turn += 1) await new Promise((next) => setImmediate(next))
    leaving.destroy()
    for (let turn = 0; turn < 50; turn += 1) await new Promise((next) => setImmediate(next))
    answer()
    expect((await staying).status).toBe(200)
    expect(stage.origin.requests).toHaveLength(1)
  })
})

describe('T93: one viewer', () => {
  it('cannot fill the memory with copies of a long playlist, one for each query he thinks of', () => {
    const options = judgeOptions(
      { rules: [{ origin: 'http://127.0.0.1:1', open: true }] },
      systemSources(),
    )
    const peers = alone(createMetrics().registry)
    const gate = new Gate(options, {
      now: () => 0,
      log: createLog('silent'),
      metrics: createMetrics(),
      registry: () => {
        throw new Error('no rule needs a store')
      },
      peers,
      refusals: new RefusalLog(peers),
    })
    onTestFinished(() => gate.close())
    const long = `#EXTM3U\n${'#EXTINF:4,\nsegment.m4s\n'.repeat(100_000)}`
    const compiled = compilePlaylist(Buffer.from(long), {
      base: 'http://a/',
      parameter: 'hdntl',
      mode: 'query',
    })
    const copies = compiled.render('x'.repeat(200)).length
    for (let query = 0; query < 500; query += 1) gate.compiled.set(`?${query}`, compiled)
    expect(gate.compiled.size).toBeGreaterThan(0)
    expect(gate.compiled.size * copies).toBeLessThan(256 * 1024 * 1024)
  })
})

describe('T100: a failure of our own', () => {
  const broken = {
    clock: {
      now: () => {
        throw new Error('the clock of zqzq')
      },
    },
    'log of warnings': { log: logThatFails('warn') },
    'log of news': { log: logThatFails('info') },
    'log of errors': { log: logThatFails('error') },
  }

  function logThatFails(level: 'warn' | 'info' | 'error') {
    const log = createLog('silent')
    log[level] = () => {
      throw new Error('the log of zqzq')
    }
    return log
  }

  it.each(Object.entries(broken))(
    'in the %s is a 500 that nobody stores, and tells nothing',
    async (_what, more) => {
      const origin = await startFakeOrigin({
        '/vod/film/index.m3u8': body(media),
        '/vod/film/broken.m3u8': (_request, response) => void response.destroy(),
      })
      const gate = createPlaygate(
        {
          keys: { vod: { primary: testKey } },
          rules: [
            {
              match: { paths: ['/vod/*'] },
              origin: origin.url,
              access: { format: 'edgeauth', key: 'vod' },
              session: {},
            },
          ],
        },
        { environment: {}, log: createLog('silent'), ...more },
      )
      const server = await listen(gate.callback(), { host: '127.0.0.1', port: 0 })
      onTestFinished(async () => {
        await server.close(0)
        await gate.close()
        await origin.close()
      })
      const token = 'now' in more ? 'x' : gate.mint({ path: '/vod/film/*', ttlSeconds: 60 })
      const targets = [
        playlist,
        `${playlist}?hdnts=${token}`,
        `/vod/film/broken.m3u8?hdnts=${token}`,
        '/vod/..',
      ]
      const answers = await Promise.all(targets.map((target) => send({ url: server.url }, target)))
      expect(answers.some(({ status }) => status === 500)).toBe(true)
      for (const answer of answers) {
        if (answer.status !== 500) continue
        expect(answer.header('cache-control')).toBe('no-store')
        expect(answer.header('x-content-type-options')).toBe('nosniff')
        expect(answer.header('content-type')).toBe('application/problem+json')
        expect(answer.text).not.toMatch(/zqzq|hmac|at /)
        for (const name of ['playgate-session', 'set-cookie'])
          expect(answer.header(name)).toBeNull()
      }
      expect((await send({ url: server.url }, '/_playgate/health')).status).toBe(200)
    },
  )
})
