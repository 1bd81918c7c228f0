import { request as httpRequest, type IncomingMessage } from 'node:http'
import { z } from 'zod'
import { readParameter, splitUrl } from '../../shared/query.ts'
import { parseTokenText } from '../../shared/token-text.ts'
import { problemDocument } from '../http/answer-error.ts'
import type { Explanation, Playgate } from '../index.ts'

/** What the page's buttons try with a link that it played. */
const attemptSchema = z.strictObject({
  kind: z.enum(['same', 'other-agent', 'other-path', 'expired', 'forged']),
  /** Path and query, as the player asked for it. */
  url: z.string().startsWith('/vod/').max(8192),
})

export type Attempt = z.output<typeof attemptSchema>

export interface AttemptResult {
  /** What was asked, after the change that the button makes. */
  readonly url: string
  readonly userAgent: string
  /** Seconds since 1970, when the request was judged as of another time than now. */
  readonly asOf: number | null
  readonly status: number
  /** The body of the refusal, as any client gets it. */
  readonly problem: unknown
  /** What the operator sees: each check with its outcome. */
  readonly explanation: Explanation
}

const strangersAgent = 'Mozilla/5.0 (X11; Linux x86_64) SomebodyElse/1.0'

/** @returns `null` for anything but an attempt */
export async function readAttempt(request: IncomingMessage): Promise<Attempt | null> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > 16_384) return null
    chunks.push(chunk)
  }
  try {
    return attemptSchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')))
  } catch {
    return null
  }
}

/** Asks this very server for the link, as a thief would, and says what came back and why. */
export async function attempt(
  gate: Playgate,
  { kind, url: played }: Attempt,
  page: IncomingMessage,
): Promise<AttemptResult> {
  const url =
    kind === 'other-path' ? otherPath(played) : kind === 'forged' ? forged(played) : played
  const userAgent = kind === 'other-agent' ? strangersAgent : (page.headers['user-agent'] ?? '')
  const host = page.headers.host ?? 'localhost'
  const asOf = kind === 'expired' ? justAfterEnd(played) : null
  const explanation = await gate.explain({
    url,
    headers: { host, 'user-agent': userAgent },
    clientAddress: page.socket.remoteAddress,
    ...(asOf !== null && { now: asOf }),
  })
  if (asOf !== null) {
    // Nobody waits a day for a demo: the same request, judged as of the second after the token's end.
    const { status, reason, renew } = explanation.answer
    const problem =
      status === null || reason === null ? null : problemDocument(status, { reason, renew })
    return { url, userAgent, asOf, status: status ?? 200, problem, explanation }
  }
  const { status, problem } = await ask(page, url, userAgent, host)
  return { url, userAgent, asOf, status, problem, explanation }
}

/** The same token on a path that its ACL does not cover. */
function otherPath(url: string): string {
  const { query } = splitUrl(url)
  return `/vod/another-film/index.m3u8${query === null ? '' : `?${query}`}`
}

/** One digit of the signature changed. */
function forged(url: string): string {
  return url.replace(/(hmac=[0-9a-f]*)([0-9a-f])/, (_, start: string, last: string) => {
    return start + (last === '0' ? '1' : '0')
  })
}

function justAfterEnd(url: string): number | null {
  const query = splitUrl(url).query ?? ''
  const token = [...readParameter(query, 'hdntl'), ...readParameter(query, 'hdnts')][0] ?? ''
  const parsed = parseTokenText(token, 64)
  return parsed.ok ? parsed.fields.exp + 1 : null
}

/** A request over the loopback to the port that the page itself came from. */
function ask(
  page: IncomingMessage,
  path: string,
  userAgent: string,
  host: string,
): Promise<{ status: number; problem: unknown }> {
  return new Promise((resolve, reject) => {
    const asking = httpRequest(
      {
        host: page.socket.localAddress,
        port: page.socket.localPort,
        path,
        headers: { Host: host, 'User-Agent': userAgent },
        timeout: 5_000,
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const isProblem = response.headers['content-type']?.startsWith('application/problem+json')
          const text = Buffer.concat(chunks).toString('utf8')
          const problem: unknown = isProblem ? JSON.parse(text) : null
          resolve({ status: response.statusCode ?? 0, problem })
        })
      },
    )
    asking.on('timeout', () => asking.destroy(new Error('no answer')))
    asking.on('error', reject)
    asking.end()
  })
}
