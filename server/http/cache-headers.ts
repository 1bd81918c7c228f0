/**
 * `Cache-Control` for an answer that was permitted to one viewer. Shared caches are always kept out: they
 * would hand the answer to the next viewer without asking us (threats T75). What the origin says about
 * freshness counts for the viewer's own cache, and only where the answer holds no token.
 */
export function privateCacheControl(origin: string | undefined): string {
  const directives = (origin ?? '')
    .toLowerCase()
    .split(',')
    .map((directive) => directive.trim())
  if (directives.includes('no-store')) return 'private, no-store'
  const age = directives.find((directive) => /^max-age=\d{1,9}$/.test(directive))
  return age === undefined || directives.includes('no-cache')
    ? 'private, no-cache'
    : `private, ${age}`
}

/** For answers that hold a token, refuse, or open a session. */
export const neverStore = 'private, no-store'
