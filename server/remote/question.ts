import { createHash } from 'node:crypto'
import { type AskedRequest, bareRequest } from './bare-request.ts'
import { foldHeader, keepHeaders } from './kept-headers.ts'
import { foldParameter, keepParameters } from './kept-parameters.ts'
import type { RemoteOptions } from './options.ts'

/** What a site's own server is asked: all of it, but for the signature. There is no body. */
export interface RemoteQuestion {
  /** The request target. */
  readonly target: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * How requests become questions for one server.
 *
 * @param sessionParameters every name under which some rule takes a session token: those are never sent
 */
export function questionMaker(
  { path, parameters, headers }: Pick<RemoteOptions, 'path' | 'parameters' | 'headers'>,
  sessionParameters: readonly string[],
): (asked: AskedRequest) => RemoteQuestion {
  const ourParameters = new Set(parameters.add.map(({ name }) => foldParameter(name)))
  const ourHeaders = new Set(headers.add.map(({ name }) => foldHeader(name)))
  return (asked) => {
    const bare = bareRequest(asked, sessionParameters)
    const pairs = keepParameters(bare.query, parameters.keep, ourParameters)
    for (const { name, value } of parameters.add) {
      pairs.push(`${name}=${encodeURIComponent(value(bare) ?? '')}`)
    }
    const fields = keepHeaders(bare.headers, headers.keep, ourHeaders)
    for (const { name, value } of headers.add) {
      const text = value(bare)
      if (text !== undefined) fields.push([name, text])
    }
    return {
      target: pairs.length === 0 ? path : `${path}?${pairs.join('&')}`,
      headers: Object.fromEntries(fields),
    }
  }
}

/** One short text for all questions that agree in every byte. */
export function questionIdentity({ target, headers }: RemoteQuestion): string {
  const text = JSON.stringify([target, Object.entries(headers)])
  return createHash('sha256').update(text).digest('base64url')
}
