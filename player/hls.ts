import type Hls from 'hls.js'
import type { ErrorDetails, ErrorTypes, Events, HlsConfig } from 'hls.js'
import { createLoaderClass } from './session-loader.ts'
import type { Session } from './types.ts'

/**
 * The configuration for `new Hls(…)` whose requests carry the session's token: all of them, because every
 * kind goes through `loader`, which is put around the page's own loader or hls.js' stock one.
 *
 * A `pLoader` or `fLoader` of the page stays in place; it must build its requests on `config.loader`, as
 * P2P libraries do.
 */
export function withSession(
  hls: Pick<typeof Hls, 'DefaultConfig'>,
  session: Session,
  config: Partial<HlsConfig> = {},
): Partial<HlsConfig> {
  const Base = config.loader ?? hls.DefaultConfig.loader
  return { ...config, loader: createLoaderClass(Base, session.port) }
}

/**
 * Turns the session's final refusal into one fatal hls.js error, so that loading stops at once instead of
 * trying every level. What is buffered plays out.
 *
 * @returns stops that; the destruction of the player does, too
 */
export function attachSession(hls: Hls, session: Session): () => void {
  const detach = session.on('denied', ({ status, reason }) => {
    hls.trigger('hlsError' as Events.ERROR, {
      type: 'networkError' as ErrorTypes.NETWORK_ERROR,
      // The list of details is closed; this is its member for all else.
      details: 'unknown' as ErrorDetails.UNKNOWN,
      fatal: true,
      error: new Error(`playback refused: ${reason ?? status}`),
      response: { url: '', code: 403 },
    })
  })
  hls.once('hlsDestroying' as Events.DESTROYING, detach)
  return detach
}
