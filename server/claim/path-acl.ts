import { aclAllows } from '../../shared/acl.ts'
import { type ClaimAnswer, granted } from './answer.ts'

/**
 * Does the ACL admit the path asked for? (spec/token-formats section 1.5 step 6)
 *
 * @param path raw or canonical, without query and token; found unambiguous before
 */
export function checkPathAcl(
  { acl }: { readonly acl: string },
  { path }: { readonly path: string },
): ClaimAnswer<'path_not_allowed'> {
  if (aclAllows(acl, path)) return granted
  return { ok: false, reason: 'path_not_allowed', detail: 'no entry of the ACL covers the path' }
}
