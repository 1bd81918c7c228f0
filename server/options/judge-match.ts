import { domainToASCII } from 'node:url'
import { parseRequestTarget } from '../../shared/request-target.ts'
import { parseHostPattern } from '../claim/host.ts'
import { joinHost, splitHost } from '../claim/host-port.ts'
import type { Complaints } from './complaints.ts'
import type { RuleMatch } from './options.ts'
import type { ShapedRule } from './schema.ts'

/**
 * Judges which requests a rule is for. A pattern that no request can match would leave what it was to protect
 * to the rules behind it, so it is a mistake.
 */
export function judgeMatch(place: string, rule: ShapedRule, complaints: Complaints): RuleMatch {
  const { hosts, paths, ignoreCase } = rule.match
  const add = (path: string, complaint: string | null): void => {
    if (complaint !== null) complaints.add(`${place}.match.${path}`, complaint)
  }
  for (const [index, host] of (hosts ?? []).entries()) add(`hosts[${index}]`, judgeHost(host))
  for (const [index, path] of paths.entries()) add(`paths[${index}]`, judgePath(path, rule))
  const normal = (host: string): string => joinHost(splitHost(host.toLowerCase()))
  return { hosts: hosts?.map(normal) ?? null, paths, ignoreCase }
}

/** What is wrong with a pattern for hosts, or null. */
function judgeHost(text: string): string | null {
  if (text === '*') return 'stands for any host: leave hosts out'
  const name = text.replace(/:\d{1,5}$/, '')
  const isAddress = /^\[[0-9a-f:.]{2,45}\]$/i.test(name)
  // Some names by their letters are none: `300.1.1.1`, and what only looks like punycode.
  const canBeAsked = URL.canParse(`http://${text.replace(/^\*/, 'x')}`)
  if ((isAddress || parseHostPattern(name) !== null) && canBeAsked) return null
  return /[^\0-\x7f]/.test(name) ? inPunycode(name) : 'not host or *.domain, with or without a port'
}

/** Browsers send names beyond ASCII in no other form (RFC 5891). */
function inPunycode(name: string): string {
  const [, wildcard = '', domain = ''] = /^(\*\.)?(.*)$/s.exec(name) ?? []
  const ascii = parseHostPattern(wildcard + domainToASCII(domain))
  return `write it as punycode: ${ascii ?? 'xn--…'}`
}

/**
 * Escapes that are whole only with what a wildcard beside them stands for: a digit, or bytes of the same
 * UTF-8 character.
 */
const besideWildcard =
  /(?:%[89A-F][\dA-F])*(?:%[\dA-F]?)?(?=[*?])|(?<=[*?])[\dA-F]{0,2}(?:%[89A-F][\dA-F])+/gi

/**
 * What is wrong with a pattern for paths, or null. It is read as requests are, with a letter for each wildcard:
 * where one path that it matches is canonical, that one is. Of escapes beside a wildcard nothing is said.
 */
function judgePath(
  pattern: string,
  { match: { ignoreCase }, literalSemicolons: allowSemicolon }: ShapedRule,
): string | null {
  const sample = pattern.replace(besideWildcard, '').replace(/[*?]/g, 'x')
  const read = parseRequestTarget(sample, { allowSemicolon })
  if (!read.ok) {
    if (/[^!-~]/.test(sample)) return 'matches no request: percent-encode all but printable ASCII'
    if (!allowSemicolon && parseRequestTarget(sample, { allowSemicolon: true }).ok) {
      return 'matches no request: a semicolon needs literalSemicolons: true'
    }
    return `matches no request: ${read.detail}`
  }
  if (ignoreCase || read.path === sample) return null
  const canonical = pattern.replace(/%[\da-f]{2}/gi, (code) => code.toUpperCase())
  return `matches no request: escapes are matched in capitals, as ${canonical}`
}
