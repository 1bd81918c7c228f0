declare const proof: unique symbol

/**
 * Claims whose signature was checked. Functions that act on claims ask for this type, so that what was
 * merely parsed does not compile there.
 */
export type Verified<Claims> = Claims & { readonly [proof]: true }

/** Says that claims are proven. Called by the verify functions of this room, right after the check. */
export function proven<Claims extends object>(claims: Claims): Verified<Claims> {
  return claims as Verified<Claims>
}
