import { matchesAcl } from '../../shared/acl.ts'
import type { Rule, RuleMatch } from '../options/options.ts'
import type { RequestFacts } from './request-facts.ts'

/** The first rule that matches host and path decides; `null` when none does. */
export function matchRule(
  rules: readonly Rule[],
  facts: Pick<RequestFacts, 'host' | 'path'>,
): Rule | null {
  return rules.find(({ match }) => matches(match, facts)) ?? null
}

function matches(match: RuleMatch, { host, path }: Pick<RequestFacts, 'host' | 'path'>): boolean {
  if (match.hosts !== null && !match.hosts.some((pattern) => matchesHost(pattern, host)))
    return false
  const subject = match.ignoreCase ? path.toLowerCase() : path
  return match.paths.some((pattern) =>
    matchesAcl(match.ignoreCase ? pattern.toLowerCase() : pattern, subject),
  )
}

/** A pattern without a port admits every port; `*.example.com` does not include `example.com` itself. */
function matchesHost(pattern: string, host: string): boolean {
  const name = /:\d+$/.test(pattern) ? host : host.replace(/:\d+$/, '')
  return pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern
}
