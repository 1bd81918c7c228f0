import { createHash } from 'node:crypto'
import type { TokenRecord, TokenStore } from '../../../server/store/token-store.ts'

/** An id, as the digest of a token's text is one. */
export function tokenIdOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

let serial = 0
/** What no test had before. */
export const fresh = (name: string): string => `${name}-${serial++}`

/** A token that no test had before; it never ends. */
export function tokenRecord(more: Partial<TokenRecord> = {}): TokenRecord {
  return {
    id: tokenIdOf(fresh('token')),
    kind: 'managed',
    realm: 'films',
    name: null,
    clientIp: null,
    referrer: null,
    createdAtMs: 1_767_225_600_000,
    endsAtMs: null,
    usedAtMs: null,
    ...more,
  }
}

export const idsOf = (tokens: readonly TokenRecord[]): string[] => tokens.map(({ id }) => id)

/** Ids as a list must have them: the latest created first, and those of one time in the reverse order of their ids. */
export function latestFirst(tokens: readonly TokenRecord[]): string[] {
  const place = ({ createdAtMs, id }: TokenRecord): string =>
    `${String(createdAtMs).padStart(15, '0')}${id}`
  return tokens
    .map((token) => ({ id: token.id, place: place(token) }))
    .sort((one, other) => (one.place < other.place ? 1 : -1))
    .map(({ id }) => id)
}

export interface ListFilter {
  readonly realm?: string
  readonly name?: string
}

/**
 * All pages, one after the other.
 *
 * @param between runs before each page but the first
 */
export async function everyToken(
  store: Pick<TokenStore, 'listTokens'>,
  filter: ListFilter,
  limit = 1000,
  between: () => Promise<unknown> = async () => {},
): Promise<TokenRecord[]> {
  const tokens: TokenRecord[] = []
  for (let after: string | null = ''; after !== null; ) {
    if (after !== '') await between()
    const page = await store.listTokens({ ...filter, limit, ...(after !== '' && { after }) })
    if (page.tokens.length > limit) throw new Error(`a page of ${page.tokens.length}`)
    tokens.push(...page.tokens)
    after = page.next
  }
  return tokens
}
