import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { AskedRemote } from '../remote/remote.ts'

/** What is read when somebody asks for the figures. */
export interface StoreGauges {
  readonly isUp: boolean
  /** Since it was last heard. */
  readonly silentSeconds: number
  /** Sessions with news that it was not told. */
  readonly backlog: number
  /** Sessions that asked for something within a minute. */
  readonly activeSessions: number
  /** Entries that end sessions. */
  readonly endings: number
}

/** Figures for Prometheus. Labels are rule names, reasons and operations, never anything a client chose. */
export interface Metrics {
  readonly registry: Registry
  request(rule: string, outcome: string, reason: string, seconds: number): void
  sessionOpened(rule: string): void
  storeCall(operation: string, seconds: number, isFailure: boolean): void
  remoteAsked(asked: AskedRemote): void
  remoteStanding(remote: string): void
  /** Where the figures of the store come from; `null`: there is none. */
  watchStore(read: () => StoreGauges | null): void
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const requests = new Counter({
    name: 'playgate_requests_total',
    help: 'Requests by rule, outcome (open, session, access, opened, renewed, ended, refused, let-through, missing, not-found, preflight, failed) and public reason; too-many-unknown: too many unknown tokens from one address',
    labelNames: ['rule', 'outcome', 'reason'],
    registers,
  })
  const opened = new Counter({
    name: 'playgate_sessions_opened_total',
    help: 'Sessions opened, by rule',
    labelNames: ['rule'],
    registers,
  })
  const durations = new Histogram({
    name: 'playgate_request_seconds',
    help: 'Time to the end of the answer, by rule',
    labelNames: ['rule'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers,
  })
  const storeSeconds = new Histogram({
    name: 'playgate_store_seconds',
    help: 'Time of a call to the store, by operation',
    labelNames: ['operation'],
    buckets: [0.0005, 0.002, 0.01, 0.05, 0.25, 1, 5],
    registers,
  })
  const storeFailures = new Counter({
    name: 'playgate_store_failures_total',
    help: 'Calls that the store did not answer, by operation',
    labelNames: ['operation'],
    registers,
  })
  const remotes = new Counter({
    name: 'playgate_remote_total',
    help: 'Questions to servers of the site, by name and outcome (approve, reject, no-answer, not-asked)',
    labelNames: ['remote', 'outcome'],
    registers,
  })
  const remoteSeconds = new Histogram({
    name: 'playgate_remote_seconds',
    help: 'Time of a question, retries included, by name',
    labelNames: ['remote'],
    buckets: [0.01, 0.05, 0.2, 0.5, 1, 3, 12],
    registers,
  })
  const standing = new Counter({
    name: 'playgate_remote_standing_total',
    help: 'Running sessions that go on as they were last answered, because a recheck had no answer, by name',
    labelNames: ['remote'],
    registers,
  })
  return {
    registry,
    remoteStanding: (remote) => standing.inc({ remote }),
    remoteAsked({ remote, outcome, tookMs }) {
      remotes.inc({ remote, outcome })
      if (outcome !== 'not-asked') remoteSeconds.observe({ remote }, tookMs / 1000)
    },
    request(rule, outcome, reason, seconds) {
      requests.inc({ rule, outcome, reason })
      durations.observe({ rule }, seconds)
    },
    sessionOpened: (rule) => opened.inc({ rule }),
    storeCall(operation, seconds, isFailure) {
      storeSeconds.observe({ operation }, seconds)
      if (isFailure) storeFailures.inc({ operation })
    },
    watchStore(read) {
      const gauge = (
        name: string,
        help: string,
        aggregator: 'min' | 'max' | 'sum',
        value: (gauges: StoreGauges) => number,
      ): void => {
        registry.removeSingleMetric(name)
        new Gauge({
          name,
          help,
          aggregator,
          registers,
          collect() {
            const gauges = read()
            if (gauges !== null) this.set(value(gauges))
          },
        })
      }
      gauge('playgate_store_up', '1: the store answers', 'min', ({ isUp }) => (isUp ? 1 : 0))
      gauge(
        'playgate_store_silent_seconds',
        'Time since the store was last heard: how late an ended session may end here',
        'max',
        ({ silentSeconds }) => silentSeconds,
      )
      gauge(
        'playgate_store_backlog',
        'Sessions with news that the store was not told yet',
        'sum',
        ({ backlog }) => backlog,
      )
      gauge(
        'playgate_sessions_active',
        'Sessions that asked for something within a minute; one that several workers serve counts in each of them',
        'sum',
        ({ activeSessions }) => activeSessions,
      )
      gauge(
        'playgate_endings',
        'Entries in force that end sessions: one each, however many sessions it ends',
        'max',
        ({ endings }) => endings,
      )
    },
  }
}
