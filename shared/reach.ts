import { OptionError, type OptionProblem } from './codes.ts'

/** May a request to this absolute URL carry our token? */
export type Reach = (url: URL) => boolean

interface ReachOptions {
  /** The URL the client fetched the naming document from; its own origin is always within reach. */
  readonly base: string | URL
  /** Further origins, `scheme://host[:port]`; without a port the scheme's default one is meant. */
  readonly origins?: readonly string[]
}

/**
 * The one place that says whether a URL may carry a token (threat T66). Scheme, host and port must all
 * be those of the base or of a listed origin, compared after the WHATWG algorithm has resolved the URL:
 * text tests fall for backslashes, `//host`, userinfo and look-alike hosts (spec/manifest-uris section 2).
 *
 * A URL with userinfo is out of reach even on a host of ours. Parsers disagree on where userinfo ends,
 * and browsers refuse to fetch such URLs, so there is nothing to gain by trusting it.
 *
 * @throws {OptionError} when the base is no http(s) URL, or an entry no bare http(s) origin
 */
export function createReach({ base, origins = [] }: ReachOptions): Reach {
  const problems: OptionProblem[] = []
  const own = parseHttpUrl(base)
  if (own === null) problems.push({ path: 'base', message: 'not an absolute http(s) URL' })
  const within = new Set<string>(own === null ? [] : [own.origin])
  origins.forEach((text, index) => {
    const origin = parseOrigin(text)
    if (origin === null) problems.push({ path: `origins[${index}]`, message: notAnOrigin })
    else within.add(origin)
  })
  if (problems.length > 0) throw new OptionError(problems)
  return (url) =>
    isHttp(url) && url.username === '' && url.password === '' && within.has(url.origin)
}

export const notAnOrigin = 'not an origin of the form scheme://host[:port] with http or https'

/** An absolute http(s) URL, or `null`. */
export function parseHttpUrl(value: string | URL): URL | null {
  try {
    const url = new URL(value)
    return isHttp(url) ? url : null
  } catch {
    return null
  }
}

/**
 * `scheme://host[:port]` in its one canonical spelling (lower case, no default port), or `null`. A single
 * trailing slash is forgiven; anything more, a wildcard included, would promise what is not kept.
 */
export function parseOrigin(text: string): string | null {
  if (typeof text !== 'string' || !/^https?:\/\/[^\s/?#\\@*]+\/?$/i.test(text)) return null
  return parseHttpUrl(text)?.origin ?? null
}

function isHttp(url: URL): boolean {
  return url.protocol === 'https:' || url.protocol === 'http:'
}
