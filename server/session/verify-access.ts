import type { LocatedToken } from '../../shared/carrier.ts'
import type { AccessOptions, Options } from '../options/options.ts'
import { formatOf } from './access-formats.ts'
import type { AccessGrant, Check, Refusal } from './decision.ts'
import { describeEnding } from './describe-ending.ts'
import type { Judging } from './judging.ts'
import { type FailedAccess, failed } from './proven-access.ts'
import type { RequestFacts } from './request-facts.ts'
import { accessTag } from './session-id.ts'
import type { IdentifiedAccess } from './sessions.ts'
import { keptUntil } from './spend-access.ts'

/** An access token is no good; `isOfFormat` as in `FailedAccess`. */
export interface AccessRefusal extends Refusal {
  readonly isOfFormat: boolean
}

/** Access token -> what its holder may open (design section 4, step 4). */
export function verifyAccess(
  facts: RequestFacts,
  access: AccessOptions,
  found: LocatedToken,
  judging: Judging,
  checks: Check[],
  replacesCookie: boolean,
): AccessGrant | AccessRefusal {
  const check = `access-token ${access.format} in ${found.location}`
  const result = formatOf(access).verify(access, found, facts, judging)
  const fail = ({ ok: _no, ...refusal }: FailedAccess): AccessRefusal => {
    checks.push({ check, outcome: 'failed', detail: refusal.detail })
    return { kind: 'refused', ...refusal }
  }
  if (!result.ok) return fail(result)
  const { token, claims, detail } = result
  const ended = describeEnding(access, result, judging.endings)
  if (ended !== null) return fail(failed(ended))
  checks.push({ check, outcome: 'passed', detail })
  return {
    kind: 'access',
    access,
    token,
    place: found.location,
    claims,
    spendId: result.spendId,
    replacesCookie,
  }
}

/** What the store takes for a time: tokens without an end are remembered as ended for some thousand years. */
const endOfTimeMs = 2 ** 47

/**
 * Finds an access token out under every rule that it could be for, whether its time has come, is over, or not: to end what it
 * opened. An EdgeAuth token made for one URL is known by that URL alone, and is not found.
 */
export function identifyAccess(
  { rules }: Pick<Options, 'rules'>,
  token: string,
): IdentifiedAccess[] {
  const found = new Map<string, IdentifiedAccess>()
  for (const access of rules.flatMap((rule) => rule.access)) {
    const identity = formatOf(access).identify(access, token)
    if (identity === null) continue
    const tag = accessTag(identity.spendId)
    found.set(tag, { tag, endsAtMs: Math.min(keptUntil(identity) * 1000, endOfTimeMs) })
  }
  return [...found.values()]
}
