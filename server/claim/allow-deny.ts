/** What may, and what may not. Either list may be left out; neither is empty. */
export interface AllowDeny {
  readonly allow?: readonly string[] | undefined
  readonly deny?: readonly string[] | undefined
}

/**
 * Do the lists let it pass? An `allow` list decides alone; a `deny` list counts only without one
 * (spec/token-formats section 2.3: both lists given, allow wins).
 *
 * @param covers is this entry about the fact in question?
 */
export function passesLists(
  { allow, deny }: AllowDeny,
  covers: (entry: string) => boolean,
): boolean {
  if (allow !== undefined) return allow.some(covers)
  return deny === undefined || !deny.some(covers)
}
