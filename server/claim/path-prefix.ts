import { type ClaimAnswer, granted } from './answer.ts'

/**
 * Does the path begin with one of these texts? A plain beginning, as Azure documents it: `/pictures` also
 * admits `/pictures.png` and `/picturesnew/x`, so end the name of a directory with a slash (threat T19).
 * Empty entries count for nothing (spec/token-formats section 2.3).
 *
 * @param facts.path as in the request line, without query and token; found unambiguous before
 */
export function checkPathPrefix(
  { prefixes }: { readonly prefixes: readonly string[] },
  {
    path,
    ignoreCase = false,
  }: { readonly path: string; readonly ignoreCase?: boolean | undefined },
): ClaimAnswer<'path_not_allowed'> {
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text)
  const subject = fold(path)
  if (prefixes.some((prefix) => prefix !== '' && subject.startsWith(fold(prefix)))) return granted
  return { ok: false, reason: 'path_not_allowed', detail: 'the path begins with no listed text' }
}
