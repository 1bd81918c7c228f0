import type { AdminOptions } from '../options/options.ts'
import type { RequestFacts } from '../session/request-facts.ts'

/**
 * Does the request bring the admin token, in the one place where it may stand: a single `Authorization: Bearer TOKEN`
 * (RFC 6750 section 2.1)? A query would go to logs, and a cookie would come with what other sites make a browser ask.
 */
export function bringsToken(
  { headers }: Pick<RequestFacts, 'headers'>,
  admin: AdminOptions,
): boolean {
  const [value, ...others] = headers.get('authorization') ?? []
  const token = /^Bearer +([!-~]+)$/i.exec(value ?? '')?.[1]
  return others.length === 0 && token !== undefined && admin.isToken(token)
}
