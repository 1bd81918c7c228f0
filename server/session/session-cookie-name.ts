/**
 * The name of a session cookie for the whole host. The prefix keeps sibling hosts and plain HTTP from
 * overwriting it (RFC 6265bis section 4.1.3.2).
 */
export function hostPrefixed(parameter: string): string {
  return `__Host-${parameter}`
}
