import type { HlsConfig, LoaderCallbacks, LoaderConfiguration, LoaderContext } from 'hls.js'
import { kindOf, type RequestRecord } from './requests.ts'

type LoaderClass = HlsConfig['loader']

/**
 * A loader class like `Base` that tells of each request it made. It stands below the session's loader, so
 * that it sees the URL as it goes out, token included. A request that the player gave up is not told.
 *
 * @param now milliseconds
 */
export function recordRequests(
  Base: LoaderClass,
  tell: (record: RequestRecord) => void,
  now: () => number = () => performance.now(),
): LoaderClass {
  return class RecordingLoader extends Base {
    override load(
      context: LoaderContext,
      configuration: LoaderConfiguration,
      callbacks: LoaderCallbacks<LoaderContext>,
    ): void {
      const started = now()
      const { pathname, search } = new URL(context.url, globalThis.location?.href)
      const note = (status: number) =>
        tell({ kind: kindOf(context), url: pathname + search, status, ms: now() - started })
      super.load(context, configuration, {
        ...callbacks,
        onSuccess: (response, stats, answered, details) => {
          note(response.code ?? 200)
          callbacks.onSuccess(response, stats, answered, details)
        },
        onError: (error, answered, details, stats) => {
          note(error.code)
          callbacks.onError(error, answered, details, stats)
        },
        onTimeout: (stats, answered, details) => {
          note(0)
          callbacks.onTimeout(stats, answered, details)
        },
      })
    }
  }
}
