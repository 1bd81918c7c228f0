import { describe, expect, it, vi } from 'vitest'
import { holdClock, last, play, settled } from './playing.ts'
import { manifestRequest, origin, requestOf } from './requests.ts'

holdClock()

describe('learning from Playgate-Session', () => {
  it('uses the session token from the next request on, and the access token no more', () => {
    const { made, ask, open } = play()
    open()
    expect(last(made).url).toBe(`${origin}/vod/film/index.m3u8?hdnts=access`)
    ask(manifestRequest(`${origin}/vod/film/index.m3u8?hdnts=access&_HLS_skip=YES`))
    expect(last(made).url).toBe(`${origin}/vod/film/index.m3u8?_HLS_skip=YES&hdntl=session-1`)
  })

  it('has it before hls.js hears of the playlist', () => {
    const { made, ask } = play()
    const { onSuccess } = ask(manifestRequest())
    onSuccess.mockImplementation(() => {
      ask(requestOf('level', `${origin}/vod/film/v.m3u8`, 'text'))
      return 0
    })
    last(made).succeed({}, { 'Playgate-Session': 'token="t", parameter="p"' })
    expect(last(made).url).toBe(`${origin}/vod/film/v.m3u8?p=t`)
  })

  it('lets no older answer replace a newer token', async () => {
    const { made, ask } = play({ origins: [origin] })
    const answer = (token: string) => ({
      'Playgate-Session': `token="${token}", parameter="hdntl"`,
    })
    ask(manifestRequest())
    const early = last(made)
    await vi.advanceTimersByTimeAsync(10)
    ask(manifestRequest())
    const late = last(made)
    late.succeed({}, answer('newer'))
    early.succeed({}, answer('older'))
    ask()
    expect(last(made).url).toBe(`${requestOf().url}?hdntl=newer`)
  })

  it('lets no renewal that was sent earlier replace it either', async () => {
    let finish = (_: string) => {}
    const getToken = vi.fn(() => new Promise<string>((resolve) => (finish = resolve)))
    getToken.mockResolvedValueOnce('token-1')
    const { made, ask, session } = play({ getToken, origins: [origin] })
    ask(manifestRequest())
    await settled()
    const renewal = session.renew()
    await vi.advanceTimersByTimeAsync(10)
    ask(manifestRequest())
    last(made).succeed({}, { 'Playgate-Session': 'token="session-1", parameter="hdntl"' })
    finish('token-2')
    expect(await renewal).toMatchObject({ token: 'session-1' })
  })

  it.each([
    ['is malformed', 'token="a" parameter="b"'],
    ['holds a token that would bring a second parameter', 'token="a&b=1", parameter="hdntl"'],
    ['holds an ended token', 'token="a", parameter="hdntl", expires-in=0'],
  ])('ignores a header that %s', (_, header) => {
    const { made, ask, session } = play()
    const { heard } = ask(manifestRequest())
    last(made).succeed({}, { 'Playgate-Session': header })
    expect(session.expiresIn).toBeNull()
    expect(heard).toEqual(['success'])
  })

  it('reads the header of a fetch answer', async () => {
    const { made, ask, session } = play()
    ask(manifestRequest())
    const inner = last(made)
    const headers = { 'Playgate-Session': 'token="t", parameter="hdntl", expires-in=60' }
    const details = new Response('#EXTM3U', { headers })
    inner.callbacks?.onSuccess({ url: inner.url }, inner.stats, manifestRequest(), details)
    expect(session.expiresIn).toBe(60)
  })

  it.each([null, undefined, {}, 'details'])('can do without network details (%j)', (details) => {
    const { made, ask } = play()
    const { heard } = ask(manifestRequest())
    const inner = last(made)
    inner.callbacks?.onSuccess({ url: inner.url }, inner.stats, manifestRequest(), details as null)
    expect(heard).toEqual(['success'])
  })
})
