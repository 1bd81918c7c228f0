import type { AddressSet } from '../claim/address-set.ts'
import { loopback } from '../http/client-address.ts'
import { givesSecret } from '../http/gives-secret.ts'
import type { AuthorizeOptions } from '../options/options.ts'
import type { Asked, Peer } from './peer.ts'
import { ownQuery } from './read-fields.ts'

/** 20 bytes in base64url without padding. */
const signaturePattern = /^[A-Za-z0-9_-]{27}$/

/**
 * May this sender ask? With a secret, whoever has it, and nobody else; without one, this machine and the trusted proxies. An endpoint that
 * believed `X-Forwarded-Uri` of anybody would tell strangers which tokens are good (spec/forward-auth section 4).
 *
 * @param sender address of the connection
 */
export function provesAsker(
  asked: Asked,
  peer: Pick<Peer, 'proof'>,
  sender: string,
  authorize: AuthorizeOptions | null,
  trustedProxies: AddressSet,
): boolean {
  if (authorize === null) return loopback.has(sender) || trustedProxies.has(sender)
  if (peer.proof === 'signature') return isSigned(asked, authorize)
  const query = peer.proof === 'header-or-query' ? ownQuery(asked) : null
  return givesSecret(asked.headers, query, authorize)
}

/** Over the bytes as received; text that is no UTF-8 has another MAC than its bytes, and is refused. */
function isSigned({ headers, body }: Asked, authorize: AuthorizeOptions): boolean {
  const [signature, ...others] = headers.get('x-ome-signature') ?? []
  if (signature === undefined || others.length > 0 || !signaturePattern.test(signature))
    return false
  return authorize.isSigned(body, Buffer.from(signature, 'base64url').toString('hex'))
}
