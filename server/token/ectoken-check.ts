import { isAmbiguousPath } from '../../shared/request-target.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import { type ClaimAnswer, granted } from '../claim/answer.ts'
import { checkClientBlock } from '../claim/client-block.ts'
import { checkCountry } from '../claim/country.ts'
import { checkHost } from '../claim/host.ts'
import { checkPathPrefix } from '../claim/path-prefix.ts'
import { checkProtocol } from '../claim/protocol.ts'
import { checkReferrer } from '../claim/referrer.ts'
import type { EctokenParams } from './ectoken-params.ts'

/**
 * Which demand of a token was not met; the first that is not. For logs and for `explain`: a client is not
 * told (spec/token-formats section 2.5 no. 8).
 */
export type EctokenReason =
  | 'malformed'
  | 'path_not_allowed'
  | 'unrestricted'
  | 'expired'
  | 'country_not_allowed'
  | 'host_not_allowed'
  | 'referrer_not_allowed'
  | 'ip_mismatch'
  | 'protocol_not_allowed'

/** Who asks, when, from where and for what. What is not known meets no demand made of it. */
export interface EctokenFacts {
  /** Null: not known. */
  readonly now: EpochSeconds | null
  readonly path: string
  readonly host?: string | undefined
  readonly proto?: string | undefined
  readonly clientIp?: string | undefined
  readonly country?: string | null | undefined
  readonly referrer?: string | null | undefined
}

/** How demands are read; the same for every request. */
export interface EctokenPolicy {
  /** Compare `ec_url_allow`, `ec_ref_allow` and `ec_ref_deny` without case? @default false */
  readonly ignoreCase?: boolean | undefined
  /** Does `ec_country_deny` refuse a client whose country is not known? @default false */
  readonly denyUnknownCountry?: boolean | undefined
  /** Take a token that demands nothing at all? It opens everything, for ever. @default false */
  readonly allowUnrestricted?: boolean | undefined
}

type Question = (
  params: EctokenParams,
  facts: EctokenFacts,
  policy: EctokenPolicy,
) => ClaimAnswer<EctokenReason>

/** One a demand, in the order of the vendor's builder. Each grants where its parameters are left out. */
const questions: readonly Question[] = [
  ({ ec_expire: endTime }, { now }) => {
    if (endTime === undefined) return granted
    if (now === null) return { ok: false, reason: 'expired', detail: 'the time is not known' }
    if (now <= endTime) return granted
    return { ok: false, reason: 'expired', detail: `ended ${now - endTime} s ago` }
  },
  // The country is read from the facts only where it is asked for: it may have to be looked up.
  ({ ec_country_allow: allow, ec_country_deny: deny }, facts, { denyUnknownCountry }) =>
    hasNone(allow, deny)
      ? granted
      : checkCountry(
          { allow, deny },
          { country: facts.country, denyUnknownCountry: denyUnknownCountry === true },
        ),
  ({ ec_url_allow: prefixes }, { path }, { ignoreCase }) =>
    prefixes === undefined
      ? granted
      : checkPathPrefix({ prefixes }, { path, ignoreCase: ignoreCase === true }),
  ({ ec_host_allow: allow, ec_host_deny: deny }, { host }) =>
    hasNone(allow, deny) ? granted : checkHost({ allow, deny }, { host }),
  ({ ec_ref_allow: allow, ec_ref_deny: deny }, { referrer }, { ignoreCase }) =>
    hasNone(allow, deny)
      ? granted
      : checkReferrer({ allow, deny }, { referrer, ignoreCase: ignoreCase === true }),
  ({ ec_clientip: block }, { clientIp }) =>
    block === undefined ? granted : checkClientBlock({ block }, { clientIp }),
  ({ ec_proto_allow: allow, ec_proto_deny: deny }, { proto }) =>
    hasNone(allow, deny) ? granted : checkProtocol({ allow, deny }, { proto }),
]

function hasNone(allow: unknown, deny: unknown): boolean {
  return allow === undefined && deny === undefined
}

/**
 * Does the request meet every demand of the token? The path must be unambiguous, whatever the token demands
 * (spec/token-formats section 2.3). Throws for nothing that a token or a client can say.
 *
 * @param params null: they could not be read
 */
export function judgeParams(
  params: EctokenParams | null,
  facts: EctokenFacts,
  policy: EctokenPolicy,
): ClaimAnswer<EctokenReason> {
  if (params === null) {
    return { ok: false, reason: 'malformed', detail: 'no list of known parameters' }
  }
  if (isAmbiguousPath(facts.path)) {
    return { ok: false, reason: 'path_not_allowed', detail: 'an ambiguous path' }
  }
  if (Object.keys(params).length === 0 && policy.allowUnrestricted !== true) {
    return { ok: false, reason: 'unrestricted', detail: 'the token demands nothing' }
  }
  for (const question of questions) {
    const answer = question(params, facts, policy)
    if (!answer.ok) return answer
  }
  return granted
}
