/** Whose library's way of escaping: they disagree about ` ~!()` (spec/token-formats section 1.3). */
export type EscapeProfile = 'akamai-node' | 'akamai-python'

function lowerHex(character: string): string {
  return `%${character.charCodeAt(0).toString(16)}`
}

/** `encodeURIComponent` with lower-case digits. What is left are letters, digits and `-_.!~*'()`. */
function escapeCommon(text: string): string {
  return encodeURIComponent(text).replace(/%../g, (code) => code.toLowerCase())
}

const escapes: Readonly<Record<EscapeProfile, (text: string) => string>> = {
  'akamai-node': (text) => escapeCommon(text).replace(/[~*']/g, lowerHex),
  'akamai-python': (text) =>
    escapeCommon(text)
      .replace(/[!*'()]/g, lowerHex)
      .replaceAll('%20', '+'),
}

export function isEscapeProfile(value: unknown): value is EscapeProfile {
  return typeof value === 'string' && Object.hasOwn(escapes, value)
}

/**
 * "Escape early": what the generators do to the values of `ip`, `id`, `data` and to the signed URL. An
 * escape that is there already is escaped again.
 *
 * @throws {URIError} when the text holds half a surrogate pair
 */
export function escapeEarly(text: string, profile: EscapeProfile): string {
  return escapes[profile](text)
}
