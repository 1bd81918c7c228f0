import type { z } from 'zod'
import { badRequest } from '../http/read-json.ts'

/** Each string of a JSON text, and whether a colon follows: then it is a member's name. */
const strings = /"((?:[^"\\]|\\.)*)"\s*(:?)/g

/**
 * The JSON body of a media server. Members that are not asked for are passed over, because later versions add some; one of those that
 * count must not stand twice, since JSON's readers do not agree which of them it is then (RFC 8259 section 4).
 *
 * @param names members that count
 * @throws {PlaybackError} `bad-request`
 */
export function readBody<Schema extends z.ZodType>(
  body: string,
  schema: Schema,
  names: readonly string[],
): z.output<Schema> {
  let document: unknown
  try {
    document = JSON.parse(body)
  } catch {
    throw badRequest('the body is not JSON')
  }
  const members = [...body.matchAll(strings)].flatMap(([, name, colon]) => (colon ? [name] : []))
  const twice = names.find((name) => members.indexOf(name) !== members.lastIndexOf(name))
  if (twice !== undefined) throw badRequest(`body: ${twice} stands twice`)
  const parsed = schema.safeParse(document)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw badRequest(`body ${issue?.path.join('.')}: ${issue?.message}`)
  }
  return parsed.data
}
