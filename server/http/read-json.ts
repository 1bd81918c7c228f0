import type { Context } from 'koa'
import type { z } from 'zod'
import { PlaybackError } from '../../shared/codes.ts'

const mostBodyBytes = 16_384

/**
 * The JSON body of a request to one of our endpoints. It must say that it is JSON: no form of another site can send that without a
 * preflight (threats T90).
 *
 * @throws {PlaybackError} `bad-request`, 400 or 413, naming the member that is wrong
 */
export async function readJsonBody<Schema extends z.ZodType>(
  ctx: Context,
  schema: Schema,
): Promise<z.output<Schema>> {
  if (!/^application\/json\s*(;|$)/i.test(ctx.get('Content-Type'))) {
    throw badRequest('the body is not application/json')
  }
  const text = await readText(ctx)
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw badRequest('the body is not JSON')
  }
  const parsed = schema.safeParse(document)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    // Names that a caller invents are not repeated, unless they are plain words: they could be a token.
    const what = issue?.code === 'unrecognized_keys' ? unknownMember(issue.keys) : issue?.message
    const path = issue?.path.map((name) => (isWord(String(name)) ? String(name) : '…')) ?? []
    throw badRequest(`body${path.length > 0 ? ' ' : ''}${path.join('.')}: ${what}`)
  }
  return parsed.data
}

/** @throws {PlaybackError} `bad-request`, 413 for more than 16 KiB */
export async function readText(ctx: Context): Promise<string> {
  if (ctx.req.readableEnded) {
    throw badRequest(
      'a body parser in front of the gate has read the body: mount the gate before it',
    )
  }
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of ctx.req as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > mostBodyBytes) throw badRequest('a body of more than 16 KiB', 413)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function unknownMember([name = '']: readonly string[]): string {
  return isWord(name) ? `an unknown member, ${name}` : 'an unknown member'
}

function isWord(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,32}$/.test(name)
}

export function badRequest(detail: string, status?: number): PlaybackError {
  const options = { code: 'ERR_REQUEST_TARGET', reason: 'bad-request', detail } as const
  return new PlaybackError(status === undefined ? options : { ...options, status })
}
