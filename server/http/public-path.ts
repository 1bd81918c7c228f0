import type { Rule } from '../options/options.ts'

/** The path below the rule's origin; `null` when the request path does not lie below `stripPrefix`. */
export function originPath(rule: Rule, path: string): string | null {
  const prefix = rule.stripPrefix
  if (prefix === '') return path
  const start = path.slice(0, prefix.length)
  const same = rule.match.ignoreCase
    ? start.toLowerCase() === prefix.toLowerCase()
    : start === prefix
  return same && path.charAt(prefix.length) === '/' ? path.slice(prefix.length) : null
}

/** The path under which viewers ask for what stands at that path below the origin. */
export function publicPath(rule: Rule, path: string): string {
  return rule.stripPrefix + path
}
