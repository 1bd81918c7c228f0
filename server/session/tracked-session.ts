import type { PlaceClaim, Sighting } from '../store/session-store.ts'

/** The facts of a session that do not change from one request to the next. */
export type SessionFacts = Omit<Sighting, 'seenAtMs' | 'requests'>

/** How a session is counted among its subject's streams. */
export type Counting = Omit<PlaceClaim, 'sessionId' | 'isNew'>

/** What is to be said to a request. */
export type Admission =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'full'; readonly others: readonly string[] }
  | { readonly kind: 'ended' }

/** A session as this process has seen it. Times in milliseconds since 1970. */
export interface Tracked {
  /** The rule as it was when `counting` was made from it. */
  rule: object
  facts: SessionFacts
  /** `null` where the rule sets no limit. */
  counting: Counting | null
  seenAtMs: number
  /** Requests that the store does not know of. */
  untold: number
  toldAtMs: number
  /** When it was last tried to tell the store. */
  triedAtMs: number
  /** When the store last answered a claim for it; 0: not that we knew. */
  countedAtMs: number
  /** It found no place, then. */
  full: { readonly atMs: number; readonly others: readonly string[] } | null
  claiming: Promise<Admission> | null
}

/** The session whose place it is: a link for another device plays in that of its parent, and takes no second one. */
export function placeHolder({ id, parent }: Pick<SessionFacts, 'id' | 'parent'>): string {
  return parent ?? id
}

export function newlyTracked(
  rule: object,
  facts: SessionFacts,
  counting: Counting | null,
): Tracked {
  const times = { seenAtMs: 0, toldAtMs: 0, triedAtMs: 0, countedAtMs: 0 }
  return { rule, facts, counting, untold: 0, ...times, full: null, claiming: null }
}

/** Was it counted, and so lately that its place cannot have become another's for its silence? */
export function holdsPlace({ counting, countedAtMs, full }: Tracked, nowMs: number): boolean {
  return counting !== null && full === null && nowMs - countedAtMs < counting.idleSeconds * 1000
}
