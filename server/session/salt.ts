import { createHash } from 'node:crypto'
import { decodeOnce } from '../../shared/query.ts'
import type { RequestFacts } from './request-facts.ts'

export interface SaltOptions {
  /** Fixed salt; '' when the headers count. */
  readonly salt: string
  /** Lower case, in configured order. */
  readonly saltHeaders: readonly string[]
}

/**
 * The salt that binds a session token to the client which opened the session (token-formats section 1.7).
 *
 * A fixed salt wins. Otherwise each configured header that the request carries takes part, hashed, so that
 * no header text stands in what is signed. A header that is absent takes no part.
 */
export function saltFor(
  facts: Pick<RequestFacts, 'headers' | 'host'>,
  options: SaltOptions,
): string {
  return options.salt === '' ? hash(saltFacts(facts, options)) : options.salt
}

/**
 * The salt of links for another device, whose headers nobody knows beforehand (see `cast-session.ts`): another one than any client has, since
 * what the headers are hashed as begins with a number.
 */
export function castSalt({ salt }: Pick<SaltOptions, 'salt'>): string {
  return hash(`cast\n${salt}`)
}

/**
 * Does a session token say that it is such a link? Peeked, to choose the salt; that it says the truth is proven with it. Read as received,
 * or decoded once where a client has escaped the whole, as it will be proven.
 */
export function isCastToken(token: string): boolean {
  if (!token.includes('cast')) return false
  const text = token.includes('~') && token.includes('exp=') ? token : decodeOnce(token)
  const data = text.split('~').find((field) => field.startsWith('data='))
  return data?.split(',').includes('p=cast') ?? false
}

/** The salt that a received session token has to have been signed with. */
export function receivedSalt(
  token: string,
  facts: Pick<RequestFacts, 'headers' | 'host'>,
  options: SaltOptions,
): string {
  return isCastToken(token) ? castSalt(options) : saltFor(facts, options)
}

/**
 * What the salt is made of: equal texts give equal salts, different ones different salts. Each value is
 * framed by its length and the number of its header's values, so no two sets of headers give one text
 * (threats T12).
 *
 * An `Origin` that names the host asked is left out: browsers send it with a POST to the page's own host
 * and not with a GET, and both belong to one playback.
 */
export function saltFacts(
  { headers, host }: Pick<RequestFacts, 'headers' | 'host'>,
  { salt, saltHeaders }: SaltOptions,
): string {
  if (salt !== '') return ''
  let text = ''
  for (const name of saltHeaders) {
    const values = headers.get(name)
    if (values === undefined || (name === 'origin' && isOwnOrigin(values, host))) continue
    text += `${frame(name)}${values.length};`
    for (const value of values) text += frame(value)
  }
  return text
}

function frame(text: string): string {
  return `${text.length}:${text}`
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

function isOwnOrigin(values: readonly string[], host: string): boolean {
  const [origin] = values
  if (values.length !== 1 || origin === undefined) return false
  return origin.toLowerCase() === `http://${host}` || origin.toLowerCase() === `https://${host}`
}
