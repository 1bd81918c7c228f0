/** Whether a URI that got a token leads where it should, told without the code under test. */

/**
 * A resolved URL without any pair of that name, and those pairs' values. Empty pairs are told apart from
 * no pairs only between others.
 */
export function takeParameter(href: string, name: string): { rest: string; values: string[] } {
  const url = new URL(href)
  const pairs = url.search.slice(1).split('&')
  const isOurs = (pair: string) => decodeURIComponent(pair.split('=')[0] ?? '') === name
  const values = pairs.filter(isOurs).map((pair) => pair.slice(pair.indexOf('=') + 1))
  const others = pairs.filter((pair) => pair !== '' && !isOurs(pair))
  return { rest: `${url.origin}${url.pathname} ${others.join('&')} ${url.hash}`, values }
}

/** A resolved URL without its bare tokens, and those; the first must be the first part without `=`. */
export function takeBare(href: string): { rest: string; values: string[]; first: string } {
  const url = new URL(href)
  const parts = url.search.slice(1).split('&')
  const isOurs = (part: string) => /^[\w-]{39,}=?$/.test(part) && !/^[0-9a-f]+=?$/.test(part)
  const others = parts.filter((part) => part !== '' && !isOurs(part))
  return {
    rest: `${url.origin}${url.pathname} ${others.join('&')} ${url.hash}`,
    values: parts.filter(isOurs),
    first: parts.find((part) => part !== '' && !part.includes('=')) ?? '',
  }
}

/** A resolved URL without leading path segments of that name, and those segments' values. */
export function takeSegment(href: string, name: string): { rest: string; values: string[] } {
  const url = new URL(href)
  const values: string[] = []
  let path = url.pathname
  for (let hit = take(path); hit !== null; hit = take(path)) {
    values.push(hit[1] ?? '')
    path = hit[2] ?? ''
  }
  return { rest: `${url.origin}${path}${url.search}${url.hash}`, values }

  function take(from: string) {
    return new RegExp(`^/${name}=([^/]*)(/.*|$)`).exec(from)
  }
}
