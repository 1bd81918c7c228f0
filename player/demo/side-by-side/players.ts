import Hls, { type ErrorData, type HlsConfig } from 'hls.js'
import { attachSession, createSession, withSession } from '../../index.ts'
import { recordRequests } from '../recording-loader.ts'
import type { RequestRecord } from '../requests.ts'
import { type IssuedToken, SiteError } from '../site.ts'
import type { PlayerName, Visit } from './visit.ts'

const source = '/vod/side-by-side/long.m3u8'

/** Both players hold little in advance, so that the end of a token is not long in showing. */
const settings: Partial<HlsConfig> = {
  maxBufferLength: 5,
  maxMaxBufferLength: 5,
  backBufferLength: 10,
}

/** What a player does, as it does it. */
export interface PlayerEvents {
  /** A token is asked for. @returns to be called with the answer; `null`: there was none */
  asking(): (token: IssuedToken | null) => void
  request(record: RequestRecord): void
  /** A request waits for a token. */
  held(path: string): void
  /** Those that waited do so no more. */
  released(): void
  /** A request that was refused went well with another token. */
  recovered(path: string): void
  /** It gave up; a few words why. */
  stopped(why: string): void
}

export interface Player {
  /** Seconds that its token is good for; `null`: it has none. */
  tokenLeft(): number | null
  destroy(): void
}

type Start = (video: HTMLVideoElement, visit: Visit, tell: PlayerEvents) => Player

/** hls.js as it comes, with a signed URL, as sites use it today. */
const startStock: Start = (video, visit, tell) => {
  const hls = new Hls({ ...settings, ...recording(tell) })
  const stop = new AbortController()
  let endsAt: number | null = null

  const asked = performance.now()
  const answer = tell.asking()
  visit.requestToken('stock', stop.signal).then(
    (token) => {
      endsAt = asked + token.expiresIn * 1000
      answer(token)
      hls.loadSource(`${source}?${token.parameter}=${token.token}`)
    },
    (error) => {
      if (stop.signal.aborted) return
      answer(null)
      tell.stopped(wordsOf(error))
    },
  )

  play(hls, video, (status) => {
    tell.stopped(`hls.js gave up${status === null ? '' : ` after a ${status}`}`)
  })
  return {
    tokenLeft: () => endsAt && (endsAt - performance.now()) / 1000,
    destroy() {
      stop.abort()
      hls.destroy()
    },
  }
}

/** The same with the session plugin. */
const startPlaygate: Start = (video, visit, tell) => {
  const getToken = async ({ signal }: { signal: AbortSignal }) => {
    const answer = tell.asking()
    try {
      const token = await visit.requestToken('playgate', signal)
      answer(token)
      return token
    } catch (error) {
      if (!signal.aborted) answer(null)
      throw error
    }
  }
  // Ten seconds hold few requests, and it is at a request that a renewal begins.
  const session = createSession({ getToken, renewAhead: 0.6 })
  let why = 'its requests fail'
  session.on('denied', ({ reason }) => {
    tell.released()
    why = reason === 'session-ended' ? 'its session was ended' : 'the site gives no more tokens'
  })
  const hls = new Hls(withSession(Hls, session, { ...settings, ...recording(tell) }))
  attachSession(hls, session)

  session.on('held', ({ url }) => tell.held(url))
  session.on('renewed', () => tell.released())
  session.on('recovered', ({ url }) => tell.recovered(url))

  hls.loadSource(source)
  play(hls, video, () => tell.stopped(why))
  return {
    tokenLeft: () => session.expiresIn,
    destroy() {
      hls.destroy()
      session.destroy()
    },
  }
}

export const canPlay = (): boolean => Hls.isSupported()

export const startPlayer: Readonly<Record<PlayerName, Start>> = {
  stock: startStock,
  playgate: startPlaygate,
}

function recording(tell: PlayerEvents): Pick<HlsConfig, 'loader'> {
  return { loader: recordRequests(Hls.DefaultConfig.loader, tell.request) }
}

/** @param stopped told once; with the status of the refusal, or `null` where it was none */
function play(hls: Hls, video: HTMLVideoElement, stopped: (status: number | null) => void): void {
  let isStopped = false
  hls.on(Hls.Events.ERROR, (_, { fatal, response }: ErrorData) => {
    if (!fatal || isStopped) return
    isStopped = true
    stopped(response?.code ?? null)
  })
  hls.attachMedia(video)
}

function wordsOf(error: unknown): string {
  return error instanceof SiteError && error.status > 0
    ? `the site answered ${error.status}`
    : 'the site does not answer'
}
