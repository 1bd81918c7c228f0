import type { EpochSeconds } from '../../shared/units.ts'
import type { CountrySource } from '../geo/country-source.ts'
import type { Endings } from './endings.ts'
import type { ProofMemory } from './proof-memory.ts'
import type { RequestFacts } from './request-facts.ts'
import type { KeptToken } from './token-registry.ts'

/** What requests are judged with besides their rule. */
export interface Judging {
  readonly now: EpochSeconds
  /** What was ended, as far as this process knows. */
  readonly endings: Endings
  /** Of the rule; `null` when the rule has no sessions. */
  readonly memory: ProofMemory | null
  /** `null`: countries are not known. */
  readonly geoip: CountrySource | null
  /** What the store has on the tokens of this request, looked up before. */
  readonly kept: KeptTokens
}

/** Tokens by their ids, as the store has them; one that is not among them was not looked up. */
export type KeptTokens = ReadonlyMap<string, KeptToken>

/** Two letters; `null`: not known. */
export function countryOf(facts: RequestFacts, { geoip }: Pick<Judging, 'geoip'>): string | null {
  if (geoip === null) return null
  const { clientAddress, headers, viaTrustedProxy } = facts
  return geoip.countryOf({ clientAddress, headers, isFromTrustedProxy: viaTrustedProxy })
}

/** Can the country of that request be known at all? Where it cannot, no list of countries can be kept to. */
export function canKnowCountry(
  { viaTrustedProxy }: Pick<RequestFacts, 'viaTrustedProxy'>,
  { geoip }: Pick<Judging, 'geoip'>,
): boolean {
  return geoip !== null && (viaTrustedProxy || !geoip.needsTrustedProxy)
}
