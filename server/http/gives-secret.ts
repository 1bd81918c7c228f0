import { readParameter } from '../../shared/query.ts'
import type { AuthorizeOptions } from '../options/options.ts'
import type { RequestHeaders } from '../session/request-facts.ts'

/**
 * Does a request bring `authorize.secret`, once: in `X-Playgate-Secret`, or, without that header, as the parameter `secret`?
 *
 * @param query `null`: it is not looked at
 */
export function givesSecret(
  headers: RequestHeaders,
  query: string | null,
  authorize: AuthorizeOptions,
): boolean {
  const inQuery = query === null ? [] : readParameter(query, 'secret')
  const given = headers.get('x-playgate-secret') ?? inQuery
  const [secret] = given
  return secret !== undefined && given.length === 1 && authorize.isSecret(secret)
}
