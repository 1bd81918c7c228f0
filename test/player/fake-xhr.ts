/**
 * An `XMLHttpRequest` over `fetch`, with as much as hls.js' XhrLoader uses, in the order browsers do it.
 */
export class FakeXhr {
  readyState = 0
  status = 0
  statusText = ''
  responseType = ''
  responseURL = ''
  response: unknown = null
  withCredentials = false
  onreadystatechange: (() => void) | null = null
  onprogress:
    | ((event: { loaded: number; total: number; lengthComputable: boolean }) => void)
    | null = null
  readonly #headers = new Headers()
  readonly #abort = new AbortController()
  #url = ''
  #answer = new Headers()

  get responseText(): string {
    return typeof this.response === 'string' ? this.response : ''
  }

  open(_method: string, url: string): void {
    this.#url = url
    this.#move(1)
  }

  setRequestHeader(name: string, value: string): void {
    this.#headers.append(name, value)
  }

  getAllResponseHeaders(): string {
    return [...this.#answer].map(([name, value]) => `${name}: ${value}\r\n`).join('')
  }

  getResponseHeader(name: string): string | null {
    return this.#answer.get(name)
  }

  abort(): void {
    this.#abort.abort()
  }

  send(): void {
    this.#load().catch(() => {
      if (!this.#abort.signal.aborted) this.#move(4)
    })
  }

  async #load(): Promise<void> {
    const { signal } = this.#abort
    const answer = await fetch(this.#url, { headers: this.#headers, signal })
    this.status = answer.status
    this.statusText = answer.statusText
    this.responseURL = answer.url
    this.#answer = answer.headers
    this.#move(2)
    const bytes = await answer.arrayBuffer()
    const text = new TextDecoder().decode(bytes)
    this.response = this.responseType === 'arraybuffer' ? bytes : text
    if (this.responseType === 'json') this.response = parseJson(text)
    this.onprogress?.({ loaded: bytes.byteLength, total: bytes.byteLength, lengthComputable: true })
    this.#move(4)
  }

  #move(state: number): void {
    this.readyState = state
    this.onreadystatechange?.()
  }
}

/** Browsers give `null` for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
