import type Hls from 'hls.js'
import type {
  HlsConfig,
  Loader,
  LoaderCallbacks,
  LoaderConfiguration,
  LoaderContext,
  LoaderStats,
} from 'hls.js'

/**
 * A stand-in for p2p-media-loader, whose core wants native code to be installed. It behaves towards hls.js as version
 * 2.3 does (spec/player section 2.5) and has no peers: `pLoader` and `fLoader` build their requests on `config.loader`;
 * segments are known by the exact URL that a playlist gives them, resolved against the URL of its answer; those the
 * engine downloads by itself with `fetch`, set up by `httpRequestSetup`, three times at most with no pause between
 * (`httpErrorRetries`); what then is a failure has code 0.
 */
export interface PeerEngine {
  /** URLs of the segments that the engine downloaded. */
  readonly downloaded: string[]
  /** Called with the status for each try that failed. */
  onSegmentError?: (status: number) => void
  getConfigForHlsJs(): Pick<HlsConfig, 'fLoader' | 'pLoader'>
}

type RequestSetup = (
  url: string,
  segmentRange: undefined,
  signal: AbortSignal,
  requestRange: undefined,
) => Promise<Request | undefined>

type LoaderClass = new (config: HlsConfig) => Loader<LoaderContext>

export function createPeerEngine(httpRequestSetup: RequestSetup): PeerEngine {
  const segments = new Set<string>()

  function register(url: string, playlist: string): void {
    if (!playlist.includes('#EXTINF')) return
    for (const line of playlist.split('\n')) {
      if (line !== '' && !line.startsWith('#')) segments.add(new URL(line, url).href)
    }
  }

  class PlaylistLoader implements Loader<LoaderContext> {
    readonly #inner: Loader<LoaderContext>
    constructor(config: HlsConfig) {
      this.#inner = new config.loader(config)
    }
    get context() {
      return this.#inner.context
    }
    set context(context: LoaderContext | null) {
      this.#inner.context = context
    }
    get stats() {
      return this.#inner.stats
    }
    set stats(stats: LoaderStats) {
      this.#inner.stats = stats
    }
    load(
      context: LoaderContext,
      configuration: LoaderConfiguration,
      callbacks: LoaderCallbacks<LoaderContext>,
    ) {
      this.#inner.load(context, configuration, {
        ...callbacks,
        onSuccess(response, ...rest) {
          register(response.url, String(response.data))
          callbacks.onSuccess(response, ...rest)
        },
      })
    }
    abort() {
      this.#inner.abort()
    }
    destroy() {
      this.#inner.destroy()
    }
  }

  class FragmentLoader implements Loader<LoaderContext> {
    context: LoaderContext | null = null
    stats: LoaderStats
    readonly #config: HlsConfig
    readonly #abort = new AbortController()
    #inner: Loader<LoaderContext> | undefined
    #isOver = false

    constructor(config: HlsConfig) {
      this.#config = config
      this.stats = {
        aborted: false,
        chunkCount: 0,
        loaded: 1,
        total: 1,
        retry: 0,
        bwEstimate: 0,
        loading: { start: 0, first: 0, end: 0 },
        parsing: { start: 0, end: 0 },
        buffering: { start: 0, first: 0, end: 0 },
      }
    }

    load(
      context: LoaderContext,
      configuration: LoaderConfiguration,
      callbacks: LoaderCallbacks<LoaderContext>,
    ) {
      this.context = context
      if (!segments.has(context.url)) {
        this.#inner = new this.#config.loader(this.#config)
        this.#inner.stats = this.stats
        this.#inner.load(context, configuration, callbacks)
        return
      }
      const { stats } = this
      stats.loading.start = performance.now()
      this.#download(context.url).then(
        (data) => {
          if (this.#isOver) return
          stats.loading.first = stats.loading.end = performance.now()
          stats.loaded = stats.total = data.byteLength
          callbacks.onSuccess({ data, url: context.url }, stats, context, null)
        },
        (error: Error) => {
          if (this.#isOver) return
          callbacks.onError({ code: 0, text: error.message }, context, null, stats)
        },
      )
    }

    async #download(url: string, triesLeft = 2): Promise<ArrayBuffer> {
      const { signal } = this.#abort
      const request = await httpRequestSetup(url, undefined, signal, undefined)
      const answer = await fetch(request ?? new Request(url, { signal }))
      if (!answer.ok) {
        engine.onSegmentError?.(answer.status)
        if (triesLeft > 0) return this.#download(url, triesLeft - 1)
        throw new Error(answer.statusText)
      }
      engine.downloaded.push(url)
      return answer.arrayBuffer()
    }

    abort() {
      this.#inner?.abort()
      this.destroy()
    }
    destroy() {
      this.#inner?.destroy()
      this.#isOver = true
      this.#abort.abort()
    }
  }

  const engine: PeerEngine = {
    downloaded: [],
    getConfigForHlsJs: () => ({
      pLoader: PlaylistLoader as LoaderClass as NonNullable<HlsConfig['pLoader']>,
      fLoader: FragmentLoader as LoaderClass as NonNullable<HlsConfig['fLoader']>,
    }),
  }
  return engine
}

/** The other way to use it: a class of players that have the engine in them. */
export function injectMixin(hls: typeof Hls, engine: PeerEngine): typeof Hls {
  return class extends hls {
    constructor(config?: Partial<HlsConfig>) {
      super({ ...config, ...engine.getConfigForHlsJs() })
    }
  }
}
