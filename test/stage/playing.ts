import type { Page } from 'playwright-core'

/** What the page's player met; kept on the page's window. */
export interface Trouble {
  readonly details: string
  readonly fatal: boolean
  readonly code: number | undefined
}

export interface PlayOptions {
  /** hls.js configuration; anything that survives being sent to the page. */
  readonly config?: object
  /** Stay on this level, whatever the network allows. */
  readonly level?: number
  /**
   * Which of hls.js' own loaders makes the requests. `progressive` is the fetch loader that hands over segments
   * while they come; the plugin is put around it once the player is there, or hls.js would switch that off.
   *
   * @default 'xhr'
   */
  readonly loader?: 'xhr' | 'fetch' | 'progressive'
}

/** Starts hls.js in the page without the plugin; errors gather in `window.trouble`, the player is `window.hls`. */
export async function play(page: Page, source: string, options: PlayOptions = {}): Promise<void> {
  await start(page, source, { ...options, plugin: null })
}

/** Errors so far. Without aborts: hls.js reports those of its own requests as errors too. */
export async function trouble(page: Page): Promise<Trouble[]> {
  const found: Trouble[] = await page.evaluate(() => Reflect.get(window, 'trouble'))
  return found.filter(({ details }) => details !== 'aborted')
}

/**
 * Waits until the video has played that many seconds beyond where it was, by its own clock. A live stream first
 * jumps to its edge; that does not count.
 */
export async function playOn(page: Page, seconds: number): Promise<void> {
  await page.waitForFunction(() => {
    const video = document.querySelector('video')
    return video !== null && video.currentTime > 0 && !video.seeking && video.readyState >= 3
  })
  const from = await page.evaluate(() => document.querySelector('video')?.currentTime ?? 0)
  await page.waitForFunction(
    (until) => (document.querySelector('video')?.currentTime ?? 0) >= until,
    from + seconds,
  )
}

export async function seek(page: Page, seconds: number): Promise<void> {
  await page.evaluate((to) => {
    const video = document.querySelector('video')
    if (video !== null) video.currentTime = to
  }, seconds)
}

/** Switches at once and waits until the picture has changed. */
export async function switchLevel(page: Page, level: number): Promise<void> {
  await page.evaluate((to) => {
    const hls: InstanceType<typeof window.Hls> = Reflect.get(window, 'hls')
    hls.currentLevel = to
  }, level)
  await page.waitForFunction((to) => {
    const hls: InstanceType<typeof window.Hls> = Reflect.get(window, 'hls')
    return hls.currentLevel === to
  }, level)
}

export interface PluginOptions extends PlayOptions {
  /** Options of `createSession` that survive being sent to the page. */
  readonly session?: object
}

/**
 * Starts hls.js with the plugin; tokens come from `mint`, in this process. The session's events gather in
 * `window.told`, the session itself is `window.session`.
 */
export async function playWithPlugin(
  page: Page,
  source: string,
  mint: () => string | Promise<string>,
  { session = {}, ...options }: PluginOptions = {},
): Promise<void> {
  await page.exposeFunction('mintToken', mint)
  await startWithPlugin(page, source, { session, ...options })
}

/** The same with `window.mintToken`, a function of the page. */
export async function startWithPlugin(
  page: Page,
  source: string,
  { session = {}, ...options }: PluginOptions = {},
): Promise<void> {
  await start(page, source, { ...options, plugin: session })
}

/** The names of the session's events so far. */
export async function told(page: Page): Promise<string[]> {
  return page.evaluate(() => Reflect.get(window, 'told'))
}

interface StartOptions extends PlayOptions {
  /** Options of `createSession`; `null`: without the plugin. */
  readonly plugin: object | null
}

async function start(page: Page, source: string, options: StartOptions): Promise<void> {
  await page.evaluate(
    ({ source, config, level, loader, plugin }) => {
      const { Hls, playgate } = window
      const video = document.querySelector('video')
      if (video === null) throw new Error('no video on the page')
      const trouble: object[] = []
      const told: string[] = []
      let hls: InstanceType<typeof Hls>
      // Not all releases export it; each takes it for a streaming player.
      const own =
        loader === 'fetch'
          ? { ...config, loader: new Hls({ progressive: true }).config.loader }
          : config
      if (plugin === null) {
        hls = new Hls(own)
      } else {
        const getToken: () => Promise<string> = Reflect.get(window, 'mintToken')
        const session = playgate.createSession({ getToken: () => getToken(), ...plugin })
        if (loader === 'progressive') {
          hls = new Hls({ ...config, progressive: true })
          Object.assign(hls.config, playgate.withSession({ DefaultConfig: hls.config }, session))
        } else hls = new Hls(playgate.withSession(Hls, session, own))
        playgate.attachSession(hls, session)
        const names = [
          'renewing',
          'renewed',
          'held',
          'rejected',
          'recovered',
          'denied',
          'error',
        ] as const
        for (const name of names) session.on(name, () => told.push(name))
        Object.assign(window, { session })
      }
      Object.assign(window, { hls, trouble, told })
      hls.on(Hls.Events.ERROR, (_event, { details, fatal, response }) =>
        trouble.push({ details, fatal, code: response?.code }),
      )
      hls.on(Hls.Events.MANIFEST_PARSED, () => {
        if (level !== undefined) hls.loadLevel = level
      })
      hls.loadSource(source)
      hls.attachMedia(video)
      // Without a stream there is nothing to play, and the promise says so; the trouble says it better.
      video.play().catch(() => undefined)
    },
    { source, ...options },
  )
}
