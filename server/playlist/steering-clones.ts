import { isBareToken } from '../../shared/bare-token.ts'
import { decodeOnce } from '../../shared/query.ts'
import type { Destination } from './destination.ts'

/**
 * Does this pathway clone send our token to a foreign host? With `HOST`, a player copies the base variant's
 * URI, query and all, to the new host (spec/manifest-uris section 8). Players set the host with or without its
 * port; both readings must be ours. What is no text is nobody's host, so it goes too.
 */
export function isForeignClone(clone: unknown, { base, mayCarry }: Destination): boolean {
  const host = member(member(clone, 'URI-REPLACEMENT'), 'HOST')
  if (host === undefined || host === null || host === '') return false
  if (typeof host !== 'string') return true
  return (['host', 'hostname'] as const).some((part) => {
    const url = new URL(base)
    url[part] = host
    return !mayCarry(url)
  })
}

/** Would this member of `PARAMS` overwrite the token, or put another one beside it? */
export function isTokenParameter(name: string, { parameter }: Destination): boolean {
  if (parameter === '') return isBareToken(decodeOnce(name))
  return name === parameter || decodeOnce(name) === parameter
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined
}
