import type { Explanation } from '../check-list.ts'
import { post } from '../site.ts'

/** What the page asks of its own server, which has the keys. */

export type Format = 'edgeauth' | 'ectoken' | 'timed' | 'managed'

/** What a token says. */
export interface Said {
  readonly format: Format
  readonly kind: 'access' | 'session'
  /** `null`: nothing here can open it. */
  readonly fields: Readonly<Record<string, unknown>> | null
}

export interface MadeToken {
  readonly token: string
  readonly format: Format
  /** Path and query of the sample stream with it; `null`: it cannot stand in a query. */
  readonly link: string | null
  /** By which it is revoked; `null`: nobody keeps it. */
  readonly id: string | null
  readonly said: Said | null
}

export interface TakenApart {
  /** `null`: there is none in the text. */
  readonly token: string | null
  /** `null`: it has the form of none. */
  readonly said: Said | null
  /** Of the request that it was judged with; `null`: there is no telling where it would stand. */
  readonly url: string | null
  readonly explanation: Explanation | null
}

export interface KeptToken {
  readonly id: string
  readonly format: Format
  readonly name: string | null
  readonly ip: string | null
  readonly referrer: string | null
  readonly createdAt: string
  readonly usedAt: string | null
}

/** Fields as they were typed, by their names; the empty ones left out. */
export type Typed = Readonly<Record<string, string | Readonly<Record<string, string>>>>

/** @throws {SiteError} with the problems of the fields */
export async function mintToken(fields: Typed): Promise<MadeToken> {
  return (await ask('mint', fields)) as unknown as MadeToken
}

/**
 * @param text a token, or a URL with one
 * @param request what to judge it with instead of the page's own
 * @throws {SiteError} with the problems of the fields
 */
export async function takeApart(text: string, request: Typed): Promise<TakenApart> {
  return (await ask('inspect', { text, request })) as unknown as TakenApart
}

/** @throws {SiteError} */
export async function listTokens(): Promise<readonly KeptToken[]> {
  const { tokens } = await ask('list', {})
  return tokens as readonly KeptToken[]
}

/** @throws {SiteError} */
export async function revokeToken(id: string): Promise<void> {
  await ask('revoke', { id })
}

function ask(what: string, body: object): Promise<Record<string, unknown>> {
  return post(`/demo/api/tokens/${what}`, body, AbortSignal.timeout(10_000))
}
