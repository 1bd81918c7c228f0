import type { ShakaPlayer, ShakaRequest, ShakaResponse } from '../../player/shaka.ts'

export interface ShakaAnswer {
  readonly status: number
  readonly body?: string
  readonly headers?: Record<string, string>
  /** Where a redirect led. */
  readonly uri?: string
}

type Sent = Pick<ShakaRequest, 'headers' | 'allowCrossSiteCredentials'> & { readonly uri: string }

/** The engine's types of requests, as Shaka numbers them. */
export const requestTypes = {
  manifest: 0,
  segment: 1,
  license: 2,
  app: 3,
  timing: 4,
  key: 6,
  ads: 7,
  cmcd: 9,
}

/** A Shaka Player as far as the adapter sees it: filters run for each try, in the order of Shaka's engine. */
export class FakeShaka implements ShakaPlayer {
  isLoaded = false
  readonly sent: Sent[] = []
  readonly events: { readonly type: string; readonly detail?: unknown }[] = []
  readonly #requestFilters = new Set<(type: number, request: ShakaRequest) => Promise<void>>()
  readonly #responseFilters = new Set<(type: number, response: ShakaResponse) => void>()
  readonly #listeners = new Set<(event: Event) => void>()
  /** What filters returned that are not done yet. */
  readonly #waiting = new Set<object>()

  isFullyLoaded(): boolean {
    return this.isLoaded
  }

  getNetworkingEngine() {
    const [request, response] = [this.#requestFilters, this.#responseFilters]
    return {
      registerRequestFilter: (filter: Parameters<typeof request.add>[0]) =>
        void request.add(filter),
      unregisterRequestFilter: (filter: Parameters<typeof request.add>[0]) =>
        void request.delete(filter),
      registerResponseFilter: (filter: Parameters<typeof response.add>[0]) =>
        void response.add(filter),
      unregisterResponseFilter: (filter: Parameters<typeof response.add>[0]) =>
        void response.delete(filter),
    }
  }

  addEventListener(_type: string, listener: (event: Event) => void): void {
    this.#listeners.add(listener)
  }

  removeEventListener(_type: string, listener: (event: Event) => void): void {
    this.#listeners.delete(listener)
  }

  dispatchEvent(event: Event): void {
    this.events.push(event)
    if (event.type !== 'downloadfailed') return
    for (const listener of this.#listeners) listener(event)
  }

  /** Aborts what waits in filters, where they say how, as a seek does. */
  async abort(): Promise<void> {
    for (const operation of this.#waiting) await Reflect.get(operation, 'abort')?.()
  }

  /** Asks as Shaka does: at most twice. Rejects with the data of the error. */
  async ask(
    type: number,
    uris: readonly string[],
    answer: (sent: Sent) => ShakaAnswer,
  ): Promise<ShakaResponse> {
    const request = { uris: [...uris], headers: {}, allowCrossSiteCredentials: false, attempt: 0 }
    for (;;) {
      request.headers = {}
      for (const filter of this.#requestFilters) {
        const operation = filter(type, request)
        this.#waiting.add(operation)
        await operation.finally(() => this.#waiting.delete(operation))
      }
      const uri = request.uris[request.attempt % request.uris.length] ?? ''
      const { headers, allowCrossSiteCredentials } = request
      const sent = { uri, headers, allowCrossSiteCredentials }
      this.sent.push(sent)
      const got = answer(sent)
      if (got.status < 300) {
        const response = {
          uri: got.uri ?? uri,
          originalUri: uri,
          headers: got.headers ?? {},
          originalRequest: request,
        }
        for (const filter of this.#responseFilters) filter(type, response)
        return response
      }
      const data = [uri, got.status, got.body ?? '', got.headers ?? {}, type, got.uri ?? uri]
      const error = { data }
      const failed = { type: 'downloadfailed', request, error, httpResponseCode: got.status }
      this.dispatchEvent(failed as object as Event)
      if (request.attempt === 1) throw error
      request.attempt = 1
    }
  }
}
