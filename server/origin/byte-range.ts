/**
 * The header when it asks for exactly one well-formed range of bytes, else undefined: then the whole is
 * answered, as for a server without ranges (RFC 9110 section 14.2; threats T97).
 */
export function singleRange(range: string | undefined): string | undefined {
  const found = /^bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/i.exec(range?.trim() ?? '')
  if (found === null) return undefined
  const [, first, last, suffix] = found
  if (suffix !== undefined) return `bytes=-${suffix}`
  if (last !== '' && Number(last) < Number(first)) return undefined
  return `bytes=${first}-${last}`
}
