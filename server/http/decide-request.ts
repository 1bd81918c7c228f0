import type { EpochSeconds } from '../../shared/units.ts'
import type { Rule } from '../options/options.ts'
import { type Decided, decide, locateRuleTokens } from '../session/decide.ts'
import type { KeptTokens } from '../session/judging.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import type { Gate } from './gate.ts'
import { judgingFor, keptTokensIn } from './judging-for.ts'

/** Who may have what the rule protects. A promise only where the store is asked for a token. */
export function decideRequest(
  gate: Gate,
  rule: Rule,
  facts: RequestFacts,
  now: EpochSeconds = gate.now(),
): Decided | Promise<Decided> {
  const located = locateRuleTokens(facts, rule)
  const kept = keptTokensIn(gate, rule, located, facts)
  const judge = (known: KeptTokens): Decided =>
    decide(facts, rule, judgingFor(gate, rule, { kept: known, now }), located)
  return kept instanceof Promise ? kept.then(judge) : judge(kept)
}
