import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { attachSession, createSession, type SessionOptions } from '../../player/shaka.ts'
import { formatPlaygateSession } from '../../shared/playgate-session.ts'
import { FakeShaka, requestTypes, type ShakaAnswer } from './fake-shaka.ts'
import { issueTokens, recordEvents } from './token-issuer.ts'

const origin = 'https://video.test'
const source = `${origin}/vod/film/index.m3u8?v=~=/*`
const segment = `${origin}/vod/film/s1.m4s`
const good = (): ShakaAnswer => ({ status: 200 })

function play(options: SessionOptions = {}) {
  const { asked, getToken } = issueTokens()
  const session = createSession({ getToken, origins: [origin], ...options })
  const told = recordEvents(session)
  const player = new FakeShaka()
  const detach = attachSession(player, session)
  return { asked, session, told, player, detach, names: () => told.map(([name]) => name) }
}

/** Takes nothing but that token. */
const only = (token: string, body?: string) => (sent: { uri: string }) =>
  sent.uri.includes(token) ? good() : { status: 403, ...(body !== undefined && { body }) }

describe('Shaka', () => {
  it('sends each request with the token, and keeps what others wrote in the query', async () => {
    const { player } = play()
    await player.ask(requestTypes.manifest, [source], good)
    expect(player.sent.map(({ uri }) => uri)).toEqual([`${source}&hdnts=token-1`])
  })

  it.each([
    ['manifest', requestTypes.manifest, true],
    ['segment', requestTypes.segment, true],
    ['license', requestTypes.license, true],
    ['key', requestTypes.key, true],
    ['app', requestTypes.app, false],
    ['timing', requestTypes.timing, false],
    ['ads', requestTypes.ads, false],
    ['cmcd', requestTypes.cmcd, false],
  ])('lets a request of type %s have the token as it should', async (_name, type, has) => {
    const { player } = play()
    await player.ask(type, [segment], good)
    expect(player.sent[0]?.uri.includes('token-1')).toBe(has)
  })

  it('gives other hosts nothing, not even as the second choice of a request', async () => {
    const { player } = play()
    const foreign = 'https://cdn.test/s1.m4s'
    await player.ask(requestTypes.segment, [foreign], good)
    const uris = [segment, foreign]
    const response = await player.ask(requestTypes.segment, uris, ({ uri }) =>
      uri === foreign ? good() : { status: 500 },
    )
    expect(player.sent.map(({ uri }) => uri)).toEqual([
      foreign,
      `${segment}?hdnts=token-1`,
      foreign,
    ])
    expect(response.originalRequest.uris).toEqual(uris)
  })

  it('tries a refused request again with the next token', async () => {
    const { player, asked, told } = play()
    const response = await player.ask(requestTypes.segment, [segment], only('token-2'))
    expect(asked.map(({ reason }) => reason)).toEqual(['start', 'rejected'])
    expect(player.sent.map(({ uri }) => uri)).toEqual([
      `${segment}?hdnts=token-1`,
      `${segment}?hdnts=token-2`,
    ])
    expect(response.uri).toBe(segment)
    expect(told).toContainEqual(['recovered', { url: segment, type: 'segment', status: 403 }])
  })

  it('renews once for many requests that were refused', async () => {
    const { player, asked } = play()
    const requests = Array.from({ length: 5 }, (_, index) =>
      player.ask(requestTypes.segment, [`${origin}/vod/film/s${index}.m4s`], only('token-2')),
    )
    await Promise.all(requests)
    expect(asked).toHaveLength(2)
  })

  it('renews nothing because of a server in trouble', async () => {
    const { player, asked } = play()
    const failure = player.ask(requestTypes.segment, [segment], () => ({ status: 500 }))
    await expect(failure).rejects.toMatchObject({ data: expect.arrayContaining([segment, 500]) })
    expect(asked).toHaveLength(1)
  })

  it('goes on with the session token that an answer brings, also after a redirect', async () => {
    const { player } = play()
    const session = { token: 'session-1', parameter: 'hdntl', expiresInSeconds: 60 }
    const manifest = await player.ask(requestTypes.manifest, [source], ({ uri }) => ({
      status: 200,
      uri: uri.replace('/film/', '/film/v2/'),
      headers: { 'playgate-session': formatPlaygateSession(session) },
    }))
    expect(manifest.uri).toBe(`${origin}/vod/film/v2/index.m3u8?v=~=/*`)
    expect(manifest.originalUri).toBe(source)
    await player.ask(requestTypes.segment, [segment], good)
    expect(player.sent.at(-1)?.uri).toBe(`${segment}?hdntl=session-1`)
  })

  it.each([
    ['header', { uri: segment, headers: { hdntl: 'session~data=hdntl' } }],
    ['path', { uri: `${origin}/hdntl=session~data=hdntl/vod/film/s1.m4s`, headers: {} }],
    ['cookie', { uri: segment, headers: {}, allowCrossSiteCredentials: true }],
  ] as const)('carries a session token in the %s', async (transport, sent) => {
    const getToken = async () => 'session~data=hdntl'
    const { player } = play({ transport, getToken })
    const response = await player.ask(requestTypes.segment, [segment], good)
    expect(player.sent).toMatchObject([sent])
    expect(response.uri).toBe(segment)
  })

  it('lets no token into errors and events', async () => {
    const { player } = play()
    const failure = player.ask(requestTypes.segment, [segment], () => ({ status: 403 }))
    await expect(failure).rejects.toMatchObject({ data: [segment, 403, '', {}, 1, segment] })
    expect(JSON.stringify(player.events)).not.toContain('token-')
  })

  it.each([
    ['the same host', origin],
    ['another one', 'https://cdn.test'],
  ])('nor does a redirect to %s that leads nowhere', async (_name, host) => {
    const { player } = play()
    const failure = player.ask(requestTypes.segment, [segment], ({ uri }) => ({
      status: 404,
      uri: `${host}/edge7/s1.m4s?a=~/*&${uri.split('?')[1]}`,
    }))
    const led = `${host}/edge7/s1.m4s?a=~/*`
    await expect(failure).rejects.toMatchObject({ data: [segment, 404, '', {}, 1, led] })
    expect(JSON.stringify(player.events)).not.toContain('token-')
  })

  describe('without a token in time', () => {
    beforeEach(() => {
      vi.useFakeTimers()
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    /** Its token endpoint says nothing after that many tokens, until `answer` is called. */
    function silentAfter(count: number) {
      const { asked, getToken } = issueTokens()
      let silent = true
      const played = play({
        timeoutMs: 1_000,
        getToken: (request) => {
          const token = getToken(request)
          return silent && asked.length > count ? new Promise(() => {}) : token
        },
      })
      const answer = () => {
        silent = false
      }
      return { ...played, asked, answer }
    }

    it('fails what loads the stream', async () => {
      const { player } = silentAfter(0)
      const loading = player.ask(requestTypes.manifest, [source], good)
      const failed = expect(loading).rejects.toThrow('late token')
      await vi.advanceTimersByTimeAsync(1_000)
      await failed
    })

    it('waits on for a stream that plays, until there is one', async () => {
      const { player, answer } = silentAfter(0)
      player.isLoaded = true
      const request = player.ask(requestTypes.segment, [segment], good)
      await vi.advanceTimersByTimeAsync(5_500)
      expect(player.sent).toEqual([])
      answer()
      await vi.advanceTimersByTimeAsync(1_000)
      await request
      expect(player.sent).toHaveLength(1)
    })

    it('does not try the refused one again meanwhile', async () => {
      const { player, asked, answer } = silentAfter(1)
      player.isLoaded = true
      const takes = ({ uri }: { uri: string }) =>
        uri.includes('token-1') ? { status: 403 } : good()
      const request = player.ask(requestTypes.segment, [segment], takes)
      await vi.advanceTimersByTimeAsync(5_500)
      expect(player.sent).toHaveLength(1)
      answer()
      await vi.advanceTimersByTimeAsync(1_000)
      await request
      expect(player.sent).toHaveLength(2)
      expect(new Set(asked.slice(1).map(({ reason }) => reason))).toEqual(new Set(['rejected']))
    })

    it('asks for none any more when its request was aborted, or the stream unloaded', async () => {
      for (const end of ['abort', 'unload']) {
        const { player, asked } = silentAfter(0)
        player.isLoaded = true
        const request = player.ask(requestTypes.segment, [segment], good)
        const failed = expect(request).rejects.toThrow('late token')
        await vi.advanceTimersByTimeAsync(500)
        if (end === 'abort') await player.abort()
        else player.isLoaded = false
        await vi.advanceTimersByTimeAsync(60_000)
        await failed
        expect(asked).toHaveLength(1)
      }
    })
  })

  describe('after the final refusal', () => {
    const ended = '{"reason":"session-ended","renew":false}'

    it('fails what loads the stream', async () => {
      const { player, session } = play()
      const loading = player.ask(requestTypes.manifest, [source], only('none', ended))
      await expect(loading).rejects.toMatchObject({ code: 403 })
      expect(session.state).toBe('denied')
      expect(player.sent).toHaveLength(1)
    })

    it('raises one critical error for a stream that plays, and sends nothing more', async () => {
      const { player, session } = play()
      player.isLoaded = true
      const denied = new Promise((resolve) => session.on('denied', resolve))
      const never = (): never => expect.unreachable()
      player.ask(requestTypes.segment, [segment], only('none', ended)).then(never, never)
      await denied
      player.ask(requestTypes.segment, [segment], good).then(never, never)
      await new Promise(setImmediate)
      expect(player.sent).toHaveLength(1)
      const errors = player.events.filter(({ type }) => type === 'error')
      expect(errors).toMatchObject([
        { detail: { severity: 2, category: 1, code: 1001, data: ['', 403, 'session-ended'] } },
      ])
    })
  })

  it('does nothing any more when it was detached', async () => {
    const { player, detach, session } = play()
    await session.get()
    detach()
    await player.ask(requestTypes.segment, [segment], good)
    expect(player.sent.map(({ uri }) => uri)).toEqual([segment])
  })

  it('cannot be attached to a player that was destroyed', () => {
    const player = new FakeShaka()
    const destroyed = Object.assign(player, { getNetworkingEngine: () => null })
    expect(() => attachSession(destroyed, createSession())).toThrow(TypeError)
  })
})
