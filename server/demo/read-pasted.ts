import { isBareTokenText } from '../../shared/bare-token.ts'
import { locateTokens } from '../../shared/carrier.ts'
import type { Options } from '../options/options.ts'

/** What somebody copied from somewhere: a token, or something with a token in it. */
export interface Pasted {
  /** `null`: there is none, or there are several that differ. */
  readonly token: string | null
  /** The name under which it was carried; '' for the bare query string, `null` when it came by itself. */
  readonly name: string | null
  /** Path and query as they stood there; `null` when there was no path. */
  readonly target: string | null
  readonly scheme: 'http' | 'https' | null
  readonly host: string | null
}

/**
 * Understands a token, `name=token`, `?name=token`, a path with its query, and a whole URL; with the token in the path too.
 *
 * @param options says how tokens are called
 */
export function readPasted(given: string, options: Options): Pasted {
  const text = given.trim()
  const names = tokenNames(options)
  const url = /^(https?):\/\/([^/?#]+)([^#]*)/i.exec(text)
  if (url !== null) {
    const [, scheme = '', host = '', rest = ''] = url
    const target = rest.startsWith('/') ? rest : `/${rest}`
    const isSecure = scheme.toLowerCase() === 'https'
    return { ...find(target, names), target, scheme: isSecure ? 'https' : 'http', host }
  }
  const nowhere = { target: null, scheme: null, host: null }
  if (text.startsWith('/')) return { ...nowhere, ...find(text, names), target: text }
  if (text.startsWith('?')) return { ...nowhere, ...find(`/${text}`, names) }
  const isNamed = names.some((name) => name !== '' && text.startsWith(`${name}=`))
  if (isNamed) return { ...nowhere, ...find(`/?${text}`, names) }
  return { ...nowhere, token: text, name: null }
}

function find(target: string, names: readonly string[]): Pick<Pasted, 'token' | 'name'> {
  const located = locateTokens({ target, names })
  const found = located.ok
    ? located.found.find(({ name, token }) => name !== '' || isBareTokenText(token))
    : undefined
  return { token: found?.token ?? null, name: found?.name ?? null }
}

/** Those of sessions first: a request with one is judged by it. */
function tokenNames({ rules }: Options): string[] {
  const ofSessions = rules.flatMap(({ session }) => (session === null ? [] : [session.parameter]))
  const ofAccess = rules.flatMap(({ access }) => access.map(({ parameter }) => parameter))
  return [...new Set([...ofSessions, ...ofAccess])]
}
