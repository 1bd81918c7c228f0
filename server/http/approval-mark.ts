import { createHash } from 'node:crypto'
import type { Rule } from '../options/options.ts'

const known = new WeakMap<Rule, string | null>()

/**
 * What an approval is of: the rule, and the server of the site that it asks. Session tokens bear it, so it is the same in every process and
 * after a reload; and short, and nothing that has to be escaped, because they stand in URLs and in variables of playlists.
 *
 * @returns `null`: the rule asks nobody
 */
export function approvalMark(rule: Rule): string | null {
  const found = known.get(rule)
  if (found !== undefined) return found
  const mark = rule.remoteAuth === null ? null : digest([identityOf(rule), rule.remoteAuth])
  known.set(rule, mark)
  return mark
}

/** A place among the rules is no name: with a rule put in front of it, it would be another's. */
function identityOf({ name, place, match, origin, stripPrefix }: Rule): unknown {
  if (name !== place) return name
  const { hosts, paths, ignoreCase } = match
  return { hosts, paths, ignoreCase, origin, stripPrefix }
}

/** 96 bits. */
function digest(identity: unknown): string {
  const text = JSON.stringify(identity)
  return createHash('sha256').update(text).digest('base64url').slice(0, 16)
}
