import type { Outbound, OutboundAnswer, OutboundRequest } from '../origin/outbound.ts'
import { codeOf, OutboundError } from '../origin/outbound-error.ts'
import { type RemoteGrants, readGrants } from './grants.ts'

/** What a site's own server said. */
export type RemoteAnswer =
  | { readonly outcome: 'approve'; readonly grants: RemoteGrants }
  | { readonly outcome: 'reject' }
  | NoAnswer

export interface NoAnswer {
  readonly outcome: 'no-answer'
  /** Nothing came, or a gateway said that nothing would: the server is away, and not at odds with this one request. */
  readonly isAway: boolean
  /** For the log. */
  readonly detail: string
}

export interface Asking {
  readonly method: OutboundRequest['method']
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  /** Milliseconds a try. */
  readonly timeoutMs: number
  /** Tries after the first. */
  readonly retries: number
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal
}

export interface AskResult {
  readonly answer: RemoteAnswer
  /** Tries it took, 1 or more. */
  readonly attempts: number
}

/**
 * Asks until there is an answer, within `timeoutMs` × (`retries` + 1) altogether. 200 approves and 403 rejects;
 * all else is no answer (forward-auth section 2.1), a redirect too: it is never followed (threats T63). The
 * status decides as soon as the header is there, and the body is thrown away.
 *
 * @throws the reason of `signal` once it is aborted
 */
export async function askRemote(out: Outbound, asking: Asking): Promise<AskResult> {
  const endsAt = performance.now() + asking.timeoutMs * (asking.retries + 1)
  let leftMs = asking.timeoutMs
  for (let attempts = 1; ; attempts += 1) {
    const answer = await tryOnce(out, asking, Math.min(asking.timeoutMs, leftMs))
    leftMs = Math.floor(endsAt - performance.now())
    const isLast = attempts > asking.retries || leftMs < 1
    if (answer.outcome !== 'no-answer' || isLast) return { answer, attempts }
  }
}

async function tryOnce(out: Outbound, asking: Asking, limitMs: number): Promise<RemoteAnswer> {
  const { method, target, headers, signal } = asking
  try {
    // A question changes nothing, so it may be repeated where an old connection was closed under it, which is no try of the server's.
    const answer = await out.send({
      ...{ method, headers, signal, path: target, headersMs: limitMs, repeats: 'kept' },
    })
    answer.discard()
    return judge(answer)
  } catch (error) {
    if (signal.aborted) throw signal.reason
    return { outcome: 'no-answer', isAway: true, detail: describeFailure(error, limitMs) }
  }
}

/** RFC 9110 sections 15.6.3 to 15.6.5: said by a gateway in front of a server that is down or overloaded. */
const awayStatuses: ReadonlySet<number> = new Set([502, 503, 504])

function judge({ status, headers }: OutboundAnswer): RemoteAnswer {
  if (status === 403) return { outcome: 'reject' }
  if (status !== 200) {
    return {
      outcome: 'no-answer',
      isAway: awayStatuses.has(status),
      detail: `it answered ${status}`,
    }
  }
  const grants = readGrants(headers)
  if (typeof grants !== 'string') return { outcome: 'approve', grants }
  return { outcome: 'no-answer', isAway: false, detail: `it answered 200 with a bad ${grants}` }
}

function describeFailure(error: unknown, limitMs: number): string {
  if (error instanceof OutboundError && error.kind === 'silent') {
    return `it was silent for ${limitMs} ms`
  }
  const cause = error instanceof Error ? error.cause : undefined
  return `it could not be reached: ${codeOf(cause) || codeOf(error) || 'error'}`
}
