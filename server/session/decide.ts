import {
  type LocatedToken,
  locateTokens,
  type TokenLocation,
  type TokensAmbiguous,
  type TokensFound,
} from '../../shared/carrier.ts'
import { targetQuery } from '../../shared/query.ts'
import { judgeRestrictions } from '../claim/restrictions.ts'
import type { Rule } from '../options/options.ts'
import { continueSession } from './continue-session.ts'
import type { AccessGrant, Check, Decision, Refusal, SessionGrant } from './decision.ts'
import { countryOf, type Judging } from './judging.ts'
import { headerText, type RequestFacts } from './request-facts.ts'
import { hostPrefixed } from './session-cookie-name.ts'
import { type AccessRefusal, verifyAccess } from './verify-access.ts'

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
 * @param located the tokens of the request: see `locateRuleTokens`
 */
export function decide(
  facts: RequestFacts,
  rule: Rule,
  judging: Judging,
  located: TokensFound | TokensAmbiguous = locateRuleTokens(facts, rule),
): Decided {
  const checks: Check[] = []
  if (!located.ok) {
    checks.push({ check: 'token-location', outcome: 'failed', detail: located.detail })
    const decision = { kind: 'refused', reason: 'bad-request', detail: located.detail } as const
    const query = targetQuery(facts.target)
    return { decision, query, checks }
  }
  return {
    decision: judge(facts, rule, located.found, judging, checks),
    query: targetQuery(located.rest),
    checks,
  }
}

/** Every token in a request that the rule could take. */
export function locateRuleTokens(facts: RequestFacts, rule: Rule): TokensFound | TokensAmbiguous {
  const names = tokenNames(rule)
  return locateTokens({
    target: facts.target,
    cookie: facts.headers.get('cookie')?.join('; '),
    headers: headersNamed(facts, names),
    names: rule.session === null ? names : [...names, hostPrefixed(rule.session.parameter)],
  })
}

/** Every name under which the rule takes a token; '' is the bare query string. */
export function tokenNames(rule: Rule): string[] {
  const names = rule.access.map(({ parameter }) => parameter)
  if (rule.session !== null) names.push(rule.session.parameter)
  return names
}

/**
 * What an access token that was brought apart from a request, in a body, allows there: any of the rule's formats may be its own.
 */
export function judgeAccessToken(
  facts: RequestFacts,
  rule: Rule,
  token: string,
  judging: Judging,
  checks: Check[],
): AccessGrant | AccessRefusal {
  let refused: AccessRefusal | null = null
  for (const access of rule.access) {
    const found = { name: access.parameter, location: 'query', token } as const
    const decision = verifyAccess(facts, access, found, judging, checks, false)
    if (decision.kind === 'access') {
      const policy = judgeRule(facts, rule, judging, checks)
      return policy === null ? decision : { ...policy, isOfFormat: true }
    }
    refused = nearer(refused, decision)
  }
  const detail = 'the rule has no access'
  return refused ?? { kind: 'refused', reason: 'token-missing', detail, isOfFormat: false }
}

/** What a session token that was brought in a body allows: as though it stood in the query of a request of the same headers. */
export function judgeSessionToken(
  facts: RequestFacts,
  rule: Rule,
  token: string,
  judging: Judging,
  checks: Check[],
): SessionGrant | Refusal {
  const { session } = rule
  if (session === null || judging.memory === null) {
    return { kind: 'refused', reason: 'token-missing', detail: 'the rule has no sessions' }
  }
  const found = { name: session.parameter, location: 'query', token } as const
  const decision = continueSession(facts, session, judging.memory, found, judging, checks)
  if (decision.kind === 'refused') return decision
  return judgeRule(facts, rule, judging, checks) ?? decision
}

function judge(
  facts: RequestFacts,
  rule: Rule,
  tokens: readonly LocatedToken[],
  judging: Judging,
  checks: Check[],
): Decision {
  const decision = judgeTokens(facts, rule, tokens, judging, checks)
  if (decision.kind === 'refused') return decision
  return judgeRule(facts, rule, judging, checks) ?? decision
}

function judgeTokens(
  facts: RequestFacts,
  rule: Rule,
  tokens: readonly LocatedToken[],
  judging: Judging,
  checks: Check[],
): Decision {
  let failedCookie: Decision | null = null
  if (rule.session !== null && judging.memory !== null) {
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
      const decision = continueSession(facts, rule.session, judging.memory, found, judging, checks)
      if (decision.kind === 'session' || found.location !== 'cookie') return decision
      failedCookie ??= decision
    }
  }

  const decision = judgeAccess(facts, rule, tokens, judging, checks, failedCookie !== null)
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
  judging: Judging,
  checks: Check[],
  replacesCookie: boolean,
): Decision {
  let refused: AccessRefusal | null = null
  for (const access of rule.access) {
    const found = firstNamed(tokens, access.parameter, access.carriers)
    if (found === undefined) continue
    const decision = verifyAccess(facts, access, found, judging, checks, replacesCookie)
    if (decision.kind === 'access') return decision
    refused = nearer(refused, decision)
  }
  if (refused !== null) return refused
  const detail = `no ${tokenPlaces(rule)} in the request`
  checks.push({ check: 'access-token', outcome: 'skipped', detail })
  return { kind: 'refused', reason: 'token-missing', detail }
}

/** Of several ways in, the refusal of the one whose format the token has tells most. */
export function nearer(one: AccessRefusal | null, other: AccessRefusal): AccessRefusal {
  return one === null || (other.isOfFormat && !one.isOfFormat) ? other : one
}

function tokenPlaces(rule: Rule): string {
  const places = rule.access.map(({ parameter }) => parameter || 'bare token in the query')
  return [...new Set(places)].join(' or ')
}

/** What the rule asks on top of every token: the first that fails refuses. `null`: nothing does. */
function judgeRule(
  facts: RequestFacts,
  { restrict }: Rule,
  judging: Judging,
  checks: Check[],
): Refusal | null {
  if (restrict === null) return null
  let refused: Refusal | null = null
  const asked = {
    host: facts.host,
    proto: facts.scheme,
    clientIp: facts.clientAddress,
    referrer: headerText(facts.headers, 'referer') ?? null,
    get country() {
      return countryOf(facts, judging)
    },
  }
  for (const { check, answer } of judgeRestrictions(restrict, asked)) {
    const detail = answer.ok ? 'allowed' : answer.detail
    checks.push({ check: `restrict.${check}`, outcome: answer.ok ? 'passed' : 'failed', detail })
    if (answer.ok || refused !== null) continue
    refused = { kind: 'refused', reason: 'policy-refused', detail: `restrict.${check}: ${detail}` }
  }
  return refused
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
