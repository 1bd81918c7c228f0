import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { attachSession, createSession, type SessionOptions } from '../../player/videojs.ts'
import { formatPlaygateSession } from '../../shared/playgate-session.ts'
import { FakeVideojs, useFakeRequests } from './fake-vhs.ts'
import { issueTokens, recordEvents } from './token-issuer.ts'

const origin = 'https://video.test'
const source = `${origin}/vod/film/index.m3u8?v=~=/*`
const segment = `${origin}/vod/film/s1.m4s`
const settled = () => new Promise(setImmediate)

beforeEach(useFakeRequests)
afterEach(() => {
  vi.unstubAllGlobals()
})

async function play(options: SessionOptions = {}) {
  const { asked, getToken } = issueTokens()
  const session = createSession({ getToken, origins: [origin], ...options })
  const told = recordEvents(session)
  const player = new FakeVideojs()
  const detach = attachSession(player, session)
  await session.get()
  const vhs = player.open()
  const ask = (uri = segment, requestType = 'segment', more = {}) => {
    const callback = vi.fn()
    const request = vhs.xhr({ uri, requestType, ...more }, callback)
    return { callback, request }
  }
  const uris = () => vhs.sent.map(({ uri }) => uri)
  return { asked, session, told, player, detach, vhs, ask, uris }
}

describe('Video.js', () => {
  it('sends a request with the token at once, and keeps what others wrote in the query', async () => {
    const { ask, uris } = await play()
    ask(source, 'hls-playlist')
    expect(uris()).toEqual([`${source}&hdnts=token-1`])
  })

  it('holds a request until there is a token', async () => {
    let give = (_: string) => {}
    const getToken = () =>
      new Promise<string>((resolve) => {
        give = resolve
      })
    const session = createSession({ getToken, origins: [origin] })
    const player = new FakeVideojs()
    attachSession(player, session)
    const vhs = player.open()
    const request = vhs.xhr({ uri: segment, requestType: 'segment' }, vi.fn())
    await settled()
    expect(vhs.sent).toEqual([])
    expect(request.uri).toBe(segment)
    give('token-1')
    await settled()
    expect(vhs.sent).toMatchObject([{ uri: `${segment}?hdnts=token-1`, xhr: request }])
  })

  it('gives other hosts nothing, and leaves their requests to the engine', async () => {
    const { ask, vhs } = await play()
    ask('https://cdn.test/s1.m4s')
    expect(vhs.sent).toEqual([{ uri: 'https://cdn.test/s1.m4s', requestType: 'segment' }])
  })

  it('tries a refused request again with the next token, and the engine hears of the success alone', async () => {
    const { ask, vhs, uris, told } = await play()
    const { callback, request } = ask()
    vhs.answer({ status: 403 })
    await settled()
    expect(callback).not.toHaveBeenCalled()
    expect(uris()).toEqual([`${segment}?hdnts=token-1`, `${segment}?hdnts=token-2`])
    // The refusal was fast, and would be taken for the speed of the network.
    expect(request.bandwidth).toBe(0)
    vhs.answer({ status: 200 })
    expect(callback.mock.calls).toEqual([[null, request]])
    expect([request.uri, request.responseURL]).toEqual([segment, segment])
    await settled()
    expect(told).toContainEqual(['recovered', { url: segment, type: 'segment', status: 403 }])
  })

  it('hands on a refusal with a token that is good for other requests', async () => {
    const { ask, vhs, session } = await play()
    const { callback, request } = ask()
    vhs.answer({ status: 403 })
    await settled()
    ask(`${origin}/vod/film/s2.m4s`)
    vhs.answer({ status: 200 })
    vhs.answer({ status: 403 }, 1)
    await settled()
    expect(callback.mock.calls).toEqual([[expect.any(Error), request]])
    expect(session.state).toBe('ready')
  })

  it('hands on what is no refusal', async () => {
    const { ask, vhs, asked } = await play()
    const { callback, request } = ask()
    vhs.answer({ status: 500 })
    expect(callback.mock.calls).toEqual([[expect.any(Error), request]])
    expect(asked).toHaveLength(1)
  })

  it('goes on with the session token that an answer brings, also after a redirect', async () => {
    const { ask, vhs, uris } = await play()
    const { request } = ask(source, 'hls-playlist')
    const session = { token: 'session-1', parameter: 'hdntl', expiresInSeconds: 60 }
    vhs.answer({
      status: 200,
      url: `${origin}/vod/film/v2/index.m3u8?hdnts=token-1`,
      headers: { 'playgate-session': formatPlaygateSession(session) },
    })
    expect(request.responseURL).toBe(`${origin}/vod/film/v2/index.m3u8`)
    ask()
    expect(uris().at(-1)).toBe(`${segment}?hdntl=session-1`)
  })

  it.each([
    ['header', { uri: segment, headers: { range: 'bytes=0-1', hdntl: 'session~data=hdntl' } }],
    ['path', { uri: `${origin}/hdntl=session~data=hdntl/vod/film/s1.m4s` }],
    ['cookie', { uri: segment, withCredentials: true }],
  ] as const)('carries a session token in the %s', async (transport, sent) => {
    const { ask, vhs } = await play({ transport, getToken: async () => 'session~data=hdntl' })
    ask(segment, 'segment', { headers: { range: 'bytes=0-1' } })
    expect(vhs.sent).toMatchObject([{ headers: { range: 'bytes=0-1' }, ...sent }])
  })

  it('answers an abort while the request waits as browsers do, and sends nothing then', async () => {
    const { ask, vhs } = await play()
    const { callback, request } = ask()
    const ended = vi.fn()
    request.addEventListener('loadend', ended)
    vhs.answer({ status: 403 })
    request.abort()
    await settled()
    expect([ended.mock.calls.length, request.aborted, vhs.sent.length]).toEqual([1, true, 1])
    expect(callback).not.toHaveBeenCalled()
  })

  it('tells the engine of a token that does not come in time', async () => {
    const getToken = () => new Promise<string>(() => {})
    const session = createSession({ getToken, origins: [origin], timeoutMs: 1 })
    const player = new FakeVideojs()
    attachSession(player, session)
    const callback = vi.fn()
    const request = player.open().xhr({ uri: segment, requestType: 'segment' }, callback)
    await vi.waitFor(() => expect(callback).toHaveBeenCalledOnce())
    expect(request.timedout).toBe(true)
  })

  it('turns the final refusal into one error of the player, and lets the engine ask no further', async () => {
    const { ask, vhs, player } = await play()
    const { callback } = ask()
    vhs.answer({ status: 403, body: '{"reason":"session-ended","renew":false}' })
    await settled()
    const later = ask()
    await settled()
    expect(player.errors).toEqual([{ code: 2, message: 'playback refused: session-ended' }])
    expect(vhs.sent).toHaveLength(1)
    expect(callback).not.toHaveBeenCalled()
    expect(later.callback).not.toHaveBeenCalled()
  })

  it('keeps to the next source of the player, and to what the page keeps on the function', async () => {
    const { player } = await play()
    const next = player.open()
    const hook = () => {}
    Object.assign(next.xhr, { onRequest: hook })
    next.xhr({ uri: segment, requestType: 'segment' }, vi.fn())
    expect(next.sent).toMatchObject([{ uri: `${segment}?hdnts=token-1` }])
    expect(Reflect.get(next.engine, 'onRequest')).toBe(hook)
  })

  it.each([
    ['detached', ({ detach }: Awaited<ReturnType<typeof play>>) => detach()],
    ['disposed of', ({ player }: Awaited<ReturnType<typeof play>>) => player.trigger('dispose')],
  ])('does nothing any more when it was %s', async (_how, end) => {
    const played = await play()
    end(played)
    played.ask()
    played.player.open().xhr({ uri: segment, requestType: 'segment' }, vi.fn())
    expect(played.uris()).toEqual([segment])
    expect(played.player.vhs?.sent).toMatchObject([{ uri: segment }])
  })
})
