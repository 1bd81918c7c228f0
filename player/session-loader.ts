import type { HlsConfig, Loader, LoaderCallbacks, LoaderContext } from 'hls.js'
import type { HeldCredential } from './credential.ts'
import type { AnswerDetails, SessionPort } from './types.ts'

type LoaderClass = HlsConfig['loader']

function readHeader(details: AnswerDetails | null): string | null | undefined {
  // Browsers complain in the console when a header is asked for that CORS hides; the list is free.
  const all = details?.getAllResponseHeaders?.()
  return all
    ? /^playgate-session: *(.+)/im.exec(all)?.[1]
    : details?.headers?.get('playgate-session')
}

async function readProblem(details: AnswerDetails | null): Promise<unknown> {
  return (details?.clone?.() ?? new Response(details?.response)).json()
}

/** What the inner loader is configured with: the player's own configuration, live, with credentials on. */
function withCredentials(config: HlsConfig, port: SessionPort): HlsConfig {
  const delegate: Partial<HlsConfig> & { __proto__: HlsConfig } = {
    __proto__: config,
    xhrSetup(xhr, url, context) {
      xhr.withCredentials = !!port.admit(url)
      return config.xhrSetup?.call(this, xhr, url, context)
    },
    fetchSetup(context, init) {
      if (port.admit(context.url)) init.credentials = 'include'
      return config.fetchSetup?.(context, init) ?? new Request(context.url, init)
    },
  }
  return delegate as HlsConfig & typeof delegate
}

/**
 * A loader class for hls.js that gives each covered request the session's credential and passes it to a
 * loader of the class `Base`. It keeps the contract of hls.js' own loaders: the caller's context comes
 * back as it was, `stats` is one live object through all attempts, an abort is answered, and nothing is
 * heard after `destroy`.
 */
export function createLoaderClass(Base: LoaderClass, port: SessionPort): LoaderClass {
  return function SessionLoader(playerConfig: HlsConfig): Loader<LoaderContext> {
    const config = port.hasCookie ? withCredentials(playerConfig, port) : playerConfig
    let inner = new Base(config)
    let caller: LoaderCallbacks<LoaderContext> | undefined

    /** Whom to answer: nobody after the first answer, nor after an abort or the end. */
    const settle = () => {
      const waiting = caller
      caller = undefined
      return waiting
    }

    return {
      context: null,
      // Assignable, as fragment and P2P loaders want it.
      stats: inner.stats,
      getCacheAge: () => inner.getCacheAge?.() ?? null,
      getResponseHeader: (name) => inner.getResponseHeader?.(name) ?? null,

      abort() {
        if (caller) this.stats.aborted = true
        inner.abort()
        // A request that waits for a token is not known to the inner loader.
        settle()?.onAbort?.(this.stats, this.context as LoaderContext, null)
      },

      destroy() {
        caller = undefined
        this.context = null
        inner.destroy()
      },

      load(context, configuration, callbacks) {
        const { stats } = this
        const { type } = context
        const url = port.admit(context.url, type === ('manifest' as typeof type))
        this.context = context
        inner.stats = stats
        if (!url) return inner.load(context, configuration, callbacks)
        const note = { url, type, status: 0 }
        caller = callbacks

        const hold = (
          coming: Promise<HeldCredential | null>,
          proceed: (credential: HeldCredential | null) => void,
        ) => {
          // With 0 the rules of the ABR controller would take the request for as old as the page.
          stats.loading.start = performance.now()
          coming.then(
            (credential) => caller && proceed(credential),
            (error) => {
              if (error.code) settle()?.onError(error, context, null, stats)
              else settle()?.onTimeout(stats, context, null)
            },
          )
        }

        const send = (credential: HeldCredential | null) => {
          const sent = port.clock()
          // A base loader refuses to start twice on the same stats, and a hold is no loading time.
          stats.aborted = false
          stats.loading.start = stats.loading.first = 0
          inner.load(credential ? port.place(context, credential) : context, configuration, {
            onSuccess(response, stats, _, details) {
              if (!caller) return
              if (note.status) port.tell('recovered', note)
              const url = port.learn(credential, sent, response.url, readHeader(details), details)
              settle()?.onSuccess({ ...response, url }, stats, context, details)
            },

            onError(error, _, details, stats) {
              const pass = () => settle()?.onError(error, context, details, stats)
              if (!caller || !port.renewOn.includes(error.code)) return pass()
              const before = note.status
              note.status = error.code
              hold(port.refused(credential, note, readProblem(details), before), (credential) => {
                if (!credential) return pass()
                inner.destroy()
                inner = new Base(config)
                inner.stats = stats
                send(credential)
              })
            },

            onTimeout(stats, _, details) {
              settle()?.onTimeout(stats, context, details)
            },

            onAbort(stats, _, details) {
              settle()?.onAbort?.(stats, context, details)
            },

            ...(callbacks.onProgress && {
              onProgress(stats, _, data, details) {
                caller?.onProgress?.(stats, context, data, details)
              },
            }),
          })
        }

        const credential = port.take()
        if (credential instanceof Promise) {
          port.tell('held', note)
          hold(credential, send)
        } else send(credential)
      },
    }
  } as unknown as LoaderClass
}
