import { type LoopbackServer, listenOnLoopback } from './loopback.ts'

/** What stands between a viewer and a gate in a test. */
export interface Front extends LoopbackServer {
  /** What was asked for, in order, and what it was answered with. */
  readonly requests: readonly FrontRequest[]
}

export interface FrontRequest {
  /** With the query, exactly as it stood in the request line. */
  readonly target: string
  readonly status: number
}

export interface FrontOptions {
  /** Answers by itself with that status: a refusal as the gate would write it, or a redirection. */
  readonly interfere?: (
    target: string,
  ) => { readonly status: number; readonly location?: string } | null
}

/** Passes requests on to a server, but for those that a test wants to go otherwise. */
export async function startFront(behind: string, options: FrontOptions = {}): Promise<Front> {
  const requests: FrontRequest[] = []
  const server = await listenOnLoopback(async (request, response) => {
    const { url: target = '', method = 'GET', headers } = request
    const own = options.interfere?.(target) ?? null
    if (own !== null) {
      requests.push({ target, status: own.status })
      response.writeHead(own.status, {
        'Access-Control-Allow-Origin': '*',
        ...(own.location !== undefined && { location: own.location }),
      })
      response.end(JSON.stringify({ reason: 'token-expired', renew: true }))
      return
    }
    const { host: _, connection: __, ...others } = headers
    const body = method === 'POST' ? Buffer.concat(await request.toArray()) : null
    const answer = await fetch(behind + target, {
      method,
      headers: others as Record<string, string>,
      body,
    })
    requests.push({ target, status: answer.status })
    const bytes = Buffer.from(await answer.arrayBuffer())
    // These bytes are not compressed any more.
    const { 'content-encoding': ___, ...kept } = Object.fromEntries(answer.headers)
    response.writeHead(answer.status, { ...kept, 'content-length': bytes.length }).end(bytes)
  })
  return { ...server, requests }
}
