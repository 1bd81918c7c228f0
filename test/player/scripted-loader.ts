import type {
  HlsConfig,
  Loader,
  LoaderCallbacks,
  LoaderConfiguration,
  LoaderContext,
  LoaderResponse,
  LoaderStats,
} from 'hls.js'

export function emptyStats(): LoaderStats {
  return {
    aborted: false,
    loaded: 0,
    retry: 0,
    total: 0,
    chunkCount: 0,
    bwEstimate: 0,
    loading: { start: 0, first: 0, end: 0 },
    parsing: { start: 0, end: 0 },
    buffering: { start: 0, first: 0, end: 0 },
  }
}

/** What an answer looks like to hls.js when the XHR loader got it. */
function details(headers: Record<string, string>, response: string): XMLHttpRequest {
  const xhr: Pick<XMLHttpRequest, 'getAllResponseHeaders' | 'response'> = {
    getAllResponseHeaders: () =>
      Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join(''),
    response,
  }
  return xhr as XMLHttpRequest
}

/** A loader that does nothing until the test says how its request ends. It keeps the rules of hls.js' own. */
export class ScriptedLoader implements Loader<LoaderContext> {
  context: LoaderContext | null = null
  stats = emptyStats()
  configuration: LoaderConfiguration | undefined
  callbacks: LoaderCallbacks<LoaderContext> | null = null
  aborts = 0
  destroyed = false
  readonly config: HlsConfig

  constructor(config: HlsConfig) {
    this.config = config
  }

  load(
    context: LoaderContext,
    configuration: LoaderConfiguration,
    callbacks: LoaderCallbacks<LoaderContext>,
  ): void {
    if (this.stats.loading.start) throw new Error('Loader can only be used once.')
    this.stats.loading.start = 1
    this.context = context
    this.configuration = configuration
    this.callbacks = callbacks
  }

  abort(): void {
    this.aborts += 1
    if (this.callbacks === null) return
    this.stats.aborted = true
    this.callbacks.onAbort?.(this.stats, this.#context, null)
  }

  destroy(): void {
    this.destroyed = true
    // The fetch loader of hls.js does so, on stats that a second attempt goes on with.
    this.stats.aborted = true
  }

  getCacheAge(): number {
    return 7
  }

  getResponseHeader(name: string): string {
    return `header ${name}`
  }

  get url(): string {
    return this.#context.url
  }

  get headers(): Record<string, string> {
    return this.#context.headers ?? {}
  }

  succeed(response: Partial<LoaderResponse> = {}, headers: Record<string, string> = {}): void {
    const answer = { url: this.url, data: '#EXTM3U', code: 200, ...response }
    this.#callbacks.onSuccess(answer, this.stats, this.#context, details(headers, ''))
  }

  fail(code: number, problem: object | string = ''): void {
    const body = typeof problem === 'string' ? problem : JSON.stringify(problem)
    const error = { code, text: 'no' }
    this.#callbacks.onError(error, this.#context, details({}, body), this.stats)
  }

  timeOut(): void {
    this.#callbacks.onTimeout(this.stats, this.#context, null)
  }

  progress(data: ArrayBuffer): void {
    this.#callbacks.onProgress?.(this.stats, this.#context, data, details({}, ''))
  }

  get #context(): LoaderContext {
    if (this.context === null) throw new Error('nothing was loaded')
    return this.context
  }

  get #callbacks(): LoaderCallbacks<LoaderContext> {
    if (this.callbacks === null) throw new Error('nothing was loaded')
    return this.callbacks
  }
}

/** A class of scripted loaders, and all of them that were made. */
export function scriptLoaders(): { made: ScriptedLoader[]; Base: HlsConfig['loader'] } {
  const made: ScriptedLoader[] = []
  class Base extends ScriptedLoader {
    constructor(config: HlsConfig) {
      super(config)
      made.push(this)
    }
  }
  return { made, Base }
}
