import type { Registry } from 'prom-client'

/** The other worker processes of the same server; an application that runs alone has none. */
export interface Peers {
  /** The figures of all workers together, in Prometheus' text format. */
  metrics(): Promise<string>
  /** Tells the others; lost if one of them is gone. The message survives `JSON.stringify`. */
  tell(message: unknown): void
  /** What another one told. */
  onTold(listener: (message: unknown) => void): void
}

/** Makes the peers of a gate, whose own figures stand in that registry. */
export type JoinPeers = (registry: Registry) => Peers

/** Nobody else is there. */
export const alone: JoinPeers = (registry) => ({
  metrics: () => registry.metrics(),
  tell: () => undefined,
  onTold: () => undefined,
})
