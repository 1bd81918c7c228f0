import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  attachSession,
  createSession,
  nativeUrl,
  type SessionOptions,
} from '../../player/native.ts'
import { formatPlaygateSession } from '../../shared/playgate-session.ts'
import { issueTokens } from './token-issuer.ts'

const origin = 'https://video.test'
const source = `${origin}/vod/film/index.m3u8?v=~=/*`
const opened = { token: 'session/1', parameter: 'hdntl', expiresInSeconds: 60 }

/** A video that takes every source, and fails when the test says so, as Chromium's does. */
class FakeVideo extends EventTarget {
  paused = true
  currentTime = 0
  duration = 48
  playbackRate = 1
  crossOrigin: string | null = null
  error: object | null = null
  readonly sources: string[] = []

  get src(): string {
    return this.sources.at(-1) ?? ''
  }

  set src(url: string) {
    Object.assign(this, { paused: true, currentTime: 0, playbackRate: 1, error: null })
    // HTML, resource selection algorithm: an empty attribute fails like a source that cannot be played, later.
    if (url === '') queueMicrotask(() => this.fail())
    else this.sources.push(url)
  }

  async play(): Promise<void> {
    this.paused = false
    this.dispatchEvent(new Event('play'))
  }

  load(): void {
    this.dispatchEvent(new Event('loadedmetadata'))
  }

  fail(): void {
    Object.assign(this, { paused: true, error: { code: 4 } })
    this.dispatchEvent(new Event('error'))
    this.dispatchEvent(new Event('pause'))
  }
}

/** What the gate answers to the page's own requests, the last for ever. */
function answer(...answers: readonly (() => Response | Promise<Response>)[]) {
  const asked: string[] = []
  const fetch = vi.fn(async (url: string | URL) => {
    asked.push(String(url))
    const next = answers[Math.min(asked.length, answers.length) - 1]
    if (next === undefined) throw new Error('not expected')
    const response = await next()
    return Object.defineProperty(response, 'url', { value: String(url) })
  })
  vi.stubGlobal('fetch', fetch)
  return asked
}

const playlist = () =>
  new Response('#EXTM3U', { headers: { 'playgate-session': formatPlaygateSession(opened) } })
const refused = () => Response.json({ reason: 'token-refused', renew: true }, { status: 403 })
const ended = () => Response.json({ reason: 'session-ended', renew: false }, { status: 403 })
const offline = () => Promise.reject(new TypeError('Failed to fetch'))

const sessionOf = (options: SessionOptions = {}) =>
  createSession({ getToken: issueTokens().getToken, exchange: false, ...options })

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('location', { origin: 'https://page.test' })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('nativeUrl', () => {
  it('opens the session and puts its token in front of the path, its slashes escaped', async () => {
    const asked = answer(playlist)
    const url = await nativeUrl(source, sessionOf())
    expect(asked).toEqual([`${source}&hdnts=token-1`])
    expect(url).toBe(`${origin}/hdntl=session%2F1/vod/film/index.m3u8?v=~=/*`)
  })

  it('takes the token of a session that is open, and asks for nothing', async () => {
    const asked = answer()
    const session = sessionOf({ getToken: async () => 'exp=1~data=hdntl' })
    expect(await nativeUrl(source, session)).toBe(
      `${origin}/hdntl=exp=1~data=hdntl/vod/film/index.m3u8?v=~=/*`,
    )
    expect(asked).toEqual([])
  })

  it('tries again with the next token when the first one is refused', async () => {
    const asked = answer(refused, playlist)
    expect(await nativeUrl(source, sessionOf())).toContain('/hdntl=session%2F1/')
    expect(asked).toEqual([`${source}&hdnts=token-1`, `${source}&hdnts=token-2`])
  })

  it('takes the access token out of a source that brought it', async () => {
    answer(playlist)
    const session = createSession()
    const url = await nativeUrl(`${origin}/vod/index.m3u8?hdnts=access&a=1`, session)
    expect(url).toBe(`${origin}/hdntl=session%2F1/vod/index.m3u8?a=1`)
  })

  it('leaves the source of a session in a cookie as it is, and has the cookie set', async () => {
    answer(playlist)
    expect(await nativeUrl(source, sessionOf({ transport: 'cookie' }))).toBe(source)
    expect(fetch).toHaveBeenCalledWith(
      expect.anything(),
      expect.objectContaining({ credentials: 'include' }),
    )
  })

  it('leaves a source alone that the session does not cover', async () => {
    const asked = answer()
    const session = sessionOf({ origins: ['https://other.test'] })
    expect(await nativeUrl(source, session)).toBe(source)
    expect(asked).toEqual([])
  })

  it('rejects with what the gate said last', async () => {
    answer(ended)
    const session = sessionOf()
    await expect(nativeUrl(source, session)).rejects.toMatchObject({ code: 403 })
    expect(session.state).toBe('denied')
  })
})

describe('the browser’s own player', () => {
  function play(options: SessionOptions = {}) {
    const video = new FakeVideo()
    const session = sessionOf(options)
    const detach = attachSession(video as object as HTMLVideoElement, session, source)
    // Last, because Node's targets have no capture phase.
    const heard = vi.fn()
    video.addEventListener('error', heard)
    return { video, session, heard, detach }
  }
  const settled = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

  it('plays on at the same place and speed when the token was refused', async () => {
    const asked = answer(playlist, refused, playlist)
    const { video, heard } = play()
    void video.play()
    await settled()
    video.load()
    Object.assign(video, { currentTime: 20, playbackRate: 1.5 })
    video.fail()
    await settled()
    expect(asked).toHaveLength(3)
    expect(video.sources).toHaveLength(2)
    expect([video.paused, video.playbackRate]).toEqual([false, 1.5])
    video.load()
    expect(video.currentTime).toBe(20)
    expect(heard).not.toHaveBeenCalled()
  })

  it('stays paused when it was, and goes to the edge of a live stream', async () => {
    answer(playlist)
    const { video } = play()
    await settled()
    video.load()
    Object.assign(video, { duration: Number.POSITIVE_INFINITY, currentTime: 5000 })
    video.fail()
    await settled()
    video.load()
    expect([video.sources.length, video.paused, video.currentTime]).toEqual([2, true, 0])
  })

  it('gives up a place after three times, with growing pauses, and lets the page hear of it', async () => {
    answer(playlist)
    const { video, heard } = play()
    await settled()
    const counts: number[] = []
    video.currentTime = 20
    for (const passes of [[0], [999, 1], [1_999, 1]]) {
      // From the second time on it fails at the beginning, before it has got to its place.
      video.fail()
      for (const ms of passes) {
        await settled(ms)
        counts.push(video.sources.length)
      }
    }
    expect(counts).toEqual([2, 2, 3, 3, 4])
    video.fail()
    await settled(60_000)
    expect(video.sources).toHaveLength(4)
    expect(heard).toHaveBeenCalledOnce()
  })

  it('tries again with new patience where it has played on', async () => {
    answer(playlist)
    const { video, heard } = play()
    await settled()
    for (const place of [10, 20, 30, 40, 50]) {
      video.load()
      video.currentTime = place
      video.fail()
      await settled()
    }
    expect(video.sources).toHaveLength(6)
    expect(heard).not.toHaveBeenCalled()
  })

  it('waits for a network that is gone for a moment', async () => {
    answer(playlist, offline, offline, playlist)
    const { video, heard, session } = play()
    const errors = vi.fn()
    session.on('error', errors)
    await settled()
    video.fail()
    await settled(3_000)
    expect(video.sources).toHaveLength(2)
    expect(errors).toHaveBeenCalledTimes(2)
    expect(heard).not.toHaveBeenCalled()
  })

  it('lets the page hear of the failure at once when the session was ended', async () => {
    answer(playlist, ended)
    const { video, heard } = play()
    await settled()
    video.fail()
    await settled()
    expect(heard).toHaveBeenCalledOnce()
    expect(video.sources).toHaveLength(1)
  })

  it.each([
    ['it was refused', ended, 1],
    ['the network is gone', offline, 4],
  ])('lets the page hear of a failure when %s before it could begin', async (_why, says, count) => {
    const asked = answer(says)
    const { video, heard, session } = play()
    session.on('denied', () => expect(heard).not.toHaveBeenCalled())
    await settled(60_000)
    expect(asked).toHaveLength(count)
    expect(heard).toHaveBeenCalledOnce()
    expect([video.error, video.sources]).toEqual([{ code: 4 }, []])
  })

  it.each([
    ['of another origin', 'https://page.test', 'path', 'anonymous'],
    ['of another origin, with cookies', 'https://page.test', 'cookie', 'use-credentials'],
    ['of its own origin', origin, 'path', null],
  ] as const)('asks for a source %s with the right mode', async (_what, page, transport, mode) => {
    vi.stubGlobal('location', { origin: page })
    answer(playlist)
    const { video } = play({ transport })
    await settled()
    expect([video.sources.length, video.crossOrigin]).toEqual([1, mode])
  })

  it('leaves everything alone once it was detached', async () => {
    answer(playlist)
    const { video, heard, detach } = play()
    await settled()
    detach()
    video.fail()
    await settled(60_000)
    expect(video.sources).toHaveLength(1)
    expect(heard).toHaveBeenCalledOnce()
  })
})
