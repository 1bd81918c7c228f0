import { usable } from './credential.ts'
import type { AnswerDetails, Session } from './types.ts'

function readHeader(details: AnswerDetails | null | undefined, name: string): string | null {
  if (details?.headers) return details.headers.get(name)
  // Browsers complain in the console when a header is asked for that CORS hides; the list is free.
  const lines = details?.getAllResponseHeaders?.().match(/.+/g)
  const line = lines?.find((text) => text.toLowerCase().startsWith(`${name.toLowerCase()}:`))
  return line?.slice(name.length + 1).trim() ?? null
}

/**
 * Lets a session learn its next token from answers of servers other than Playgate, which renew tokens in a
 * response header of their own. The header has to be exposed through CORS
 * (`Access-Control-Expose-Headers`). `Playgate-Session` is always learnt, and goes first.
 *
 * @param parameters the name under which requests carry the token, by the name of the header that brings it
 * @returns the session
 * @throws {TypeError} for a name of a parameter that no URL could hold
 */
export function learnHeaders(
  session: Session,
  parameters: Readonly<Record<string, string>> = {
    hdntl: 'hdntl',
    // CTA-5007: in a query the token goes by `CAT`, in a header by the header's own name.
    'cta-common-access-token': 'CAT',
    'common-access-token': 'CAT',
  },
): Session {
  const { port } = session
  const { learn } = port
  for (const parameter of Object.values(parameters)) {
    if (!/^[\w-]+$/.test(parameter)) throw new TypeError(`unusable parameter ${parameter}`)
  }
  const find = (details: AnswerDetails | null | undefined) => {
    for (const [name, parameter] of Object.entries(parameters)) {
      const token = readHeader(details, name)
      if (token && usable.test(token)) return `token="${token}", parameter="${parameter}"`
    }
    return null
  }
  port.learn = (credential, sent, url, header, details) =>
    learn(credential, sent, url, header || find(details), details)
  return session
}
