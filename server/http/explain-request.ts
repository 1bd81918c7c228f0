import { OptionError, PlaybackError } from '../../shared/codes.ts'
import { type AskedHeaders, readAskedAddress, readAskedHeaders } from '../session/asked-facts.ts'
import type { RequestFacts, RequestHeaders } from '../session/request-facts.ts'
import { refuseUnknown } from '../token/refuse-unknown.ts'
import { checkedHost, type ReadRequestOptions, readHost, readTarget } from './read-request.ts'

export interface ExplainRequest {
  /** An absolute URL, or a path with its query. Taken as it stands: nothing is encoded or normalised. */
  readonly url: string
  /** @default 'GET' */
  readonly method?: string | undefined
  /** Header fields as the client would send them; a list is a field that it sends several times. */
  readonly headers?: AskedHeaders | undefined
  /** @default '127.0.0.1' */
  readonly clientAddress?: string | undefined
  /** Was the request brought by a trusted proxy, whose country header is believed? @default false */
  readonly viaTrustedProxy?: boolean | undefined
  /** Seconds since 1970. What the store has is looked at as it is now. @default now */
  readonly now?: number | undefined
  /**
   * Does this process have the store that viewers meet? One beside a server that keeps all in its memory has not: what only that
   * server knows is `skipped`. @default true
   */
  readonly sharesStore?: boolean | undefined
}

const requestNames = {
  url: true,
  method: true,
  headers: true,
  clientAddress: true,
  viaTrustedProxy: true,
  now: true,
  sharesStore: true,
} as const

/**
 * The request that somebody describes, as the server would read it.
 *
 * @throws {OptionError} for what no client can ask: an unknown option, a URL that is none, an address that is none
 * @throws {PlaybackError} `ERR_REQUEST_TARGET`, for what a client can ask and the server refuses
 */
export function readExplainRequest(
  request: ExplainRequest,
  options: Omit<ReadRequestOptions, 'trustedProxies'>,
): RequestFacts {
  refuseUnknown(request, requestNames)
  const { url, method = 'GET', clientAddress = '127.0.0.1', viaTrustedProxy = false } = request
  const { scheme, host, target } = splitAsked(url)
  const headers = readAskedHeaders(request.headers ?? {})
  return {
    method,
    target,
    clientAddress: readAskedAddress(clientAddress),
    ...readTarget(target, options),
    host: host ?? hostOf(headers),
    scheme,
    serverAddress: '',
    viaTrustedProxy,
    headers,
  }
}

interface SplitUrl {
  readonly scheme: 'http' | 'https'
  /** `null`: it is a path. */
  readonly host: string | null
  readonly target: string
}

function splitAsked(url: string): SplitUrl {
  if (typeof url === 'string' && url.startsWith('/')) {
    return { scheme: 'http', host: null, target: url }
  }
  const [, scheme, authority = '', rest = ''] = /^(https?):\/\/([^/?#]*)(.*)$/is.exec(url) ?? []
  if (scheme === undefined) {
    throw urlProblem('neither a whole URL (http://…) nor a path that begins with /')
  }
  return {
    scheme: scheme.toLowerCase() === 'https' ? 'https' : 'http',
    host: hostNamed(authority),
    // RFC 9112 section 3.2.1: a client sends `/` for an empty path.
    target: rest.startsWith('/') ? rest : `/${rest}`,
  }
}

/** What a client could not put into a Host field is a mistake in the URL, and no request that the server would refuse. */
function hostNamed(authority: string): string {
  try {
    return checkedHost(authority)
  } catch (error) {
    if (!(error instanceof PlaybackError)) throw error
    throw urlProblem('names no host and port that a request can be for (no user, no blanks, ASCII)')
  }
}

function hostOf(headers: RequestHeaders): string {
  return headers.has('host') ? readHost(headers) : 'localhost'
}

function urlProblem(message: string): OptionError {
  return new OptionError([{ path: 'url', message }])
}
