import Hls, { type ErrorData } from 'hls.js'
import { attachSession, createSession, withSession } from '../index.ts'
import { recordRequests } from './recording-loader.ts'
import type { RequestRecord } from './requests.ts'
import {
  exchangeAccess,
  type IssuedSession,
  type IssuedToken,
  requestAccess,
  source,
} from './site.ts'
import { type Trouble, troubleOf, unsupported } from './trouble.ts'

/** A size of picture that the stream has. */
export interface Quality {
  /** For `choose`; -1 lets the player decide. */
  readonly index: number
  readonly height: number
}

/** What the page is told while it plays. */
export interface PlaybackEvents {
  access(token: IssuedToken): void
  /** The first session token, and each renewed one. */
  session(token: IssuedSession): void
  request(record: RequestRecord): void
  /** Something that the log should say. */
  note(text: string): void
  /** `null`: the trouble is over. */
  trouble(trouble: Trouble | null): void
  qualities(qualities: readonly Quality[]): void
  /** The size that is shown now, and whether the player chose it. */
  quality(index: number, automatic: boolean): void
  subtitles(shown: boolean): void
}

export interface Playback {
  chooseQuality(index: number): void
  showSubtitles(shown: boolean): void
  destroy(): void
}

/** Little is held in advance, so that there are requests to be seen for as long as the film plays. */
const buffers = { maxBufferLength: 10, maxMaxBufferLength: 14, backBufferLength: 8 }

/** Plays the sample stream with hls.js and the session plugin, as any page would. */
export function startPlayback(video: HTMLVideoElement, tell: PlaybackEvents): Playback {
  if (!Hls.isSupported()) return playNatively(video, tell)

  const session = createSession({
    getToken: async ({ previous, signal }) => {
      const access = await requestAccess(signal)
      tell.access(access)
      const opened = await exchangeAccess(access.token, previous, signal)
      tell.session(opened)
      return opened
    },
    exchange: false,
  })
  session.on('error', ({ error }) => {
    // A renewal ahead of time may fail and be tried again: no reason to cover a film that runs.
    const runs = video.readyState > HTMLMediaElement.HAVE_CURRENT_DATA
    if (!runs) tell.trouble(troubleOf(error))
  })
  session.on('renewed', () => tell.trouble(null))

  let denied: string | null = null
  session.on('denied', ({ reason }) => {
    denied = reason ?? 'refused'
  })
  const Recorder = recordRequests(Hls.DefaultConfig.loader, tell.request)
  const hls = new Hls(withSession(Hls, session, { ...buffers, loader: Recorder }))
  attachSession(hls, session)

  let recovered = false
  hls.on(Hls.Events.ERROR, (_, data: ErrorData) => {
    if (!data.fatal) return
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !recovered) {
      recovered = true
      hls.recoverMediaError()
      return
    }
    tell.trouble(troubleOf(data.error, { denied, status: data.response?.code ?? null }))
  })
  hls.on(Hls.Events.MANIFEST_PARSED, (_, { levels }) => {
    tell.qualities(levels.map(({ height }, index) => ({ index, height })))
    play(video, tell)
  })
  hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => tell.quality(level, hls.autoLevelEnabled))
  hls.on(Hls.Events.SUBTITLE_TRACK_SWITCH, (_, { id }) => tell.subtitles(id >= 0))

  hls.attachMedia(video)
  hls.loadSource(source)
  return {
    chooseQuality(index) {
      hls.nextLevel = index
      tell.quality(hls.currentLevel, hls.autoLevelEnabled)
    },
    showSubtitles(shown) {
      hls.subtitleTrack = shown ? 0 : -1
    },
    destroy() {
      hls.destroy()
      session.destroy()
    },
  }
}

/**
 * Without Media Source Extensions the browser plays HLS itself or not at all. It asks with headers of its
 * own, so the playlist, and not this page, has to open the session.
 */
function playNatively(video: HTMLVideoElement, tell: PlaybackEvents): Playback {
  const stop = new AbortController()
  const fail = () => tell.trouble(troubleOf(video.error ?? new Error('the browser gave up')))
  if (video.canPlayType('application/vnd.apple.mpegurl') === '') {
    tell.trouble(unsupported)
  } else {
    requestAccess(stop.signal).then(
      (access) => {
        tell.access(access)
        const link = `${source}?${access.parameter}=${access.token}`
        tell.request({ kind: 'multivariant', url: link, status: 200, ms: 0 })
        tell.note('This browser plays HLS itself: the page cannot see what else it asks for')
        video.addEventListener('error', fail, { signal: stop.signal })
        video.src = link
        play(video, tell)
      },
      (error: unknown) => tell.trouble(troubleOf(error)),
    )
  }
  return {
    chooseQuality() {},
    showSubtitles() {},
    destroy() {
      stop.abort()
      video.removeAttribute('src')
    },
  }
}

function play(video: HTMLVideoElement, tell: PlaybackEvents): void {
  video.play().catch((error: unknown) => {
    // Not allowed without a click. Anything else is told by the player.
    if (error instanceof DOMException && error.name === 'NotAllowedError') {
      tell.trouble(troubleOf(error))
    }
  })
}
