/**
 * The response headers that are read from an origin; no other is ever passed on (threats T61, T62). Hop-by-hop
 * fields, `Set-Cookie` and `Date` are absent on purpose; `cache-control` is told so that the caller can decide.
 */
const allowed = [
  'content-type',
  'content-length',
  'content-range',
  'content-encoding',
  'accept-ranges',
  'etag',
  'last-modified',
  'age',
  'cache-control',
] as const

export type OriginHeaderName = (typeof allowed)[number]
export type OriginHeaders = Readonly<Partial<Record<OriginHeaderName, string>>>

/** Header fields as a client library hands them out: lower-case names, repeated fields as a list. */
export type RawHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

const printable = /^[\t\x20-\x7e]*$/
const digits = /^\d{1,15}$/

/**
 * One field's value, or undefined when it is absent, holds control or non-ASCII characters, or stands
 * several times with different values where only one makes sense.
 */
export function readHeader(raw: RawHeaders, name: string): string | undefined {
  const value = Object.hasOwn(raw, name) ? raw[name] : undefined
  if (value === undefined) return undefined
  const text = typeof value === 'string' ? value : join(name, value)
  return text !== undefined && printable.test(text) ? text.trim() : undefined
}

function join(name: string, values: readonly string[]): string | undefined {
  if (name === 'cache-control' || name === 'content-encoding' || name === 'vary') {
    return values.join(', ')
  }
  return values.every((value) => value === values[0]) ? values[0] : undefined
}

/** The allow-listed part of an answer's header. */
export function copyHeaders(raw: RawHeaders): OriginHeaders {
  const copied: Partial<Record<OriginHeaderName, string>> = {}
  for (const name of allowed) {
    const value = readHeader(raw, name)
    if (value === undefined || value === '') continue
    if ((name === 'content-length' || name === 'age') && !digits.test(value)) continue
    copied[name] = value
  }
  return copied
}

/** Headers that describe the body of one transfer and are wrong for one that was decoded or is not sent. */
const ofTransfer = [
  'content-type',
  'content-length',
  'content-range',
  'content-encoding',
  'accept-ranges',
] as const satisfies readonly OriginHeaderName[]

/** The header without what described the transferred body: type, length, range, encoding. */
export function withoutTransfer(headers: OriginHeaders): OriginHeaders {
  const kept = { ...headers }
  for (const name of ofTransfer) delete kept[name]
  return kept
}

/** `type/subtype` in lower case, without parameters; '' when there is none. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}
