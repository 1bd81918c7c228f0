import { isIP } from 'node:net'
import type { Context } from 'koa'
import { z } from 'zod'
import { OptionError } from '../../shared/codes.ts'
import { readJsonBody } from '../http/read-json.ts'
import { describeIssue } from '../options/describe-issue.ts'
import { accessFormats } from '../options/options.ts'
import { tokenIdForm } from '../store/token-store.ts'

/** What the page with the token tools asks for: fields as they were typed. */

const typed = z.string().trim().max(1024, 'more than 1024 characters')
const list = typed.transform((text) => text.split(',').map((entry) => entry.trim()))

const params = z.enum([
  'ec_country_allow',
  'ec_country_deny',
  'ec_ref_allow',
  'ec_ref_deny',
  'ec_host_allow',
  'ec_host_deny',
  'ec_proto_allow',
  'ec_proto_deny',
])

export const mintSchema = z.strictObject({
  format: z.enum(accessFormats),
  path: typed.optional(),
  // What is no number is refused by the mint, in its own words.
  ttlSeconds: typed.transform(Number).optional(),
  subject: typed.max(256, 'more than 256 characters').optional(),
  ip: typed.optional(),
  payload: typed.optional(),
  referrer: typed.optional(),
  params: z.partialRecord(params, list).optional(),
})

export const inspectSchema = z.strictObject({
  /** A token, or a URL with one. */
  text: z.string().trim().min(1, 'nothing to take apart').max(8192, 'more than 8192 characters'),
  /** The request that it is judged with; what is left out is the page's own. */
  request: z
    .strictObject({
      path: typed.startsWith('/', 'a path begins with /').optional(),
      address: typed
        .refine((text) => isIP(text) !== 0, 'neither an IPv4 nor an IPv6 address')
        .optional(),
      referrer: typed
        .refine((text) => /^https?:\/\//i.test(text) && URL.canParse(text), {
          error: 'not the URL of a page, such as https://www.example.com/film',
        })
        .optional(),
      country: typed.regex(/^[A-Za-z]{2}$/, 'not a code of two letters, such as DE').optional(),
      host: typed
        .regex(/^[A-Za-z0-9.-]+(:\d+)?$/, 'not a host, such as video.example.com')
        .optional(),
      scheme: z.enum(['http', 'https']).optional(),
    })
    .prefault({}),
})

export const revokeSchema = z.strictObject({ id: typed.regex(tokenIdForm, 'no id of a token') })

export type MintFields = z.output<typeof mintSchema>
export type InspectFields = z.output<typeof inspectSchema>

/**
 * The JSON body of a request.
 *
 * @throws {OptionError} naming each field that is wrong
 * @throws {PlaybackError} for a body that is no JSON, or does not say that it is
 */
export async function readFields<Schema extends z.ZodType>(
  ctx: Context,
  schema: Schema,
): Promise<z.output<Schema>> {
  const parsed = schema.safeParse(await readJsonBody(ctx, z.unknown()))
  if (parsed.success) return parsed.data
  throw new OptionError(parsed.error.issues.flatMap(describeIssue).map(withoutPlace))
}

/** `request.country` is the field `country` to whoever typed it. */
function withoutPlace({ path, message }: { path: string; message: string }) {
  return { path: path.replace(/^(request|params)\./, ''), message }
}
