import { matchesAcl } from '../../shared/acl.ts'
import { coversHost } from '../claim/host.ts'
import { type HostPort, splitHost } from '../claim/host-port.ts'
import type { Rule, RuleMatch } from '../options/options.ts'
import type { RequestFacts } from './request-facts.ts'

const defaultPorts = { http: 80, https: 443 } as const

/** The first rule that matches host and path decides; `null` when none does. */
export function matchRule(
  rules: readonly Rule[],
  { host, path, scheme }: Pick<RequestFacts, 'host' | 'path' | 'scheme'>,
): Rule | null {
  // Another spelling of a host is no other host: it would get past the rule that is for it.
  const { name, port } = splitHost(host)
  const asked = { name, port: port ?? defaultPorts[scheme] }
  return rules.find(({ match }) => matches(match, asked, path)) ?? null
}

function matches(match: RuleMatch, asked: HostPort, path: string): boolean {
  if (match.hosts !== null && !match.hosts.some((pattern) => matchesHost(pattern, asked)))
    return false
  const subject = match.ignoreCase ? path.toLowerCase() : path
  return match.paths.some((pattern) =>
    matchesAcl(match.ignoreCase ? pattern.toLowerCase() : pattern, subject),
  )
}

/** A pattern without a port admits every port; `*.example.com` does not include `example.com` itself. */
function matchesHost(pattern: string, { name, port }: HostPort): boolean {
  const colon = pattern.endsWith(']') ? -1 : pattern.lastIndexOf(':')
  if (colon < 0) return coversHost(pattern, name)
  return Number(pattern.slice(colon + 1)) === port && coversHost(pattern.slice(0, colon), name)
}
