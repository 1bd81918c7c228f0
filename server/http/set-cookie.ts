import { stringifySetCookie as stringify } from 'cookie'
import { commonDirectory } from '../../shared/acl.ts'
import { hostPrefixed } from '../session/session-cookie-name.ts'

/**
 * A session cookie. Its value is written as it is: the default encoder would turn `/` and `~` into escapes,
 * and the signature is over the raw text (threats T88). When the ACL covers the whole host, the name gets the
 * `__Host-` prefix, which keeps sibling hosts from overwriting it (RFC 6265bis section 4.1.3.2).
 */
export function stringifySetCookie(
  name: string,
  value: string,
  { acl, maxAgeSeconds }: { acl: string; maxAgeSeconds: number },
): string {
  const path = commonDirectory(acl)
  return stringify(
    {
      name: path === '/' ? hostPrefixed(name) : name,
      value,
      path,
      maxAge: maxAgeSeconds,
      secure: true,
      httpOnly: true,
      sameSite: 'lax',
    },
    { encode: (text) => text },
  )
}
