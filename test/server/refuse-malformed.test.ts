import { expect, it, onTestFinished } from 'vitest'
import { listen } from '../../server/app.ts'
import { addressOf, exchange, openSocket } from '../stage/raw-socket.ts'

const big = `X: ${'x'.repeat(17_000)}\r\n\r\n`

async function start() {
  const server = await listen((_request, response) => void response.end(), {
    host: '127.0.0.1',
    port: 0,
  })
  onTestFinished(() => server.close(0))
  const address = addressOf(server.url)
  const socket = await openSocket(address)
  onTestFinished(() => socket.destroy())
  return {
    socket,
    /** Each piece is read before the next one is sent: a request behind it, on a connection of its own, has its answer. */
    async send(pieces: readonly string[]): Promise<number | undefined> {
      for (const piece of pieces) {
        socket.send(piece)
        await exchange(address, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      }
      const responses = await socket.responses(1)
      return responses.at(-1)?.status
    },
  }
}

it.each([
  ['in one piece', ['POST /_playgate/authorize/tencent HTTP/1.1\r\nHost: a\r\n']],
  ['in two', ['POST /_playgate/authorize/tencent HTTP/1.1\r\nHost: a\r\n', '']],
  ['cut in the path', ['POST /_play', 'gate/authorize/tencent?uri=/a HTTP/1.1\r\n', 'Host: a\r\n']],
  ['byte by byte', [...'GET /_playgate/authorize?', 'x HTTP/1.1\r\nHost: a\r\n']],
])(
  'a question with too long a head is refused as questions are, when it comes %s',
  async (_how, pieces) => {
    const { send } = await start()
    const last = pieces.at(-1) ?? ''
    expect(await send([...pieces.slice(0, -1), last + big])).toBe(403)
  },
)

it.each([
  'GET /vod/film/index.m3u8?a=/_playgate/authorize/',
  'GET /_playgate/authorizes',
  'GET /x/_playgate/authorize/tencent',
])('%s has no question in it: too long a head is a 431', async (begin) => {
  const { send } = await start()
  expect(await send([begin, ` HTTP/1.1\r\nHost: a\r\n${big}`])).toBe(431)
})

it('takes who asked once over a connection for who asks again', async () => {
  const { socket, send } = await start()
  expect(await send(['GET /_playgate/authorize/tencent HTTP/1.1\r\nHost: a\r\n\r\n'])).toBe(200)
  const pieces = ['GET /_playgate/authorize/tencent HTTP/1.1\r\nHost: a\r\n', big]
  await send(pieces)
  expect((await socket.responses(2)).map(({ status }) => status)).toEqual([200, 403])
})

it.each(['/vod/x.m3u8', '/_playgate/health'])(
  'knows a question in pieces also behind another request on its connection: %s',
  async (before) => {
    const { socket, send } = await start()
    expect(await send([`GET ${before} HTTP/1.1\r\nHost: a\r\n\r\n`])).toBe(200)
    await send(['GET /_playgate/authorize', '/tencent HTTP/1.1\r\nHost: a\r\n', big])
    expect((await socket.responses(2)).map(({ status }) => status)).toEqual([200, 403])
  },
)
