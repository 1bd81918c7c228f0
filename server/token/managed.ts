import { createHash, randomBytes } from 'node:crypto'

/**
 * What tokens that are kept in the store begin with, by kind: `managed`, without an end; `revocable`, timed ones
 * that are kept because they are to be revoked singly.
 */
const prefixes = { managed: 'pgm_', revocable: 'pgr_' } as const

export type ManagedKind = keyof typeof prefixes

/** Far more than the 128 bits that guessing asks for, and long enough to stand bare in a query. */
const randomByteCount = 32
/** 43 characters for 256 bits: the last holds four of them, so each value has one spelling. */
const randomText = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** A new token: random text that says nothing. */
export function mintManagedToken(kind: ManagedKind = 'managed'): string {
  return prefixes[kind] + randomBytes(randomByteCount).toString('base64url')
}

/** Has this text the form of such a token? No form of ours matches two formats. Finding is not knowing. */
export function isManagedToken(text: string, kind: ManagedKind = 'managed'): boolean {
  const prefix = prefixes[kind]
  return text.startsWith(prefix) && randomText.test(text.slice(prefix.length))
}

/**
 * The name under which the store knows a token: SHA-256 of its text, 43 characters of base64url. The store never
 * sees the text, and a look-up by name takes the same time whatever part of it was guessed right
 * (spec/token-formats section 3.3). No salt: there are 256 random bits in it.
 */
export function managedTokenId(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('base64url')
}

/** Has this text the form of a token of either kind? */
export function isKeptToken(text: string): boolean {
  return isManagedToken(text, 'managed') || isManagedToken(text, 'revocable')
}
