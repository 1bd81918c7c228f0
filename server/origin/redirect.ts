import type { RedirectStatus } from './contract.ts'
import type { HttpPlace } from './options.ts'
import { joinTarget } from './request-target.ts'

export interface Target {
  /** Below the origin's base path. */
  readonly path: string
  readonly query: string
}

/** Is this a status that names another place? (RFC 9110 section 15.4; 300, 304, 305 do not.) */
export function isRedirect(status: number): status is RedirectStatus {
  return [301, 302, 303, 307, 308].includes(status)
}

/**
 * Where a redirect leads, or null when that is not the same scheme, host and port below the same base path, or
 * cannot be told (threats T59).
 */
export function judgeRedirect(
  location: string | undefined,
  from: Target,
  place: HttpPlace,
): Target | null {
  const base = place.origin + joinTarget(place.basePath, from.path, from.query)
  if (location === undefined || !URL.canParse(location, base)) return null
  const url = new URL(location, base)
  if (url.origin !== place.origin || url.username !== '' || url.password !== '') return null
  // The URL parser has undone dot segments; an encoded slash could bring them back on the other side.
  if (/%2f|%5c|%00/i.test(url.pathname)) return null
  if (!url.pathname.startsWith(`${place.basePath}/`)) return null
  // `//host` below the origin would name another host, once it stands alone in a Location.
  if (url.pathname.slice(place.basePath.length).startsWith('//')) return null
  return { path: url.pathname.slice(place.basePath.length), query: url.search.slice(1) }
}
