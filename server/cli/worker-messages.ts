import type { Registry } from 'prom-client'
import type { ExitStatus } from './output.ts'

/** The figures of one process. */
export type Figures = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

/** What the primary process tells a worker. */
export type ToWorker =
  /** The configuration file has changed. */
  | { readonly playgate: 'reload' }
  /** End; the port is closed. */
  | { readonly playgate: 'stop' }
  /** End; another worker has come in its place. */
  | { readonly playgate: 'drain' }
  /** Wants to know the worker's own figures. */
  | { readonly playgate: 'figures'; readonly request: number }
  /** The figures of all workers that were asked for, in Prometheus' text format. */
  | { readonly playgate: 'metrics'; readonly request: number; readonly text: string }
  /** What another worker told. */
  | { readonly playgate: 'told'; readonly message: unknown }

/** What a worker tells the primary process. */
export type FromWorker =
  | { readonly playgate: 'listens'; readonly url: string }
  /** It could not start, and ends. */
  | { readonly playgate: 'failed'; readonly status: ExitStatus; readonly reason: string }
  /** Its own figures; the last ones, unasked, when it ends: `request` is `null`. */
  | { readonly playgate: 'figures'; readonly request: number | null; readonly figures: Figures }
  /** Wants to know the figures of all workers. */
  | { readonly playgate: 'metrics'; readonly request: number }
  /** For all other workers. */
  | { readonly playgate: 'tell'; readonly message: unknown }

/** The way from a worker to its primary process. */
export interface PrimaryChannel {
  /** Lost when the primary is gone. */
  send(message: FromWorker): void
  receive(listener: (message: ToWorker) => void): void
}

/** Is it one of ours? Node and packages send theirs over the same channel. */
export function isOurs<Message extends ToWorker | FromWorker>(
  message: unknown,
): message is Message {
  return typeof message === 'object' && message !== null && 'playgate' in message
}
