import { decodeOnce } from '../../shared/query.ts'
import type { EdgeauthReason } from '../token/edgeauth-verify.ts'
import type { Refusal } from './decision.ts'
import type { DemandReason } from './judge-demands.ts'

const details: Readonly<Record<EdgeauthReason, string>> = {
  malformed: 'malformed',
  path_not_allowed: 'its ACL does not cover this path',
  bad_signature: 'the signature does not fit',
  not_yet_valid: 'its time has not come',
  expired: 'expired',
  ip_mismatch: 'made for another address',
}

/** Which demand of an ectoken, or of what is said in its words, was not met. */
const demands: Readonly<Record<DemandReason, string>> = {
  malformed: 'opened, and holds no list of known parameters',
  path_not_allowed: 'ec_url_allow: does not cover this path',
  unrestricted: 'demands nothing, so it would open everything for ever (allowUnrestricted)',
  expired: 'ec_expire: expired',
  country_not_allowed: 'ec_country_allow or ec_country_deny: not in this country',
  country_not_judged:
    'ec_country_allow or ec_country_deny: countries are not known here, because geoip is missing (or is a header, and the request came through no trusted proxy)',
  host_not_allowed: 'ec_host_allow or ec_host_deny: not for this host',
  referrer_not_allowed: 'ec_ref_allow or ec_ref_deny: not from this page',
  ip_mismatch: 'ec_clientip: made for another address',
  protocol_not_allowed: 'ec_proto_allow or ec_proto_deny: not over this protocol',
}

export function describeDemand(reason: DemandReason): string {
  return demands[reason]
}

/** What a client is told, and what the log says, about a token that did not verify. */
export function describeFailure(
  failure: EdgeauthReason,
  token: string,
  kind: 'access' | 'session',
): Omit<Refusal, 'kind'> {
  if (failure === 'expired') return { reason: 'token-expired', detail: details.expired }
  if (isUnfilledVariable(token)) {
    return {
      reason: 'token-refused',
      detail: 'the player does not fill in EXT-X-DEFINE:QUERYPARAM (spec/manifest-uris section 9)',
    }
  }
  if (failure === 'bad_signature' && kind === 'session') {
    return {
      reason: 'token-refused',
      detail: `${details.bad_signature}: forged or changed, another key, or other salt headers than at its opening`,
    }
  }
  return { reason: 'token-refused', detail: details[failure] }
}

/** `{$hdntl}` literally: the player does not know variables. */
function isUnfilledVariable(token: string): boolean {
  return decodeOnce(token).startsWith('{$')
}

/** A time for people; what lies beyond any calendar stays a number. */
export function describeEnd(epochSeconds: number): string {
  const date = new Date(epochSeconds * 1000)
  return Number.isNaN(date.getTime()) ? String(epochSeconds) : date.toISOString()
}
