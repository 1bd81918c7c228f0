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

/** Fewer characters hold no sealed text: iv and tag alone make 28 bytes. */
const bareTokenText = /^[A-Za-z0-9_-]{39,}$/

/**
 * Where the bare token stands among the pairs of a query, or -1. Without such a part, one that got an `=` at
 * its end on its way will do: some HTTP stacks write `?TOKEN` as `?TOKEN=` (spec/token-formats section 2.2).
 */
function findBare(pairs: readonly string[]): number {
  const bare = pairs.findIndex((pair) => pair !== '' && !pair.includes('='))
  if (bare >= 0) return bare
  return pairs.findIndex((pair) => pair.endsWith('=') && bareTokenText.test(pair.slice(0, -1)))
}

function withQuery(url: UrlParts, query: string): string {
  return joinUrl({ ...url, query: query === '' ? null : query })
}

function locateBare(url: UrlParts, query: string): EctokenLocateResult {
  const pairs = query.split('&')
  const at = findBare(pairs)
  const pair = pairs[at]
  if (pair === undefined) return { token: null }
  const others = pairs.filter((_, index) => index !== at).join('&')
  const token = pair.endsWith('=') ? pair.slice(0, -1) : pair
  return { token, rest: withQuery(url, others) }
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
  if (param === '') return locateBare(parts, query)
  const [token, ...others] = readParameter(query, param)
  if (token === undefined) return { token: null }
  if (others.some((other) => other !== token)) return { error: 'ambiguous' }
  return { token, rest: withQuery(parts, removeParameters(query, [param])) }
}
