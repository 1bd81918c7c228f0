import { decodeOnce } from '../../shared/query.ts'

/** A field of a token as it stands in its text, and what it means. */
export interface ExplainedField {
  readonly name: string
  readonly value: string
  readonly meaning: string
}

type TokenKind = 'access' | 'session'

const meanings: Readonly<Record<TokenKind, Readonly<Record<string, string>>>> = {
  access: {
    st: 'Not good before this moment.',
    exp: 'When it ends. One minute is plenty: the page uses it at once.',
    acl: 'What it may open: everything of this film, nothing beside it.',
    ip: 'The only address that may use it.',
    id: 'Whom it was made for.',
    data: 'A note of the site’s.',
    hmac: 'The signature. Only the site and Playgate have the key; change one byte and it no longer fits.',
  },
  session: {
    st: 'Not good before this moment.',
    exp: 'When it ends: the length of the film, and five minutes for pauses.',
    acl: 'What it may open. Never more than the access token allowed.',
    ip: 'The only address that may use it.',
    id: 'The session. Every request of this playback carries it, and so does a renewed token.',
    data: 'Marks a session token, so that neither token can pass for the other.',
    hmac: 'The signature, with something mixed in that the token does not show: this browser’s own headers.',
  },
}

/**
 * The fields in the order of the text. Splits at the first `=` of each, because values may hold more. Only
 * for showing: nothing here is proven.
 */
export function explainToken(token: string, kind: TokenKind): ExplainedField[] {
  return token.split('~').map((field) => {
    const equals = field.indexOf('=')
    const name = equals < 0 ? field : field.slice(0, equals)
    const value = equals < 0 ? '' : field.slice(equals + 1)
    return { name, value, meaning: meanings[kind][name] ?? 'Unknown to this page.' }
  })
}

/** A field's value as people read it; `exp` and `st` need a clock and are left alone. */
export function readableValue({ name, value }: ExplainedField): string {
  if (name === 'acl') return decodeOnce(value).split('!').join('  or  ')
  if (name === 'hmac') return `${value.slice(0, 8)}…${value.slice(-6)}`
  return decodeOnce(value)
}
