import { type AllowDeny, passesLists } from './allow-deny.ts'
import { type ClaimAnswer, granted } from './answer.ts'
import { coversHost, parseHost, parseHostPattern } from './host.ts'

export interface ReferrerFacts {
  /** The text of the `Referer` header; null or undefined when there is none. */
  readonly referrer?: string | null | undefined
  /** Compare paths without case? Hosts always are. @default false */
  readonly ignoreCase?: boolean | undefined
}

export interface Page {
  readonly host: string
  /** Path and query. */
  readonly path: string
}

/** A pattern cut at its first slash. */
function splitPattern(pattern: string): Page {
  const slash = pattern.indexOf('/')
  return slash < 0
    ? { host: pattern, path: '' }
    : { host: pattern.slice(0, slash), path: pattern.slice(slash) }
}

/** Stands in a list for requests without a referrer. */
const missing = 'missing'

/**
 * `host`, `host/path`, `*.domain` or `*.domain/path` with the host in lower case; `missing`, which an empty
 * entry says too; or null. No scheme, no port (spec/token-formats section 2.3).
 */
export function parseReferrerPattern(text: string): string | null {
  if (text === '' || text === missing) return missing
  const { host, path } = splitPattern(text)
  const pattern = parseHostPattern(host)
  return pattern === null ? null : pattern + path
}

/** RFC 9110 section 10.1.3: `about:blank` says that there is no page, just as no header does. */
export function isMissing(referrer: string | null | undefined): boolean {
  if (referrer === undefined || referrer === null) return true
  return typeof referrer === 'string' && ['', 'about:blank'].includes(referrer.trim())
}

/** The page that a `Referer` names, or null. No browser sends user information (RFC 9110 section 10.1.3). */
export function parsePage(referrer: string): Page | null {
  try {
    const url = new URL(referrer)
    const host = url.username === '' && url.password === '' ? parseHost(url.hostname) : null
    return host === null ? null : { host, path: url.pathname + url.search }
  } catch {
    return null
  }
}

function covers(pattern: string, page: Page): boolean {
  if (pattern === missing) return false
  const { host, path } = splitPattern(pattern)
  return coversHost(host, page.host) && page.path.startsWith(path)
}

/**
 * Did the request come from a page that may show it? The header is parsed as a URL: its host must be equal,
 * or truly below a `*.domain`, and only the path is compared by its beginning (threat T22). Scheme and port
 * do not matter. No page at all is what `missing` is for. A header that names no page is refused by either
 * list.
 *
 * It is the client's own word: it stops other sites from embedding, and nobody else (threat T23).
 *
 * @param lists entries as `parseReferrerPattern` gives them
 */
export function checkReferrer(
  lists: AllowDeny,
  { referrer, ignoreCase = false }: ReferrerFacts,
): ClaimAnswer<'referrer_not_allowed'> {
  if (isMissing(referrer)) {
    if (passesLists(lists, (pattern) => pattern === missing)) return granted
    return { ok: false, reason: 'referrer_not_allowed', detail: 'no referrer' }
  }
  const page = typeof referrer === 'string' ? parsePage(referrer) : null
  if (page === null) {
    return { ok: false, reason: 'referrer_not_allowed', detail: 'a referrer that is no page' }
  }
  // Hosts are in lower case by now, so folding all of a pattern folds its path.
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text)
  const subject = { host: page.host, path: fold(page.path) }
  if (passesLists(lists, (pattern) => covers(fold(pattern), subject))) return granted
  return { ok: false, reason: 'referrer_not_allowed', detail: 'another referrer' }
}
