import type { z } from 'zod'
import { targetQuery } from '../../shared/query.ts'
import { badRequest } from '../http/read-json.ts'

/**
 * The query of a request to the admin API, by a schema that takes texts. Closed: a parameter that is unknown, or there twice, is
 * an error, because "end all sessions of `subjekt=`" must not be read as "end all".
 *
 * @throws {PlaybackError} `bad-request`, naming the parameter
 */
export function readQuery<Schema extends z.ZodObject>(
  target: string,
  schema: Schema,
): z.output<Schema> {
  const pairs = [...new URLSearchParams(targetQuery(target))]
  const given = new Map<string, string>()
  for (const [name, value] of pairs) {
    if (!Object.hasOwn(schema.shape, name)) throw badRequest(`query: ${unknown(name)}`)
    if (given.has(name)) throw badRequest(`query ${name}: given more than once`)
    given.set(name, value)
  }
  const parsed = schema.safeParse(Object.fromEntries(given))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw badRequest(`query ${issue?.path.join('.')}: ${issue?.message}`)
  }
  return parsed.data
}

/** What goes to the log is a word that somebody mistyped, and not a token that somebody put there. */
function unknown(name: string): string {
  return /^[A-Za-z_-]{1,32}$/.test(name) ? `${name} is no parameter here` : 'an unknown parameter'
}
