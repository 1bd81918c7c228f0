import type { KeyObject } from 'node:crypto'
import { z } from 'zod'
import { OptionError, type OptionProblem } from '../../shared/codes.ts'
import type { BareRequest } from './bare-request.ts'
import { judgeSecret } from './judge-secret.ts'
import { judgeHeaders, judgeParameters } from './judge-selection.ts'
import { judgeUrl } from './judge-url.ts'

const mostAdded = 50

/** A name, and what it stands for: fixed text (`env:`, `file:` too) or one of the presets. */
const additions = z
  .record(z.string(), z.string())
  .refine((added) => Object.keys(added).length <= mostAdded, `more than ${mostAdded} names`)
  .default({})

const keep = z
  .union([z.string(), z.array(z.string()).max(256)], 'all, none, or a list of names')
  .default('all')

const selection = z.strictObject({ keep, add: additions }).prefault({})

/** One entry of `remotes` (design section 6), as a person writes it. */
export const remoteSchema = z.strictObject({
  url: z.string(),
  method: z.enum(['POST', 'GET', 'HEAD']).default('POST'),
  parameters: selection,
  headers: selection,
  timeoutMs: z.int().min(500).max(3_000).default(3_000),
  retries: z.int().min(0).max(3).default(1),
  onTimeout: z.enum(['approve', 'reject']).default('reject'),
  recheckSeconds: z.int().min(0).max(86_400).default(0),
  signature: z.strictObject({ secret: z.string() }).optional(),
  breaker: z
    .strictObject({
      failures: z.int().min(0).max(1_000).default(5),
      pauseSeconds: z.int().min(1).max(3_600).default(10),
    })
    .prefault({}),
  maxConnections: z.int().min(1).max(1_024).default(64),
  allowPrivate: z.boolean().default(true),
})

export type ShapedRemote = z.output<typeof remoteSchema>

/** Names in the spelling they are compared in: parameters with case, headers in lower case. */
export type Keep = 'all' | 'none' | ReadonlySet<string>

export interface Addition {
  /** Of a header: in lower case. */
  readonly name: string
  /** A function, so that secrets show nowhere; `undefined`: there is nothing to send. */
  readonly value: (request: BareRequest) => string | undefined
}

export interface Selection {
  readonly keep: Keep
  readonly add: readonly Addition[]
}

/** One entry of `remotes`, judged. */
export interface RemoteOptions {
  /** `scheme://host[:port]` */
  readonly origin: string
  readonly path: string
  readonly method: 'POST' | 'GET' | 'HEAD'
  readonly parameters: Selection
  readonly headers: Selection
  /** Milliseconds a try. */
  readonly timeoutMs: number
  /** Tries after the first. */
  readonly retries: number
  /** What becomes of the viewer when no answer comes. */
  readonly onTimeout: 'approve' | 'reject'
  /** 0: a session is asked about once, when it opens. */
  readonly recheckSeconds: number
  /** `null`: questions are not signed. */
  readonly signingKey: KeyObject | null
  /** So many questions in a row without any reply, and nothing is asked for the pause. 0: goes on asking. */
  readonly breaker: { readonly failures: number; readonly pauseSeconds: number }
  readonly maxConnections: number
  /** May the server have a loopback, private or link-local address? */
  readonly allowPrivate: boolean
}

/**
 * @param readSecret text as it stands, or what `env:NAME` and `file:PATH` lead to; throws a `TypeError` saying what is missing
 * @throws {OptionError} every mistake, with its path inside the entry: `headers.add.Host`
 */
export function judgeRemote(
  shaped: ShapedRemote,
  readSecret: (text: string) => string,
): RemoteOptions {
  const problems: OptionProblem[] = []
  const complain = (path: string, message: string): void => void problems.push({ path, message })
  const place = judgeUrl(shaped.url, complain)
  const parameters = judgeParameters(shaped.parameters, readSecret, complain)
  const headers = judgeHeaders(shaped.headers, readSecret, complain)
  const signingKey = judgeSecret(shaped.signature?.secret, readSecret, complain)
  if (problems.length > 0) throw new OptionError(problems)
  const { method, timeoutMs, retries, onTimeout, recheckSeconds, breaker } = shaped
  const { maxConnections, allowPrivate } = shaped
  return Object.freeze({
    ...place,
    ...{ method, parameters, headers, timeoutMs, retries, onTimeout, recheckSeconds, signingKey },
    ...{ breaker, maxConnections, allowPrivate },
  })
}
