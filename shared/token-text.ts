import { decodeOnce } from './query.ts'
import { type EpochSeconds, epochSeconds } from './units.ts'

/** What a token says, each value as it stands in the text. Decoded, not proven. */
export interface TokenFields {
  readonly ip?: string
  readonly st?: EpochSeconds
  readonly exp: EpochSeconds
  readonly acl?: string
  readonly id?: string
  readonly data?: string
}

export interface ParsedToken {
  readonly ok: true
  readonly fields: TokenFields
  /** The text before `~hmac=`, byte for byte: what the signature is made over. */
  readonly signedText: string
  /** Lower-case hexadecimal. */
  readonly hmac: string
}

export interface MalformedToken {
  readonly ok: false
  /** For the log: which rule was broken. Holds nothing of the token. */
  readonly detail: string
}

/** Longest token read, in characters: a request target cannot carry a longer one. */
export const maxTokenLength = 8192

const macField = '~hmac='
/** spec/token-formats section 1.1: these names, at most once each, in this order. */
const fieldOrder = ['ip', 'st', 'exp', 'acl', 'id', 'data'] as const
type FieldName = (typeof fieldOrder)[number]

function isFieldName(text: string): text is FieldName {
  return (fieldOrder as readonly string[]).includes(text)
}

function malformed(detail: string): MalformedToken {
  return { ok: false, detail }
}

/**
 * Digits and nothing else, no leading zero, at most 15 of them, so that the number is exact (threat T16).
 * Null for everything else that `Number()` would take: signs, blanks, exponents, the empty text.
 */
export function parseTime(text: string): EpochSeconds | null {
  return /^(?:0|[1-9][0-9]{0,14})$/.test(text) ? epochSeconds(Number(text)) : null
}

/**
 * Reads the text of an EdgeAuth token: `[ip] [st] exp [acl] [id] [data] hmac`, joined with `~`, in exactly
 * this order (spec/token-formats sections 1.1 and 1.5 step 1). Unknown, repeated, empty and misplaced
 * fields are refused, since two readers could take them differently (threat T13); `url` and `salt` are
 * names inside the signed text only, and unknown here. Knows no key: nothing it returns is proven.
 *
 * @param hmacDigits how many hexadecimal digits the configured algorithm makes
 */
export function parseTokenText(text: string, hmacDigits: number): ParsedToken | MalformedToken {
  if (text.length > maxTokenLength) return malformed('longer than a token may be')
  const cut = text.lastIndexOf(macField)
  if (cut < 0) return malformed('no hmac behind the other fields')
  const hmac = text.slice(cut + macField.length)
  if (hmac.length !== hmacDigits)
    return malformed('hmac of another length than the algorithm makes')
  if (!/^[0-9a-f]+$/.test(hmac)) return malformed('hmac is not lower-case hexadecimal')

  const signedText = text.slice(0, cut)
  const values: Partial<Record<FieldName, string>> = {}
  let position = 0
  for (const field of signedText.split('~')) {
    const equals = field.indexOf('=')
    if (equals < 0) return malformed('a field without an equals sign')
    const name = field.slice(0, equals)
    if (!isFieldName(name)) return malformed('a field of an unknown name')
    const place = fieldOrder.indexOf(name)
    if (place < position) return malformed(`the field ${name} twice or out of order`)
    position = place + 1
    const value = field.slice(equals + 1)
    if (value === '') return malformed(`the field ${name} is empty`)
    values[name] = value
  }
  return finish(values, signedText, hmac)
}

function finish(
  { ip, st, exp, acl, id, data }: Partial<Record<FieldName, string>>,
  signedText: string,
  hmac: string,
): ParsedToken | MalformedToken {
  if (exp === undefined) return malformed('no end')
  const end = parseTime(exp)
  if (end === null) return malformed('the end is not a number of seconds')
  const start = st === undefined ? undefined : parseTime(st)
  if (start === null) return malformed('the start is not a number of seconds')
  const fields: TokenFields = {
    exp: end,
    ...(ip !== undefined && { ip }),
    ...(start !== undefined && { st: start }),
    ...(acl !== undefined && { acl }),
    ...(id !== undefined && { id }),
    ...(data !== undefined && { data }),
  }
  return { ok: true, fields, signedText, hmac }
}

/**
 * When a token says that it ends, in seconds since 1970, without any proof that it says the truth; null
 * when it does not say so in one place and in plain digits. For planning a renewal, never for a decision.
 * Text that was percent-encoded as a whole is decoded once.
 */
export function peekExpiry(text: string): EpochSeconds | null {
  const ends = (text.includes('~') && text.includes('exp=') ? text : decodeOnce(text))
    .split('~')
    .filter((field) => field.startsWith('exp='))
  const [end] = ends
  return end === undefined || ends.length > 1 ? null : parseTime(end.slice(4))
}

/**
 * Does this payload mark a session token? One is told by `data` being `hdntl` or beginning with `hdntl,`
 * (spec/token-formats section 1.7). Access tokens must not carry such a payload.
 */
export function isSessionPayload(data: string | undefined): boolean {
  return data !== undefined && (data === 'hdntl' || data.startsWith('hdntl,'))
}
