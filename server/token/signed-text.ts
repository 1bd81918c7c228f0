/** What goes into the signature besides the token's own text (spec/token-formats section 1.2). */
export interface SignedTextParts {
  /** The fields before `hmac`, byte for byte. */
  readonly fields: string
  /** URL tokens: path, and query unless it is ignored, escaped if so configured. ACL tokens: null. */
  readonly url: string | null
  /** Appended as it is, never escaped; '' for none. */
  readonly salt: string
  readonly delimiter?: string
}

/**
 * The text that is signed. ACL tokens have an `acl` and no `url` in it, URL tokens a `url` and no `acl`, and
 * neither name is read from a token where it does not belong: what is signed in one mode never parses as
 * a token of the other (threat T11).
 */
export function signedText({ fields, url, salt, delimiter = '~' }: SignedTextParts): string {
  const withUrl = url === null ? fields : `${fields}${delimiter}url=${url}`
  return salt === '' ? withUrl : `${withUrl}${delimiter}salt=${salt}`
}
