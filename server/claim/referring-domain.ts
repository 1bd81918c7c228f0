import { type ClaimAnswer, granted } from './answer.ts'
import { isMissing, parsePage } from './referrer.ts'

/** RFC 1035 section 2.3.4. */
const maxDomainLength = 253
const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
/** A last label of digits would make it an IPv4 address (URL standard, "ends in a number"). */
const domainText = new RegExp(`^(?:${label}\\.)*(?=[a-z])${label}$`, 'i')

/**
 * A domain in lower case; null for what is none: a scheme, path, port or wildcard, an address, a dot at either
 * end, more than 253 characters. Names beyond ASCII in the form in which browsers send them (`xn--…`).
 */
export function parseReferringDomain(text: string): string | null {
  return text.length <= maxDomainLength && domainText.test(text) ? text.toLowerCase() : null
}

function refuse(detail: string): ClaimAnswer<'referrer_not_allowed'> {
  return { ok: false, reason: 'referrer_not_allowed', detail }
}

/**
 * Did the request come from a page of this domain, or of one truly below it (spec/token-formats section 3.2)?
 * The header is parsed as a URL and whole labels are compared (threat T22). Without the header: no.
 *
 * It is the client's own word: it stops other sites from embedding, and nobody else (threat T23).
 *
 * @param claim.domain as `parseReferringDomain` gives it
 * @param facts.referrer the text of the `Referer` header
 */
export function checkReferringDomain(
  { domain }: { readonly domain: string },
  { referrer }: { readonly referrer?: string | null | undefined },
): ClaimAnswer<'referrer_not_allowed'> {
  if (isMissing(referrer)) return refuse('no referrer')
  const page = typeof referrer === 'string' ? parsePage(referrer) : null
  if (page === null) return refuse('a referrer that is no page')
  const covers = page.host === domain || page.host.endsWith(`.${domain}`)
  return covers ? granted : refuse('another referrer')
}
