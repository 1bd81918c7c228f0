import { vi } from 'vitest'
import type { VideojsPlayer } from '../../player/videojs.ts'

interface Options {
  readonly uri: string
  readonly requestType: string
  readonly headers?: Record<string, string>
  readonly withCredentials?: boolean
  readonly xhr?: FakeRequest
}

type Callback = (error: unknown, request: FakeRequest) => void

export interface VhsAnswer {
  readonly status: number
  readonly body?: string
  readonly headers?: Record<string, string>
  /** Where a redirect led. */
  readonly url?: string
}

/** As much of an `XMLHttpRequest` as the engine and the adapter use. */
export class FakeRequest extends EventTarget {
  status = 0
  response = ''
  uri = ''
  bandwidth = 0
  aborted = false
  timedout = false
  responseHeaders: Record<string, string> = {}
  get responseURL(): string {
    return this.#url
  }
  #url = ''

  abort(): void {}

  finish({ status, body = '', headers = {} }: VhsAnswer, url: string): void {
    this.#url = url
    this.bandwidth ||= 1000
    Object.assign(this, { status, response: body, responseHeaders: headers })
  }
}

/** Browsers have that class as a global. */
export function useFakeRequests(): void {
  vi.stubGlobal('XMLHttpRequest', FakeRequest)
}

/** What the engine of one source has sent, and how it is answered. */
export class FakeVhs {
  readonly sent: Options[] = []
  readonly #callbacks: Callback[] = []

  xhr = (options: Options, callback: Callback): FakeRequest => {
    const request = options.xhr ?? new FakeRequest()
    this.sent.push(options)
    this.#callbacks.push(callback)
    const nativeAbort = request.abort
    request.abort = () => {
      request.aborted = true
      nativeAbort.call(request)
    }
    request.uri = options.uri
    return request
  }

  /** The engine's own function, whatever stands in its place. */
  readonly engine = this.xhr

  /** Answers a request, by default the one that was sent last. */
  answer(answer: VhsAnswer, index = -1): void {
    const options = this.sent.at(index)
    const request = options?.xhr
    if (options === undefined || request === undefined) throw new Error('nothing was sent')
    request.finish(answer, answer.url ?? options.uri)
    this.#callbacks.at(index)?.(answer.status < 300 ? null : new Error('refused'), request)
  }
}

/** A player of Video.js, which has an engine once it has a source. */
export class FakeVideojs implements VideojsPlayer {
  vhs: FakeVhs | undefined
  readonly errors: unknown[] = []
  readonly #listeners = new Map<string, Set<() => void>>()

  on(type: string, listener: () => void): void {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners.add(listener))
  }

  off(type: string, listener: () => void): void {
    this.#listeners.get(type)?.delete(listener)
  }

  trigger(type: string): void {
    for (const listener of this.#listeners.get(type) ?? []) listener()
  }

  tech() {
    return { vhs: this.vhs }
  }

  error(error: never): void {
    this.errors.push(error)
  }

  /** Sets a source. */
  open(): FakeVhs {
    this.vhs = new FakeVhs()
    this.trigger('xhr-hooks-ready')
    return this.vhs
  }
}
