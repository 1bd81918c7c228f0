import { decodeOnce } from '../../shared/query.ts'
import type { EdgeauthReason } from '../token/edgeauth-verify.ts'
import type { Refusal } from './decision.ts'

const details: Readonly<Record<EdgeauthReason, string>> = {
  malformed: 'malformed',
  path_not_allowed: 'its ACL does not cover this path',
  bad_signature: 'the signature does not fit',
  not_yet_valid: 'its time has not come',
  expired: 'expired',
  ip_mismatch: 'made for another address',
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
