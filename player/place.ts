import type { HeldCredential } from './credential.ts'
import type { Transport } from './types.ts'

/** The URL as the browser will ask for it: what is read off it, and sent, is what the browser means too. */
export const resolveUrl = (url: string | URL) => new URL(url, globalThis.document?.baseURI)

/**
 * A copy of the request without any token of the session, but for the credential where the transport
 * wants it. All other bytes of the query stay as they are, for others have signed them. (shared/query.ts
 * does more, and would take a tenth of all the bytes that this plugin may have.)
 *
 * An access token never rides in path or cookie. A URL that comes with a token in front of its path gets
 * the session token there, because that is the form the server gave it.
 *
 * @param names every name under which tokens of this session have been carried
 */
export function place<Request extends { url: string; headers?: Record<string, string> }>(
  request: Request,
  credential: HeldCredential | null,
  transport: Transport,
  names: ReadonlySet<string | undefined>,
): Request {
  const { origin, pathname, search } = resolveUrl(request.url)
  const isToken = (text: string | undefined) => names.has(text?.split('=')[0])
  const segments = pathname.split('/')
  const inPath = isToken(segments[1]) && segments.splice(1, 1)
  const pairs = search
    .split(/^\?|&/)
    .slice(1)
    .filter((pair) => !isToken(pair))
  let { headers } = request
  if (credential) {
    const { token, parameter, isSession } = credential
    const pair = `${parameter}=${token}`
    if (transport === 'header') headers = { ...headers, [parameter]: token }
    else if (isSession && (transport === 'path' || inPath)) {
      segments.splice(1, 0, pair.replace(/[/?]/g, encodeURIComponent))
    } else if (!isSession || transport === 'query') pairs.push(pair)
  }
  const query = pairs.join('&')
  return { ...request, headers, url: origin + segments.join('/') + (query && `?${query}`) }
}
