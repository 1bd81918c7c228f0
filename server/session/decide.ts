import { type LocatedToken, locateTokens, type TokenLocation } from '../../shared/carrier.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import type { Rule } from '../options/options.ts'
import { continueSession } from './continue-session.ts'
import type { Check, Decision } from './decision.ts'
import type { Endings } from './endings.ts'
import type { ProofMemory } from './proof-memory.ts'
import type { RequestFacts } from './request-facts.ts'
import { hostPrefixed } from './session-cookie-name.ts'
import { verifyAccess } from './verify-access.ts'

export interface Decided {
  readonly decision: Decision
  /** The query as it goes to the origin: without our tokens, every other byte as received. */
  readonly query: string
  readonly checks: readonly Check[]
}

/**
 * Steps 3 to 6 of design section 4: who may have what this rule protects. Pure: nothing is written, spent
 * or sent.
 *
 * @param memory of the rule; `null` when the rule has no sessions
 * @param endings what was ended, as far as this process knows
 */
export function decide(
  facts: RequestFacts,
  rule: Rule,
  memory: ProofMemory | null,
  now: EpochSeconds,
  endings: Endings,
): Decided {
  const checks: Check[] = []
  const names = tokenNames(rule)
  const located = locateTokens({
    target: facts.target,
    cookie: facts.headers.get('cookie')?.join('; '),
    headers: headersNamed(facts, names),
    names: rule.session === null ? names : [...names, hostPrefixed(rule.session.parameter)],
  })
  if (!located.ok) {
    checks.push({ check: 'token-location', outcome: 'failed', detail: located.detail })
    const decision = { kind: 'refused', reason: 'bad-request', detail: located.detail } as const
    const query = facts.target.split('?').slice(1).join('?')
    return { decision, query, checks }
  }
  const mark = located.rest.indexOf('?')
  return {
    decision: judge(facts, rule, memory, located.found, now, checks, endings),
    query: mark < 0 ? '' : located.rest.slice(mark + 1),
    checks,
  }
}

/** Every name under which the rule takes a token. */
export function tokenNames(rule: Rule): string[] {
  const names = rule.access.map(({ parameter }) => parameter)
  if (rule.session !== null) names.push(rule.session.parameter)
  return names
}

function judge(
  facts: RequestFacts,
  rule: Rule,
  memory: ProofMemory | null,
  tokens: readonly LocatedToken[],
  now: EpochSeconds,
  checks: Check[],
  endings: Endings,
): Decision {
  let failedCookie: Decision | null = null
  if (rule.session !== null && memory !== null) {
    const { parameter } = rule.session
    const elsewhere = firstNamed(tokens, parameter, ['path', 'query', 'header'])
    // Both names of a cookie may be there, of sessions with wide and with narrow ACLs.
    const cookies = [hostPrefixed(parameter), parameter].flatMap(
      (name) => firstNamed(tokens, name, ['cookie']) ?? [],
    )
    const candidates = elsewhere === undefined ? cookies : [elsewhere]
    if (candidates.length === 0) {
      checks.push({ check: 'session-token', outcome: 'skipped', detail: 'none in the request' })
    }
    for (const found of candidates) {
      const decision = continueSession(facts, rule.session, memory, found, now, checks, endings)
      if (decision.kind === 'session' || found.location !== 'cookie') return decision
      failedCookie ??= decision
    }
  }

  const decision = judgeAccess(facts, rule, tokens, now, checks, failedCookie !== null, endings)
  // A stale cookie with nothing beside it is refused for what is wrong with the cookie.
  if (decision.kind === 'refused' && decision.reason === 'token-missing' && failedCookie !== null) {
    return failedCookie
  }
  return decision
}

function judgeAccess(
  facts: RequestFacts,
  rule: Rule,
  tokens: readonly LocatedToken[],
  now: EpochSeconds,
  checks: Check[],
  replacesCookie: boolean,
  endings: Endings,
): Decision {
  let refused: Decision | null = null
  for (const access of rule.access) {
    const found = firstNamed(tokens, access.parameter, access.carriers)
    if (found === undefined) continue
    const decision = verifyAccess(facts, access, found, now, checks, replacesCookie, endings)
    if (decision.kind === 'access') return decision
    refused ??= decision
  }
  if (refused !== null) return refused
  const names = rule.access.map(({ parameter }) => parameter).join(' or ')
  checks.push({ check: 'access-token', outcome: 'skipped', detail: `no ${names} in the request` })
  return { kind: 'refused', reason: 'token-missing', detail: `no ${names} in the request` }
}

/** The token of that name in the first of these places that has one. */
function firstNamed(
  tokens: readonly LocatedToken[],
  name: string,
  places: readonly TokenLocation[],
): LocatedToken | undefined {
  for (const place of places) {
    const found = tokens.find((token) => token.name === name && token.location === place)
    if (found !== undefined) return found
  }
  return undefined
}

function headersNamed(
  { headers }: RequestFacts,
  names: readonly string[],
): Record<string, readonly string[] | undefined> {
  return Object.fromEntries(
    names.map((name) => [name.toLowerCase(), headers.get(name.toLowerCase())]),
  )
}
