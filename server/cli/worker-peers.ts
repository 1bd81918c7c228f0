import type { Registry } from 'prom-client'
import type { JoinPeers } from '../http/peers.ts'
import type { PrimaryChannel } from './worker-messages.ts'

export interface WorkerPeersOptions {
  readonly channel: PrimaryChannel
  /** Told of messages that were not sent. */
  readonly warn: (reason: string) => void
  /** Milliseconds, of a clock that is never set. */
  readonly now: () => number
  /** How long the primary may take over the figures. @default 1000 */
  readonly timeoutMs?: number
}

/** Protects the primary process, through which every message goes, once to each worker. */
const mostToldPerSecond = 100
const mostToldBytes = 16_384

/** The other worker processes, reached through the primary. */
export class WorkerPeers {
  /** For `createPlaygate()`. */
  readonly join: JoinPeers = (registry) => {
    this.#registry = registry
    return {
      metrics: () => this.#metrics(registry),
      tell: (message) => this.#tell(message),
      onTold: (listener) => void this.#listeners.push(listener),
    }
  }

  readonly #channel: PrimaryChannel
  readonly #options: Required<WorkerPeersOptions>
  readonly #listeners: ((message: unknown) => void)[] = []
  readonly #asked = new Map<number, (text: string) => void>()
  #requests = 0
  #registry: Registry | null = null
  #second = { beganMs: Number.NEGATIVE_INFINITY, told: 0 }

  constructor(options: WorkerPeersOptions) {
    this.#options = { timeoutMs: 1_000, ...options }
    this.#channel = options.channel
    this.#channel.receive((message) => {
      if (message.playgate === 'told') for (const hear of this.#listeners) hear(message.message)
      else if (message.playgate === 'metrics') this.#asked.get(message.request)?.(message.text)
      else if (message.playgate === 'figures') void this.#sendFigures(message.request)
    })
  }

  /** Leaves our figures with the primary, so that what was counted here stays counted. */
  async leave(): Promise<void> {
    await this.#sendFigures(null)
  }

  async #sendFigures(request: number | null): Promise<void> {
    try {
      const figures = (await this.#registry?.getMetricsAsJSON()) ?? []
      this.#channel.send({ playgate: 'figures', request, figures })
    } catch (error) {
      this.#options.warn(`figures were not sent: ${String(error)}`)
    }
  }

  /** Our own alone when the primary does not answer. */
  async #metrics(registry: Registry): Promise<string> {
    this.#requests += 1
    const request = this.#requests
    const text = await new Promise<string | null>((resolve) => {
      const timer = setTimeout(() => resolve(null), this.#options.timeoutMs)
      this.#asked.set(request, (answered) => {
        clearTimeout(timer)
        resolve(answered)
      })
      this.#channel.send({ playgate: 'metrics', request })
    })
    this.#asked.delete(request)
    return text ?? registry.metrics()
  }

  #tell(message: unknown): void {
    const nowMs = this.#options.now()
    if (nowMs - this.#second.beganMs >= 1_000) this.#second = { beganMs: nowMs, told: 0 }
    this.#second.told += 1
    if (this.#second.told > mostToldPerSecond) {
      if (this.#second.told > mostToldPerSecond + 1) return
      this.#options.warn(`more than ${mostToldPerSecond} messages a second to the other workers`)
      return
    }
    const bytes = Buffer.byteLength(JSON.stringify(message) ?? '')
    if (bytes > mostToldBytes) {
      this.#options.warn(`a message of ${bytes} bytes to the other workers was not sent`)
    } else this.#channel.send({ playgate: 'tell', message })
  }
}
