import type { Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { RemoteDecision } from '../../../server/remote/decision.ts'
import { reply, startFakeOrigin } from '../../stage/fake-origin.ts'
import { selfSigned } from '../origin/self-signed.ts'
import { type Lie, later, repeat, startRawSite } from './raw-site.ts'
import { openRemote, type StagedRemote } from './staged.ts'

const limitMs = 500
const yes = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const no = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'

type Verdict = 'yes' | 'no' | 'none'

function verdictOf({ allow, answered }: RemoteDecision): Verdict {
  if (!answered) return 'none'
  return allow ? 'yes' : 'no'
}

/**
 * Asks, and holds it to its time: a timer of the same length is started with it and runs on the same busy loop,
 * so that a slow machine delays both.
 */
async function askInTime({ ask }: StagedRemote, totalMs: number): Promise<Verdict> {
  let ranOutAt = Number.POSITIVE_INFINITY
  const timer = setTimeout(() => {
    ranOutAt = performance.now()
  }, totalMs)
  const decision = await ask()
  clearTimeout(timer)
  expect(performance.now()).toBeLessThan(ranOutAt + 200)
  return verdictOf(decision)
}

const say = (text: string): Lie => ({ onQuestion: (socket) => void socket.write(text) })
const sayAndReset = (text: string): Lie => ({
  onQuestion: (socket) =>
    void socket.write(text, () => later(socket, 20, () => socket.resetAndDestroy())),
})
const drip = (socket: Socket, start: string, text: string): void => {
  socket.write(start)
  repeat(socket, text, 50)
}

describe('a site that keeps us waiting is no answer, and costs the limit and no more', () => {
  it.each<[how: string, lie: Lie]>([
    ['takes the question and says nothing', {}],
    ['stops in mid-status', say('HTTP/1.1 20')],
    ['stops in mid-header', say('HTTP/1.1 200 OK\r\nContent-Le')],
    ['stops before the last line break', say(yes.slice(0, -2))],
    [
      'drips a header byte by byte',
      { onQuestion: (socket) => drip(socket, 'HTTP/1.1 200 OK\r\nX-Slow: ', 'a') },
    ],
    [
      'drips headers without end',
      { onQuestion: (socket) => drip(socket, 'HTTP/1.1 200 OK\r\n', 'X: y\r\n') },
    ],
    ['says 103 and then nothing', say('HTTP/1.1 103 Early Hints\r\n\r\n')],
    [
      'says 103 for ever',
      { onQuestion: (socket) => drip(socket, '', 'HTTP/1.1 103 Early Hints\r\n\r\n') },
    ],
    [
      'approves after the limit',
      { onQuestion: (socket) => later(socket, limitMs + 200, () => socket.write(yes)) },
    ],
  ])('%s', async (_how, lie) => {
    const site = await startRawSite(lie)
    const staged = openRemote(`http://${site.host}/`, { retries: 0 })
    const startedAt = performance.now()
    expect(await askInTime(staged, limitMs)).toBe('none')
    expect(performance.now() - startedAt).toBeGreaterThan(limitMs - 20)
    expect(site.questions).toHaveLength(1)
  })

  it('takes the connection and never answers the TLS handshake', async () => {
    const site = await startRawSite({})
    const staged = openRemote(`https://${site.host}/`, { retries: 0 })
    expect(await askInTime(staged, limitMs)).toBe('none')
    expect(site.accepted).toBe(1)
  })

  it.each([
    [0, 1],
    [1, 2],
    [3, 4],
  ])('with retries: %i, it is asked %i times', async (retries, tries) => {
    const site = await startRawSite({})
    const staged = openRemote(`http://${site.host}/`, { retries })
    expect(await askInTime(staged, limitMs * tries)).toBe('none')
    expect(site.questions).toHaveLength(tries)
    expect(staged.reports).toMatchObject([{ outcome: 'no-answer', attempts: tries }])
  })

  it('holds up as many as ask, each for the limit, with one connection for all of them', async () => {
    const site = await startRawSite({})
    const staged = openRemote(`http://${site.host}/`, {
      ...{ retries: 1, maxConnections: 1, breaker: { failures: 0 } },
      parameters: { add: { uri: '$uri' } },
    })
    const many = Array.from({ length: 20 }, (_, index) =>
      askInTime({ ...staged, ask: () => staged.ask(null, { target: `/${index}` }) }, limitMs * 2),
    )
    expect(await Promise.all(many)).toEqual(Array(20).fill('none'))
  })
})

describe('a site that fails is no answer, at once', () => {
  it.each<[how: string, lie: Lie]>([
    ['resets each connection', { onAccept: (socket) => void socket.resetAndDestroy() }],
    ['closes each connection', { onAccept: (socket) => void socket.end() }],
    ['closes instead of an answer', { onQuestion: (socket) => void socket.end() }],
    ['resets in mid-header', sayAndReset('HTTP/1.1 200 OK\r\nContent-Le')],
    [
      'closes before the last line break',
      { onQuestion: (socket) => void socket.end(yes.slice(0, -2)) },
    ],
    ['answers in HTTP/0.9', { onQuestion: (socket) => void socket.end('<html>welcome</html>') }],
    ['speaks SSH', { onAccept: (socket) => void socket.write('SSH-2.0-OpenSSH_9.6\r\n') }],
    ['says 100, which nobody expects, and then nothing', say('HTTP/1.1 100 Continue\r\n\r\n')],
    ['has a status of two digits', say('HTTP/1.1 20 OK\r\n\r\n')],
    ['has a status of four digits', say('HTTP/1.1 2000 OK\r\n\r\n')],
    ['has a header without a colon', say('HTTP/1.1 200 OK\r\nnonsense\r\n\r\n')],
    ['has a NUL in a header', say('HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n')],
    ['has two lengths', say('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n')],
    [
      'has a length and chunks',
      say('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    ],
    ['has a huge header', say(`HTTP/1.1 200 OK\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`)],
    ['has headers without number', say(`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}\r\n`)],
    [
      'switches protocols',
      say('HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
    ],
  ])('%s', async (_how, lie) => {
    const site = await startRawSite(lie)
    const staged = openRemote(`http://${site.host}/`)
    expect(await askInTime(staged, limitMs * 2)).toBe('none')
    expect(staged.reports).toMatchObject([{ outcome: 'no-answer', attempts: 2 }])
  })

  it.each([
    ['closes', (socket: Socket) => void socket.end()],
    ['resets', (socket: Socket) => void socket.resetAndDestroy()],
  ])('%s instead of an answer, and is asked no more often for it', async (_how, drop) => {
    for (const retries of [0, 3]) {
      const site = await startRawSite({ onQuestion: drop })
      const staged = openRemote(`http://${site.host}/`, { retries })
      expect(await askInTime(staged, limitMs * (retries + 1))).toBe('none')
      expect(site.questions).toHaveLength(retries + 1)
    }
  })

  it('refuses connections', async () => {
    const gone = await startFakeOrigin()
    await gone.close()
    expect(await askInTime(openRemote(gone.url), limitMs * 2)).toBe('none')
  })

  it('has a name that does not resolve', async () => {
    expect(await askInTime(openRemote('http://no-such-site.invalid/'), limitMs * 2)).toBe('none')
  })

  it('has a private address where none may be', async () => {
    const site = await startFakeOrigin({ '/': reply(200) })
    onTestFinished(() => site.close())
    expect(await askInTime(openRemote(site.url, { allowPrivate: false }), limitMs * 2)).toBe('none')
    expect(site.requests).toHaveLength(0)
  })

  it('has a certificate of its own making', async () => {
    const site = await startFakeOrigin({ '/': reply(200) }, { tls: selfSigned })
    onTestFinished(() => site.close())
    expect(await askInTime(openRemote(site.url), limitMs * 2)).toBe('none')
    expect(site.requests).toHaveLength(0)
  })

  it('speaks TLS where plain HTTP is asked', async () => {
    const site = await startFakeOrigin({ '/': reply(200) }, { tls: selfSigned })
    onTestFinished(() => site.close())
    const plain = site.url.replace('https:', 'http:')
    expect(await askInTime(openRemote(plain), limitMs * 2)).toBe('none')
  })
})

describe('a site that answers anything but 200 or 403', () => {
  it.each([
    ...[201, 202, 204, 205, 206, 299, 300, 304, 400, 401, 402, 404, 405, 407, 410, 418, 429, 451],
    ...[500, 502, 503, 504, 599],
  ])('has not answered: %i', async (status) => {
    const site = await startFakeOrigin({ '/': reply(status) })
    onTestFinished(() => site.close())
    expect(await askInTime(openRemote(site.url), limitMs * 2)).toBe('none')
    expect(site.requests).toHaveLength(2)
  })

  it.each([301, 302, 303, 307, 308])('is not followed anywhere: %i', async (status) => {
    const elsewhere = await startFakeOrigin({ '/': reply(200) })
    onTestFinished(() => elsewhere.close())
    for (const location of [`${elsewhere.url}/`, '/approved', '//127.0.0.1/']) {
      const site = await startFakeOrigin({
        '/': reply(status, { location }),
        '/approved': reply(200),
      })
      onTestFinished(() => site.close())
      expect(await askInTime(openRemote(site.url), limitMs * 2)).toBe('none')
      expect(site.requests.map(({ path }) => path)).toEqual(['/', '/'])
    }
    expect(elsewhere.requests).toHaveLength(0)
  })

  it.each(['reject', 'approve'])('leaves it to onTimeout: %s', async (onTimeout) => {
    const site = await startFakeOrigin({ '/': reply(401) })
    onTestFinished(() => site.close())
    const decision = await openRemote(site.url, { onTimeout }).ask()
    expect(decision).toMatchObject({ allow: onTimeout === 'approve', answered: false })
  })
})

describe('a site whose header is whole has answered, whatever follows', () => {
  it.each<[how: string, lie: Lie, verdict: Verdict]>([
    ['hangs before the body', say('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'), 'yes'],
    ['breaks off in the body', sayAndReset(`${no.replace(' 0', ' 9')}half`), 'no'],
    [
      'breaks off in a chunk',
      sayAndReset('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz'),
      'yes',
    ],
    [
      'has a body without end',
      { onQuestion: (socket) => drip(socket, 'HTTP/1.1 200 OK\r\n\r\n', 'a'.repeat(60_000)) },
      'yes',
    ],
    ['says 103 first', say(`HTTP/1.1 103 Early Hints\r\n\r\n${no}`), 'no'],
    [
      'speaks HTTP/1.0',
      { onQuestion: (socket) => void socket.end('HTTP/1.0 200 OK\r\n\r\nyes') },
      'yes',
    ],
    ['has no reason phrase', say('HTTP/1.1 403\r\nContent-Length: 0\r\n\r\n'), 'no'],
    [
      'claims an unknown encoding',
      say(yes.replace('\r\n\r\n', '\r\nContent-Encoding: x\r\n\r\n')),
      'yes',
    ],
  ])('%s', async (_how, lie, verdict) => {
    const site = await startRawSite(lie)
    const staged = openRemote(`http://${site.host}/`, { retries: 0, maxConnections: 4 })
    // Again, because what is left of one answer must not harm the next.
    for (let times = 0; times < 3; times += 1) {
      expect(await askInTime(staged, limitMs)).toBe(verdict)
    }
  })

  it('says more than it was asked, and the surplus answers nothing', async () => {
    const site = await startRawSite(say(no + yes + yes))
    const staged = openRemote(`http://${site.host}/`, { retries: 1, maxConnections: 1 })
    for (let times = 0; times < 3; times += 1) {
      expect(await askInTime(staged, limitMs * 2)).not.toBe('yes')
    }
  })
})

describe('a site that recovers', () => {
  it.each<[how: string, retries: number, lie: Lie, verdict: Verdict, tries: number]>([
    [
      'is silent once, then approves',
      1,
      { onQuestion: (socket, number) => void (number > 0 && socket.write(yes)) },
      ...(['yes', 2] as const),
    ],
    [
      'fails three times, then rejects',
      3,
      {
        onQuestion: (socket, number) =>
          void socket.write(number < 3 ? 'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n' : no),
      },
      ...(['no', 4] as const),
    ],
    [
      'approves too late, and rejects the second try in time',
      1,
      {
        onQuestion: (socket, number) =>
          later(socket, number === 0 ? limitMs + 100 : 200, () =>
            socket.write(number === 0 ? yes : no),
          ),
      },
      ...(['no', 2] as const),
    ],
    [
      'approves once the tries are over',
      1,
      { onQuestion: (socket, number) => void (number > 1 && socket.write(yes)) },
      ...(['none', 2] as const),
    ],
  ])('%s', async (_how, retries, lie, verdict, tries) => {
    const site = await startRawSite(lie)
    const staged = openRemote(`http://${site.host}/`, { retries })
    expect(await askInTime(staged, limitMs * (retries + 1))).toBe(verdict)
    expect(staged.reports).toMatchObject([{ attempts: tries }])
  })

  it('closes a kept connection as it is used again, which costs no try', async () => {
    const used = new WeakSet<Socket>()
    const site = await startRawSite({
      onQuestion(socket) {
        if (used.has(socket)) socket.resetAndDestroy()
        else socket.write(yes)
        used.add(socket)
      },
    })
    const staged = openRemote(`http://${site.host}/`, { retries: 0, maxConnections: 1 })
    for (let times = 0; times < 3; times += 1) {
      expect(await askInTime(staged, limitMs)).toBe('yes')
    }
    expect(site.accepted).toBe(3)
  })
})
