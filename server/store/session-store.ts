/**
 * What a store keeps of sessions, beside what `store.ts` says of spent tokens: the sessions that can be listed,
 * what was ended, and the places that a subject's streams take up. `memory.ts` is the shortest implementation; the
 * contract suite `test/server/store/session-contract.ts` runs against all of them.
 *
 * Every method keeps the promises of `Store`: it answers or fails with `StoreUnavailable` within the store's time limit.
 * Texts are data of viewers and never part of a key unless they are digests.
 */

/** The form of session ids: see `SessionRecord.id`. */
export const sessionIdForm = /^[0-9a-f]{40}$/

/** A session as it can be listed. Times in milliseconds since 1970. */
export interface SessionRecord {
  /** 40 lower-case hexadecimal digits, the first twelve of which are the time of opening: ids sort by it. */
  readonly id: string
  /** Who: the `id` of the access token; `null` where it had none. At most 256 characters. */
  readonly subject: string | null
  /** Name of the rule. At most 64 characters. */
  readonly rule: string
  /** What: path of the playlist that opened it. At most 1024 characters. */
  readonly path: string
  /** Where: address of the client. At most 64 characters. */
  readonly client: string
  /** At most 256 characters; '' for none. */
  readonly userAgent: string
  readonly openedAtMs: number
  /** Of its last request. */
  readonly seenAtMs: number
  /** When its last token ends; the record ends with it. */
  readonly endsAtMs: number
  /** How many requests it made. */
  readonly requests: number
  /** Id of the session that gave it away as a link for another device; left out for all others. */
  readonly parent?: string
}

/**
 * News of one session. A session that the store does not know yet is known from then on, so that what was lost, or never
 * arrived, comes back with the session's next request. Of one that is known, `seenAtMs` and `endsAtMs` only grow,
 * `requests` is added, and everything else stays as it was first told.
 */
export type Sighting = SessionRecord

export interface SessionPage {
  /** The latest opened first. */
  readonly sessions: readonly SessionRecord[]
  /** For the next page; `null` when there is none. */
  readonly next: string | null
}

export interface SessionQuery {
  /** Only those of this subject. */
  readonly subject?: string
  /** The `next` of the page before. */
  readonly after?: string
  /** 1 to 1000. */
  readonly limit: number
}

/** What ends by one revocation. */
export type RevocationKind =
  /** One session, by its id. */
  | 'session'
  /** All of a subject, by its digest. */
  | 'subject'
  /** All opened with one access token, by the tag in their ids. */
  | 'access'
  /** All opened with one key, by the tag in their ids. */
  | 'key'
  /** All; the value is `*`. */
  | 'all'

/**
 * What was ended, once and for all: one small entry, whether it ends one session or a million. Entries of the same kind and
 * value are one; the later `beforeMs` and `untilMs` count.
 */
export interface Revocation {
  readonly kind: RevocationKind
  /** 1 to 128 visible ASCII characters. */
  readonly value: string
  /** Sessions opened before this time are ended. Milliseconds since 1970. */
  readonly beforeMs: number
  /** No token of theirs lives after this time, and the entry is forgotten. */
  readonly untilMs: number
}

export interface RevocationNews {
  readonly entries: readonly Revocation[]
  /** To ask with the next time. */
  readonly cursor: string
  /** There is more: ask again at once. */
  readonly more: boolean
}

/** A session asks to be counted among the streams of its subject. */
export interface PlaceClaim {
  /** Digest of the subject and its key, 1 to 64 visible ASCII characters. */
  readonly subject: string
  readonly sessionId: string
  /** Digest of what tells the viewer's device, 1 to 64 visible ASCII characters. */
  readonly device: string
  /**
   * Seconds without a request after which this session is not counted any more, until it claims with others; rules of one
   * subject may differ. At most a day.
   */
  readonly idleSeconds: number
  /** How many may be counted at a time, 1 or more. */
  readonly max: number
  readonly onLimit: 'deny' | 'end-oldest'
  /**
   * Is it just being opened? Only then it may take the place of a session on the same device, which its viewer has left, and
   * end others.
   */
  readonly isNew: boolean
}

export type PlaceOutcome =
  /** It is counted. */
  | {
      readonly kind: 'counted'
      /** Sessions that were ended for it (`end-oldest`; more than one after the limit was lowered): to be revoked. */
      readonly ended: readonly string[]
    }
  /** All places are taken; by these sessions, the earliest opened first. */
  | { readonly kind: 'full'; readonly others: readonly string[] }
  /** It had to make room for another, or came back too late and found all places taken (`end-oldest`). */
  | { readonly kind: 'ended' }

export interface SessionStore {
  /**
   * Keeps news of sessions. Bounded: a store that is full has ears for the sessions that it knows, and takes no new ones.
   * That is an answer and no failure: what was kept would be counted twice by whoever told all of it again.
   *
   * @returns how many were new and found no room; all other news was kept
   * @throws {StoreUnavailable} nothing, or not all of it, was kept
   */
  noteSessions(sightings: readonly Sighting[]): Promise<number>

  /** @throws {StoreUnavailable} */
  findSession(id: string): Promise<SessionRecord | null>

  /**
   * Sessions whose last token has not ended, ended ones among them. Pages neither miss nor repeat a session that is known
   * all the while.
   *
   * @throws {StoreUnavailable}
   * @throws {RangeError} for a limit out of bounds and a cursor that is none
   */
  listSessions(query: SessionQuery): Promise<SessionPage>

  /**
   * Writes down what is ended; durable when it resolves.
   *
   * @throws {StoreUnavailable} it may or may not be ended: try again
   */
  revoke(revocations: readonly Revocation[]): Promise<void>

  /**
   * What was revoked since the cursor; everything that is alive for `null`, and for a cursor that the store does not know
   * any more (another database, a Redis that lost its data). Entries may come twice.
   *
   * @throws {StoreUnavailable}
   */
  revocationsSince(cursor: string | null): Promise<RevocationNews>

  /**
   * Counts sessions, each claim atomically, exactly under any race: never more than `max` of one subject at a time, judged by
   * the rules of `places.ts`.
   *
   * @returns one outcome a claim, in their order
   * @throws {StoreUnavailable} nothing is known: for a new session, refuse
   * @throws {RangeError} for a claim that breaks the rules above
   */
  claimPlaces(claims: readonly PlaceClaim[]): Promise<readonly PlaceOutcome[]>

  /**
   * What would `claimPlaces` answer to this claim? Counts nobody, ends nobody, and answers when the store is full: that there is a
   * place proves nothing a moment later.
   *
   * @throws {StoreUnavailable}
   * @throws {RangeError} as `claimPlaces` does
   */
  peekPlace(claim: PlaceClaim): Promise<PlaceOutcome>

  /**
   * Gives a session's place back, if it has one.
   *
   * @throws {StoreUnavailable}
   */
  leavePlace(subject: string, sessionId: string): Promise<void>
}
