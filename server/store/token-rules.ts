import { createHash } from 'node:crypto'
import {
  type TokenKind,
  type TokenQuery,
  type TokenRecord,
  type TokenSelector,
  type TokenStore,
  type TokenUse,
  tokenIdForm,
} from './token-store.ts'

const kinds: readonly TokenKind[] = ['managed', 'timed']

function checkTime(time: number): void {
  if (!(Number.isInteger(time) && time >= 0 && time < 2 ** 48)) {
    throw new RangeError('times are whole milliseconds since 1970')
  }
}

function checkRealm(realm: string): void {
  if (!/^[!-~]{1,64}$/.test(realm)) throw new RangeError('realm: 1 to 64 visible ASCII characters')
}

function checkLength(what: string, text: string | null, most: number): void {
  if ((text?.length ?? 0) > most) throw new RangeError(`${what}: at most ${most} characters`)
}

/** @throws {RangeError} for what breaks the rules of `TokenRecord` */
export function checkToken(record: TokenRecord): void {
  const { id, kind, realm, name, clientIp, referrer, createdAtMs, endsAtMs, usedAtMs } = record
  if (!tokenIdForm.test(id)) throw new RangeError('id: 43 characters of base64url')
  if (!kinds.includes(kind)) throw new RangeError('kind: no such kind')
  if (kind === 'timed' && endsAtMs === null) throw new RangeError('endsAtMs: a timed token ends')
  checkRealm(realm)
  checkLength('name', name, 256)
  checkLength('clientIp', clientIp, 64)
  checkLength('referrer', referrer, 253)
  for (const time of [createdAtMs, endsAtMs ?? 0, usedAtMs ?? 0]) checkTime(time)
}

/** @throws {RangeError} see `TokenStore.listTokens` */
export function checkTokenQuery({ realm, name, after, limit }: TokenQuery): void {
  if (realm !== undefined) checkRealm(realm)
  checkLength('name', name ?? null, 256)
  if (after !== undefined && !placeForm.test(after)) throw new RangeError('after: no such cursor')
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= 1000)) {
    throw new RangeError('limit: 1 to 1000')
  }
}

/** @throws {RangeError} see `TokenStore.removeTokensOf` */
export function checkTokenSelector({ realm, name, kind, createdBeforeMs }: TokenSelector): void {
  checkRealm(realm)
  checkLength('name', name ?? null, 256)
  if (kind !== undefined && !kinds.includes(kind)) throw new RangeError('kind: no such kind')
  checkTime(createdBeforeMs)
}

/** @throws {RangeError} see `TokenStore.noteTokenUses` */
export function checkTokenUses(uses: readonly TokenUse[]): void {
  for (const { usedAtMs } of uses) checkTime(usedAtMs)
}

const timeLength = 10
const placeForm = /^[0-9a-z]{10}[A-Za-z0-9_-]{43}$/

/** A time as text that sorts by it: in base 36, for lists have it many times. */
export function timeText(timeMs: number): string {
  return timeMs.toString(36).padStart(timeLength, '0')
}

/** After all times. */
export const endOfTime = 'z'.repeat(timeLength)

/** Where a token stands in all lists: text that sorts by the time of its creation, and then by its id. */
export function placeOf({ createdAtMs, id }: Pick<TokenRecord, 'createdAtMs' | 'id'>): string {
  return timeText(createdAtMs) + id
}

export function idAtPlace(place: string): string {
  return place.slice(timeLength)
}

/** Before those of all other tokens. */
const lowestId = '-'.repeat(43)

type Scope = { readonly realm?: string | undefined; readonly name?: string | undefined }

/**
 * Digest of what the tokens of one list have in common: a realm, a name, both, or nothing. A store that keeps a list for each
 * of them has nothing to pass over. Of JSON, which tells any two texts apart, half surrogates too.
 */
export function scopeOf({ realm, name }: Scope): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([realm ?? null, name ?? null]))
    .digest()
}

/** Of all lists that a token stands in. */
export function scopesOf({ realm, name }: Pick<TokenRecord, 'realm' | 'name'>): readonly Buffer[] {
  const scopes: readonly Scope[] =
    name === null ? [{}, { realm }] : [{}, { realm }, { name }, { realm, name }]
  return scopes.map(scopeOf)
}

/** Tokens that are looked through and removed in one go. */
const removedAtOnce = 500

/** `TokenStore.removeTokensOf` by what a store can do besides: page by page. */
export async function removeByPages(
  store: Pick<TokenStore, 'listTokens' | 'removeTokens'>,
  selector: TokenSelector,
): Promise<number> {
  checkTokenSelector(selector)
  const { realm, name, kind, createdBeforeMs } = selector
  const query = { realm, ...(name !== undefined && { name }), limit: removedAtOnce }
  let removed = 0
  let after: string | null = placeOf({ createdAtMs: createdBeforeMs, id: lowestId })
  while (after !== null) {
    const { tokens, next } = await store.listTokens({ ...query, after })
    const fitting = tokens.filter((token) => kind === undefined || token.kind === kind)
    removed += await store.removeTokens(fitting.map(({ id }) => id))
    after = next
    // Where all is in memory, the promises above give no turn to anybody.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return removed
}
