import { type LocatedToken, locateTokens, type TokenLocation } from '../../shared/carrier.ts'
import { decodeOnce } from '../../shared/query.ts'
import { parseTokenText } from '../../shared/token-text.ts'
import { hmacDigits } from './algorithm.ts'

export interface LocateOptions {
  /** The raw request target: path and query, nothing decoded. */
  readonly url: string
  /** The text of the `Cookie` header. */
  readonly cookie?: string | undefined
  /** Request headers by name, in any case. */
  readonly header?: Readonly<Record<string, string>> | undefined
  /** @default ['hdnts', 'hdntl'] */
  readonly names?: readonly string[] | undefined
}

export interface FoundToken {
  readonly name: string
  readonly location: TokenLocation
  /** As received. Verify this first. */
  readonly token: string
  /** There when the token was percent-encoded on its way: verify this when `token` is malformed. */
  readonly decodedOnce?: string
}

export type LocateResult =
  /** No token. */
  | { readonly token: null }
  /** One token. `rest` is the request target without it. */
  | (FoundToken & { readonly rest: string })
  /** Several: path before query before header before cookie. */
  | { readonly all: readonly FoundToken[]; readonly rest: string }
  /** One name twice in one place with different values: refuse the request. */
  | { readonly error: 'ambiguous' }

function isTokenText(text: string): boolean {
  return Object.values(hmacDigits).some((digits) => parseTokenText(text, digits).ok)
}

function describe({ name, location, token }: LocatedToken): FoundToken {
  const decoded = decodeOnce(token)
  const isEncoded = decoded !== token && !isTokenText(token) && isTokenText(decoded)
  return { name, location, token, ...(isEncoded && { decodedOnce: decoded }) }
}

/**
 * Finds the tokens in a request: in the path, the query, the headers and the cookies (spec/token-formats
 * section 1.7). Finding is not verifying: hand `token` to `verify`.
 */
export function locateEdgeauth({
  url,
  cookie,
  header = {},
  names = ['hdnts', 'hdntl'],
}: LocateOptions): LocateResult {
  const headers = Object.fromEntries(
    Object.entries(header).map(([name, value]) => [name.toLowerCase(), value]),
  )
  const located = locateTokens({ target: url, cookie, headers, names })
  if (!located.ok) return { error: located.error }
  const all = located.found.map(describe)
  const [only] = all
  if (only === undefined) return { token: null }
  return all.length > 1 ? { all, rest: located.rest } : { ...only, rest: located.rest }
}
