import type { Page } from 'playwright-core'
import { type PlayerPage, servePlayerPage } from './player-page.ts'

/** Players other than hls.js, with their adapters; kept on the page's window by these names. */
export type OtherPlayer = 'shaka' | 'videojs' | 'native'

interface Modules {
  readonly shaka: typeof import('../../player/shaka.ts')
  readonly videojs: typeof import('../../player/videojs.ts')
  readonly native: typeof import('../../player/native.ts')
  readonly ShakaPlayer: typeof import('shaka-player')
  readonly VideoJs: typeof import('video.js')
}

const packages = 'node_modules/'

/** Serves a page with a video and all those players. */
export function serveOtherPlayers(): Promise<PlayerPage> {
  return servePlayerPage({
    modules: {
      shaka: 'player/shaka.ts',
      videojs: 'player/videojs.ts',
      native: 'player/native.ts',
      ShakaPlayer: `${packages}shaka-player/dist/shaka-player.compiled.js`,
      VideoJs: `${packages}video.js/dist/video.es.js`,
    },
  })
}

export interface ElsewhereOptions {
  /** Options of `createSession` that survive being sent to the page. */
  readonly session?: object
  /** Whose video it is. @default '#video' */
  readonly selector?: string
}

/**
 * Plays a source in the page with a few seconds of buffer; tokens come from `window.mintToken`. The session's
 * events gather in `window.told`, what the player complains about in `window.trouble`, and how often it waited for
 * data, by its own account, in `window.waits`. What stops it is `window.stopPlaying`.
 */
export async function playElsewhere(
  page: Page,
  player: OtherPlayer,
  source: string,
  { session = {}, selector = '#video' }: ElsewhereOptions = {},
): Promise<void> {
  await page.evaluate(
    async ({ player, source, options, selector }) => {
      const modules = window as object as Modules
      const video = document.querySelector(selector)
      if (!(video instanceof HTMLVideoElement)) throw new Error('no video on the page')
      const getToken: () => Promise<string> = Reflect.get(window, 'mintToken')
      const session = modules[player].createSession({ getToken: () => getToken(), ...options })
      const told: string[] = []
      const trouble: object[] = []
      const waits: number[] = []
      const names = ['renewed', 'held', 'rejected', 'recovered', 'denied'] as const
      for (const name of names) session.on(name, () => told.push(name))
      const complain = (error: unknown) => {
        const { code, message } = Object(error)
        trouble.push({ details: message, fatal: true, code })
      }
      let stopPlaying: () => unknown
      if (player === 'shaka') {
        const shaka = new modules.ShakaPlayer.default.Player()
        shaka.configure({ streaming: { bufferingGoal: 6 } })
        shaka.addEventListener('error', (event) => complain(Reflect.get(event, 'detail')))
        shaka.addEventListener('buffering', (event) => {
          if (Reflect.get(event, 'buffering') === true) waits.push(video.currentTime)
        })
        modules.shaka.attachSession(shaka, session)
        stopPlaying = () => shaka.destroy()
        await shaka.attach(video)
        shaka.load(source).catch(complain)
      } else if (player === 'videojs') {
        const { default: videojs } = modules.VideoJs
        Object.assign(Reflect.get(videojs, 'Vhs'), {
          GOAL_BUFFER_LENGTH: 6,
          MAX_GOAL_BUFFER_LENGTH: 6,
        })
        const vjs = videojs(video, { errorDisplay: false })
        vjs.on('error', () => complain(vjs.error()))
        vjs.on('waiting', () => waits.push(video.currentTime))
        modules.videojs.attachSession(vjs, session)
        stopPlaying = () => vjs.dispose()
        vjs.src({ src: source, type: 'application/vnd.apple.mpegurl' })
      } else {
        video.addEventListener('error', () => complain(video.error))
        stopPlaying = modules.native.attachSession(video, session, source)
      }
      Object.assign(window, { session, told, trouble, waits, stopPlaying })
      // Without a stream there is nothing to play, and the promise says so; the trouble says it better.
      video.play().catch(() => undefined)
    },
    { player, source, options: session, selector },
  )
}
