import { type AllowDeny, passesLists } from './allow-deny.ts'
import { type ClaimAnswer, granted } from './answer.ts'

/** RFC 1035 section 2.3.4. */
const maxHostLength = 253

const name = '[a-z0-9_-]+(?:\\.[a-z0-9_-]+)*'
const hostText = new RegExp(`^(${name}|\\[[0-9a-f:.]+\\])\\.?(?::\\d{0,5})?$`, 'i')
const patternText = new RegExp(`^(?:\\*\\.)?${name}$`, 'i')

/**
 * The host of a `Host` header (RFC 9110 section 7.2) in lower case, without port and without the dot of
 * the root; null for what is none.
 */
export function parseHost(text: string): string | null {
  if (text.length > maxHostLength + ':65535'.length + 1) return null
  return hostText.exec(text)?.[1]?.toLowerCase() ?? null
}

/**
 * `host` or `*.domain` in lower case, or null. No port, no other wildcard; names beyond ASCII in the form in
 * which browsers send them (`xn--…`).
 */
export function parseHostPattern(text: string): string | null {
  return text.length <= maxHostLength && patternText.test(text) ? text.toLowerCase() : null
}

/**
 * Is the host this one, or truly below the domain after `*.`? Whole labels are compared: `*.b.example` covers
 * neither `b.example` nor `evilb.example` (threat T22).
 */
export function coversHost(pattern: string, host: string): boolean {
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern
}

/**
 * Was it asked of a host that may serve it? A host that cannot be read is refused by either list.
 *
 * @param lists entries as `parseHostPattern` gives them
 */
export function checkHost(
  lists: AllowDeny,
  { host }: { readonly host?: string | undefined },
): ClaimAnswer<'host_not_allowed'> {
  const actual = typeof host === 'string' ? parseHost(host) : null
  if (actual === null) return { ok: false, reason: 'host_not_allowed', detail: 'no readable host' }
  if (passesLists(lists, (pattern) => coversHost(pattern, actual))) return granted
  return { ok: false, reason: 'host_not_allowed', detail: 'another host' }
}
