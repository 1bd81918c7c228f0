import { randomBytes } from 'node:crypto'
import { isSessionPayload } from '../../shared/token-text.ts'
import type { EdgeauthAccess, Rule } from '../options/options.ts'
import { mintWithKey } from '../token/edgeauth-mint.ts'
import { type MintAccessOptions, type MintTimes, problem } from './mint-access.ts'

/** @throws {OptionError} a life beyond the rule's maximum, text that no token can carry */
export function mintEdgeauth(
  rule: Rule,
  access: EdgeauthAccess,
  { path, subject, ip, payload }: MintAccessOptions,
  { ttlSeconds, expiresAt }: MintTimes,
): string {
  if (ttlSeconds > access.maxLifetimeSeconds) {
    throw problem(
      'ttlSeconds',
      `more than maxLifetimeSeconds of ${rule.name} (${access.maxLifetimeSeconds})`,
    )
  }
  if (isSessionPayload(payload)) throw problem('payload', 'begins like the data of a session token')
  return mintWithKey(
    {
      mode: 'acl',
      path: path ?? rule.match.paths,
      endTime: expiresAt,
      sessionId: access.escapeEarly ? subject : subject?.replaceAll('%', '%25'),
      ip,
      payload: access.singleUse === null ? payload : unique(payload),
      salt: access.salt,
      algorithm: access.scheme.algorithm,
      escapeEarly: access.escapeEarly,
      escapeProfile: access.scheme.urlEscape ?? undefined,
    },
    access.keys.primary,
  )
}

/** Tokens that agree in every field are one token to single use, and two viewers must not share one. */
function unique(payload: string | undefined): string {
  const nonce = `n=${randomBytes(12).toString('hex')}`
  return payload === undefined ? nonce : `${payload},${nonce}`
}
