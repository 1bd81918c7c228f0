import { isSessionPayload } from '../../shared/token-text.ts'
import type { EdgeauthAccess } from '../options/options.ts'
import { proveReceived, verifyReceived } from '../token/edgeauth-verify.ts'
import { describeEnd, describeFailure } from './describe-failure.ts'
import { type AccessFormat, failed } from './proven-access.ts'
import { signedQuery, spendId, spendSubject } from './spend-access.ts'

/** EdgeAuth (token-formats section 1.5). */
export const edgeauthFormat: AccessFormat<EdgeauthAccess> = {
  verify(access, found, facts, { now }) {
    const result = verifyReceived(found.token, access.scheme, {
      path: facts.rawPath,
      query: signedQuery(facts.target, access.parameter),
      clientIp: facts.clientAddress,
      now,
      salt: access.salt,
    })
    if (!result.ok) {
      const { reason, detail } = describeFailure(result.reason, found.token, 'access')
      return failed(detail, { reason, isOfFormat: result.reason !== 'malformed' })
    }
    const { claims, token, keyIndex } = result
    if (isSessionPayload(claims.payload)) {
      return failed('a session token where an access token is due')
    }
    if (claims.endTime > now + access.maxLifetimeSeconds) {
      return failed(
        `ends at ${claims.endTime}, more than maxLifetimeSeconds (${access.maxLifetimeSeconds}) from now`,
      )
    }
    return {
      ok: true,
      token,
      claims,
      spendId: spendId(claims, spendSubject(access, facts, keyIndex)),
      madeAtMs: null,
      detail: `good until ${describeEnd(claims.endTime)}, ${keyIndex === 0 ? 'primary' : 'transition'} key`,
    }
  },

  identify(access, token) {
    const proof = proveReceived(token, access.scheme, { path: '/', query: '', salt: access.salt })
    // A token made for one URL is known by that URL alone.
    if (!proof.ok || proof.claims.acl === undefined) return null
    const subject = spendSubject(access, { rawPath: '/', target: '/' }, proof.keyIndex)
    const { endTime } = proof.claims
    return { spendId: spendId(proof.claims, subject), endTime, madeAtMs: null }
  },
}
