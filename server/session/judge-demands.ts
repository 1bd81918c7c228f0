import { decodeOnce } from '../../shared/query.ts'
import type { ClaimAnswer } from '../claim/answer.ts'
import {
  type EctokenFacts,
  type EctokenPolicy,
  type EctokenReason,
  judgeParams,
} from '../token/ectoken-check.ts'
import type { EctokenParams } from '../token/ectoken-params.ts'
import { canKnowCountry, countryOf, type Judging } from './judging.ts'
import { headerText, type RequestFacts } from './request-facts.ts'

/** Besides what a token alone can be refused for: it names countries, and nobody here can tell them. */
export type DemandReason = EctokenReason | 'country_not_judged'

/**
 * Does the request meet these demands? Lists of countries are met by nobody where countries cannot be known: a list to
 * deny would hold for no one. Paths are compared as in the request line and decoded once, like those of an ACL
 * (token-formats section 1.6): generators write them either way.
 *
 * @param params null: they could not be read, and nothing meets them
 */
export function judgeDemands(
  params: EctokenParams | null,
  facts: RequestFacts,
  judging: Pick<Judging, 'now' | 'geoip'>,
  policy: EctokenPolicy,
): ClaimAnswer<DemandReason> {
  const answer = judgeSpellings(facts.rawPath, (path) =>
    judgeParams(params, factsAt(path, facts, judging), policy),
  )
  if (!namesCountries(params) || canKnowCountry(facts, judging)) return answer
  if (!answer.ok && answer.reason !== 'country_not_allowed') return answer
  return { ok: false, reason: 'country_not_judged', detail: 'countries are not known here' }
}

/** Has the token a list of countries? */
export function namesCountries(params: EctokenParams | null): boolean {
  return params?.ec_country_allow !== undefined || params?.ec_country_deny !== undefined
}

/** Judges a path as it stands, and, where that does not let it in, decoded once. */
export function judgeSpellings(
  rawPath: string,
  judge: (path: string) => ClaimAnswer<EctokenReason>,
): ClaimAnswer<EctokenReason> {
  const answer = judge(rawPath)
  if (answer.ok || answer.reason !== 'path_not_allowed' || !rawPath.includes('%')) return answer
  return judge(decodeOnce(rawPath))
}

function factsAt(
  path: string,
  facts: RequestFacts,
  judging: Pick<Judging, 'now' | 'geoip'>,
): EctokenFacts {
  return {
    now: judging.now,
    path,
    host: facts.host,
    proto: facts.scheme,
    clientIp: facts.clientAddress,
    referrer: headerText(facts.headers, 'referer') ?? null,
    get country() {
      return countryOf(facts, judging)
    },
  }
}
