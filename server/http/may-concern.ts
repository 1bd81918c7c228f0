import { matchesAcl } from '../../shared/acl.ts'
import { decodeOnce } from '../../shared/query.ts'
import type { Rule } from '../options/options.ts'

/**
 * Could a target that nobody can read for certain be meant for one of these rules? Asked in a site's own
 * application, where requests that are none of ours belong to the site, however they are spelled, while a
 * spelling that leads another reader to protected media must not get past the gate. So every reading that
 * some server makes of such a path is tried: as it stands, decoded, twice decoded, with dot segments
 * resolved, slashes merged and parameters cut. Any of them below a rule's paths counts.
 */
export function mayConcern(rules: readonly Rule[], target: string): boolean {
  const path = withoutAuthority(target.split(/[?#]/, 1)[0] ?? '')
  const readings = new Set<string>()
  for (const spelling of [path, decodeOnce(path), decodeOnce(decodeOnce(path))]) {
    readings.add(spelling)
    readings.add(plain(spelling))
    readings.add(plain(spelling.replace(/;[^/\\]*/g, '')))
  }
  return rules.some(({ match }) =>
    [...readings].some((reading) => {
      const subject = reading.toLowerCase()
      return match.paths.some((pattern) => matchesAcl(pattern.toLowerCase(), subject))
    }),
  )
}

/** Absolute form names a host first (RFC 9112 section 3.2.2). */
function withoutAuthority(target: string): string {
  return target.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/\\]*/, '') || '/'
}

/** As servers do that repair: backslashes turned, slashes merged, dot segments resolved. */
function plain(path: string): string {
  const segments: string[] = []
  for (const segment of path.replace(/[\\/]+/g, '/').split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '.' && segment !== '') segments.push(segment)
  }
  const isDirectory = /[\\/]$/.test(path) && segments.length > 0
  return `/${segments.join('/')}${isDirectory ? '/' : ''}`
}
