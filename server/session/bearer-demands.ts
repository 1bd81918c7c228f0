import { type ClaimAnswer, granted } from '../claim/answer.ts'
import { parseClientPrefix } from '../claim/client-prefix.ts'
import type { Demands } from './access-claims.ts'
import { type DemandReason, judgeDemands } from './judge-demands.ts'
import type { Judging } from './judging.ts'
import type { RequestFacts } from './request-facts.ts'

/** What a timed or managed token may ask of its bearer (token-formats section 3.2). */
export interface BearerLimits {
  /** An address, a CIDR block, or whole bytes of an IPv4 address with a dot behind; `null`: any. */
  readonly clientIp: string | null
  /** A domain, its subdomains included; `null`: any page, or none. */
  readonly referrer: string | null
}

/** The same in the words of the ectoken, to be judged and carried on as those are; `null`: it asks nothing. */
export function bearerDemands({ clientIp, referrer }: BearerLimits): Demands | null {
  if (clientIp === null && referrer === null) return null
  return {
    params: {
      ...(clientIp !== null && { ec_clientip: parseClientPrefix(clientIp) ?? clientIp }),
      ...(referrer !== null && { ec_ref_allow: [referrer, `*.${referrer}`] }),
    },
    ignoreCase: true,
    denyUnknownCountry: false,
  }
}

export function judgeBearer(
  demands: Demands | null,
  facts: RequestFacts,
  judging: Pick<Judging, 'now' | 'geoip'>,
): ClaimAnswer<DemandReason> {
  if (demands === null) return granted
  const answer = judgeDemands(demands.params, facts, judging, demands)
  if (answer.ok) return answer
  const isAddress = answer.reason === 'ip_mismatch'
  const detail = isAddress ? 'made for another address' : 'made for the pages of another site'
  return { ...answer, detail }
}

/** What it asks, for the log. */
export function describeDemands({ clientIp, referrer }: BearerLimits): string {
  const from = clientIp === null ? '' : `, from ${clientIp}`
  return from + (referrer === null ? '' : `, on pages of ${referrer}`)
}
