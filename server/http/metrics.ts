import { Counter, Histogram, Registry } from 'prom-client'

/** Figures for Prometheus. Labels are rule names and reasons, never anything a client chose. */
export interface Metrics {
  readonly registry: Registry
  request(rule: string, outcome: string, reason: string, seconds: number): void
  sessionOpened(rule: string): void
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  const requests = new Counter({
    name: 'playgate_requests_total',
    help: 'Requests by rule, outcome (open, session, access, opened, renewed, refused, let-through, missing, not-found, preflight, failed) and public reason',
    labelNames: ['rule', 'outcome', 'reason'],
    registers: [registry],
  })
  const opened = new Counter({
    name: 'playgate_sessions_opened_total',
    help: 'Sessions opened, by rule',
    labelNames: ['rule'],
    registers: [registry],
  })
  const durations = new Histogram({
    name: 'playgate_request_seconds',
    help: 'Time to the end of the answer, by rule',
    labelNames: ['rule'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  })
  return {
    registry,
    request(rule, outcome, reason, seconds) {
      requests.inc({ rule, outcome, reason })
      durations.observe({ rule }, seconds)
    },
    sessionOpened: (rule) => opened.inc({ rule }),
  }
}
