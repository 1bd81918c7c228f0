import { findBareToken } from '../../shared/bare-token.ts'
import { OptionError } from '../../shared/codes.ts'
import {
  joinUrl,
  readParameter,
  removeParameters,
  splitUrl,
  type UrlParts,
} from '../../shared/query.ts'

export interface EctokenLocateOptions {
  /** The raw request target: path and query, nothing decoded. */
  readonly url: string
  /** Name of the parameter that holds the token. @default '' the bare query string, `?TOKEN` */
  readonly param?: string | undefined
}

export type EctokenLocateResult =
  /** No token. */
  | { readonly token: null }
  /** As received. `rest` is the request target without it. */
  | { readonly token: string; readonly rest: string }
  /** The parameter stands there twice with different values: refuse the request (threat T49). */
  | { readonly error: 'ambiguous' }

function withQuery(url: UrlParts, query: string): string {
  return joinUrl({ ...url, query: query === '' ? null : query })
}

/**
 * Finds the token in a request target: the first part of the query without `=`, or the parameter of that
 * name, beside which a bare part is not considered (spec/token-formats section 2.2). Finding is not opening.
 *
 * @throws {OptionError} (a `TypeError`) for the name `ec_token`, which the CDN does not take, and for what
 *   can be no name
 */
export function locateEctoken({ url, param = '' }: EctokenLocateOptions): EctokenLocateResult {
  if (param === 'ec_token' || !/^[\w.-]*$/.test(param)) {
    throw new OptionError([{ path: 'param', message: 'must be a name, and not ec_token' }])
  }
  const parts = splitUrl(url)
  const query = parts.query ?? ''
  if (param === '') {
    const bare = findBareToken(query)
    return bare === null ? { token: null } : { ...bare, rest: withQuery(parts, bare.rest) }
  }
  const [token, ...others] = readParameter(query, param)
  if (token === undefined) return { token: null }
  if (others.some((other) => other !== token)) return { error: 'ambiguous' }
  return { token, rest: withQuery(parts, removeParameters(query, [param])) }
}
