import { PlaybackError } from '../../shared/codes.ts'
import type { Rule } from '../options/options.ts'
import type { AccessGrant } from '../session/decision.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { isAccessSpent, type SpendRequest, spendAccess } from '../session/spend-access.ts'
import type { Gate } from './gate.ts'
import { failCheck, lateChecks, type Told } from './outcome.ts'

/**
 * Uses a single-use access token up; any other is left alone. To be called last, when nothing else can refuse
 * the request any more (design section 4, step 4; threats T31).
 *
 * @param told is filled in, where it refuses
 * @throws {PlaybackError} `ERR_TOKEN_REFUSED` for a token that was used before, `ERR_STORE_UNAVAILABLE` when
 *   that cannot be known; in mode `log`, none
 */
export async function spendOnce(
  gate: Gate,
  rule: Rule,
  grant: AccessGrant,
  facts: RequestFacts,
  told: Told,
): Promise<void> {
  const request = spendRequestFor(gate, rule, grant, facts)
  if (request === null) return
  try {
    if ((await spendAccess(gate.store(), request)) === 'spent') throw usedBefore()
  } catch (error) {
    failCheck(rule, told, lateChecks.singleUse, error)
  }
}

/**
 * Refuses an access token that was used before, and uses nothing up: to be called before anything happens that such a token must not bring
 * about.
 *
 * @throws {PlaybackError} as `spendOnce`
 */
export async function refuseSpent(
  gate: Gate,
  rule: Rule,
  grant: AccessGrant,
  facts: RequestFacts,
  told: Told,
): Promise<void> {
  const request = spendRequestFor(gate, rule, grant, facts)
  const countsNobody = rule.session?.limit === null && rule.remoteAuth === null
  if (request === null || rule.mode === 'log' || countsNobody) return
  try {
    if (await isAccessSpent(gate.store(), request)) throw usedBefore()
  } catch (error) {
    failCheck(rule, told, lateChecks.singleUse, error)
  }
}

/** @returns `null` for a token that may be used any number of times */
export function spendRequestFor(
  gate: Gate,
  rule: Rule,
  { access, claims, spendId }: AccessGrant,
  facts: RequestFacts,
): SpendRequest | null {
  if (access.singleUse === null) return null
  return {
    spendId,
    claims,
    facts,
    saltHeaders: rule.session?.saltHeaders ?? ['user-agent'],
    graceSeconds: access.singleUse.graceSeconds,
    now: gate.now(),
  }
}

/** Told by `explain` as well. */
export function usedBefore(): PlaybackError {
  return new PlaybackError({
    code: 'ERR_TOKEN_REFUSED',
    reason: 'token-refused',
    detail: 'single use: this access token was used before',
  })
}
