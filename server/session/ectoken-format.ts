import { isBareTokenText } from '../../shared/bare-token.ts'
import { decodeOnce } from '../../shared/query.ts'
import type { EctokenAccess } from '../options/options.ts'
import { openEctoken } from '../token/ectoken-open.ts'
import type { EctokenParams } from '../token/ectoken-params.ts'
import { isKeptToken } from '../token/managed.ts'
import { isTimedToken } from '../token/timed-text.ts'
import { proven } from '../token/verified.ts'
import type { AccessClaims } from './access-claims.ts'
import { describeDemand, describeEnd } from './describe-failure.ts'
import { judgeDemands } from './judge-demands.ts'
import { type AccessFormat, failed } from './proven-access.ts'
import type { RequestFacts } from './request-facts.ts'
import { sealedId } from './spend-access.ts'

/** Ectoken v3 (token-formats section 2). One token has one text, so its text is its identity. */
export const ectokenFormat: AccessFormat<EctokenAccess> = {
  verify(access, { token }, facts, judging) {
    const opened = openEctoken(access.keys.all, token)
    if (opened === null) {
      const isOfFormat = isBareTokenText(token) && !isTimedToken(token) && !isKeptToken(token)
      return failed('no key opens it: forged, changed, cut, or made with another key', {
        isOfFormat,
      })
    }
    const { params, keyIndex } = opened
    const answer = judgeDemands(params, facts, judging, access.policy)
    if (!answer.ok || params === null) {
      const why = answer.ok ? 'malformed' : answer.reason
      const reason = why === 'expired' ? 'token-expired' : 'token-refused'
      return failed(describeDemand(why), { reason })
    }
    const { ec_expire: endTime = null } = params
    const { maxLifetimeSeconds } = access
    if (maxLifetimeSeconds !== null && (endTime ?? Infinity) > judging.now + maxLifetimeSeconds) {
      return failed(`ends later than maxLifetimeSeconds (${maxLifetimeSeconds}) from now, or never`)
    }
    return {
      ok: true,
      token,
      claims: claimsOf(params, access, facts),
      spendId: sealedId('ectoken', access.keys.secretNames[keyIndex] ?? '', token),
      madeAtMs: null,
      detail: `${endTime === null ? 'has no end' : `good until ${describeEnd(endTime)}`}, ${keyIndex === 0 ? 'primary' : 'transition'} key`,
    }
  },

  identify({ keys }, token) {
    const opened = openEctoken(keys.all, token)
    if (opened === null) return null
    return {
      spendId: sealedId('ectoken', keys.secretNames[opened.keyIndex] ?? '', token),
      endTime: opened.params?.ec_expire ?? null,
      madeAtMs: null,
    }
  },
}

function claimsOf(params: EctokenParams, { policy }: EctokenAccess, facts: RequestFacts) {
  const { ec_expire: endTime, ec_url_allow: prefixes, ...rest } = params
  const demands = { params: rest, ...policy }
  const claims: AccessClaims = {
    endTime: endTime ?? null,
    ...(prefixes !== undefined && { acl: aclOf(prefixes, facts.rawPath, policy.ignoreCase) }),
    ...(Object.keys(rest).length > 0 && { demands }),
  }
  return proven(claims)
}

/**
 * Beginnings of paths as an ACL. An ACL is decoded once before it is matched, so what is to be literal is escaped: `%66ilm` in a beginning is
 * no `film`. Those that hold a wildcard of an ACL have none and are left out: the session gets less, never more. Where case is ignored,
 * the beginning that let this request in is written as in the request, because an ACL knows case.
 */
function aclOf(prefixes: readonly string[], path: string, ignoreCase: boolean): string {
  const spellings = ignoreCase ? [path, decodeOnce(path)] : []
  const written = prefixes.map((prefix) => {
    const starts = spellings.map((spelling) => spelling.slice(0, prefix.length))
    return starts.find((start) => start.toLowerCase() === prefix.toLowerCase()) ?? prefix
  })
  return written
    .filter((prefix) => prefix !== '' && !/[*?!]/.test(prefix))
    .map((prefix) => `${prefix.replaceAll('%', '%25')}*`)
    .join('!')
}
