import { PlaybackError } from '../../shared/codes.ts'
import { decodeOnce, readParameter } from '../../shared/query.ts'
import { parseAddress } from '../claim/address.ts'
import type { AddressSet } from '../claim/address-set.ts'
import { walk } from '../http/client-address.ts'
import { badRequest } from '../http/read-json.ts'
import { checkedHost } from '../http/read-request.ts'
import type { RequestHeaders } from '../session/request-facts.ts'
import type { Asked } from './peer.ts'

/**
 * A header that has to be there once: twice could be the viewer's own beside the server's.
 *
 * @throws {PlaybackError} `bad-request`
 */
export function soleHeader(headers: RequestHeaders, name: string): string {
  const values = headers.get(name) ?? []
  const [value] = values
  if (value === undefined || value === '') throw badRequest(`no ${name}`)
  if (values.length > 1) throw badRequest(`${name} stands twice`)
  return value
}

/**
 * A parameter that may be there once, decoded once; `null`: it is not there.
 *
 * @throws {PlaybackError} `bad-request`
 */
export function soleParameter(query: string, name: string): string | null {
  const values = readParameter(query, name)
  if (values.length > 1) throw badRequest(`the parameter ${name} stands twice`)
  return values[0] === undefined ? null : decodeOnce(values[0])
}

/** @throws {PlaybackError} `bad-request` */
export function neededParameter(query: string, name: string): string {
  const value = soleParameter(query, name)
  if (value === null || value === '') throw badRequest(`no parameter ${name}`)
  return value
}

/** The query of the endpoint's own URL, without `?`. */
export function ownQuery({ rest }: Pick<Asked, 'rest'>): string {
  return rest.startsWith('?') ? rest.slice(1) : ''
}

/** The endpoint's own query, and behind it a form's pairs. */
export function queryAndForm(asked: Asked): string {
  const type = asked.headers.get('content-type')?.[0] ?? ''
  const isForm = /^application\/x-www-form-urlencoded\s*(;|$)/i.test(type)
  return [ownQuery(asked), isForm ? asked.body : ''].filter((part) => part !== '').join('&')
}

/** @throws {PlaybackError} `bad-request` for text that is no address */
export function addressFrom(text: string, place: string): string {
  const address = parseAddress(text)
  if (address === null) throw badRequest(`${place} is no address`)
  return address.toString()
}

/**
 * The viewer's address from `X-Forwarded-For`, read from the right as ever (threats T52): its last entry is
 * the server's own word, and further ones count as far as they come from trusted proxies. Those may have a port; none of the servers that ask
 * writes one.
 *
 * @throws {PlaybackError} `bad-request`
 */
export function forwardedAddress(headers: RequestHeaders, trustedProxies: AddressSet): string {
  const own = headers.get('x-forwarded-for')?.at(-1)?.split(',').at(-1)?.trim() ?? ''
  if (parseAddress(own) === null) throw badRequest('no address at the end of x-forwarded-for')
  return walk('', headers, trustedProxies)
}

/** Whatever is not certainly HTTPS counts as HTTP. */
export function schemeFrom(text: string | undefined): 'http' | 'https' {
  return text?.toLowerCase() === 'https' ? 'https' : 'http'
}

/** @throws {PlaybackError} `bad-request` */
export function hostFrom(text: string): string {
  return checkedHost(text)
}

/**
 * The path of a stream that a media server knows by names. What would end a path in a URL would make another
 * stream of it.
 *
 * @throws {PlaybackError} `bad-request`
 */
export function pathOf(...names: readonly string[]): string {
  if (names.some((name) => name === '' || /[?#]/.test(name))) {
    throw badRequest('a name of a stream that no path can have')
  }
  return `/${names.join('/')}`
}

export function withQuery(path: string, query: string): string {
  return query === '' ? path : `${path}?${query}`
}

/** Publishing, and whatever else such a server asks about: playback is all that is decided here. */
export function notPlayback(action: string): PlaybackError {
  const what = /^[a-z_]{1,32}$/.test(action) ? action : 'something else'
  return new PlaybackError({
    code: 'ERR_TOKEN_REFUSED',
    reason: 'policy-refused',
    detail: `asked to allow ${what}: only playback is decided here`,
  })
}
