import { bareTokensIn, findBareToken, isBareTokenText, setBareToken } from './bare-token.ts'
import { readParameter, removeParameters, setParameter } from './query.ts'

/** Where a token may ride, in the order in which we look. */
export type TokenLocation = 'path' | 'query' | 'header' | 'cookie'

export interface LocatedToken {
  readonly name: string
  readonly location: TokenLocation
  /** As received, nothing decoded: signatures are made over these bytes. May be empty. */
  readonly token: string
}

export interface TokenSearch {
  /** The raw request target, path and query. */
  readonly target: string
  /** The text of the `Cookie` header. */
  readonly cookie?: string | undefined
  /** Request headers by lower-case name, as Node gives them. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>> | undefined
  /**
   * The names that tokens have here, such as `hdnts` and `hdntl`. Compared with case, but in headers. The empty
   * name stands for the bare token of the query, `?TOKEN` (spec/token-formats section 2.2), and for nothing
   * elsewhere.
   */
  readonly names: readonly string[]
}

export interface TokensFound {
  readonly ok: true
  /** At most one for each name and location; path before query before header before cookie. */
  readonly found: readonly LocatedToken[]
  /**
   * The target without the tokens in its path and query. All other bytes are as they were; so is a bare part that
   * cannot be a token, such as `?v2`, although it is found as one: origins know it.
   */
  readonly rest: string
}

export interface TokensAmbiguous {
  readonly ok: false
  readonly error: 'ambiguous'
  /** For the log: name and place, never a token. */
  readonly detail: string
}

interface PathScan {
  readonly found: LocatedToken[]
  readonly rest: string
}

/** Where the token that begins at `start` ends. */
function endOfPathToken(path: string, start: number): number {
  const slash = path.indexOf('/', start)
  if (slash < 0) return path.length
  // The ACL should spell its slashes %2f here. Where it does not, the token goes on up to its hmac.
  const mac = path.indexOf('~hmac=', start)
  const aclStart = path.indexOf('acl=', start)
  if (mac < slash || aclStart < 0 || aclStart > slash) return slash
  let end = mac + '~hmac='.length
  while (/[0-9a-f]/.test(path.charAt(end))) end += 1
  return end === path.length || path.charAt(end) === '/' ? end : slash
}

/** Tokens as segments `name=…` of the path, at any depth (spec/token-formats section 1.7). */
function scanPath(path: string, names: readonly string[]): PathScan {
  const found: LocatedToken[] = []
  let rest = ''
  let copied = 0
  for (let slash = path.indexOf('/'); slash >= 0; ) {
    const segment = slash + 1
    const name = names.find((candidate) => path.startsWith(`${candidate}=`, segment))
    if (name === undefined) {
      slash = path.indexOf('/', segment)
      continue
    }
    const start = segment + name.length + 1
    const end = endOfPathToken(path, start)
    found.push({ name, location: 'path', token: path.slice(start, end) })
    rest += path.slice(copied, segment)
    // The slash behind the token goes with it; the next segment then stands behind the one before.
    copied = end < path.length ? end + 1 : end
    slash = end < path.length ? end : -1
  }
  return found.length === 0 ? { found, rest: path } : { found, rest: rest + path.slice(copied) }
}

interface QueryScan {
  readonly found: LocatedToken[]
  /** Without the `?`. */
  readonly rest: string
}

function scanQuery(query: string, names: readonly string[], takesBare: boolean): QueryScan {
  const found: LocatedToken[] = names.flatMap((name) =>
    readParameter(query, name).map((token) => ({ name, location: 'query', token })),
  )
  const rest = removeParameters(query, names)
  const bare = takesBare ? findBareToken(rest) : null
  if (bare === null) return { found, rest }
  const isToken = isBareTokenText(bare.token)
  // A part of another form hides the tokens behind it; of two of this form nobody knows which is meant.
  const tokens = isToken ? [bare.token, ...bareTokensIn(bare.rest)] : [bare.token]
  found.push(...tokens.map((token): LocatedToken => ({ name: '', location: 'query', token })))
  return { found, rest: isToken ? bare.rest : rest }
}

function scanHeaders(headers: TokenSearch['headers'], names: readonly string[]): LocatedToken[] {
  if (headers === undefined) return []
  return names.flatMap((name) => {
    const field = name.toLowerCase()
    const value = Object.hasOwn(headers, field) ? headers[field] : undefined
    if (value === undefined) return []
    // Node joins repeated fields with a comma and a blank, which no token holds.
    return [value]
      .flat()
      .flatMap((text) => text.split(', '))
      .map((text) => ({ name, location: 'header' as const, token: text.trim() }))
  })
}

/**
 * Tokens among the pairs of a `Cookie` header (RFC 6265 section 4.2.1). Values are taken raw, without the
 * quotes that may stand around them: decoders turn `%2f` into `/` and so break the signature (threat T88).
 */
function scanCookies(cookie: string | undefined, names: readonly string[]): LocatedToken[] {
  if (cookie === undefined) return []
  const found: LocatedToken[] = []
  for (const pair of cookie.split(';')) {
    const equals = pair.indexOf('=')
    if (equals < 0) continue
    const name = pair.slice(0, equals).trim()
    if (!names.includes(name)) continue
    const value = pair.slice(equals + 1).trim()
    const isQuoted = value.length > 1 && value.startsWith('"') && value.endsWith('"')
    found.push({ name, location: 'cookie', token: isQuoted ? value.slice(1, -1) : value })
  }
  return found
}

/**
 * Finds every token in a request. A token named twice in one place with different values is refused, not
 * chosen between (threats T49 and T86); the same text twice counts once.
 */
export function locateTokens({
  target,
  cookie,
  headers,
  names: allNames,
}: TokenSearch): TokensFound | TokensAmbiguous {
  const names = allNames.filter((name) => name !== '')
  const mark = target.indexOf('?')
  const path = scanPath(mark < 0 ? target : target.slice(0, mark), names)
  const query = mark < 0 ? '' : target.slice(mark + 1)
  const pairs = scanQuery(query, names, names.length < allNames.length)
  const everyToken = [
    ...path.found,
    ...pairs.found,
    ...scanHeaders(headers, names),
    ...scanCookies(cookie, names),
  ]

  const found: LocatedToken[] = []
  for (const token of everyToken) {
    const earlier = found.find(
      ({ name, location }) => name === token.name && location === token.location,
    )
    if (earlier === undefined) found.push(token)
    else if (earlier.token !== token.token) {
      const name = token.name || 'a bare token'
      const detail = `${name} stands twice in the ${token.location}, with different values`
      return { ok: false, error: 'ambiguous', detail }
    }
  }
  const hasNoQuery = mark < 0 || (pairs.rest === '' && query !== '')
  return { ok: true, found, rest: hasNoQuery ? path.rest : `${path.rest}?${pairs.rest}` }
}

/**
 * The path with the token in front of it, where all that is resolved against it inherits the token.
 *
 * @param path beginning with `/`; may have a query
 * @throws {TypeError} when the token holds what would end its segment: mint it with an escaped ACL
 */
export function placeInPath(path: string, name: string, token: string): string {
  if (!path.startsWith('/')) throw new TypeError('a token goes in front of an absolute path only')
  if (/[/?#]/.test(token)) throw new TypeError(`this token cannot ride in a path as ${name}`)
  return `/${name}=${token}${path}`
}

/**
 * The URL with the token as the last pair of its query, in place of any earlier one of that name; with the empty
 * name as its first part, bare, in place of any earlier bare token.
 *
 * @throws {TypeError} when the token holds what would end its pair, or cannot be told from other bare parts
 */
export function placeInQuery(url: string, name: string, token: string): string {
  if (name === '') {
    if (!isBareTokenText(token)) throw new TypeError('this token cannot ride bare in a query')
    return setBareToken(url, token)
  }
  if (/[&#]/.test(token)) throw new TypeError(`this token cannot ride in a query as ${name}`)
  return setParameter(url, name, token)
}
