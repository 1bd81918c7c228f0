/**
 * One parameter of a raw query, read, removed and placed without touching any other byte. Signed URLs
 * are compared byte for byte, so `URLSearchParams`, which encodes the whole query again, cannot be used
 * (spec/manifest-uris section 3).
 */

/** Decodes `%xx` once. `+` stays `+`. Text whose escapes are broken or not UTF-8 is returned as it is. */
export function decodeOnce(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=')
  return equals < 0 ? pair : pair.slice(0, equals)
}

function isNamed(pair: string, name: string): boolean {
  const raw = nameOf(pair)
  return raw === name || (raw.includes('%') && decodeOnce(raw) === name)
}

/**
 * The raw (not decoded) values of every pair of that name, in order. Names are compared percent-decoded
 * and with case. A pair without `=` has the value ''.
 *
 * @param query without the leading `?`
 */
export function readParameter(query: string, name: string): string[] {
  if (query === '') return []
  const values: string[] = []
  for (const pair of query.split('&')) {
    if (!isNamed(pair, name)) continue
    const equals = pair.indexOf('=')
    values.push(equals < 0 ? '' : pair.slice(equals + 1))
  }
  return values
}

/**
 * The query without the pairs of these names. Other pairs keep text and order, empty ones included.
 *
 * @param query without the leading `?`
 */
export function removeParameters(query: string, names: readonly string[]): string {
  if (query === '') return query
  const pairs = query.split('&')
  const kept = pairs.filter((pair) => !names.some((name) => isNamed(pair, name)))
  return kept.length === pairs.length ? query : kept.join('&')
}

export interface UrlParts {
  /** Everything before the query. */
  readonly head: string
  /** Without the leading `?`; `null` when there is no `?` at all. */
  readonly query: string | null
  /** With the leading `#`, or ''. */
  readonly fragment: string
}

/** A URL text or reference cut at its first `#` and, before that, at its first `?`. */
export function splitUrl(url: string): UrlParts {
  const hash = url.indexOf('#')
  const fragment = hash < 0 ? '' : url.slice(hash)
  const rest = hash < 0 ? url : url.slice(0, hash)
  const mark = rest.indexOf('?')
  return mark < 0
    ? { head: rest, query: null, fragment }
    : { head: rest.slice(0, mark), query: rest.slice(mark + 1), fragment }
}

/** The raw query of a request target, which has no fragment; '' where there is none. */
export function targetQuery(target: string): string {
  const mark = target.indexOf('?')
  return mark < 0 ? '' : target.slice(mark + 1)
}

/** The URL with that query; `null` leaves the `?` out. */
export function joinUrl({ head, query, fragment }: UrlParts): string {
  return query === null ? head + fragment : `${head}?${query}${fragment}`
}

/**
 * The URL with `name=value` as the last pair of its query and no other pair of that name. The value is
 * placed as it is: the caller vouches that it needs no escaping. Doing it twice changes nothing.
 */
export function setParameter(url: string, name: string, value: string): string {
  const { head, query, fragment } = splitUrl(url)
  const pairs = query === null || query === '' ? [] : query.split('&')
  const kept = pairs.filter((pair) => !isNamed(pair, name))
  // A trailing `&` makes room for one pair; one that stood before a removed pair has to stay.
  if (pairs.at(-1) === '') kept.pop()
  return joinUrl({ head, query: [...kept, `${name}=${value}`].join('&'), fragment })
}

/** The URL without pairs of that name, and without the `?` when nothing else stood behind it. */
export function removeParameter(url: string, name: string): string {
  const { head, query, fragment } = splitUrl(url)
  if (query === null) return url
  const rest = removeParameters(query, [name])
  return joinUrl({ head, query: rest === '' && query !== '' ? null : rest, fragment })
}
