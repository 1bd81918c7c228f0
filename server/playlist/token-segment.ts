/**
 * The path carrier: the token is the first segment of the path, `/parameter=TOKEN/rest`. First, because
 * behind the directory `../audio/a.m3u8` would already lose it (spec/manifest-uris section 5).
 */

/** The path without its leading token segments, be there none, one or several. */
export function stripTokenSegments(path: string, parameter: string): string {
  let rest = path
  while (rest.startsWith(`/${parameter}=`)) {
    const end = rest.indexOf('/', 1)
    rest = end < 0 ? '/' : rest.slice(end)
  }
  return rest
}

/** The token of the first segment as it is written there, or `null`. */
export function readTokenSegment(path: string, parameter: string): string | null {
  const start = `/${parameter}=`
  if (!path.startsWith(start)) return null
  const end = path.indexOf('/', 1)
  return path.slice(start.length, end < 0 ? path.length : end)
}

/** A token as a path segment holds it: a slash in it would end the segment. */
export function escapeSegment(value: string): string {
  return value.replaceAll('/', '%2F')
}

/**
 * The path without `.` and `..` segments, their percent-encoded spellings included, as the WHATWG parser
 * would take them away; every other segment keeps its text.
 */
export function removeDotSegments(path: string): string {
  if (!path.includes('/.') && !/\/%2e/i.test(path)) return path
  const segments = path.split('/').slice(1)
  const kept: string[] = []
  segments.forEach((segment, index) => {
    const plain = segment.replace(/%2e/gi, '.')
    if (plain !== '.' && plain !== '..') kept.push(segment)
    else {
      if (plain === '..') kept.pop()
      if (index === segments.length - 1) kept.push('')
    }
  })
  return `/${kept.join('/')}`
}
