import type { HlsConfig, Loader, LoaderCallbacks, LoaderContext } from 'hls.js'
import { afterEach, beforeEach, vi } from 'vitest'
import { withSession } from '../../player/hls.ts'
import { createSession } from '../../player/session.ts'
import type { Session, SessionEvents, SessionOptions } from '../../player/types.ts'
import { formatPlaygateSession } from '../../shared/playgate-session.ts'
import { configuration, manifestRequest, origin, requestOf } from './requests.ts'
import { type ScriptedLoader, scriptLoaders } from './scripted-loader.ts'

/** Time stands still for the tests of a file, and chance is no chance. */
export function holdClock(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'], now: 1e12 })
    vi.spyOn(Math, 'random').mockReturnValue(0)
  })

  afterEach(() => {
    vi.useRealTimers()
    vi.restoreAllMocks()
  })
}

export const settled = () => vi.advanceTimersByTimeAsync(0)

/** What hls.js hears of one request, in order. */
export function listen() {
  const heard: string[] = []
  const callbacks = {
    onSuccess: vi.fn((..._: unknown[]) => heard.push('success')),
    onError: vi.fn((..._: unknown[]) => heard.push('error')),
    onTimeout: vi.fn((..._: unknown[]) => heard.push('timeout')),
    onAbort: vi.fn((..._: unknown[]) => heard.push('abort')),
    onProgress: vi.fn((..._: unknown[]) => heard.push('progress')),
  }
  return { heard, ...callbacks, callbacks: callbacks as LoaderCallbacks<LoaderContext> }
}

export interface Sent {
  readonly loader: Loader<LoaderContext>
  readonly context: LoaderContext
  readonly heard: string[]
  readonly onError: ReturnType<typeof listen>['onError']
  readonly onSuccess: ReturnType<typeof listen>['onSuccess']
  readonly onTimeout: ReturnType<typeof listen>['onTimeout']
  readonly onAbort: ReturnType<typeof listen>['onAbort']
  readonly onProgress: ReturnType<typeof listen>['onProgress']
}

/** A player with that session: what it asks for, and which inner loaders were made for it. */
export function play(options: SessionOptions | Session = {}) {
  const session = 'port' in options ? options : createSession(options)
  const { made, Base } = scriptLoaders()
  const config = withSession({ DefaultConfig: { loader: Base } as HlsConfig }, session, {})
  const told: (readonly [string, object])[] = []
  const events = [
    'renewing',
    'renewed',
    'held',
    'rejected',
    'recovered',
    'denied',
    'error',
  ] as const
  for (const name of events) {
    session.on(name, (detail: SessionEvents[typeof name]) => told.push([name, detail]))
  }
  function ask(context: LoaderContext = requestOf()): Sent {
    if (!config.loader) throw new Error('no loader')
    const loader = new config.loader({ ...config } as HlsConfig)
    const hearing = listen()
    loader.load(context, configuration(), hearing.callbacks)
    return { loader, context, ...hearing }
  }
  /** The source is asked for, and its answer opens a session. */
  function open(session = { token: 'session-1', parameter: 'hdntl', expiresInSeconds: 3600 }) {
    ask(manifestRequest(`${origin}/vod/film/index.m3u8?hdnts=access`))
    made.at(-1)?.succeed({}, { 'Playgate-Session': formatPlaygateSession(session) })
  }
  return { session, made, ask, open, told, names: () => told.map(([name]) => name) }
}

export function last(made: readonly ScriptedLoader[]): ScriptedLoader {
  const loader = made.at(-1)
  if (loader === undefined) throw new Error('nothing was sent')
  return loader
}

/** Gives `token-1`, `token-2`, … */
export function issue() {
  let count = 0
  return vi.fn(async () => {
    count += 1
    return `token-${count}`
  })
}
