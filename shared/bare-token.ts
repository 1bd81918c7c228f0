import { joinUrl, splitUrl } from './query.ts'

/**
 * The bare token: a part of the query that is no pair, `?TOKEN` (spec/token-formats section 2.2). The empty
 * name stands for it wherever parameters are named.
 */

/**
 * Fewer characters hold no sealed text: iv, tag and one byte between them make 39. What is all hexadecimal digits
 * is the digest of a file, put there against caches; one sealed text in 4^39 looks so.
 */
const tokenText = /^(?![0-9a-f]+$)[A-Za-z0-9_-]{39,}$/

/** Has this text the form of a token that can stand bare? */
export function isBareTokenText(text: string): boolean {
  return tokenText.test(text)
}

/** Some HTTP stacks write `?TOKEN` as `?TOKEN=` (spec/token-formats section 2.2). */
function withoutAddedEquals(part: string): string {
  const text = part.slice(0, -1)
  return part.endsWith('=') && isBareTokenText(text) ? text : part
}

/**
 * Is this part of a query a bare token, by its form? Bare parts of another form, such as `v2`, are honest: they
 * keep caches from answering with an older file.
 */
export function isBareToken(part: string): boolean {
  return isBareTokenText(withoutAddedEquals(part))
}

/**
 * The bare token of a query: its first part without `=`, whatever its form; without such a part, the first
 * that got an `=` at its end on its way. `rest` is the query without it. Null when there is none.
 *
 * @param query without the leading `?`
 */
export function findBareToken(query: string): { token: string; rest: string } | null {
  const parts = query.split('&')
  const found = parts.find((part) => part !== '' && !part.includes('=')) ?? parts.find(isBareToken)
  if (found === undefined) return null
  const token = withoutAddedEquals(found)
  return { token, rest: parts.filter((part) => withoutAddedEquals(part) !== token).join('&') }
}

/** The different texts in a query that have the form of a bare token, in order. */
export function bareTokensIn(query: string): string[] {
  return [...new Set(query.split('&').filter(isBareToken).map(withoutAddedEquals))]
}

/**
 * The query without its bare tokens. Other parts, bare ones of another form among them, keep text and order:
 * for keeping the tokens of other rules from an origin.
 *
 * @param query without the leading `?`
 */
export function removeBareToken(query: string): string {
  const parts = query.split('&')
  const kept = parts.filter((part) => !isBareToken(part))
  return kept.length === parts.length ? query : kept.join('&')
}

/**
 * The URL with the token as the first part of its query, where it is the first bare one whatever follows, in
 * place of any earlier bare token. No other byte changes.
 */
export function setBareToken(url: string, token: string): string {
  const { head, query, fragment } = splitUrl(url)
  const kept = (query ?? '') === '' ? [] : (query ?? '').split('&')
  const parts = [token, ...kept.filter((part) => !isBareToken(part))]
  return joinUrl({ head, query: parts.join('&'), fragment })
}
