/**
 * What a store keeps of opaque access tokens: those that were made by hand and hold until they are revoked, and those with an end
 * whose rule wants them revocable. A token is good for as long as it is here. `token-book.ts` is the shortest implementation; the
 * contract suite `test/server/store/token-contract.test.ts` runs against all of them.
 *
 * Every method keeps the promises of `Store`: it answers or fails with `StoreUnavailable` within the store's time limit, which
 * `removeTokensOf` has for each of its parts. Texts are data of viewers and never part of a key unless they are digests.
 */

/** The form of token ids: see `TokenRecord.id`. */
export const tokenIdForm = /^[A-Za-z0-9_-]{43}$/

export type TokenKind =
  /** Made by hand; holds until it is revoked, or until its end where it has one. */
  | 'managed'
  /** Has an end, and is kept so that it can be revoked before. */
  | 'timed'

/** What is kept of a token. Times in milliseconds since 1970. All but `usedAtMs` stays as it was first told. */
export interface TokenRecord {
  /** Digest of the token's text: SHA-256 as 43 characters of base64url. The text itself is kept nowhere. */
  readonly id: string
  readonly kind: TokenKind
  /** Which rules take it: 1 to 64 visible ASCII characters. */
  readonly realm: string
  /** Whose it is: a user id; `null` for nobody's in particular. At most 256 characters. */
  readonly name: string | null
  /** Who may use it: an address, a CIDR block or a dotted prefix, which is judged elsewhere. At most 64 characters. */
  readonly clientIp: string | null
  /** Whose pages may use it. At most 253 characters. */
  readonly referrer: string | null
  readonly createdAtMs: number
  /** The record ends with it; `null`: never, which a `timed` one must not say. */
  readonly endsAtMs: number | null
  /** Of its last use; `null` for none yet. */
  readonly usedAtMs: number | null
}

export interface TokenQuery {
  /** Only those of this realm. */
  readonly realm?: string
  /** Only those of this name. */
  readonly name?: string
  /** The `next` of the page before. */
  readonly after?: string
  /** 1 to 1000. */
  readonly limit: number
}

export interface TokenPage {
  /** The latest created first. */
  readonly tokens: readonly TokenRecord[]
  /** For the next page; `null` when there is none. */
  readonly next: string | null
}

/** What a revocation of many takes away. */
export interface TokenSelector {
  readonly realm: string
  /** Only those of this name. */
  readonly name?: string
  /** Only those of this kind. */
  readonly kind?: TokenKind
  /** Only those that were created before this time. Milliseconds since 1970. */
  readonly createdBeforeMs: number
}

export interface TokenUse {
  readonly id: string
  readonly usedAtMs: number
}

export interface TokenStore {
  /**
   * Keeps a token; durable when it resolves. One that is known stays as it is, so that who is in doubt may try again. Bounded: a
   * store that is full refuses rather than forget what is still alive.
   *
   * @throws {StoreUnavailable} it may or may not be kept: hand the token to nobody
   * @throws {RangeError} for a record that breaks the rules above
   */
  addToken(record: TokenRecord): Promise<void>

  /**
   * What is kept of a token; `null` for one that is unknown, was revoked, or has ended, and for what is no id.
   *
   * @throws {StoreUnavailable} nothing is known: refuse
   */
  findToken(id: string): Promise<TokenRecord | null>

  /**
   * Tokens that have not ended. Pages neither miss nor repeat a token that is known all the while.
   *
   * @throws {StoreUnavailable}
   * @throws {RangeError} for a query that breaks the rules above, and a cursor that is none
   */
  listTokens(query: TokenQuery): Promise<TokenPage>

  /**
   * Revokes tokens; durable when it resolves. What is no id is not there.
   *
   * @returns how many were there
   * @throws {StoreUnavailable} some of them may be gone: try again
   */
  removeTokens(ids: readonly string[]): Promise<number>

  /**
   * Revokes all that fit and are known by now, part by part, so that nobody else waits for long. Of a million that takes a
   * while, during which those that come later are still good.
   *
   * @returns how many there were
   * @throws {StoreUnavailable} some of them may be gone: try again
   * @throws {RangeError} for a selector that breaks the rules above
   */
  removeTokensOf(selector: TokenSelector): Promise<number>

  /**
   * Writes down when tokens were used. `usedAtMs` only grows, and a token that is not there does not come back.
   *
   * @throws {StoreUnavailable} nothing, or not all of it, was kept
   * @throws {RangeError} for a time that is none
   */
  noteTokenUses(uses: readonly TokenUse[]): Promise<void>
}
