import { decodeOnce } from '../../shared/query.ts'
import type { ClaimAnswer } from '../claim/answer.ts'
import {
  type EctokenFacts,
  type EctokenPolicy,
  type EctokenReason,
  judgeParams,
} from '../token/ectoken-check.ts'
import type { EctokenParams } from '../token/ectoken-params.ts'
import { countryOf, type Judging } from './judging.ts'
import { headerText, type RequestFacts } from './request-facts.ts'

/**
 * Does the request meet these demands? Paths are compared as in the request line and decoded once, like those of an ACL
 * (token-formats section 1.6): generators write them either way.
 *
 * @param params null: they could not be read, and nothing meets them
 */
export function judgeDemands(
  params: EctokenParams | null,
  facts: RequestFacts,
  judging: Pick<Judging, 'now' | 'geoip'>,
  policy: EctokenPolicy,
): ClaimAnswer<EctokenReason> {
  return judgeSpellings(facts.rawPath, (path) =>
    judgeParams(params, factsAt(path, facts, judging), policy),
  )
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
