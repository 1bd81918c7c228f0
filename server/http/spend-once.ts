import { PlaybackError } from '../../shared/codes.ts'
import type { Rule } from '../options/options.ts'
import type { AccessGrant } from '../session/decision.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { spendAccess } from '../session/spend-access.ts'
import type { Gate } from './gate.ts'

/**
 * Uses a single-use access token up; any other is left alone. To be called last, when nothing else can refuse
 * the request any more (design section 4, step 4; threats T31).
 *
 * @throws {PlaybackError} `ERR_TOKEN_REFUSED` for a token that was used before, `ERR_STORE_UNAVAILABLE` when
 *   that cannot be known
 */
export async function spendOnce(
  gate: Gate,
  rule: Rule,
  { access, claims, spendId }: AccessGrant,
  facts: RequestFacts,
): Promise<void> {
  if (access.singleUse === null) return
  const attempt = spendAccess(gate.store(), {
    spendId,
    claims,
    facts,
    saltHeaders: rule.session?.saltHeaders ?? ['user-agent'],
    graceSeconds: access.singleUse.graceSeconds,
    now: gate.now(),
  })
  if (rule.mode === 'log') {
    // Lets through what it would refuse, and says so.
    const spent = await attempt.catch(() => 'unknown' as const)
    if (spent === 'spent') gate.log.warn({ event: 'single-use', rule: rule.name, path: facts.path })
    return
  }
  if ((await attempt) !== 'spent') return
  throw new PlaybackError({
    code: 'ERR_TOKEN_REFUSED',
    reason: 'token-refused',
    detail: 'single use: this access token was used before',
  })
}
